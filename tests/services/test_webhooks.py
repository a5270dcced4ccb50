"""Webhooks: kept first, read later; poison aside, everything else through."""

import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from tests import chat, factories, webhook_bodies
from tests.concurrency import beside, on_postgresql, together
from tests.factories import NOW
from tests.services.test_statuses import accept, calling, told
from whatsapp_notify import signals
from whatsapp_notify.models import (
    ConsentRecord,
    ConsentState,
    Contact,
    DeliveryEvent,
    Identity,
    InboundMessage,
    Message,
    UnreadWebhook,
    WebhookBatch,
    WebhookEvent,
)
from whatsapp_notify.models.set_based import look_up_by_key
from whatsapp_notify.services import arrivals, consent, inbound, replay, statuses, sweep, webhooks
from whatsapp_notify.services.consent import Proof

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": 10_000}


def post(body: bytes) -> WebhookEvent:
    arrivals.record(body=body, now=NOW)
    return WebhookEvent.objects.latest("id")


states = factories.webhook_states


def later(minutes: int) -> Any:
    return NOW + timedelta(minutes=minutes)


def _connect() -> Any:
    """A connection that any thread may use."""
    return connection.Database.connect(
        **{**connection.get_connection_params(), "cursor_factory": None}
    )


def _free_messages() -> int:
    """How many nobody holds."""
    with transaction.atomic():
        return len(Message.objects.select_for_update(skip_locked=True).values_list("id"))


def _is_somebody_waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])


class TestSweep:
    def test_f67_a_webhook_that_nobody_rang_for_is_found_by_the_sweep(self) -> None:
        [message] = calling()
        post(webhook_bodies.body(statuses=[told(message, "sent")]))
        signals.webhooks_recorded.connect(
            listener := lambda **told: webhooks.process(now=NOW), weak=False
        )
        try:
            sweep.sweep(now=NOW)
        finally:
            signals.webhooks_recorded.disconnect(listener)

        message.refresh_from_db()
        assert (states(), message.state) == (["processed"], "sent")


