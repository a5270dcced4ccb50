"""The overview counts right, tells what is wrong, and asks little of the database."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.admin import factories as make
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import Contact, Heartbeat, Topic
from whatsapp_notify.services import overview, silence
from whatsapp_notify.services.overview import Tally

PAGE = "/admin/whatsapp_notify/overview/"


@pytest.fixture
def noon() -> datetime:
    """Noon of a day, so that hours before and after are the same day."""
    return timezone.make_aware(datetime(2026, 11, 3, 12, 0))


@pytest.fixture
def contact(db: None) -> Contact:
    return make.make_contact()


@pytest.fixture
def topic(db: None) -> Topic:
    return make.make_topic()


def add(contact: Contact, topic: Topic, rows: list[dict[str, Any]]) -> None:
    for number, fields in enumerate(rows):
        make.make_message(contact, topic=topic, number=number, **fields)


class TestTally:
    def test_shares_are_of_finished_messages(self) -> None:
        tally = Tally(by_state={"delivered": 3, "failed": 1, "sent": 96})

        assert tally.percent("delivered") == 75
        assert tally.percent("failed") == 25
        assert tally.percent("sent") is None

    def test_has_no_shares_while_nothing_is_finished(self) -> None:
        assert Tally(by_state={"sent": 5}).percent("delivered") is None

    def test_shares_add_up(self) -> None:
        tally = Tally(by_state={str(state): number for number, state in enumerate(State)})

        shares = [tally.percent(state) for state in State]

        assert sum(share for share in shares if share is not None) == pytest.approx(100)


class TestOverview:
    def test_counts_today_and_the_week(
        self, contact: Contact, topic: Topic, noon: datetime
    ) -> None:
        add(
            contact,
            topic,
            [
                {"at": noon, "state": "delivered"},
                {"at": noon - timedelta(hours=11, minutes=59), "state": "read"},
                {"at": noon - timedelta(hours=13), "state": "failed"},
                {"at": noon - timedelta(days=6), "state": "blocked", "reason": "consent"},
                {"at": noon - timedelta(days=7), "state": "delivered"},
            ],
        )

        found = overview.overview(now=noon)

        assert found.today.by_state == {"delivered": 1, "read": 1}
        assert found.week.total == 4
        assert [each.tally.total for each in found.days] == [1, 0, 0, 0, 0, 1, 2]
        assert found.days[-1].day == timezone.localdate(noon)

    def test_groups_failures_and_refusals(
        self, contact: Contact, topic: Topic, noon: datetime
    ) -> None:
        failed = {"state": "failed", "reason": "provider_failed", "error_code": 131026}
        add(
            contact,
            topic,
            [
                {"at": noon, **failed},
                {"at": noon - timedelta(days=2), **failed},
                {"at": noon, "state": "in_doubt", "reason": "timed_out"},
                {"at": noon, "state": "blocked", "reason": "consent"},
                {"at": noon, "state": "expired"},
                {"at": noon, "state": "cancelled", "reason": "cancelled"},
            ],
        )

        found = overview.overview(now=noon)

        assert [(each.reason, each.error_code, each.count) for each in found.failures] == [
            ("provider_failed", 131026, 2),
            ("timed_out", None, 1),
        ]
        assert found.failures[0].last_at == noon
        assert {each.reason for each in found.blocked} == {"consent", "expired"}

    def test_knows_the_queue(self, contact: Contact, topic: Topic, noon: datetime) -> None:
        waiting = {"state": "queued", "is_pending": True, "at": noon - timedelta(days=30)}
        add(
            contact,
            topic,
            [
                {**waiting, "due_at": noon - timedelta(minutes=5)},
                {**waiting, "due_at": noon + timedelta(minutes=30)},
                {**waiting, "due_at": noon + timedelta(hours=2, minutes=5)},
                {**waiting, "due_at": noon + timedelta(days=3)},
            ],
        )

        queue = overview.overview(now=noon).queue

        assert (queue.waiting, queue.overdue) == (4, 1)
        assert queue.oldest_due_at == noon - timedelta(minutes=5)
        assert [count for _start, count in queue.by_hour] == [1, 0, 1] + [0] * 9

    def test_knows_who_is_alive(self, db: None, noon: datetime) -> None:
        Heartbeat.objects.create(name="worker", at=noon - timedelta(seconds=119))
        Heartbeat.objects.create(name="beat", at=noon - timedelta(seconds=121))

        parts = {part.name: part for part in overview.overview(now=noon).parts}

        assert parts["worker"].is_alive
        assert not parts["beat"].is_alive
        assert parts["webhook"].at is None

    def test_number_of_queries_is_small_and_constant(
        self,
        contact: Contact,
        topic: Topic,
        noon: datetime,
        django_assert_max_num_queries: Any,
    ) -> None:
        add(contact, topic, [{"at": noon - timedelta(hours=hour)} for hour in range(100)])

        with django_assert_max_num_queries(14):
            overview.overview(now=noon)

    def test_lists_periodic_tasks_with_their_next_run(self, db: None, noon: datetime) -> None:
        from django_celery_beat.models import IntervalSchedule, PeriodicTask

        every = IntervalSchedule.objects.create(every=1, period="hours")
        PeriodicTask.objects.create(
            name="Deliver", task="whatsapp_notify.deliver", interval=every,
            last_run_at=timezone.now() - timedelta(minutes=10),
        )  # fmt: skip
        PeriodicTask.objects.create(name="Other", task="shop.other", interval=every)

        now = timezone.now()
        (run,) = overview.overview(now=now).runs or ()

        assert run.name == "Deliver"
        assert run.next_at is not None
        assert abs(run.next_at - now - timedelta(minutes=50)) < timedelta(minutes=1)


class TestPage:
    def test_says_the_next_step_when_empty(self, owner: Client) -> None:
        html = owner.get(PAGE).content.decode()

        assert "No sending number yet." in html
        assert "No templates yet." in html
        assert "No messages in the last seven days." in html
        assert "Worker has never run." in html
        assert "No webhook has come yet." in html

    def test_tells_health_in_words(self, owner: Client, now: datetime) -> None:
        Heartbeat.objects.create(name="beat", at=now - timedelta(seconds=14))
        Heartbeat.objects.create(name="worker", at=now - timedelta(minutes=14))

        html = owner.get(PAGE).content.decode()

        assert "Scheduler last ran 14 seconds ago." in html or "15 seconds ago." in html
        assert "Worker last ran 14 minutes ago." in html
        assert "Start it with “celery worker”" in html
        assert "Start it with “celery beat”" not in html

    def test_f69_says_what_to_do_when_no_webhook_comes(self, owner: Client, now: datetime) -> None:
        Heartbeat.objects.create(name="webhook", at=now - timedelta(hours=2))
        assert "Messages leave, but" not in owner.get(PAGE).content.decode()
        Heartbeat.objects.create(name=silence.TOLD, at=now - timedelta(hours=1))

        html = owner.get(PAGE).content.decode()

        assert "Messages leave, but no webhook has come since" in html
        assert "See whether Meta can reach the webhook address" in html

    def test_shows_the_pressed_red_button(self, owner: Client, now: datetime) -> None:
        make.make_sender(stopped_at=now.replace(hour=12, minute=5), stopped_by="somebody")

        html = owner.get(PAGE).content.decode()

        assert "The red button is pressed. Nothing leaves." in html
        assert "Pressed by somebody on " in html
        assert " p.m.</p>" in html

    def test_says_what_meta_refused_and_what_to_do(self, owner: Client, now: datetime) -> None:
        make.make_sender(circuit_opened_at=now, circuit_code=190)

        html = owner.get(PAGE).content.decode()

        assert "The access token has expired. (190)" in html
        assert "Create a new system user token" in html
        assert "It goes on only when somebody resumes it." in html

    def test_chart_and_table_hold_the_same_numbers(self, owner: Client, now: datetime) -> None:
        contact = make.make_contact()
        for number in range(7):
            make.make_message(contact, at=now, number=number)

        html = owner.get(PAGE).content.decode()

        assert html.count('class="wn-fill-good" x=') == 1
        assert '<text class="wn-bar-total"' in html
        assert '<td class="wn-num">7</td>' in html

    def test_is_drawn_with_points_in_languages_of_commas(
        self, owner: Client, now: datetime
    ) -> None:
        make.make_message(make.make_contact(), at=now)

        html = owner.get(PAGE, headers={"accept-language": "fi"}).content.decode()

        assert 'y1="176.0"' in html

    def test_changes_nothing(self, owner: Client) -> None:
        assert owner.post(PAGE).status_code in {200, 405}
        assert Heartbeat.objects.count() == 0
