"""Answers to surveys: by keyword, by number in time, by the question's own bubble."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from tests import chat, factories
from tests.factories import NOW
from whatsapp_notify import signals
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.models import (
    Contact,
    Enquiry,
    InboundMessage,
    Message,
    ShopEvent,
    Survey,
    SurveyAnswer,
)
from whatsapp_notify.services import promotion_pauses

pytestmark = pytest.mark.django_db

HandledAs = InboundMessage.HandledAs


@pytest.fixture(autouse=True)
def topics() -> None:
    for key in ("service", "feedback"):
        factories.topic(key)


@pytest.fixture
def contact() -> Contact:
    return factories.contact(consents=("feedback",))


@pytest.fixture
def survey() -> Survey:
    return Survey.objects.create(name="Shop", keyword="VERKKOKAUPPA", answer_days=14)


def ask(contact: Contact, survey: Survey | None, *, at: datetime = NOW, **fields: Any) -> Message:
    row = factories.queued(contact, key="feedback", survey=survey)
    row.provider_message_id = f"wamid.ASK{row.pk}"
    row.called_at, row.state, row.is_pending = at, "delivered", False
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()
    return row


def say(contact: Contact, text: str, *, hours: float = 1, **fields: Any) -> InboundMessage:
    at = NOW + timedelta(hours=hours)
    return chat.write(text, by=chat.person(contact), at=at, **fields)


def current() -> SurveyAnswer:
    return SurveyAnswer.objects.get(is_current=True)


class TestKeyword:
    def test_counts_with_its_question(self, contact: Contact, survey: Survey) -> None:
        question = ask(contact, survey, order_ref="A1")

        row = say(contact, "VERKKOKAUPPA 9 nopea toimitus")

        answer = current()
        assert row.handled_as == HandledAs.SURVEY_ANSWER
        assert (answer.score, answer.comment) == (9, "nopea toimitus")
        assert (answer.question, answer.order_ref, answer.inbound) == (question, "A1", row)
        assert answer.answered_at == NOW + timedelta(hours=1)

    def test_counts_without_any_question(self, contact: Contact, survey: Survey) -> None:
        say(contact, "verkkokauppa 3")

        assert (current().score, current().question) == (3, None)

    def test_counts_however_late(self, contact: Contact, survey: Survey) -> None:
        question = ask(contact, survey)

        say(contact, "Verkkokauppa: 8", hours=24 * 100)

        assert current().question == question

    @pytest.mark.parametrize("text", ["VERKKOKAUPPA", "VERKKOKAUPPA 11", "VERKKOKAUPPA 0"])
    def test_without_a_number_in_range_is_kept_for_staff(
        self, contact: Contact, survey: Survey, text: str
    ) -> None:
        ask(contact, survey)

        row = say(contact, text)

        assert row.handled_as == HandledAs.PERSON
        assert not SurveyAnswer.objects.exists()

    def test_of_a_survey_that_is_off_says_nothing(self, contact: Contact, survey: Survey) -> None:
        Survey.objects.update(is_active=False)

        assert say(contact, "VERKKOKAUPPA 9").handled_as == HandledAs.PERSON

    def test_chooses_among_surveys(self, contact: Contact, survey: Survey) -> None:
        other = Survey.objects.create(name="Delivery", keyword="TOIMITUS")
        ask(contact, survey)
        question = ask(contact, other, at=NOW - timedelta(days=1))

        say(contact, "TOIMITUS 4")

        assert (current().survey, current().question) == (other, question)


class TestNumber:
    @pytest.mark.parametrize(
        ("text", "score"), [("9", 9), ("9/10", 9), ("10 kiitos", 10), ("1", 1)]
    )
    def test_counts_in_time(self, contact: Contact, survey: Survey, text: str, score: int) -> None:
        ask(contact, survey)

        say(contact, text)

        assert current().score == score

    @pytest.mark.parametrize(
        ("after", "counts"),
        [
            (timedelta(0), True),
            (timedelta(days=14) - timedelta(seconds=1), True),
            (timedelta(days=14), False),
        ],
        ids=["at-once", "last-second", "too-late"],
    )
    def test_counts_for_the_days_of_the_survey(
        self, contact: Contact, survey: Survey, after: timedelta, counts: bool
    ) -> None:
        ask(contact, survey)

        row = chat.write("9", by=chat.person(contact), at=NOW + after)

        assert SurveyAnswer.objects.exists() is counts
        assert (row.handled_as == HandledAs.SURVEY_ANSWER) is counts

    def test_in_the_same_second_as_the_question_counts(
        self, contact: Contact, survey: Survey
    ) -> None:
        ask(contact, survey, at=NOW + timedelta(milliseconds=900))

        say(contact, "9", hours=0)

        assert current().score == 9

    def test_before_the_question_is_no_answer(self, contact: Contact, survey: Survey) -> None:
        ask(contact, survey, at=NOW + timedelta(hours=2))

        assert say(contact, "9").handled_as == HandledAs.PERSON

    def test_without_a_question_is_no_answer(self, contact: Contact, survey: Survey) -> None:
        ask(factories.contact(), survey)

        assert say(contact, "9").handled_as == HandledAs.PERSON

    @pytest.mark.parametrize("text", ["11", "0", "-3", "7 or 8", "99", "nothing"])
    def test_out_of_range_is_kept_for_staff(
        self, contact: Contact, survey: Survey, text: str
    ) -> None:
        ask(contact, survey)

        assert say(contact, text).handled_as == HandledAs.PERSON
        assert not SurveyAnswer.objects.exists()

    def test_answers_the_question_that_was_sent_last(
        self, contact: Contact, survey: Survey
    ) -> None:
        other = Survey.objects.create(name="Delivery", keyword="TOIMITUS")
        ask(contact, survey, at=NOW)
        ask(contact, other, at=NOW - timedelta(days=1))

        say(contact, "9")

        assert current().survey == survey

    @pytest.mark.parametrize("state", ["failed", "queued", "blocked", "expired", "cancelled"])
    def test_does_not_answer_a_question_that_never_arrived(
        self, contact: Contact, survey: Survey, state: str
    ) -> None:
        ask(contact, survey, state=state)

        assert say(contact, "9").handled_as == HandledAs.PERSON

    def test_button_or_picture_is_no_answer(self, contact: Contact, survey: Survey) -> None:
        ask(contact, survey)
        picture = contents.Media(kind="image", media_id="1", caption="9")

        row = chat.write(picture, by=chat.person(contact), at=NOW + timedelta(hours=1))

        assert row.handled_as == HandledAs.PERSON


class TestBubble:
    def test_answers_its_own_question_even_late(self, contact: Contact, survey: Survey) -> None:
        first, last = ask(contact, survey), ask(contact, survey)

        say(contact, "2", hours=24 * 30, answers=first)

        assert current().question == first
        assert last.survey_answers.count() == 0

    def test_of_another_message_is_not_answered_with_a_score(
        self, contact: Contact, survey: Survey
    ) -> None:
        ask(contact, survey)
        other = ask(contact, None)

        assert say(contact, "9", answers=other).handled_as == HandledAs.PERSON


class TestSecondAnswer:
    def test_replaces_the_first(self, contact: Contact, survey: Survey) -> None:
        question = ask(contact, survey)

        say(contact, "3", hours=1)
        say(contact, "VERKKOKAUPPA 8 parani", hours=2)

        assert current().score == 8
        assert question.survey_answers.count() == 2

    def test_that_comes_late_does_not(self, contact: Contact, survey: Survey) -> None:
        ask(contact, survey)

        say(contact, "8", hours=2)
        say(contact, "3", hours=1, now=NOW + timedelta(hours=3))

        assert current().score == 8
        assert SurveyAnswer.objects.count() == 2

    def test_to_another_question_stands_beside_it(self, contact: Contact, survey: Survey) -> None:
        first = ask(contact, survey)
        say(contact, "3", hours=1)
        second = ask(contact, survey, at=NOW + timedelta(days=1))
        say(contact, "8", hours=25)

        scores = {
            each.question: each.score for each in SurveyAnswer.objects.filter(is_current=True)
        }
        assert scores == {first: 3, second: 8}

    def test_without_questions_replaces_too(self, contact: Contact, survey: Survey) -> None:
        say(contact, "VERKKOKAUPPA 3", hours=1)
        say(contact, "VERKKOKAUPPA 8", hours=2)

        assert current().score == 8

    @pytest.mark.parametrize(
        ("days", "scores"), [(13, [8]), (14, [3, 8])], ids=["in-time", "too-late"]
    )
    @pytest.mark.parametrize("is_asked", [True, False], ids=["asked", "not-asked"])
    def test_replaces_within_the_days_to_answer_only(
        self, contact: Contact, survey: Survey, is_asked: bool, days: int, scores: list[int]
    ) -> None:
        question = ask(contact, survey) if is_asked else None
        say(contact, "VERKKOKAUPPA 3", hours=0)

        say(contact, "VERKKOKAUPPA 8", hours=24 * days)

        rows = SurveyAnswer.objects.filter(is_current=True).order_by("id")
        assert [row.score for row in rows] == scores
        assert rows[0].question == question

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer")
    @pytest.mark.django_db(transaction=True)
    def test_at_the_same_moment_waits_for_the_first(self, contact: Contact, survey: Survey) -> None:
        from tests.services.test_contacts import at_once

        ask(contact, survey)
        texts = iter(["3", "8"])

        at_once(lambda: say(contact, next(texts)))  # type: ignore[arg-type,return-value]

        assert current().score == 8
        assert SurveyAnswer.objects.count() == 2


class TestSignal:
    def test_is_sent_after_the_commit(
        self, contact: Contact, survey: Survey, django_capture_on_commit_callbacks: Any
    ) -> None:
        told: list[int] = []

        def listen(answer_id: int, **_rest: Any) -> None:
            told.append(answer_id)

        signals.survey_answered.connect(listen)
        try:
            with django_capture_on_commit_callbacks(execute=True):
                say(contact, "VERKKOKAUPPA 9")
        finally:
            signals.survey_answered.disconnect(listen)

        assert told == [current().pk]


class TestProduct:
    @pytest.mark.parametrize(
        ("data", "product"),
        [
            ({"product": "Lantern"}, "Lantern"),
            ({"product_name": "  Lantern "}, "Lantern"),
            ({"product": "", "product_name": "Lantern"}, "Lantern"),
            ({"product": "x" * 300}, "x" * 200),
            ({"order": "A1"}, ""),
            ({}, ""),
        ],
    )
    def test_is_what_the_event_named(
        self, contact: Contact, survey: Survey, data: dict[str, str], product: str
    ) -> None:
        event = ShopEvent.objects.create(
            name="order.delivered", key="delivered:1", data=data, occurred_at=NOW
        )
        ask(contact, survey, event=event)

        say(contact, "VERKKOKAUPPA 9")

        assert current().product == product

    def test_is_unknown_where_the_event_has_been_pruned(
        self, contact: Contact, survey: Survey
    ) -> None:
        ask(contact, survey, event=None)

        say(contact, "VERKKOKAUPPA 9")

        assert current().product == ""


def paused(contact: Contact) -> str:
    contact.refresh_from_db()
    return contact.promotions_paused_reason if contact.promotions_paused_at else ""


class TestLowScore:
    @pytest.mark.parametrize(
        ("score", "low_score", "is_low"),
        [(4, 4, True), (1, 4, True), (5, 4, False), (10, 4, False), (1, 0, False), (10, 10, True)],
    )
    def test_pauses_promotions_and_calls_a_person(
        self, contact: Contact, survey: Survey, score: int, low_score: int, is_low: bool
    ) -> None:
        Survey.objects.update(low_score=low_score)
        ask(contact, survey)

        row = say(contact, f"VERKKOKAUPPA {score}")

        assert paused(contact) == ("low_score" if is_low else "")
        waiting = Enquiry.objects.values_list("reason", "inbound", "ended_at")
        assert list(waiting) == ([("low_score", row.pk, None)] if is_low else [])

    def test_told_twice_calls_once(self, contact: Contact, survey: Survey) -> None:
        ask(contact, survey)
        told = chat.message("VERKKOKAUPPA 2", by=chat.person(contact), at=NOW)
        chat.receive(told)
        promotion_pauses.lift(contact=contact)

        chat.receive(told)

        assert paused(contact) == "", "or what a person decided would be undone"
        assert Enquiry.objects.count() == 1

    def test_a_second_low_one_goes_on_waiting_for_the_same_person(
        self, contact: Contact, survey: Survey
    ) -> None:
        ask(contact, survey)
        first = say(contact, "VERKKOKAUPPA 2")

        say(contact, "VERKKOKAUPPA 3", hours=2)

        assert Enquiry.objects.get().inbound == first
        contact.refresh_from_db()
        assert contact.promotions_paused_at == NOW + timedelta(hours=1)

    def test_a_better_answer_in_its_place_lets_promotions_go_on(
        self, contact: Contact, survey: Survey
    ) -> None:
        ask(contact, survey)
        say(contact, "VERKKOKAUPPA 2")

        say(contact, "VERKKOKAUPPA 9", hours=2)

        assert paused(contact) == ""
        assert Enquiry.objects.get().ended_at is None, "or nobody would ask what was wrong"

    def test_a_worse_answer_in_place_of_a_better_pauses(
        self, contact: Contact, survey: Survey
    ) -> None:
        ask(contact, survey)
        say(contact, "VERKKOKAUPPA 9")

        say(contact, "VERKKOKAUPPA 2", hours=2)

        assert paused(contact) == "low_score"

    @pytest.mark.parametrize("reason", ["opt_out_unclear", "staff"])
    def test_a_pause_for_another_reason_stays(
        self, contact: Contact, survey: Survey, reason: Any
    ) -> None:
        promotion_pauses.pause(contact=contact, reason=reason, now=NOW)
        ask(contact, survey)
        say(contact, "VERKKOKAUPPA 2")

        say(contact, "VERKKOKAUPPA 9", hours=2)

        assert paused(contact) == reason

    def test_a_good_answer_to_another_survey_lifts_nothing(
        self, contact: Contact, survey: Survey
    ) -> None:
        Survey.objects.create(name="Delivery", keyword="TOIMITUS")
        say(contact, "VERKKOKAUPPA 2")

        say(contact, "TOIMITUS 10", hours=2)

        assert paused(contact) == "low_score"

    def test_the_pause_stays_while_another_answer_is_as_low(
        self, contact: Contact, survey: Survey
    ) -> None:
        Survey.objects.create(name="Delivery", keyword="TOIMITUS")
        say(contact, "VERKKOKAUPPA 2")
        say(contact, "TOIMITUS 1", hours=2)

        say(contact, "VERKKOKAUPPA 9", hours=3)

        assert paused(contact) == "low_score"

    def test_an_old_low_answer_that_a_person_has_settled_keeps_no_pause(
        self, contact: Contact, survey: Survey
    ) -> None:
        Survey.objects.create(name="Delivery", keyword="TOIMITUS")
        say(contact, "TOIMITUS 1", hours=1)
        promotion_pauses.lift(contact=contact)
        say(contact, "VERKKOKAUPPA 2", hours=2)

        say(contact, "VERKKOKAUPPA 9", hours=3)

        assert paused(contact) == ""

    def test_an_answer_older_than_the_one_that_counts_does_nothing(
        self, contact: Contact, survey: Survey
    ) -> None:
        ask(contact, survey)
        say(contact, "VERKKOKAUPPA 9", hours=2)

        say(contact, "VERKKOKAUPPA 2", hours=1)

        assert (paused(contact), current().score) == ("", 9)
        assert not Enquiry.objects.exists()