class TestProcess:
    def test_f57_one_bad_element_among_a_thousand_good_ones(self) -> None:
        messages = [accept(message) for message in calling(50)]
        good = [told(message, "delivered") for message in messages]
        elements = (good * 20)[:999]
        elements.insert(500, {"id": "wamid.BAD", "status": "sent", "timestamp": "yesterday"})
        event = post(webhook_bodies.body(statuses=elements))

        webhooks.process(now=NOW)

        event.refresh_from_db()
        assert Message.objects.filter(state="delivered").count() == 50
        assert event.is_quarantined
        assert "statuses[500]" in event.problem

    def test_f57_a_status_that_no_database_takes_costs_the_others_nothing(
        self, monkeypatch: Any
    ) -> None:
        messages = [accept(message) for message in calling(9)]
        poison = messages[4].provider_message_id
        apply = statuses.apply

        def picky(*, statuses: Any, now: Any) -> int:
            if any(status.provider_message_id == poison for status in statuses):
                raise ValueError("value too long")
            return apply(statuses=statuses, now=now)

        monkeypatch.setattr("whatsapp_notify.services.webhooks.statuses.apply", picky)
        bad = post(
            webhook_bodies.body(statuses=[told(message, "delivered") for message in messages[:6]])
        )
        post(webhook_bodies.body(statuses=[told(message, "delivered") for message in messages[6:]]))

        webhooks.process(now=NOW)

        bad.refresh_from_db()
        assert Message.objects.filter(state="delivered").count() == 8
        assert states() == ["quarantined", "processed"]
        assert "ValueError" in bad.problem

    def test_two_messages_with_one_id_are_one_persons_problem(self) -> None:
        first, second, third = (accept(message) for message in calling(3))
        Message.objects.filter(pk=second.pk).update(provider_message_id=None)
        clash = told(second, "sent", wamid=first.provider_message_id)
        post(webhook_bodies.body(statuses=[told(third, "sent"), clash]))

        webhooks.process(now=NOW)

        third.refresh_from_db()
        assert (states(), third.state) == (["quarantined"], "sent")

    def test_f56_strangers_are_no_poison(self) -> None:
        post(webhook_bodies.body(statuses=[webhook_bodies.status(wamid="wamid.NOT_OURS")]))

        webhooks.process(now=NOW)

        assert states() == ["processed"]

    def test_the_first_message_of_all_that_breaks_costs_the_next_nothing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real, broken = inbound.routing.route, iter([True])

        def route(**told: Any) -> None:
            if next(broken, False):
                raise RuntimeError
            real(**told)

        monkeypatch.setattr(inbound.routing, "route", route)
        for number in (1, 2):
            message = webhook_bodies.text("Hello", wamid=f"wamid.{number}")
            post(webhook_bodies.body(messages=[message]))

        webhooks.process(now=NOW)

        assert states() == ["quarantined", "processed"]
        assert [row.sender.phone_number_id for row in InboundMessage.objects.all() if row.sender]

    def test_a_customers_message_that_breaks_costs_the_other_elements_nothing(
        self, monkeypatch: Any
    ) -> None:
        message = accept(calling()[0])
        receive = inbound.receive

        def picky(element: Any, *, now: Any) -> Any:
            if element.provider_message_id == "wamid.IN2":
                raise KeyError("a bug")
            return receive(element, now=now)

        monkeypatch.setattr(inbound, "receive", picky)
        event = post(
            webhook_bodies.body(
                statuses=[told(message, "read")],
                messages=[
                    webhook_bodies.text("one", wamid="wamid.IN1"),
                    webhook_bodies.text("two", wamid="wamid.IN2"),
                    webhook_bodies.text("three", wamid="wamid.IN3"),
                ],
            )
        )

        webhooks.process(now=NOW)

        event.refresh_from_db()
        message.refresh_from_db()
        assert message.state == "read"
        assert sorted(InboundMessage.objects.values_list("text", flat=True)) == ["one", "three"]
        assert event.is_quarantined
        assert event.problem == "InboundMessage: KeyError"

    def test_those_that_wait_are_found_without_a_look_at_those_that_were_read(self) -> None:
        post(b'{"entry": []}')
        webhooks.process(now=NOW)
        waiting = post(b'{"entry": [ ]}')

        with CaptureQueriesContext(connection) as queries:
            assert webhooks.is_waiting(since=NOW)
            assert webhooks._take(1000, NOW) == ([waiting.pk], False)

        assert not any("webhookevent" in query["sql"] for query in queries)

    def test_what_was_read_is_written_once(self) -> None:
        """All that there is to say of it is that it waits no more."""
        event = post(b'{"entry": []}')
        before = WebhookEvent.objects.filter(pk=event.pk).values().get()

        with CaptureQueriesContext(connection) as queries:
            webhooks.process(now=NOW)

        assert states() == ["processed"]
        assert WebhookEvent.objects.filter(pk=event.pk).values().get() == before
        assert not any('UPDATE "whatsapp_notify_webhookevent"' in each["sql"] for each in queries)

    def test_one_that_was_deleted_before_it_was_read_keeps_nobody_waiting(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        for number in range(3):
            post(b'{"entry": []}' + b" " * number)
        WebhookEvent.objects.earliest("pk").delete()

        webhooks.process(now=NOW)

        assert states() == ["processed"] * 2
        assert not UnreadWebhook.objects.exists()
        assert "Webhooks were deleted before they were read" in caplog.text

    @on_postgresql
    def test_many_that_wait_are_not_compared_each_with_each(self) -> None:
        """Nor where PostgreSQL last counted while nearly none of them waited."""
        post(b'{"entry": []}')
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE whatsapp_notify_unreadwebhook")
        for number in range(3000):
            arrivals.record(body=b'{"entry": []}' + b" " * number, now=NOW)
        ids = list(UnreadWebhook.objects.values_list("pk", flat=True)[:300])

        with transaction.atomic():
            look_up_by_key()
            plan = webhooks._taken_up(ids).explain(analyze=True)

        assert "Nested Loop" not in plan

    @on_postgresql
    def test_what_broke_off_is_looked_for_among_itself(self) -> None:
        """Not among all that wait, anew with each batch of a long backlog."""
        for number in range(2000):
            arrivals.record(body=b'{"entry": []}' + b" " * number, now=NOW)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE whatsapp_notify_unreadwebhook")

        with CaptureQueriesContext(connection) as queries:
            webhooks.process(now=NOW)

        asked = [q["sql"] for q in queries if '"tried_at" <=' in q["sql"]]
        # What has broken off three times is put aside once, first of all.
        assert len(asked) >= 2
        for sql in asked:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}")
                assert "wn_unreadwebhook_tried_idx" in str(cursor.fetchall())

    @on_postgresql
    @pytest.mark.parametrize("with_more", [False, True], ids=["statuses", "messages"])
    def test_a_row_that_another_holds_for_a_moment_is_waited_for(
        self, with_more: bool, monkeypatch: Any
    ) -> None:
        """As a taker elsewhere does, that has come a moment too late for it."""
        messages = [webhook_bodies.text("hello")] if with_more else []
        post(webhook_bodies.body(statuses=[webhook_bodies.status()], messages=messages))
        take, other = webhooks._take, _connect()

        def take_and_be_looked_at(*args: Any) -> Any:
            ids, may_be_more = take(*args)
            if ids:
                other.execute(
                    "SELECT 1 FROM whatsapp_notify_unreadwebhook WHERE webhook_id = ANY(%s) "
                    "FOR UPDATE",
                    [ids],
                )
            return ids, may_be_more

        monkeypatch.setattr(webhooks, "_take", take_and_be_looked_at)
        with other, ThreadPoolExecutor(1) as pool:
            work = pool.submit(beside, lambda: webhooks.process(now=NOW))
            while not work.done() and not _is_somebody_waiting():
                continue
            other.commit()
            work.result(timeout=60)

        assert states() == ["processed"]

    @on_postgresql
    def test_f27_of_one_body_only_one_persons_rows_are_held(self, monkeypatch: Any) -> None:
        """Answers, which are written by the id of their message, would meet it in a ring."""
        messages = [accept(message) for message in calling(2)]
        phones = dict(Identity.objects.filter(kind="phone").values_list("contact_id", "value"))
        receive = inbound.receive

        free: list[int] = []

        def count_what_is_free(element: Any, *, now: Any) -> Any:
            free.append(beside(_free_messages))
            return receive(element, now=now)

        monkeypatch.setattr(inbound, "receive", count_what_is_free)
        event = post(
            webhook_bodies.body(
                messages=[
                    webhook_bodies.text(
                        "STOP", wamid=f"wamid.{each.pk}", wa_id=phones[each.contact_id].lstrip("+")
                    )
                    for each in reversed(messages)
                ]
            )
        )

        webhooks.process(now=NOW)

        event.refresh_from_db()
        assert free == [2, 2]
        assert (states(), event.problem) == (["processed"], "")
        assert not ConsentState.objects.filter(is_granted=True).exists()

    def test_f53_many_workers_at_once_do_everything_once(self) -> None:
        messages = [accept(message) for message in calling(10)]
        for number, message in enumerate(messages):
            post(
                webhook_bodies.body(
                    statuses=[told(message, "sent"), told(message, "delivered")],
                    messages=[webhook_bodies.text("hello", wamid=f"wamid.IN{number}")],
                )
            )

        together(*[lambda: webhooks.process(now=NOW, batch=3)] * 4)

        assert set(states()) == {"processed"}
        assert InboundMessage.objects.count() == 10
        assert DeliveryEvent.objects.filter(kind="delivered").count() == 10

    def test_f64_a_day_that_is_played_again_changes_nothing(self) -> None:
        message = accept(calling()[0])
        day = [
            webhook_bodies.body(statuses=[told(message, "sent")]),
            webhook_bodies.body(messages=[webhook_bodies.text("STOP", wamid="wamid.IN1")]),
            webhook_bodies.body(statuses=[told(message, "read")]),
        ]
        for body in day:
            post(body)
        webhooks.process(now=NOW)
        watched = (Message, DeliveryEvent, InboundMessage, Contact, Identity, ConsentState)
        before = [list(model.objects.order_by("pk").values()) for model in watched]

        # The same news in other bytes, long after the raw bytes were pruned.
        WebhookEvent.objects.all().delete()
        for body in [*day, *[json.dumps(json.loads(body), indent=1).encode() for body in day]]:
            post(body)
        webhooks.process(now=later(60 * 24 * 6))

        assert [list(model.objects.order_by("pk").values()) for model in watched] == before

    def test_f65_an_old_start_after_a_stop_changes_nothing(self) -> None:
        start = webhook_bodies.text("START", wamid="wamid.START")
        stop = webhook_bodies.text("STOP", wamid="wamid.STOP")
        stop["timestamp"] = str(webhook_bodies.SECONDS + 60)
        for element in (start, stop):
            post(webhook_bodies.body(messages=[element]))
        webhooks.process(now=later(2))
        InboundMessage.objects.filter(provider_message_id="wamid.START").delete()

        post(webhook_bodies.body(messages=[start, start]))
        webhooks.process(now=later(10))

        assert not ConsentState.objects.filter(is_granted=True).exists()

    def test_f72_stops_and_resumes_in_any_order_end_with_the_last(self) -> None:
        def preference(value: str, seconds: int) -> dict[str, Any]:
            return {
                "wa_id": "358457311111",
                "detail": "a control of WhatsApp's own",
                "category": "marketing_messages",
                "value": value,
                "timestamp": webhook_bodies.SECONDS + seconds,
            }

        ends = set()
        happened = [preference("stop", 1), preference("resume", 2), preference("stop", 3)]
        for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1, 2, 0]):
            Contact.objects.update(marketing_stopped_at=None, marketing_changed_at=None)
            for index in order:
                post(webhook_bodies.body(user_preferences=[happened[index]], round=order))
            webhooks.process(now=later(1))
            ends.add(Contact.objects.get().marketing_stopped_at)

        assert ends == {NOW + timedelta(seconds=3)}

    def test_leaves_to_the_next_ring_what_comes_meanwhile(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # To look again at once would read the few that came, at the price of many.
        apply = statuses.apply

        def apply_and_be_rung(**arguments: Any) -> int:
            arrivals.record(body=webhook_bodies.body(statuses=[]), now=NOW)
            return apply(**arguments)

        [message] = calling()
        post(webhook_bodies.body(statuses=[told(message, "sent")]))
        monkeypatch.setattr(statuses, "apply", apply_and_be_rung)

        assert webhooks.process(now=NOW) == 1
        assert states() == ["processed", "waiting"]
        assert webhooks.process(now=NOW) == 1
        assert states() == ["processed", "processed"]

    def test_f67_reads_what_was_committed_between_its_own(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Its id was given earlier, its commit came later: whoever was rung for it meanwhile has
        # passed it over, for the batch covers it.
        for number in range(3):
            arrivals.record(body=b'{"entry": []}' + b" " * number, now=NOW)
        first, late, last = WebhookEvent.objects.order_by("id")
        UnreadWebhook.objects.filter(pk=late.pk).delete()
        process_batch = webhooks._process_batch

        def process_batch_and_commit_late(ids: Any, clock: Any, **options: Any) -> None:
            if list(ids) == [first.pk, last.pk]:
                UnreadWebhook.objects.create(webhook=late, size=9, received_at=NOW)
            process_batch(ids, clock, **options)

        monkeypatch.setattr(webhooks, "_process_batch", process_batch_and_commit_late)

        assert webhooks.process(now=NOW) == 3
        assert states() == ["processed"] * 3

    def test_what_holds_statuses_alone_is_read_in_one_transaction(self) -> None:
        """Each commit waits for the disk."""
        [message] = calling()
        post(webhook_bodies.body(statuses=[told(message, "sent")]))
        webhooks.process(now=NOW)  # also beats for the first time
        post(webhook_bodies.body(statuses=[told(message, "delivered")]))

        with CaptureQueriesContext(connection) as statements:
            webhooks.process(now=NOW)

        begun = [each["sql"] for each in statements if each["sql"].startswith("BEGIN")]
        assert len(begun) == 1
        assert not WebhookBatch.objects.exists()

    def test_f25_reads_a_long_backlog_in_turns(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for number in range(3):
            arrivals.record(body=b'{"entry": []}' + b" " * number, now=NOW)
        monkeypatch.setattr(webhooks, "_TURN_SECONDS", -1.0)
        rung: list[Any] = []
        signals.webhooks_recorded.connect(
            listener := lambda **told: rung.append(told["sender"]), weak=False
        )
        try:
            count = webhooks.process(now=NOW, batch=1)
        finally:
            signals.webhooks_recorded.disconnect(listener)

        assert (count, rung) == (1, [WebhookEvent])
        assert states() == ["processed", "waiting", "waiting"]

    def test_f65_a_stop_counts_from_when_it_was_said_though_the_run_began_before(self) -> None:
        customer = factories.contact(consents=())
        digits = chat.phone_of(customer).lstrip("+")
        for words, seconds in (("Hello", 0), ("STOP", 50)):
            element = webhook_bodies.text(words, wamid=f"wamid.{words}", wa_id=digits)
            said_at = NOW + timedelta(seconds=seconds)
            post(
                webhook_bodies.body(
                    messages=[{**element, "timestamp": str(int(said_at.timestamp()))}]
                )
            )
        consent.grant(
            contact=customer,
            topics=[factories.topic("orders")],
            proof=Proof(source=ConsentRecord.Source.CHECKOUT, wording="Yes"),
            occurred_at=NOW + timedelta(seconds=30),
            now=NOW + timedelta(seconds=30),
        )
        minutes = itertools.count()

        webhooks.process(now=NOW, clock=lambda: later(next(minutes)), batch=1)

        assert states() == ["processed"] * 2
        assert not customer.consent_states.filter(is_granted=True).exists()

    def test_f33_what_broke_off_is_read_however_much_else_comes(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        post(b'{"entry": []}')
        UnreadWebhook.objects.update(attempts=1, tried_at=later(-9))
        for number in (1, 2):
            post(b'{"entry": []}' + b" " * number)
        monkeypatch.setattr(webhooks, "_TURN_SECONDS", -1.0)

        webhooks.process(now=NOW, batch=1)

        assert states() == ["processed", "processed", "waiting"]

    @pytest.mark.parametrize("count", [2, 3, 4, 5])
    def test_reads_batch_after_batch_of_what_waits(self, count: int) -> None:
        for number in range(count):
            arrivals.record(body=b'{"entry": []}' + b" " * number, now=NOW)

        assert webhooks.process(now=NOW, batch=2) == count
        assert states() == ["processed"] * count


UNREADABLE = {
    "not json": b"{",
    "no object": b"[1]",
    "empty": b"",
    "huge int": b'{"entry": ' + b"9" * 5000 + b"}",
    "deep nest": b'{"entry": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nan": b'{"entry": [NaN]}',
    "1e400": b'{"entry": [1e400]}',
    "invalid utf-8": b'{"entry": "\xff"}',
    "nul": b"\x00",
    "entry is no list": b'{"object": "whatsapp_business_account", "entry": 3}',
}


class TestPoison:
    @pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
    def test_f59_what_cannot_be_read_is_kept_and_visible(self, body: bytes) -> None:
        message = accept(calling()[0])
        event = post(body)
        post(webhook_bodies.body(statuses=[told(message, "sent")]))

        webhooks.process(now=NOW)

        event.refresh_from_db()
        message.refresh_from_db()
        assert bytes(event.body) == body
        assert states() == ["quarantined", "processed"]
        assert event.problem
        assert message.state == "sent"

    @pytest.mark.parametrize("words", ["a\\u0000b", "\\ud800", "\\ud83d\\ude00", "caf\\u00e9"])
    def test_f59_words_that_databases_refuse_are_made_storable(self, words: str) -> None:
        body = webhook_bodies.body(messages=[webhook_bodies.text("@@")])
        post(body.replace(b"@@", words.encode()))

        webhooks.process(now=NOW)

        assert states() == ["processed"]
        assert InboundMessage.objects.count() == 1

    def test_f57_rings_for_what_nobody_has_read(self) -> None:
        customer = factories.contact()
        digits = chat.phone_of(customer).lstrip("+")
        good = webhook_bodies.text("Hello", wamid="wamid.1", wa_id=digits)
        post(webhook_bodies.body(messages=[good, 7]))
        rung: list[tuple[str, str]] = []
        signals.attention_needed.connect(
            listener := lambda **told: rung.append((told["reason"], told["detail"])), weak=False
        )
        try:
            webhooks.process(now=NOW)
        finally:
            signals.attention_needed.disconnect(listener)

        assert states() == ["quarantined"]
        assert rung == [("quarantine", "1 webhooks")]

    def test_f33_one_that_kills_its_worker_is_put_aside_after_three_times(
        self, monkeypatch: Any
    ) -> None:
        class Killed(BaseException):
            """Stands for SIGKILL: nothing after it is executed."""

        messages = [accept(message) for message in calling(5)]
        events = [
            post(webhook_bodies.body(statuses=[told(message, "sent")])) for message in messages
        ]
        deadly, deaths = events[2], []
        read = webhooks._read

        def kill(event_id: int, attempts: int, body: bytes) -> Any:
            if event_id == deadly.pk:
                deaths.append(attempts)
                raise Killed
            return read(event_id, attempts, body)

        monkeypatch.setattr(webhooks, "_read", kill)
        rung: list[str] = []
        signals.attention_needed.connect(
            listener := lambda **told: rung.append(told["reason"]), weak=False
        )
        try:
            for minutes in range(0, 40, 2):
                try:
                    webhooks.process(now=later(minutes))
                except Killed:
                    continue
        finally:
            signals.attention_needed.disconnect(listener)

        assert states() == ["processed", "processed", "quarantined", "processed", "processed"]
        assert deaths == [0, 2, 3]
        assert Message.objects.filter(state="sent").count() == 4
        assert rung == ["quarantine"]

    def test_f90_what_a_clock_far_ahead_took_up_is_read(self) -> None:
        event = post(webhook_bodies.body(statuses=[webhook_bodies.status()]))
        WebhookBatch.objects.create(
            first_id=event.pk, last_id=event.pk, taken_at=NOW + timedelta(days=1)
        )

        webhooks.process(now=NOW)

        assert states() == ["processed"]
        assert not WebhookBatch.objects.exists()

    def test_a_worker_that_is_at_work_is_left_alone(self) -> None:
        post(b"{}")
        UnreadWebhook.objects.update(attempts=webhooks.MAX_ATTEMPTS, tried_at=NOW)

        webhooks.process(now=NOW + timedelta(seconds=30))

        assert states() == ["waiting"]

    def test_f27_a_busy_database_is_no_fault_of_the_body(self, monkeypatch: Any) -> None:
        message = accept(calling()[0])
        post(webhook_bodies.body(statuses=[told(message, "sent")]))
        monkeypatch.setattr("whatsapp_notify.services.patience.time.sleep", lambda seconds: None)
        apply = statuses.apply
        faults, attempts = iter([True, True]), []

        def busy(**arguments: Any) -> int:
            attempts.append(UnreadWebhook.objects.get().attempts)
            if next(faults, False):
                raise OperationalError("database is locked")
            return apply(**arguments)

        monkeypatch.setattr("whatsapp_notify.services.webhooks.statuses.apply", busy)

        webhooks.process(now=NOW)

        message.refresh_from_db()
        assert (states(), message.state) == (["processed"], "sent")
        assert attempts == [0, 0, 0]

    def test_a_person_can_have_it_read_once_more(self) -> None:
        event = post(b"{")
        webhooks.process(now=NOW)
        WebhookEvent.objects.update(body=b'{"entry": []}')

        again = webhooks.retry(ids=[event.pk])
        webhooks.process(now=NOW)

        assert again == {event.pk}
        assert states() == ["processed"]

    @on_postgresql
    @pytest.mark.parametrize("answer", [webhooks.drop, webhooks.retry])
    def test_what_a_person_says_while_a_replay_writes_stands(self, answer: Any) -> None:
        """The replay waits for the row, and then looks once more."""
        event = post(b'{"entry": [1]}')
        webhooks.process(now=NOW)
        WebhookEvent.objects.update(problem="Old words.")
        events = replay.selection(since=NOW, until=NOW + timedelta(days=1), with_quarantined=True)
        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                answer(ids=[event.pk])
                work = pool.submit(beside, lambda: replay.replay(events=events, now=NOW))
                while not work.done() and not beside(_is_somebody_waiting):
                    continue
            work.result(timeout=60)

        event.refresh_from_db()
        assert states() == ["processed" if answer is webhooks.drop else "waiting"]
        assert event.is_quarantined is False

    def test_large_bodies_are_not_all_read_at_once(self) -> None:
        sizes = [(1, 400_000), (2, 400_000), (3, 400_000), (4, 10)]

        assert webhooks._within_bytes(sizes) == [1, 2]
        assert webhooks._within_bytes([(7, 20_000_000), (8, 1)]) == [7]

    def test_f58_tens_of_thousands_of_statuses_in_one_body_fit_through(self) -> None:
        element = {"id": "wamid.@", "status": "sent", "timestamp": str(webhook_bodies.SECONDS)}
        elements = [{**element, "id": f"wamid.{number}"} for number in range(36_000)]
        began = time.perf_counter()
        post(webhook_bodies.body(statuses=elements))

        webhooks.process(now=NOW)

        assert states() == ["processed"]
        assert time.perf_counter() - began < 60
