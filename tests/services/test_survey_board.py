"""What the answers of a period say."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import factories
from tests.factories import NOW
from whatsapp_notify.models import (
    Automation,
    Contact,
    InboundMessage,
    Message,
    Survey,
    SurveyAnswer,
)
from whatsapp_notify.services import survey_board
from whatsapp_notify.services.survey_board import Board

pytestmark = pytest.mark.django_db


@pytest.fixture
def survey() -> Survey:
    return Survey.objects.create(name="Shop", keyword="VERKKOKAUPPA", low_score=4)


@pytest.fixture
def person() -> Contact:
    return factories.contact(consents=("feedback",))


def answer(
    survey: Survey, score: int, *, by: Contact, at: datetime = NOW, **fields: Any
) -> SurveyAnswer:
    inbound = InboundMessage.objects.create(
        contact=by,
        provider_message_id=f"wamid.{InboundMessage.objects.count()}",
        kind="text",
        sent_at=at,
        received_at=at,
    )
    return SurveyAnswer.objects.create(
        survey=survey, contact=by, inbound=inbound, score=score, answered_at=at, **fields
    )


def question(survey: Survey, *, by: Contact, state: str = "delivered", **fields: Any) -> Message:
    row = factories.draft(by, key="feedback", survey=survey, state=state, **fields)
    row.is_pending = False
    row.save()
    return row


def board(survey: Survey | None = None, *, days: int = 30, with_words: bool = True) -> Board:
    return survey_board.board(survey=survey, days=days, with_words=with_words, now=NOW)


class TestScores:
    def test_count_answers_of_the_period_that_count(self, survey: Survey, person: Contact) -> None:
        answer(survey, 9, by=person)
        answer(survey, 3, by=person, at=NOW - timedelta(days=29))
        answer(survey, 1, by=person, at=NOW - timedelta(days=31))
        answer(survey, 1, by=person, is_current=False)

        assert board(survey).scores.counts == {9: 1, 3: 1}

    def test_are_of_one_survey_or_of_all(self, survey: Survey, person: Contact) -> None:
        other = Survey.objects.create(name="Delivery", keyword="TOIMITUS")
        answer(survey, 9, by=person)
        answer(other, 3, by=person)

        assert board(survey).scores.counts == {9: 1}
        assert board().scores.counts == {9: 1, 3: 1}

    def test_stand_in_the_week_in_which_they_were_given(
        self, survey: Survey, person: Contact
    ) -> None:
        """A week of the shop begins on its Monday, at its midnight."""
        monday = datetime.fromisoformat("2026-11-23T00:00:00+02:00")
        answer(survey, 9, by=person, at=monday)
        answer(survey, 4, by=person, at=monday - timedelta(seconds=1))

        weeks = survey_board.board(
            survey=survey, days=30, with_words=False, now=monday + timedelta(days=1)
        ).weeks

        assert [(week.start, dict(week.scores.counts)) for week in weeks[-3:]] == [
            (date(2026, 11, 9), {}),
            (date(2026, 11, 16), {4: 1}),
            (date(2026, 11, 23), {9: 1}),
        ]
        assert len(weeks) == 5


class TestAsked:
    def test_counts_questions_that_reached_somebody_and_answers_to_them(
        self, survey: Survey, person: Contact
    ) -> None:
        for state in ("delivered", "read", "failed", "blocked", "sent"):
            question(survey, by=person, state=state)
        # The news of the delivery may be lost.
        answer(survey, 9, by=person, question=question(survey, by=person, state="sent"))
        answer(survey, 8, by=person)

        asked = board(survey).asked

        assert (asked.reached, asked.answered) == (3, 1)
        assert asked.percent == pytest.approx(100 / 3)

    def test_has_no_rate_where_nobody_was_asked(self, survey: Survey) -> None:
        assert board(survey).asked.percent is None

    def test_leaves_other_messages_out(self, survey: Survey, person: Contact) -> None:
        row = factories.draft(person, state="delivered")
        row.save()

        assert board().asked.reached == 0


class TestGroups:
    def test_break_down_by_product(self, survey: Survey, person: Contact) -> None:
        for score in (10, 9, 8, 7, 1):
            answer(survey, score, by=person, product="Lantern")
        answer(survey, 2, by=person, product="Axe")

        lantern, axe = board(survey).products

        assert (lantern.name, lantern.count, lantern.mean, lantern.nps) == ("Lantern", 5, 7, 20)
        assert (axe.name, axe.count, axe.mean, axe.nps) == ("Axe", 1, None, None)

    def test_break_down_by_automation_with_the_rate(self, survey: Survey, person: Contact) -> None:
        automation = Automation.objects.create(
            name="Ask", event="order.delivered", topic=factories.topic("feedback"),
            template_name="ask", survey=survey,
        )  # fmt: skip
        asking = question(survey, by=person, automation=automation)
        question(survey, by=person, automation=automation)
        answer(survey, 9, by=person, question=asking)
        answer(survey, 8, by=person)

        unasked, asked = board(survey).automations

        assert (unasked.name, unasked.count) == ("", 1)
        assert (asked.name, asked.count) == ("Ask", 1)
        assert asked.asked is not None
        assert (asked.asked.reached, asked.asked.answered) == (2, 1)

    def test_shows_an_automation_that_nobody_answers(self, survey: Survey, person: Contact) -> None:
        automation = Automation.objects.create(
            name="Ask", event="order.delivered", topic=factories.topic("feedback"),
            template_name="ask", survey=survey,
        )  # fmt: skip
        question(survey, by=person, automation=automation)

        (group,) = board(survey).automations

        assert (group.name, group.count, group.mean) == ("Ask", 0, None)


class TestLists:
    def test_low_scores_are_those_up_to_the_surveys_own_limit(
        self, survey: Survey, person: Contact
    ) -> None:
        low = answer(survey, 4, by=person)
        answer(survey, 5, by=person)
        lower = answer(survey, 1, by=person, at=NOW + timedelta(hours=1))

        assert board(survey).low == (lower, low)

    def test_words_are_read_for_those_who_may_see_them_only(
        self, survey: Survey, person: Contact
    ) -> None:
        with_words = answer(survey, 9, by=person, comment="Nopea!")
        answer(survey, 9, by=person)

        assert board(survey).words == (with_words,)
        with CaptureQueriesContext(connection) as seen:
            assert board(survey, with_words=False).words is None
        assert "comment" not in " ".join(each["sql"] for each in seen)


class TestCost:
    def test_is_a_constant_number_of_queries(self, survey: Survey) -> None:
        def queries(people: int) -> int:
            for number in range(people):
                person = factories.contact(consents=("feedback",))
                automation = Automation.objects.create(
                    name=f"Ask {number}", event="order.delivered",
                    topic=factories.topic("feedback"), template_name="ask", survey=survey,
                )  # fmt: skip
                asking = question(survey, by=person, automation=automation)
                answer(survey, 2, by=person, question=asking, comment="x", product=f"P{number}")
            with CaptureQueriesContext(connection) as seen:
                found = board()
                for row in (*found.low, *(found.words or ())):
                    list(row.contact.identities.all())
            return len(seen)

        assert queries(1) == queries(12) <= 9

    def test_a_year_is_no_longer_statement_than_sqlite_takes(
        self, survey: Survey, person: Contact
    ) -> None:
        answer(survey, 9, by=person, at=NOW - timedelta(days=360))

        assert board(survey, days=365).scores.total == 1
