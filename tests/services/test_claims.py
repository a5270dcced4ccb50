"""The gate under fire: several senders, opt-outs, killed processes, clocks that jump."""

import signal
import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from tests import factories
from tests.concurrency import beside, on_postgresql, process, together
from tests.factories import NOW
from whatsapp_notify.backends import locmem
from whatsapp_notify.domain import content as contents
from whatsapp_notify.domain.content import TemplateContent, TextContent
from whatsapp_notify.domain.receipts import Accepted, Action, Outgoing, Receipt, Refused
from whatsapp_notify.models import Contact, Message, Sender, Topic
from whatsapp_notify.services import (
    calls,
    claims,
    consent,
    delivery,
    identities,
    outbox,
    promotion_pauses,
    receipts,
    senders,
    sweep,
    timeline,
)
from whatsapp_notify.services.consent import Proof

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": 10_000}


def deliver(**options: Any) -> delivery.Delivered:
    return delivery.deliver(clock=lambda: NOW, **options)


def deliver_until_idle() -> None:
    began = time.monotonic()
    delivery.deliver(clock=lambda: NOW + timedelta(seconds=time.monotonic() - began))


def withdraw(contact: Contact) -> None:
    consent.withdraw(contact=contact, proof=Proof(source="staff"), occurred_at=NOW, now=NOW)


def called() -> Counter[int]:
    return Counter(outgoing.message_id for outgoing in locmem.outbox)


class TestSeveralSenders:
    def test_f13_each_message_is_called_once_by_one_of_them(self) -> None:
        messages = [factories.queued() for _each in range(60)]

        together(*[deliver] * 4)

        assert called() == {message.pk: 1 for message in messages}
        assert Message.objects.filter(state="accepted").count() == 60

    def test_f13_each_message_is_claimed_once_by_one_of_many_processes(self) -> None:
        messages = [factories.queued() for _each in range(40)]
        script = (
            "import time\n"
            "from datetime import timedelta\n"
            "from tests.factories import NOW\n"
            "from whatsapp_notify.backends import locmem\n"
            "from whatsapp_notify.services import delivery\n"
            "began = time.monotonic()\n"
            "delivery.deliver(\n"
            "    clock=lambda: NOW + timedelta(seconds=time.monotonic() - began)\n"
            ")\n"
            "print(*(each.message_id for each in locmem.outbox))\n"
        )
        running = [process(script) for _each in range(3)]

        outputs = [each.communicate(timeout=60)[0] for each in running]

        assert [each.returncode for each in running] == [0, 0, 0], outputs
        ids = Counter(int(word) for output in outputs for word in output.split())
        assert ids == {message.pk: 1 for message in messages}

    def test_f25_the_same_doorbell_many_times_calls_once(self) -> None:
        message = factories.queued()

        together(*[deliver] * 6)
        for _again in range(50):
            deliver()

        assert called() == {message.pk: 1}

    def test_f26_a_look_into_an_empty_outbox_costs_a_few_reads(
        self, django_assert_max_num_queries: Any
    ) -> None:
        deliver()

        with django_assert_max_num_queries(8):
            deliver()

    def test_the_cost_of_a_claim_does_not_grow_with_its_messages(self) -> None:
        def queries(count: int) -> int:
            for _each in range(count):
                factories.queued()
            with CaptureQueriesContext(
                connection,
            ) as seen:
                claimed = claims.claim(limit=50, now=NOW)
            assert len(claimed.calls) == count
            Sender.objects.update(paced_until=None)
            return len(seen)

        queries(1)

        assert queries(30) == queries(2)


