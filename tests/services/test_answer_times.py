"""Waits as rows, summed up."""

from datetime import datetime, time, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import factories
from tests.factories import NOW
from whatsapp_notify.models import Conversation, Enquiry, OpeningHours
from whatsapp_notify.services import answer_times, senders
from whatsapp_notify.services.answer_times import AnswerTimes

pytestmark = pytest.mark.django_db

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def enquiry(
    *,
    began_at: datetime = NOW - HOUR,
    after: timedelta | None = 10 * MINUTE,
    outcome: str = "answered",
    reason: str = "not_understood",
    by: User | None = None,
) -> Enquiry:
    talk = Conversation.objects.create(contact=factories.contact(), sender=senders.current())
    return Enquiry.objects.create(
        conversation=talk,
        reason=reason,
        began_at=began_at,
        ended_at=None if after is None else began_at + after,
        ended_by=by,
        outcome="" if after is None else outcome,
    )


def times(*, days: int = 30) -> AnswerTimes:
    return answer_times.answer_times(days=days, now=NOW)


class TestAnswerTimes:
    def test_of_nothing_are_empty(self) -> None:
        found = times()

        assert (found.first.count, found.by_hour, found.by_person) == (0, {}, {})
        assert not found.is_cut

    def test_take_what_began_in_the_period(self) -> None:
        enquiry()
        enquiry(began_at=NOW - timedelta(days=31))

        assert times(days=30).first.count == 1
        assert times(days=90).first.count == 2

    def test_tell_first_responses_from_talks(self) -> None:
        enquiry(after=10 * MINUTE)
        enquiry(after=2 * MINUTE, reason="with_person")

        found = times()

        assert found.first.by_clock.median == 10 * MINUTE
        assert found.in_talk.by_clock.median == 2 * MINUTE
        assert {reason: each.count for reason, each in found.by_reason.items()} == {
            "not_understood": 1,
            "with_person": 1,
        }

    def test_who_still_waits_waits_until_now(self) -> None:
        enquiry(began_at=NOW - 25 * HOUR, after=None)

        found = times().first

        assert (found.waiting, found.missed, found.by_clock.quick) == (1, 1, 0)

    def test_go_by_the_hour_of_the_shop(self) -> None:
        enquiry(began_at=datetime.fromisoformat("2026-11-20T08:30:00+02:00"))

        assert list(times().by_hour) == [8]

    def test_name_who_answered(self) -> None:
        user = User.objects.create_user("staff")
        enquiry(by=user, after=4 * MINUTE)
        enquiry(by=user, after=6 * MINUTE)
        enquiry(by=user, outcome="closed")
        enquiry(by=None)

        found = times().by_person

        assert found["staff"].count == 2
        assert found["staff"].by_clock.mean == 5 * MINUTE
        assert found[""].count == 1

    def test_count_opening_hours_apart(self) -> None:
        OpeningHours.objects.create(weekday=0, opens=time(9), closes=time(17))
        began_at = datetime.fromisoformat("2026-11-23T07:00:00+02:00")
        enquiry(began_at=began_at, after=timedelta(hours=2, minutes=15))

        found = times(days=30)

        assert found.has_hours
        assert found.first.by_clock.median == timedelta(hours=2, minutes=15)
        assert found.first.in_hours.median == 15 * MINUTE

    def test_read_the_newest_of_very_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(answer_times, "MOST", 2)
        for hours in (1, 2, 3):
            enquiry(began_at=NOW - hours * HOUR, after=hours * MINUTE)

        found = times()

        assert found.is_cut
        assert found.first.by_clock.mean == 1.5 * MINUTE

    def test_ask_for_a_constant_number_of_queries(self) -> None:
        def queries(count: int) -> int:
            for _each in range(count):
                enquiry(by=User.objects.create_user(f"staff{User.objects.count()}"))
            with CaptureQueriesContext(connection) as seen:
                times()
            return len(seen)

        assert queries(1) == queries(10) <= 4
