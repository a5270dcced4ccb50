"""Out of the outbox: gate, call, record."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from tests import factories
from tests.concurrency import by_hand, on_postgresql
from tests.factories import NOW
from whatsapp_notify.backends import locmem
from whatsapp_notify.domain import policy
from whatsapp_notify.domain.receipts import (
    Accepted,
    Action,
    Outgoing,
    Receipt,
    Refused,
    Unknown,
    UnknownReason,
)
from whatsapp_notify.models import Contact, Message, Sender, Template
from whatsapp_notify.services import claims, consent, delivery, receipts, senders
from whatsapp_notify.services.calls import Calls
from whatsapp_notify.services.claims import Tempo
from whatsapp_notify.services.consent import Proof

pytestmark = pytest.mark.django_db(transaction=True)

WITHDRAWN = Proof(source="staff")


def deliver(*, now=NOW, at_most=None) -> delivery.Delivered:
    """A run on a clock that moves by a tenth of a second with each look."""
    ticks = itertools.count()
    return delivery.deliver(
        clock=lambda: now + timedelta(milliseconds=100) * next(ticks), at_most=at_most
    )


def answer(receipt: Receipt, *, times: int | None = None) -> None:
    count = {"left": times}

    def ask(outgoing: Outgoing) -> Receipt | None:
        if count["left"] == 0:
            return None
        if count["left"] is not None:
            count["left"] -= 1
        return receipt

    locmem.answer_with(ask)


def _copy(message: Message, *, key: str) -> Message:
    of_its_own = {"key": key, "provider_message_id": None}
    columns = [each.attname for each in Message._meta.concrete_fields if not each.primary_key]
    return Message(**{each: getattr(message, each) for each in columns} | of_its_own)


def kinds(message: Message) -> list[str]:
    return list(message.timeline.order_by("id").values_list("kind", flat=True))


class TestDeliver:
    def test_sends_what_is_due_and_keeps_each_step(self) -> None:
        message = factories.queued()

        deliver()

        message.refresh_from_db()
        assert message.state == "accepted"
        assert message.provider_message_id == locmem_id()
        assert not message.is_pending
        assert kinds(message) == ["planned", "calling", "accepted"]

    def test_leaves_what_is_not_due(self) -> None:
        factories.queued(due_at=NOW + timedelta(hours=1))

        deliver()

        assert locmem.outbox == []

    def test_sends_each_message_once_however_often_it_runs(self) -> None:
        factories.queued()

        deliver()
        deliver()

        assert len(locmem.outbox) == 1

    def test_f11_refuses_to_send_inside_a_transaction(self) -> None:
        factories.queued()

        with pytest.raises(RuntimeError), transaction.atomic():
            deliver()

        assert locmem.outbox == []

    def test_f11_refuses_to_send_where_nothing_is_committed(self) -> None:
        message = factories.queued()

        with pytest.raises(RuntimeError), by_hand():
            deliver()

        assert locmem.outbox == []
        message.refresh_from_db()
        assert (message.state, message.attempt) == ("queued", 0)

    def test_sends_the_urgent_before_the_rest(self) -> None:
        person = factories.contact(consents=("orders", "offers"))
        factories.queued(person, key="offers")
        factories.queued(person, key="orders")

        deliver(at_most=1)

        assert [outgoing.content.name for outgoing in locmem.outbox] == ["template_orders"]

    def test_a_hundred_messages_in_a_constant_number_of_queries(
        self, django_assert_max_num_queries, settings
    ) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": 100_000}
        for _each in range(40):
            factories.queued()

        with django_assert_max_num_queries(60):
            deliver()

        assert len(locmem.outbox) == 40


def locmem_id() -> str:
    return Message.objects.get().provider_message_id or "missing"


class TestIsDue:
    def test_tells_of_what_is_due_of_any_priority(self) -> None:
        message = factories.queued(due_at=NOW + timedelta(hours=1))

        assert not delivery.is_due(now=NOW)

        for priority in policy.PRIORITIES.values():
            Message.objects.filter(pk=message.pk).update(priority=priority, due_at=NOW)
            assert delivery.is_due(now=NOW)

    @on_postgresql
    def test_does_not_read_what_was_sent_long_ago(self) -> None:
        """Also where PostgreSQL last counted while nearly all of it was waiting."""
        message = factories.queued()
        Message.objects.bulk_create(_copy(message, key=f"order:{number}") for number in range(3000))
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE whatsapp_notify_message")
        Message.objects.update(state="read", is_pending=False)

        with CaptureQueriesContext(connection) as queries:
            assert not delivery.is_due(now=NOW)

        assert len(queries) == len(policy.PRIORITIES)
        for each in queries.captured_queries:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {each['sql']}")
                assert "wn_message_pending_idx" in str(cursor.fetchall())


class TestOvertaking:
    """What is urgent beside more than the pace lets start within its horizon, here a second."""

    CAMPAIGN = 22

    @pytest.fixture(autouse=True)
    def _campaign(self, settings, monkeypatch) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": 20}
        monkeypatch.setattr(claims, "HORIZON", timedelta(seconds=1))
        monkeypatch.setattr(claims, "LONGEST_HORIZON", timedelta(seconds=1))
        # Without overtaking it is looked again for what is due when half of that is over.
        monkeypatch.setattr(delivery, "COLLECT_SECONDS", 30.0)
        for _each in range(self.CAMPAIGN):
            factories.queued(key="offers")

    def test_is_claimed_while_answers_are_waited_for(self, monkeypatch) -> None:
        look = delivery._look

        def plan_and_look(planned):
            if not Message.objects.filter(topic__key="orders").exists():
                factories.queued(key="orders")
            return look(planned)

        monkeypatch.setattr(delivery, "_look", plan_and_look)

        deliver()

        names = [outgoing.content.name for outgoing in locmem.outbox]
        assert len(names) == self.CAMPAIGN + 1
        assert names.index("template_orders") < 9

    def test_what_cannot_be_claimed_is_not_asked_for_all_the_time(self, monkeypatch) -> None:
        claim, claimed = claims.claim, []
        monkeypatch.setattr(claims, "claim", lambda **given: claimed.append(1) or claim(**given))
        monkeypatch.setattr(delivery, "_is_overtaking_due", lambda calls, *, now: True)

        deliver()

        assert len(locmem.outbox) == self.CAMPAIGN
        assert len(claimed) < 15

    def test_a_look_for_it_that_fails_loses_no_answer(self, monkeypatch) -> None:
        def fail(*, priority, now):
            raise OperationalError("The database is away.")

        monkeypatch.setattr(delivery, "_has_due", fail)

        deliver()

        assert Message.objects.filter(state="accepted").count() == self.CAMPAIGN

    def test_answers_are_written_where_the_last_look_at_others_fails(self, monkeypatch) -> None:
        look = delivery._look

        def fail_once_answered(planned):
            if locmem.outbox:
                raise OperationalError("The database is away.")
            return look(planned)

        monkeypatch.setattr(delivery, "_look", fail_once_answered)

        with pytest.raises(OperationalError):
            deliver()

        answered = Message.objects.filter(state="accepted").count()
        assert answered == len(locmem.outbox) > 0
        assert Message.objects.filter(state="queued").count() == self.CAMPAIGN - answered


class TestGate:
    def test_f74_an_opt_out_while_queued_is_seen(self) -> None:
        message = factories.queued()
        consent.withdraw(contact=message.contact, proof=WITHDRAWN, occurred_at=NOW, now=NOW)

        deliver()

        message.refresh_from_db()
        assert (message.state, message.reason) == ("blocked", "consent")
        assert locmem.outbox == []
        assert kinds(message) == ["planned", "blocked"]

    def test_keeps_every_check_with_its_evidence(self) -> None:
        message = factories.queued()

        deliver()

        message.refresh_from_db()
        checks = {name: (outcome, seen) for name, outcome, seen in message.checks_made}
        assert checks["consent"][0] == "passed"
        assert checks["consent"][1]["source"] == "checkout"
        assert len(checks) >= 16

    def test_f87_a_late_message_expires_instead_of_leaving(self) -> None:
        message = factories.queued(expires_at=NOW + timedelta(hours=1))

        deliver(now=NOW + timedelta(hours=2))

        message.refresh_from_db()
        assert (message.state, message.reason) == ("expired", "expired")

    def test_the_red_button_keeps_everything_queued(self) -> None:
        message = factories.queued()
        senders.stop(sender=senders.current(), actor="owner", now=NOW)

        deliver()

        message.refresh_from_db()
        assert (message.state, message.is_pending) == ("queued", True)
        assert locmem.outbox == []

    def test_x6_leaves_what_has_waited_after_the_release(self) -> None:
        factories.queued()
        senders.stop(sender=senders.current(), actor="owner", now=NOW)
        deliver()
        senders.release(sender=senders.current(), actor="owner", now=NOW)

        deliver()

        assert len(locmem.outbox) == 1

    def test_f31_a_copied_database_cannot_send(self, settings) -> None:
        message = factories.queued()
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "DEPLOYMENT": "staging"}

        deliver()

        message.refresh_from_db()
        assert message.state == "queued"
        assert locmem.outbox == []

    def test_f79_a_template_that_became_marketing_is_not_sent_as_order_news(self) -> None:
        message = factories.queued()
        Template.objects.update(category="MARKETING")

        deliver()

        message.refresh_from_db()
        assert (message.state, message.reason) == ("blocked", "category")

    def test_f85_the_cap_is_never_exceeded_within_a_batch(self, settings) -> None:
        settings.WHATSAPP_NOTIFY = {
            **settings.WHATSAPP_NOTIFY, "CAP_PROMOTIONS": 2, "QUIET_HOURS": (),
        }  # fmt: skip
        person = factories.contact(consents=("offers",))
        for _each in range(5):
            factories.queued(person, key="offers")

        deliver()

        assert len(locmem.outbox) == 2
        assert Message.objects.filter(state="blocked", reason="frequency_cap").count() == 3

    def test_f41_messages_to_one_person_are_spaced_after_a_burst(self) -> None:
        person = factories.contact()
        for _each in range(12):
            factories.queued(person)

        deliver()

        assert len(locmem.outbox) == 10
        held = Message.objects.filter(is_pending=True, reason="pair_rate").order_by("due_at")
        assert [message.due_at for message in held] == [NOW + timedelta(seconds=6)] * 2


class TestRefusals:
    def test_f35_what_definitely_did_not_leave_is_tried_again_later(self) -> None:
        message = factories.queued()
        answer(Refused(action=Action.RETRY, detail="connection refused"))

        deliver(at_most=1)

        message.refresh_from_db()
        assert (message.state, message.reason, message.failures) == ("queued", "retry", 1)
        assert message.due_at > NOW - timedelta(seconds=1)

    def test_f35_a_network_that_is_away_for_hours_fails_nothing(self) -> None:
        messages = [factories.queued() for _each in range(3)]
        answer(Refused(action=Action.RETRY, detail="No connection; nothing was sent."))
        for minutes in range(0, 300, 5):
            deliver(now=NOW + timedelta(minutes=minutes))

        assert Message.objects.filter(is_pending=True).count() == len(messages)
        assert senders.current().circuit_opened_at is not None
        # Each is tried until one of them has failed eight times; then one at a time.
        assert len(locmem.outbox) <= 60 + len(messages) * 8
        locmem.reset()

        deliver(now=NOW + timedelta(minutes=301))
        deliver(now=NOW + timedelta(minutes=302))

        assert senders.current().circuit_opened_at is None
        assert Message.objects.filter(state="accepted").count() == len(messages)

    @pytest.mark.parametrize("answered", [{"code": 131057}, {"http_status": 408}], ids=str)
    def test_gives_up_after_its_tries(self, answered: dict[str, int]) -> None:
        message = factories.queued()
        answer(Refused(action=Action.RETRY, **answered))

        for hours in range(20):
            deliver(now=NOW + timedelta(hours=hours))

        message.refresh_from_db()
        assert (message.state, message.reason) == ("failed", "gave_up")
        assert message.needs_attention
        assert len(locmem.outbox) == 8

    def test_f40_a_throttle_uses_up_no_try_and_slows_everybody(self) -> None:
        message = factories.queued()
        answer(Refused(action=Action.SLOW_DOWN, code=130429), times=1)

        deliver(at_most=1)

        message.refresh_from_db()
        assert (message.state, message.failures) == ("queued", 0)
        assert senders.current().slow_until > NOW

    def test_f43_a_bad_token_stops_the_number_and_loses_nothing(self) -> None:
        first, second = factories.queued(), factories.queued()
        answer(Refused(action=Action.STOP_SENDER, code=190), times=2)
        deliver()
        calls_before = len(locmem.outbox)

        deliver(now=NOW + timedelta(seconds=30))

        assert len(locmem.outbox) == calls_before
        assert senders.current().circuit_code == 190
        for message in (first, second):
            message.refresh_from_db()
            assert (message.state, message.is_pending) == ("queued", True)

    def test_f43_resumes_by_itself_when_the_token_works_again(self) -> None:
        for _each in range(3):
            factories.queued()
        answer(Refused(action=Action.STOP_SENDER, code=190), times=3)
        deliver()

        deliver(now=NOW + timedelta(minutes=2))

        assert senders.current().circuit_opened_at is None
        assert Message.objects.filter(state="accepted").count() == 3

    def test_f44_a_locked_account_waits_for_a_person(self) -> None:
        factories.queued()
        answer(Refused(action=Action.STOP_SENDER, code=131031), times=1)
        deliver()

        deliver(now=NOW + timedelta(hours=5))
        assert len(locmem.outbox) == 1
        senders.resume(sender=senders.current(), actor="owner", now=NOW)
        deliver(now=NOW + timedelta(hours=5))

        assert Message.objects.get().state == "accepted"

    def test_f45_a_paused_template_stops_and_others_flow(self) -> None:
        person = factories.contact(consents=("orders", "feedback"))
        paused = factories.queued(person, key="feedback")
        other = factories.queued(person, key="orders")
        locmem.answer_with(
            lambda outgoing: (
                Refused(action=Action.STOP_TEMPLATE, code=132015)
                if outgoing.content.name == "template_feedback"
                else None
            )
        )

        deliver()

        paused.refresh_from_db()
        other.refresh_from_db()
        assert (paused.state, paused.reason) == ("queued", "template")
        assert other.state == "accepted"
        assert Template.objects.get(name="template_feedback").stopped_code == 132015

    def test_f47_metas_own_stop_withdraws_promotions(self, settings) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "QUIET_HOURS": ()}
        person = factories.contact(consents=("orders", "offers"))
        message = factories.queued(person, key="offers")
        answer(Refused(action=Action.STOP_MARKETING, code=131050))

        deliver()

        message.refresh_from_db()
        person.refresh_from_db()
        assert (message.state, message.error_code) == ("failed", 131050)
        assert person.marketing_stopped_at >= NOW
        record = person.consent_records.get(action="withdraw")
        assert (record.topic.key, record.source) == ("offers", "provider")

    def test_f52_an_unknown_code_ends_the_message_and_is_shown(self) -> None:
        message = factories.queued()
        answer(Refused(action=Action.DROP, code=999999, is_unknown_code=True))

        deliver()

        message.refresh_from_db()
        assert (message.state, message.error_code) == ("failed", 999999)
        assert message.needs_attention


class TestDoubt:
    def test_f36_a_call_without_an_answer_is_in_doubt_and_never_repeated(self) -> None:
        message = factories.queued()
        answer(Unknown(reason=UnknownReason.TIMED_OUT), times=1)

        deliver()
        deliver(now=NOW + timedelta(hours=1))

        message.refresh_from_db()
        assert (message.state, message.reason) == ("in_doubt", "timed_out")
        assert message.needs_attention
        assert len(locmem.outbox) == 1

    def test_a_bug_in_a_backend_leaves_a_doubt_not_a_loss(self) -> None:
        message = factories.queued()

        def broken(outgoing: Outgoing) -> Receipt:
            raise KeyError("a bug")

        locmem.answer_with(broken)

        deliver()

        message.refresh_from_db()
        assert message.state == "in_doubt"

    def test_f22_a_signal_takes_nothing_back_that_has_begun(self, monkeypatch) -> None:
        message = factories.queued()
        hand_over = Calls._hand_over

        def hand_over_and_break_off(calls: Calls, moment: object) -> None:
            hand_over(calls, moment)  # type: ignore[arg-type]
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Calls, "_hand_over", hand_over_and_break_off)
            with pytest.raises(KeyboardInterrupt):
                deliver()
        deliver()

        message.refresh_from_db()
        assert message.state == "accepted"
        assert [outgoing.message_id for outgoing in locmem.outbox] == [message.pk]

    def test_f49_held_by_the_provider_is_accepted_not_a_failure(self) -> None:
        message = factories.queued()
        answer(Accepted(provider_message_id="wamid.HELD", is_held=True))

        deliver()

        message.refresh_from_db()
        assert message.state == "held"
        assert not message.needs_attention


class TestPace:
    def test_no_second_holds_more_than_the_rate(self, settings) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": 20}
        for _each in range(8):
            factories.queued()

        claimed = claims.claim(limit=8, now=NOW)

        # A quarter of a second ahead at twenty a second: five places, a little over 1/20 apart.
        starts = [round(planned.start_in, 4) for planned in claimed.calls]
        assert starts == [0.0, 0.0507, 0.1013, 0.152, 0.2026]
        assert Sender.objects.get().paced_until == NOW + timedelta(microseconds=253_295)

    def test_what_the_pace_leaves_is_looked_at_once_half_of_the_horizon_is_free(
        self, settings
    ) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": 20}
        for _each in range(8):
            factories.queued()

        claimed = claims.claim(limit=8, now=NOW)

        assert claimed.wait_until == NOW + timedelta(microseconds=128_295)

    def test_where_nothing_is_left_no_look_is_asked_for(self) -> None:
        factories.queued()

        assert claims.claim(limit=8, now=NOW).wait_until is None

    def test_claims_before_its_places_are_used_up(self, settings, monkeypatch) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": 20}
        # Answers would be waited for until there is no call left.
        monkeypatch.setattr(delivery, "COLLECT_SECONDS", 30.0)
        for _each in range(8):
            factories.queued()
        claim, left = claims.claim, []

        def claim_and_count(**given):
            left.append(Message.objects.filter(state="calling").count())
            return claim(**given)

        monkeypatch.setattr(claims, "claim", claim_and_count)

        deliver()

        assert len(locmem.outbox) == 8
        assert max(left) > 0

    def test_no_place_has_passed_when_a_slow_claim_gives_it(self, settings) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": 20}
        factories.queued()
        factories.queued()
        decided_at = NOW + timedelta(milliseconds=120)

        claimed = claims.claim(limit=8, now=NOW, clock=lambda: decided_at)

        assert [round(planned.start_in, 4) for planned in claimed.calls] == [0.12, 0.1707]

    @pytest.mark.parametrize(("deciding", "writing"), [(150, 50), (180, 160), (200, 270)])
    def test_slow_steps_leave_no_place_empty(self, settings, deciding, writing) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": 40}
        for _each in range(80):
            factories.queued()
        deciding, writing = timedelta(milliseconds=deciding), timedelta(milliseconds=writing)
        now, tempo, starts = NOW, Tempo(deciding=deciding, writing=writing), []

        for _round in range(4):
            claimed = claims.claim(
                limit=50, now=now, clock=lambda now=now: now + deciding, tempo=tempo
            )
            starts += [now + timedelta(seconds=each.start_in) for each in claimed.calls]
            tempo = Tempo(deciding=claimed.took, writing=writing)
            # What lies between the two takes some time of its own.
            between = timedelta(milliseconds=25)
            now = max(now + deciding + writing + between, claimed.wait_until)

        gaps = {later - earlier for earlier, later in itertools.pairwise(starts)}
        assert len(starts) > 30
        assert max(gaps) - min(gaps) < timedelta(milliseconds=1)

    def test_what_each_step_took_reaches_the_next_claim(self, settings, monkeypatch) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": 20}
        for _each in range(8):
            factories.queued()
        now, given = [NOW], []
        claim, record = claims.claim, receipts.record

        def claim_slowly(*, tempo, **rest):
            given.append(tempo)
            return replace(claim(tempo=tempo, **rest), took=timedelta(seconds=0.3))

        def record_slowly(**rest):
            record(**rest)
            now[0] += timedelta(seconds=0.7)

        monkeypatch.setattr(claims, "claim", claim_slowly)
        monkeypatch.setattr(receipts, "record", record_slowly)

        delivery.deliver(clock=lambda: now[0])

        assert given[0] == Tempo()
        assert given[-1].deciding == timedelta(seconds=0.3)
        # No longer than any horizon is worth.
        assert given[-1].writing == claims.LONGEST_HORIZON

    def test_a_horizon_becomes_shorter_by_and_by(self) -> None:
        slow, quick = timedelta(seconds=0.2), timedelta(seconds=0.01)
        tempo = Tempo(deciding=slow, writing=slow)

        after = tempo.with_deciding(quick).with_writing(quick)

        assert after == Tempo(deciding=slow / 2, writing=slow / 2)
        assert after.with_deciding(slow).deciding == slow
        assert claims.HORIZON == after.horizon < tempo.horizon
        assert tempo.with_writing(timedelta(minutes=1)).writing == claims.LONGEST_HORIZON

    def test_however_long_steps_take_at_most_two_horizons_are_committed(self, settings) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": 20}
        for _each in range(20):
            factories.queued()
        claims.claim(limit=20, now=NOW)
        slow = timedelta(seconds=30)

        claimed = claims.claim(limit=20, now=NOW, tempo=Tempo(deciding=slow, writing=slow))

        # From when all is likely to be decided, half a second from now, until the horizon.
        assert len(claimed.calls) == 10
        assert claimed.calls[-1].start_in <= 2 * claims.LONGEST_HORIZON.total_seconds()

    def test_a_clock_that_is_put_back_meanwhile_gives_no_place_in_the_past(self, settings) -> None:
        factories.queued()

        claimed = claims.claim(limit=8, now=NOW, clock=lambda: NOW - timedelta(hours=1))

        assert [planned.start_in for planned in claimed.calls] == [0.0]

    def test_a_clock_that_is_put_forward_meanwhile_keeps_no_call_waiting(self, settings) -> None:
        factories.queued()

        claimed = claims.claim(limit=8, now=NOW, clock=lambda: NOW + timedelta(hours=1))

        assert [planned.start_in for planned in claimed.calls] == [2.0]

    def test_a_full_horizon_is_waited_for(self, settings) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": 20}
        for _each in range(8):
            factories.queued()
        claims.claim(limit=8, now=NOW)

        claimed = claims.claim(limit=8, now=NOW)

        assert claimed.calls == ()
        assert claimed.wait_until == NOW + timedelta(microseconds=128_295)

    def test_each_call_counts_towards_the_persons_pace(self) -> None:
        message = factories.queued()

        deliver()

        row = Contact.objects.get(pk=message.contact_id)
        assert row.paced_until == NOW + timedelta(seconds=6)
