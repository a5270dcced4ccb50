"""Answers to feedback surveys."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import F

from whatsapp_notify import signals
from whatsapp_notify.domain import survey_answers
from whatsapp_notify.models import Contact, Enquiry, InboundMessage, Message, Survey, SurveyAnswer
from whatsapp_notify.services import (
    conversations,
    doorbells,
    last_calls,
    promotion_pauses,
    shared_reads,
    together,
)

#: Where an event of the shop may name what it is about: ``ShopEvent.data``.
_PRODUCT_NAMES = ("product", "product_name")
_MAX_PRODUCT = 200


def read_answer(*, inbound: InboundMessage, now: datetime) -> SurveyAnswer | None:
    """This will keep the message as a survey answer if it is one. Needs a transaction.

    With the keyword it counts whenever it comes. Without, only within the days to answer
    after the question, or when the customer answered the question's own bubble. An answer to
    a question that has one replaces it within the days to answer; later it stands beside it.
    """
    surveys = shared_reads.once("surveys", _active)
    if not surveys:
        return None
    question = _open_question(inbound)
    for survey in surveys:
        answer = survey_answers.read(inbound.text, keyword=survey.keyword)
        if answer is not None and answer.has_keyword:
            asked = question if question and question.survey_id == survey.pk else None
            asked = asked or _last_question(inbound, survey)
            return _keep(inbound, survey, asked, answer, now)
    if question is None or question.survey is None:
        return None
    answer = survey_answers.read(inbound.text, keyword=question.survey.keyword)
    return _keep(inbound, question.survey, question, answer, now) if answer else None


def _active() -> list[Survey]:
    return list(Survey.objects.filter(is_active=True).order_by("id"))


def _open_question(inbound: InboundMessage) -> Message | None:
    if inbound.answers is not None:
        # An answer to another bubble is an answer to that one.
        return inbound.answers if inbound.answers.survey_id else None
    question = together.each("open_questions", inbound, _last_questions)
    if question is None or question.survey is None or question.called_at is None:
        return None
    is_open = question.called_at + timedelta(days=question.survey.answer_days) > inbound.sent_at
    return question if is_open else None


def _last_questions(rows: Sequence[InboundMessage]) -> Mapping[int, Message]:
    asked = last_calls.seen().select_related("survey", "event").filter(survey__is_active=True)
    return last_calls.before(rows=rows, of=asked.filter(survey__isnull=False))


def _last_question(inbound: InboundMessage, survey: Survey) -> Message | None:
    def read(rows: Sequence[InboundMessage]) -> Mapping[int, Message]:
        return last_calls.before(rows=rows, of=last_calls.seen().filter(survey=survey))

    return together.each(f"last_questions:{survey.pk}", inbound, read)


def _is_settled(question: Message, survey: Survey, inbound: InboundMessage) -> bool:
    """This will tell whether a question has an answer that is too old to be replaced."""
    until = inbound.sent_at - timedelta(days=survey.answer_days)
    answered = SurveyAnswer.objects.filter(question=question, is_current=True)
    return answered.filter(answered_at__lte=until).exists()


def _keep(
    inbound: InboundMessage,
    survey: Survey,
    question: Message | None,
    answer: survey_answers.Answer,
    now: datetime,
) -> SurveyAnswer:
    if question is not None and _is_settled(question, survey, inbound):
        question = None
    earlier = SurveyAnswer.objects.filter(
        survey=survey,
        contact_id=inbound.contact_id,
        question=question,
        is_current=True,
        answered_at__gt=inbound.sent_at - timedelta(days=survey.answer_days),
    )
    known = list(earlier.values_list("pk", "answered_at", "score"))
    is_current = all(answered_at <= inbound.sent_at for _pk, answered_at, _score in known)
    replaced = [score for _pk, _answered_at, score in known] if is_current else []
    if replaced:
        SurveyAnswer.objects.filter(pk__in=[pk for pk, *_rest in known]).update(is_current=False)
    row = SurveyAnswer.objects.create(
        survey=survey,
        contact_id=inbound.contact_id,
        question=question,
        inbound=inbound,
        order_ref=question.order_ref if question else "",
        product=_product_of(question),
        score=answer.score,
        comment=answer.comment,
        answered_at=inbound.sent_at,
        is_current=is_current,
    )
    if is_current:
        _act_on_score(row, inbound=inbound, replaced=replaced, now=now)
    doorbells.ring(signals.survey_answered, sender=SurveyAnswer, answer_id=row.pk)
    return row


def _product_of(question: Message | None) -> str:
    """This will return the product that the event behind a question named, if it named one."""
    event = question.event if question else None
    data = event.data if event and isinstance(event.data, dict) else {}
    named = next((data[name] for name in _PRODUCT_NAMES if data.get(name)), "")
    return str(named).strip()[:_MAX_PRODUCT]


def _act_on_score(
    answer: SurveyAnswer, *, inbound: InboundMessage, replaced: Sequence[int], now: datetime
) -> None:
    """This will call a person for a low score, and let no promotion go to the customer.

    A better answer in its place lets promotions go on, unless something else paused them, or
    another answer is as low. The person stays called: the first answer had its reason.
    """
    contact, survey = inbound.contact, answer.survey
    if _is_low(answer.score, survey):
        reason = Contact.PauseReason.LOW_SCORE
        promotion_pauses.pause(contact=contact, reason=reason, now=now)
        conversations.call_person(inbound=inbound, reason=Enquiry.Reason.LOW_SCORE, now=now)
    elif any(_is_low(score, survey) for score in replaced):
        _lift_pause(contact)


def _is_low(score: int, survey: Survey) -> bool:
    return survey.low_score >= score > 0


def _lift_pause(contact: Contact) -> None:
    paused = Contact.objects.filter(
        pk=contact.pk, promotions_paused_reason=Contact.PauseReason.LOW_SCORE
    ).values_list("promotions_paused_at", flat=True)
    since = paused.first()
    if since is None:
        return
    # Of this pause only: what was answered before an earlier one has been settled with it.
    others = SurveyAnswer.objects.filter(
        contact=contact,
        is_current=True,
        score__lte=F("survey__low_score"),
        inbound__received_at__gte=since,
    )
    if not others.exists():
        promotion_pauses.lift(contact=contact)