class TestLastLook:
    def test_sees_nothing_where_nothing_has_changed(self) -> None:
        factories.queued()
        planned = claims.claim(limit=1, now=NOW).calls

        assert claims.look(planned=planned) == frozenset()

    def test_f75_sees_an_opt_out_since_the_claim(self) -> None:
        message = factories.queued()
        planned = claims.claim(limit=1, now=NOW).calls

        withdraw(message.contact)

        assert claims.look(planned=planned) == {message.contact_id}

    def test_sees_the_red_button(self) -> None:
        message = factories.queued()
        planned = claims.claim(limit=1, now=NOW).calls

        senders.stop(sender=senders.current(), actor="staff", now=NOW)

        assert claims.look(planned=planned) == {message.contact_id}

    def test_f71_sees_that_the_number_is_somebody_elses(self) -> None:
        message = factories.queued()
        planned = claims.claim(limit=1, now=NOW).calls

        identities.end(contact=message.contact, kinds=identities.OF_THE_CHAT, now=NOW)

        assert claims.look(planned=planned) == {message.contact_id}

    def test_f75_an_opt_out_between_claim_and_start_stops_the_call(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        message, other = factories.queued(), factories.queued()
        look = claims.look

        def withdraw_first(*, planned: Any) -> frozenset[int]:
            withdraw(message.contact)
            return look(planned=planned)

        monkeypatch.setattr(claims, "look", withdraw_first)

        deliver_until_idle()

        assert called() == {other.pk: 1}
        message.refresh_from_db()
        assert (message.state, message.reason) == ("blocked", "consent")
        assert "reconsider" in [line.reason for line in timeline.of(message)]


class TestPausedPromotions:
    def test_wait_while_other_news_of_the_customer_leave(self) -> None:
        person = factories.contact(consents=("offers", "orders"))
        offer = factories.queued(person, key="offers")
        news = factories.queued(person)
        promotion_pauses.pause(contact=person, reason=Contact.PauseReason.LOW_SCORE, now=NOW)

        deliver()

        offer.refresh_from_db()
        assert called() == {news.pk: 1}
        assert (offer.state, offer.reason) == ("queued", "promotions_paused")
        assert offer.due_at == NOW + timedelta(minutes=15)

    def test_leave_when_the_pause_is_lifted(self) -> None:
        person = factories.contact(consents=("offers",))
        offer = factories.queued(person, key="offers")
        promotion_pauses.pause(contact=person, reason=Contact.PauseReason.LOW_SCORE, now=NOW)
        deliver()
        promotion_pauses.lift(contact=person)

        later = NOW + timedelta(minutes=16)
        delivery.deliver(clock=lambda: later)

        assert called() == {offer.pk: 1}

    def test_f75_a_pause_since_the_claim_stops_the_call(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        person = factories.contact(consents=("offers",))
        offer = factories.queued(person, key="offers")
        look = claims.look

        def pause_first(*, planned: Any) -> frozenset[int]:
            promotion_pauses.pause(contact=person, reason=Contact.PauseReason.STAFF, now=NOW)
            return look(planned=planned)

        monkeypatch.setattr(claims, "look", pause_first)

        deliver_until_idle()

        offer.refresh_from_db()
        assert not called()
        assert (offer.state, offer.reason) == ("queued", "promotions_paused")


class TestQuestionOfASurvey:
    TEXT = "Hello Customer. How was it?"

    def question(self, person: Contact) -> Message:
        content = TemplateContent(name="template_feedback", language="en", text=self.TEXT)
        return factories.queued(person, key="feedback", content=contents.to_json(content))

    @pytest.mark.parametrize(
        ("minutes", "form"),
        [(None, "template"), (-1, "template"), (5, "template"), (6, "text")],
    )
    def test_goes_as_text_while_the_window_is_open_and_as_template_else(
        self, minutes: int | None, form: str
    ) -> None:
        person = factories.contact(consents=("feedback",))
        message = self.question(person)
        if minutes is not None:
            factories.open_window(person, until=NOW + timedelta(minutes=minutes))

        deliver()

        (outgoing,) = locmem.outbox
        message.refresh_from_db()
        seen = {name: evidence for name, _outcome, evidence in message.checks_made}
        assert isinstance(outgoing.content, TextContent) is (form == "text")
        assert (outgoing.content == TextContent(body=self.TEXT)) is (form == "text")
        assert seen["service_window"]["form"] == form

    def test_tried_again_after_the_window_goes_as_template(self) -> None:
        person = factories.contact(consents=("feedback",))
        message = self.question(person)
        window = factories.open_window(person, until=NOW + timedelta(minutes=10))
        refusals = iter([Refused(action=Action.RETRY, code=131000)])
        locmem.answer_with(lambda _outgoing: next(refusals, None))
        deliver()
        assert isinstance(locmem.outbox[0].content, TextContent)

        later = window.window_expires_at + timedelta(hours=1)
        Message.objects.filter(pk=message.pk).update(due_at=later)
        delivery.deliver(clock=lambda: later)

        assert isinstance(locmem.outbox[-1].content, TemplateContent)
        assert len(locmem.outbox) == 2

    def test_needs_consent_in_either_form(self) -> None:
        person = factories.contact(consents=())
        factories.open_window(person, until=NOW + timedelta(hours=1))
        message = self.question(person)

        deliver()

        message.refresh_from_db()
        assert not called()
        assert (message.state, message.reason) == ("blocked", "consent")


class TestOptOutAgainstClaim:
    @on_postgresql
    def test_f75_a_claim_passes_over_a_person_who_is_just_opting_out(self) -> None:
        stopping, other = factories.queued(), factories.queued()

        with transaction.atomic():
            withdraw(stopping.contact)
            beside(deliver)
        beside(deliver)

        assert called() == {other.pk: 1}
        stopping.refresh_from_db()
        assert (stopping.state, stopping.reason) == ("blocked", "consent")

    @on_postgresql
    def test_a_shop_that_holds_a_customer_delays_that_customer_only(self) -> None:
        held, other = factories.queued(), factories.queued()

        with transaction.atomic():
            Contact.objects.select_for_update().get(pk=held.contact_id)
            beside(deliver)

        assert called() == {other.pk: 1}
        deliver()
        assert called() == {other.pk: 1, held.pk: 1}

    @on_postgresql
    def test_f75_an_opt_out_waits_for_a_gate_that_was_first(self, monkeypatch: Any) -> None:
        message = factories.queued()
        is_inside, may_go = threading.Event(), threading.Event()
        write = timeline.write

        def paused(lines: Any, *, same: dict[str, Any] | None = None) -> int:
            if same and same.get("kind") == "calling":
                is_inside.set()
                assert may_go.wait(10)
            return write(lines, same=same)

        monkeypatch.setattr(timeline, "write", paused)
        order: list[str] = []

        def opt_out() -> None:
            assert is_inside.wait(10)
            threading.Timer(0.3, lambda: (order.append("gate"), may_go.set())).start()
            withdraw(message.contact)
            order.append("opt-out")

        together(deliver, opt_out)

        assert order == ["gate", "opt-out"]
        assert called() == {message.pk: 1}

    def test_f75_whoever_is_queued_when_the_opt_out_is_committed_is_never_called(self) -> None:
        messages = [factories.queued() for _each in range(40)]
        must_not: set[int] = set()

        def opt_out() -> None:
            for message in reversed(messages):
                withdraw(message.contact)
                if Message.objects.get(pk=message.pk).state in {"queued", "blocked"}:
                    must_not.add(message.pk)

        together(opt_out, lambda: [deliver(at_most=1) for _each in messages])
        deliver()

        # One that was being called when its customer opted out may have been taken back.
        blocked = set(Message.objects.filter(state="blocked").values_list("id", flat=True))
        assert must_not <= blocked
        assert not blocked & set(called())
        assert len(blocked) + len(called()) == 40

    @on_postgresql
    def test_f27_refusals_and_claims_take_their_locks_without_a_ring(self) -> None:
        factories.topic("offers")
        people = [factories.contact(consents=("orders", "offers")) for _each in range(6)]
        answered = []
        for person in people:
            factories.queued(person)
        answered.extend(each.outgoing for each in claims.claim(limit=50, now=NOW).calls)
        for person in people:
            factories.queued(person)
        stop = Refused(action=Action.STOP_MARKETING, code=131050)
        slow = Refused(action=Action.SLOW_DOWN, code=130429)

        def record(some: list[Outgoing], kinds: tuple[Receipt, ...]) -> None:
            answers = [(each, kinds[index % 2]) for index, each in enumerate(some)]
            receipts.record(answers=answers, now=NOW)

        together(
            lambda: record(answered[:3], (slow, stop)),
            lambda: record(answered[3:], (stop, slow)),
            lambda: [claims.claim(limit=2, now=NOW) for _each in range(5)],
            lambda: [withdraw(person) for person in reversed(people)],
        )

        assert not Message.objects.filter(pk__in=[a.message_id for a in answered], state="calling")


class TestKilledProcess:
    """Processes that end at a chosen place, as ``kill -9`` ends them."""

    KILLED = -signal.SIGKILL

    def run(self, tmp_path: Path, *, setup: str) -> list[str]:
        ledger = tmp_path / "ledger"
        ledger.touch()
        script = (
            "import os, signal\n"
            "from tests.factories import NOW\n"
            "from whatsapp_notify.backends import locmem\n"
            "from whatsapp_notify.services import claims, delivery, receipts, timeline\n"
            "def die(*args, **kwargs): os.kill(os.getpid(), signal.SIGKILL)\n"
            "def accept(outgoing):\n"
            f"    with open({str(ledger)!r}, 'a') as file:\n"
            "        file.write(f'{outgoing.message_id}\\n')\n"
            f"{setup}\n"
            "delivery.deliver(clock=lambda: NOW)\n"
        )
        running = process(script)
        output = running.communicate(timeout=60)[0]
        assert running.returncode == self.KILLED, output
        return ledger.read_text().split()

    def test_f14_killed_before_the_commit_the_message_leaves_once_later(
        self, tmp_path: Path
    ) -> None:
        message = factories.queued()

        self.run(tmp_path, setup="timeline.write = die")

        message.refresh_from_db()
        assert (message.state, message.attempt) == ("queued", 0)
        deliver()
        assert called() == {message.pk: 1}

    def test_f15_killed_before_the_first_byte_the_message_is_in_doubt(self, tmp_path: Path) -> None:
        message = factories.queued()

        ledger = self.run(tmp_path, setup="locmem.answer_with(die)")

        assert ledger == []
        self.assert_in_doubt_and_never_repeated(message)

    def test_f16_killed_between_acceptance_and_commit_the_message_is_in_doubt(
        self, tmp_path: Path
    ) -> None:
        message = factories.queued()

        ledger = self.run(tmp_path, setup="locmem.answer_with(accept)\nreceipts.record = die")

        assert ledger == [str(message.pk)]
        self.assert_in_doubt_and_never_repeated(message)

    def test_f20_killed_in_a_batch_only_what_was_claimed_is_in_doubt(self, tmp_path: Path) -> None:
        for _each in range(12):
            factories.queued()

        self.run(
            tmp_path, setup="delivery.MICRO_BATCH = 5\nlocmem.answer_with(accept)\n"
            "import dataclasses\nfrom whatsapp_notify import conf\n"
            "few = dataclasses.replace(conf.load(), CONCURRENCY=8)\nconf.load = lambda: few\n"
            "delivery._record = die",
        )  # fmt: skip

        assert Message.objects.filter(state="calling").count() <= 8
        # The clock of this test stands still; what the killed process leased would never pass.
        Sender.objects.update(paced_until=None)
        deliver()
        sweep.sweep(now=NOW + timedelta(minutes=2))
        in_doubt = set(Message.objects.filter(state="in_doubt").values_list("id", flat=True))
        assert in_doubt
        assert not in_doubt & set(called())
        assert Message.objects.filter(state="accepted").count() == 12 - len(in_doubt)

    def assert_in_doubt_and_never_repeated(self, message: Message) -> None:
        message.refresh_from_db()
        assert message.state == "calling"
        sweep.sweep(now=NOW + timedelta(seconds=30))
        message.refresh_from_db()
        assert message.state == "calling", "an answer is still waited for"
        sweep.sweep(now=NOW + timedelta(minutes=1))
        delivery.deliver(clock=lambda: NOW + timedelta(minutes=1))
        message.refresh_from_db()
        assert (message.state, message.reason) == ("in_doubt", "process_died")
        assert message.needs_attention
        assert called() == {}


class TestFrozenProcess:
    def test_f18_a_call_that_begins_too_late_is_refused_here(self, monkeypatch: Any) -> None:
        message = factories.queued()
        real = time.monotonic
        claim = claims.claim
        late = {"by": 0.0}

        def frozen_after_the_commit(**arguments: Any) -> claims.Claimed:
            claimed = claim(**arguments)
            late["by"] += 11.0
            return claimed

        monkeypatch.setattr(claims, "claim", frozen_after_the_commit)
        monkeypatch.setattr(calls.time, "monotonic", lambda: real() + late["by"])

        deliver(at_most=1)

        assert called() == {}
        message.refresh_from_db()
        assert (message.state, message.reason, message.attempt) == ("queued", "reconsider", 1)

    def test_f21_a_stop_ends_the_claims_and_no_call_is_cut_off(self) -> None:
        for _each in range(8):
            factories.queued()
        stop = threading.Event()

        def stop_at_the_first(outgoing: Outgoing) -> None:
            stop.set()

        locmem.answer_with(stop_at_the_first)

        delivery.deliver(clock=lambda: NOW, stop=stop)

        states = Counter(Message.objects.values_list("state", flat=True))
        assert set(states) <= {"accepted", "queued"}
        assert states["accepted"] == len(locmem.outbox)

    def test_f21_after_a_stop_nothing_is_claimed_at_all(self) -> None:
        factories.queued()
        stop = threading.Event()
        stop.set()

        delivery.deliver(clock=lambda: NOW, stop=stop)

        assert called() == {}


class TestBrokenOffClaims:
    def test_f27_a_busy_database_costs_no_answer_of_a_running_call(self, monkeypatch: Any) -> None:
        message = factories.queued()
        claim = claims.claim
        is_first = iter([True])
        monkeypatch.setattr("whatsapp_notify.services.patience.time.sleep", lambda seconds: None)

        def busy_the_second_time(**arguments: Any) -> claims.Claimed:
            if next(is_first, False):
                return claim(**arguments)
            raise OperationalError("database is locked")

        monkeypatch.setattr(claims, "claim", busy_the_second_time)
        locmem.answer_with(lambda outgoing: time.sleep(0.3))

        with pytest.raises(OperationalError):
            deliver()

        message.refresh_from_db()
        assert message.state == "accepted"

    def test_a_backend_that_ends_its_thread_leaves_a_doubt_and_no_hang(self) -> None:
        message = factories.queued()

        def leave(outgoing: Outgoing) -> Receipt:
            raise SystemExit

        locmem.answer_with(leave)

        deliver()

        message.refresh_from_db()
        assert message.state == "in_doubt"

    def test_an_answer_that_cannot_be_stored_costs_the_others_nothing(self) -> None:
        messages = [factories.queued() for _each in range(4)]
        twin = messages[2].pk

        def answer(outgoing: Outgoing) -> Receipt | None:
            name = "wamid.SAME" if outgoing.message_id in {messages[1].pk, twin} else None
            return Accepted(provider_message_id=name) if name else None

        locmem.answer_with(answer)

        deliver()

        states = Counter(Message.objects.values_list("state", flat=True))
        assert states == {"accepted": 3, "calling": 1}
        sweep.sweep(now=NOW + timedelta(minutes=2))
        assert Message.objects.filter(state="in_doubt").count() == 1


class TestPoison:
    def test_f33_a_row_that_cannot_be_read_is_put_aside_and_others_flow(self) -> None:
        poison, other = factories.queued(), factories.queued()
        Message.objects.filter(pk=poison.pk).update(content={"kind": "nonsense"})

        deliver()

        poison.refresh_from_db()
        other.refresh_from_db()
        assert (poison.state, poison.reason, poison.attempt) == ("failed", "unreadable", 0)
        assert poison.needs_attention
        assert other.state == "accepted"
        assert called() == {other.pk: 1}

    def test_a_row_that_contradicts_itself_is_no_endless_loop(self) -> None:
        message = factories.queued()
        Message.objects.filter(pk=message.pk).update(state="accepted")

        stop = threading.Event()
        threading.Timer(3, stop.set).start()

        done = deliver(stop=stop)

        assert (done.calls, done.looked_at) == (0, 0)


class TestClock:
    def test_f90_a_clock_put_back_does_not_stop_the_pace_for_hours(self) -> None:
        factories.queued()
        Sender.objects.update(paced_until=NOW + timedelta(hours=1))

        deliver()

        assert len(called()) == 1
        assert senders.current().paced_until < NOW + timedelta(seconds=1)

    def test_f90_the_pace_of_a_host_whose_clock_is_ahead_is_kept(self) -> None:
        factories.queued()
        Sender.objects.update(paced_until=NOW + timedelta(seconds=5))

        claimed = claims.claim(limit=1, now=NOW)

        assert claimed.calls == ()
        assert claimed.wait_until > NOW

    def test_a_wait_for_long_is_left_to_the_next_tick(self) -> None:
        factories.queued()
        Sender.objects.update(paced_until=NOW + timedelta(seconds=30))

        began = time.monotonic()
        deliver()

        assert called() == {}
        assert time.monotonic() - began < 20

    def test_the_answer_is_waited_for_longer_than_the_call_may_take(self, settings: Any) -> None:
        message = factories.queued()

        claims.claim(limit=1, now=NOW)

        message.refresh_from_db()
        assert message.call_expires_at == NOW + timedelta(seconds=0.5 + 20 + 15)
        assert claims.START_WITHIN < claims.LONGEST_HORIZON + claims.ANSWER_GRACE


class TestSenderOfARow:
    def test_the_number_that_calls_is_kept_not_the_one_that_planned(self, settings: Any) -> None:
        message = factories.queued()
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "PHONE_NUMBER_ID": "4711"}
        locmem.answer_with(lambda outgoing: Refused(action=Action.STOP_SENDER, code=190))

        deliver()

        message.refresh_from_db()
        assert message.sender.phone_number_id == "4711"
        assert message.sender.circuit_code == 190
        assert called() == {message.pk: 1}, "the circuit of the calling number stops the rest"


class TestCancel:
    def test_takes_back_a_thousand_at_once(self, django_assert_max_num_queries: Any) -> None:
        person = factories.contact()
        drafts = [factories.draft(person) for _each in range(1000)]
        outbox.enqueue(messages=drafts, now=NOW)
        ids = list(Message.objects.values_list("id", flat=True))

        with django_assert_max_num_queries(12):
            cancelled = outbox.cancel(message_ids=ids, actor="owner", now=NOW)

        assert cancelled == set(ids)
        assert Topic.objects.count() == 1
        assert Message.objects.filter(state="cancelled", is_pending=False).count() == 1000
