"""A person's verdict on what the machine cannot know."""

from datetime import timedelta

import pytest

from tests import factories
from tests.concurrency import together
from tests.factories import NOW
from whatsapp_notify.backends import locmem
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.exceptions import StateChanged
from whatsapp_notify.models import Message
from whatsapp_notify.services import consent, delivery, settlement
from whatsapp_notify.services.consent import Proof
from whatsapp_notify.services.settlement import ALLOWED, Verdict

pytestmark = pytest.mark.django_db(transaction=True)


def message_in(state: str, **fields: object) -> Message:
    message = factories.queued()
    Message.objects.filter(pk=message.pk).update(
        **{"state": state, "is_pending": False, "needs_attention": True, "attempt": 1, **fields}
    )
    message.refresh_from_db()
    return message


def settle(message: Message, verdict: str) -> Message:
    return settlement.settle(
        message_id=message.pk,
        verdict=verdict,
        expected_attempt=message.attempt,
        actor="owner",
        now=NOW,
    )


class TestSettle:
    @pytest.mark.parametrize("verdict", list(Verdict))
    @pytest.mark.parametrize("state", list(State))
    def test_works_from_these_states_and_no_others(self, verdict: Verdict, state: State) -> None:
        message = message_in(state)

        if state in ALLOWED[verdict]:
            settle(message, verdict)
        else:
            with pytest.raises(StateChanged):
                settle(message, verdict)

        message.refresh_from_db()
        assert message.is_pending is (verdict is Verdict.SEND_AGAIN and state in ALLOWED[verdict])
        assert message.timeline.filter(actor="owner").exists() is (state in ALLOWED[verdict])

    @pytest.mark.parametrize(
        ("verdict", "state", "reason"),
        [
            ("was_sent", "accepted", "settled_by_staff"),
            ("send_again", "queued", ""),
            ("drop", "failed", "settled_by_staff"),
        ],
    )
    def test_leads_from_unknown_to(self, verdict: str, state: str, reason: str) -> None:
        message = settle(message_in("unknown"), verdict)

        message.refresh_from_db()
        assert (message.state, message.reason) == (state, reason)
        assert not message.needs_attention

    def test_seen_leaves_a_failed_message_as_it_is(self) -> None:
        message = message_in("failed", reason="gave_up", error_code=131026)

        settle(message, "seen")

        message.refresh_from_db()
        assert (message.state, message.reason, message.error_code) == ("failed", "gave_up", 131026)
        assert not message.needs_attention
        (line,) = message.timeline.filter(actor="owner")
        assert (line.kind, line.reason) == ("settled", "seen_by_staff")

    @pytest.mark.parametrize(
        ("verdict", "state"),
        [("was_sent", "in_doubt"), ("drop", "unknown"), ("seen", "failed")],
    )
    def test_f99_pressed_by_many_at_once_it_is_told_once(self, verdict: str, state: str) -> None:
        message = message_in(state)

        def press() -> bool:
            try:
                settle(message, verdict)
            except StateChanged:
                return False
            return True

        assert sum(together(*[press] * 4)) == 1
        assert message.timeline.filter(actor="owner").count() == 1

    @pytest.mark.parametrize("verdict", list(Verdict))
    def test_f99_about_an_earlier_call_says_nothing_about_this_one(self, verdict: Verdict) -> None:
        state = "failed" if verdict is Verdict.SEEN else "in_doubt"
        message = message_in(state)
        Message.objects.update(attempt=2)

        with pytest.raises(StateChanged):
            settle(message, verdict)

        message.refresh_from_db()
        assert (message.state, message.needs_attention) == (state, True)
        assert not message.timeline.filter(actor="owner").exists()

    def test_f50_what_does_not_fit_its_template_is_not_sent_again(self) -> None:
        message = message_in("failed", reason="parameters")

        with pytest.raises(StateChanged):
            settle(message, "send_again")

        settle(message, "seen")
        message.refresh_from_db()
        assert (message.state, message.reason) == ("failed", "parameters")
        assert not message.needs_attention

    def test_refuses_a_verdict_that_is_none(self) -> None:
        with pytest.raises(ValueError, match="maybe"):
            settle(message_in("unknown"), "maybe")

    def test_f99_pressed_twenty_times_it_sends_once_more(self) -> None:
        message = message_in("failed")

        def press() -> bool:
            try:
                settle(message, "send_again")
            except StateChanged:
                return False
            return True

        pressed = together(*[press] * 8)
        delivery.deliver(clock=lambda: NOW)

        assert sum(pressed) == 1
        assert len(locmem.outbox) == 1
        assert message.timeline.filter(kind="resent").count() == 1

    def test_the_gate_is_asked_anew(self) -> None:
        message = message_in("failed")
        consent.withdraw(
            contact=message.contact, proof=Proof(source="staff"), occurred_at=NOW, now=NOW
        )

        settle(message, "send_again")
        delivery.deliver(clock=lambda: NOW)

        message.refresh_from_db()
        assert (message.state, message.reason) == ("blocked", "consent")
        assert locmem.outbox == []

    @pytest.mark.parametrize("hours", [-30, -1, 1], ids=["long-over", "over", "not-over"])
    def test_what_is_sent_again_has_time_to_leave(self, hours: int) -> None:
        ends = NOW + timedelta(hours=hours)
        # A hold had moved the due time beyond the end.
        message = message_in("expired", expires_at=ends, due_at=ends + timedelta(hours=5))

        settle(message, "send_again")
        delivery.deliver(clock=lambda: NOW + timedelta(minutes=30))

        message.refresh_from_db()
        assert message.state == "accepted"
        assert message.attempt == 2
