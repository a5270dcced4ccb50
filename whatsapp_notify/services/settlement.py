"""A person's answer to what the machine cannot know."""

from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction

from whatsapp_notify import signals
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.exceptions import StateChanged
from whatsapp_notify.models import DeliveryEvent, Message
from whatsapp_notify.services import doorbells, misfits, timeline

#: What is sent again by hand gets at least so long to leave.
_SHORTEST_LIFE = timedelta(hours=1)


class Verdict(StrEnum):
    """What a person says about one message."""

    WAS_SENT = "was_sent"
    SEND_AGAIN = "send_again"
    DROP = "drop"
    #: It has failed, and somebody has looked at it.
    SEEN = "seen"


#: From which states each verdict may be given.
ALLOWED = {
    Verdict.WAS_SENT: frozenset({State.IN_DOUBT, State.UNKNOWN}),
    Verdict.SEND_AGAIN: frozenset({State.IN_DOUBT, State.UNKNOWN, State.FAILED, State.EXPIRED}),
    Verdict.DROP: frozenset({State.IN_DOUBT, State.UNKNOWN}),
    Verdict.SEEN: frozenset({State.FAILED}),
}

#: The reason of a message whose outcome a person has decided.
BY_STAFF = "settled_by_staff"

#: How a line of the timeline names a verdict, where its own name means something else there.
_LINES = {Verdict.DROP: "dropped_by_staff", Verdict.SEEN: "seen_by_staff"}


def allows(message: Message, verdict: Verdict) -> bool:
    """This will tell whether a verdict says anything new, and anything possible, about the
    message as it is now.
    """
    if verdict is Verdict.SEEN and not message.needs_attention:
        return False
    if verdict is Verdict.SEND_AGAIN and message.reason == misfits.REASON:
        return False  # Meta would refuse it, and stop the template for those that fit
    return State(message.state) in ALLOWED[verdict]


def settle(
    *, message_id: int, verdict: str, expected_attempt: int, actor: str, now: datetime
) -> Message:
    """This will carry out a person's verdict on one message, and keep who gave it.

    "Send again" puts the message back into the outbox, where the decision is asked anew; a
    message in doubt may then reach the customer twice. "Seen" leaves a failed message as it
    is, and it asks for attention no more. Pressed twice, each works once.

    Args:
        expected_attempt: The message's attempt as the person saw it.

    Raises:
        StateChanged: The message has been called once more since, or is no longer in a state to
            which the verdict applies.
        ValueError: There is no such verdict.
    """
    chosen = Verdict(verdict)
    with transaction.atomic():
        message = Message.objects.select_for_update(no_key=True).get(pk=message_id)
        # Of a later call nothing has been said: that one may be in doubt where this had failed.
        if message.attempt != expected_attempt or not allows(message, chosen):
            raise StateChanged(StateChanged.__doc__)
        kind = _change(message, chosen, now)
        message.needs_attention = False
        message.save(
            update_fields=[
                "state", "reason", "is_pending", "needs_attention", "due_at", "expires_at",
                "accepted_at", "sent_at", "failures", "call_expires_at",
            ]
        )  # fmt: skip
        timeline.write(
            [
                timeline.line(
                    message_id=message.pk,
                    kind=kind,
                    at=now,
                    now=now,
                    attempt=message.attempt,
                    reason=_LINES.get(chosen, str(chosen)),
                    actor=actor,
                )
            ]
        )
        if message.is_pending:
            doorbells.ring(signals.messages_due, sender=Message)
    return message


def _change(message: Message, verdict: Verdict, now: datetime) -> str:
    match verdict:
        case Verdict.WAS_SENT:
            message.state, message.reason = State.ACCEPTED, BY_STAFF
            message.accepted_at = message.accepted_at or now
            return DeliveryEvent.Kind.SETTLED
        case Verdict.SEND_AGAIN:
            # A hold may have moved the due time beyond the end.
            lifetime = max(message.expires_at - message.due_at, _SHORTEST_LIFE)
            message.state, message.reason, message.is_pending = State.QUEUED, "", True
            message.due_at, message.failures = now, 0
            # Of the earlier call; its lines stay in the timeline.
            message.accepted_at = message.sent_at = None
            message.expires_at = max(message.expires_at, now + lifetime)
            return DeliveryEvent.Kind.RESENT
        case Verdict.DROP:
            message.state, message.reason = State.FAILED, BY_STAFF
            return DeliveryEvent.Kind.SETTLED
        case Verdict.SEEN:
            return DeliveryEvent.Kind.SETTLED
