"""Which consent waits for a word in the chat, and what the question about it asks.

# Note [A wait is read from the ledger]
A grant that needs a confirmation carries ``{"confirm_by": …}`` as evidence, so that the ledger
alone tells whether a consent has been confirmed, waits, or was not confirmed in time. The
projection keeps the result for the gate. Nothing runs at the end of a wait: the gate refused
before, and goes on refusing.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext

from whatsapp_notify.domain import confirmation
from whatsapp_notify.domain.confirmation import Act, Wait
from whatsapp_notify.domain.policy import LawfulBasis, Purpose
from whatsapp_notify.domain.statuses import MAY_HAVE_LEFT
from whatsapp_notify.models import (
    Automation,
    ConsentRecord,
    ConsentState,
    Contact,
    InboundMessage,
    Message,
    ShopEvent,
    Topic,
)
from whatsapp_notify.models.automation import Event
from whatsapp_notify.services import last_calls

_Source = ConsentRecord.Source

#: The customer's own word or tap: it is the confirmation.
IN_CHAT = frozenset({_Source.KEYWORD, _Source.BUTTON})
#: Where the event of a question names its topics.
TOPIC_KEYS = "topic_keys"


def is_needed(*, topic: Topic, action: str, source: str) -> bool:
    """This will tell whether an act of consent has to be confirmed in the chat."""
    return (
        action == ConsentRecord.Action.GRANT
        and source not in IN_CHAT
        and topic.confirmation_days > 0
        and topic.lawful_basis == LawfulBasis.CONSENT
        and topic.purpose != Purpose.SERVICE
    )


def is_asked_for(*, without: Collection[int] = ()) -> bool:
    """This will tell whether an automation asks customers to confirm, other than those named."""
    asking = Automation.objects.filter(event=Event.CONSENT_UNCONFIRMED, is_active=True)
    return asking.exclude(pk__in=without).exists()


def unasked_topics(*, without: Collection[int]) -> Sequence[Topic]:
    """This will return the topics that nobody could confirm if these automations were off."""
    if is_asked_for(without=without):
        return []
    return list(Topic.objects.filter(confirmation_days__gt=0).order_by("pk"))


def to_be_asked_anew(*, contact: Contact, now: datetime) -> Sequence[Topic]:
    """This will return the topics whose consent stands for the number that the contact had.

    What waits for an answer from there waits for one from the new number instead.
    """
    states = ConsentState.objects.filter(contact=contact, is_granted=True)
    states = states.exclude(confirm_by__lte=now).select_related("topic").order_by("topic_id")
    new_number = {"action": ConsentRecord.Action.GRANT, "source": _Source.NEW_NUMBER}
    return [each.topic for each in states if is_needed(topic=each.topic, **new_number)]


def deadline(*, contact: Contact, topic: Topic, source: str, now: datetime) -> datetime:
    """This will say until when a consent may be confirmed; a wait that has begun goes on.

    Unless the number is a new one, whose owner may have heard of nothing.
    """
    waiting = ConsentState.objects.filter(contact=contact, topic=topic, confirm_by__gt=now)
    if source == _Source.NEW_NUMBER:
        waiting = waiting.none()
    if (begun := waiting.values_list("confirm_by", flat=True).first()) is not None:
        return begun
    return now + timedelta(days=topic.confirmation_days)


def wait_of(*, record: ConsentRecord) -> Wait | None:
    """This will read from the ledger whether the consent that a record is about waits."""
    rows = ConsentRecord.objects.filter(
        contact_id=record.contact_id, topic_id=record.topic_id, channel=record.channel
    ).values_list("occurred_at", "action", "source", "evidence")
    return confirmation.find_wait(
        Act(
            occurred_at=occurred_at,
            is_grant=action == ConsentRecord.Action.GRANT,
            is_in_chat=source in IN_CHAT,
            is_new_number=source == _Source.NEW_NUMBER,
            confirm_by=_moment(evidence),
        )
        for occurred_at, action, source, evidence in rows
    )


def unasked(
    *, contact: Contact, waits: Sequence[tuple[Topic, Wait]], now: datetime
) -> Sequence[Topic]:
    """This will return those of the topics that wait which no question asks about.

    A question that waits to leave asks, and so does one that may have reached the customer since
    the wait began; one that was refused, failed or came too late does not.
    """
    if not waits:
        return []
    leaving = _leaving(contact, now)
    asked_at = _asked_at(contact)
    return [
        topic
        for topic, wait in waits
        if topic.key not in leaving
        and (topic.key not in asked_at or asked_at[topic.key] < wait.begun_at)
    ]


def _leaving(contact: Contact, now: datetime) -> frozenset[str]:
    """This will return the topics of questions that are to leave, or to be planned."""
    planned = _questions(contact).filter(is_pending=True, expires_at__gt=now)
    told = ShopEvent.objects.filter(
        contact=contact, name=Event.CONSENT_UNCONFIRMED, is_pending=True
    )
    data = [*planned.values_list("event__data", flat=True), *told.values_list("data", flat=True)]
    return frozenset(key for each in data for key in topic_keys(data=each))


def _asked_at(contact: Contact) -> Mapping[str, datetime]:
    """This will tell when the last question that may have arrived was made, by topic."""
    arrived = _questions(contact).filter(state__in=MAY_HAVE_LEFT).order_by("created_at")
    rows = arrived.values_list("created_at", "event__data")
    return {key: at for at, data in rows for key in topic_keys(data=data)}


def _questions(contact: Contact) -> QuerySet[Message]:
    return Message.objects.filter(contact=contact, event_name=confirmation.EVENT)


def topic_keys(*, data: Mapping[str, Any] | None) -> Sequence[str]:
    """This will return the keys of the topics that the event behind a question names."""
    return str((data or {}).get(TOPIC_KEYS, "")).split()


def asked_topics(*, data: Mapping[str, Any]) -> Sequence[Topic]:
    """This will return the topics that the event behind a question names, in its order."""
    keys = topic_keys(data=data)
    found = {topic.key: topic for topic in Topic.objects.filter(key__in=keys)} if keys else {}
    return [found[key] for key in keys if key in found]


def names(*, data: Mapping[str, Any]) -> str:
    """This will name those topics as the consent boxes do, in the active language."""
    return ", ".join(gettext(topic.name) for topic in asked_topics(data=data))


def question_of(*, inbound: InboundMessage) -> Message | None:
    """This will find the question that a customer's message answers.

    That is the bubble that was answered, or else what the shop wrote last.
    """
    found = inbound.quoted or _last(inbound, last_calls.seen())
    return found if found is not None and found.event_name == confirmation.EVENT else None


def last_question(*, inbound: InboundMessage) -> Message | None:
    """This will find the last question that the customer was sent, for a tap on its button."""
    if (answered := question_of(inbound=inbound)) is not None:
        return answered
    return _last(inbound, last_calls.seen().filter(event_name=confirmation.EVENT))


def topics_of(*, question: Message) -> Sequence[Topic]:
    """This will return what a question asked about."""
    data = question.event.data if question.event is not None else {}
    return asked_topics(data=data) or [question.topic]


def is_open(*, question: Message, at: datetime) -> bool:
    """This will tell whether something that was asked about still waits for its answer."""
    waiting = ConsentState.objects.filter(
        contact_id=question.contact_id,
        topic__in=topics_of(question=question),
        is_granted=True,
        confirm_by__gt=at,
    )
    return waiting.exists()


def _last(inbound: InboundMessage, of: QuerySet[Message]) -> Message | None:
    return last_calls.before(rows=[inbound], of=of).get(inbound.pk)


def _moment(evidence: Mapping[str, Any]) -> datetime | None:
    written = evidence.get("confirm_by")
    return datetime.fromisoformat(written) if isinstance(written, str) else None
