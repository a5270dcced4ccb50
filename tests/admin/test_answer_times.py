"""The page "Answer times"."""

from collections.abc import Callable
from datetime import datetime, time, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.admin import factories as make
from whatsapp_notify.models import Contact, Conversation, Enquiry, OpeningHours, Sender

MINUTE = timedelta(minutes=1)


def wait(*, at: datetime, after: timedelta | None = 10 * MINUTE, **fields: object) -> Enquiry:
    number = Contact.objects.count()
    sender = Sender.objects.first() or make.make_sender()
    contact = make.make_contact(phone=f"+35840123450{number}")
    return Enquiry.objects.create(
        conversation=Conversation.objects.create(contact=contact, sender=sender),
        began_at=at,
        ended_at=None if after is None else at + after,
        **{"reason": "not_understood", "outcome": "" if after is None else "answered", **fields},
    )


def open_page(client: Client, **query: str) -> str:
    answer = client.get(reverse("admin:whatsapp_notify_overview_answer_times"), query)
    assert answer.status_code == 200
    return answer.content.decode()


class TestAnswerTimes:
    def test_says_that_nobody_has_waited(self, db: None, owner: Client) -> None:
        html = open_page(owner)

        assert "No customer has waited for a person in this time." in html
        assert "wn-chart" not in html

    def test_shows_figures_charts_and_who_answered(
        self, db: None, owner: Client, now: datetime
    ) -> None:
        user = User.objects.create_user("desk-one")
        wait(at=now - timedelta(hours=5), after=10 * MINUTE, ended_by=user)
        wait(at=now - timedelta(hours=5), after=30 * MINUTE, ended_by=user, reason="low_score")
        wait(at=now - timedelta(hours=30), after=None)

        html = open_page(owner)

        assert '<span class="wn-number">20 minutes</span> median of the first response' in html
        assert '<span class="wn-number">67 %</span> answered within an hour' in html
        assert '<li class="wn-tile-bad"><span class="wn-number">1</span> missed' in html
        assert '<th scope="row">desk-one</th><td class="wn-num">2</td>' in html
        assert '<th scope="row">low score</th><td class="wn-num">1</td>' in html
        assert html.count('class="wn-chart"') == 2
        assert "it counts as always open" in html
        assert "in opening hours</th>" not in html

    def test_rounds_figures_and_cuts_nothing_off(
        self, db: None, owner: Client, now: datetime
    ) -> None:
        for after in (90 * MINUTE, 100 * MINUTE, 518 * MINUTE):
            wait(at=now - timedelta(hours=20), after=after)

        html = open_page(owner)

        # 708 minutes by three are 3 hours and 56 minutes.
        assert '<span class="wn-number">4 hours</span> mean of the first response' in html
        assert '<span class="wn-number">100 minutes</span> median of the first response' in html

    def test_shows_opening_hours_apart(self, db: None, owner: Client, now: datetime) -> None:
        OpeningHours.objects.create(weekday=0, opens=time(9), closes=time(17))
        wait(at=now - timedelta(hours=5))

        html = open_page(owner)

        assert "Median in opening hours</th>" in html
        assert "it counts as always open" not in html

    @pytest.mark.parametrize(("days", "is_in"), [("30", False), ("90", True), ("'", True)])
    def test_looks_back_as_far_as_chosen(
        self, db: None, owner: Client, now: datetime, days: str, is_in: bool
    ) -> None:
        wait(at=now - timedelta(days=40))

        assert ("No customer has waited" not in open_page(owner, days=days)) is is_in

    def test_needs_the_permission_to_see_conversations(
        self, db: None, staff: Callable[..., Client], now: datetime
    ) -> None:
        wait(at=now)
        url = reverse("admin:whatsapp_notify_overview_answer_times")

        assert staff("view_overview").get(url).status_code == 403
        assert staff("view_conversation").get(url).status_code == 200

    def test_stands_in_the_navigation_of_those_who_may_open_it(
        self, db: None, staff: Callable[..., Client]
    ) -> None:
        url = "/admin/whatsapp_notify/overview/"
        link = 'href="/admin/whatsapp_notify/overview/answer-times/"'

        assert link not in staff("view_overview").get(url).content.decode()
        html = staff("view_overview", "view_conversation").get(url).content.decode()
        assert link in html
        assert f'{link} aria-current="page"' not in html
        assert f'{link} aria-current="page"' in open_page(staff("view_conversation"))

    def test_needs_no_inline_style(self, db: None, owner: Client, now: datetime) -> None:
        wait(at=now)

        html = open_page(owner)

        assert " style=" not in html
        assert "<script>" not in html

    def test_asks_for_the_same_number_of_queries(
        self, db: None, owner: Client, now: datetime
    ) -> None:
        def queries() -> int:
            with CaptureQueriesContext(connection) as seen:
                open_page(owner)
            return len(seen)

        wait(at=now, ended_by=User.objects.create_user("desk-one"))
        few = queries()
        wait(at=now, ended_by=User.objects.create_user("desk-two"), reason="cart")

        assert queries() == few
