"""The life of a message, and how news of the provider move it."""

from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """Where a message stands."""

    #: Waits to leave, now or at its due time.
    QUEUED = "queued"
    #: Committed before the first byte leaves: from here on it may have been sent.
    CALLING = "calling"
    #: The call ended without an answer that we understand; never repeated by itself.
    IN_DOUBT = "in_doubt"
    #: The provider has it.
    ACCEPTED = "accepted"
    #: The provider has it and keeps it back for now.
    HELD = "held"
    #: Left the provider for the phone.
    SENT = "sent"
    #: Reached the phone.
    DELIVERED = "delivered"
    #: Seen, where the reader lets that be known.
    READ = "read"
    #: Definitely not delivered.
    FAILED = "failed"
    #: In doubt for too long: a person decides.
    UNKNOWN = "unknown"
    #: Our own rules forbade it.
    BLOCKED = "blocked"
    #: Too late to be of use, so it was not sent.
    EXPIRED = "expired"
    #: Taken back before it left.
    CANCELLED = "cancelled"


#: What a provider may report, from the least to the most. News move a message only upwards.
#: "failed" stands above "sent", so that a late "sent" does not clear it, and below
#: "delivered", for what has arrived has not failed.
PROVIDER_ORDER = (
    State.ACCEPTED,
    State.HELD,
    State.SENT,
    State.FAILED,
    State.DELIVERED,
    State.READ,
)

#: We do not know, or not yet, whether the provider has it; any news of its settles that. Also
#: ``queued``: news of a message that waits for another try prove that an earlier try arrived.
SETTLED_BY_STATUS = frozenset({State.QUEUED, State.CALLING, State.IN_DOUBT, State.UNKNOWN})

#: May have left us; its end is awaited.
IN_FLIGHT = frozenset({State.CALLING, State.IN_DOUBT, State.ACCEPTED, State.HELD, State.SENT})

#: The provider has it, or had it: news of it have no doubt to settle.
WITH_PROVIDER = frozenset(PROVIDER_ORDER)

#: The provider has it, or may have it. Of the other states only an earlier call may have left.
MAY_HAVE_LEFT = frozenset((IN_FLIGHT | WITH_PROVIDER | {State.UNKNOWN}) - {State.FAILED})

#: Nothing more is awaited. Late news can still raise failed, unknown and delivered.
FINAL = frozenset(
    {
        State.DELIVERED,
        State.READ,
        State.FAILED,
        State.UNKNOWN,
        State.BLOCKED,
        State.EXPIRED,
        State.CANCELLED,
    }
)

#: A person should look at it.
NEEDS_ATTENTION = frozenset({State.IN_DOUBT, State.UNKNOWN, State.FAILED})

#: The moves that we make ourselves; the provider's news go through ``join``.
TRANSITIONS: MappingProxyType[State, frozenset[State]] = MappingProxyType(
    {
        State.QUEUED: frozenset(
            # Failed only where the row cannot even be decided about; unknown only by a person,
            # where the database has gone back in time.
            {
                State.CALLING,
                State.BLOCKED,
                State.EXPIRED,
                State.CANCELLED,
                State.FAILED,
                State.UNKNOWN,
            },
        ),
        # Back to queued only where the message has definitely not been accepted.
        State.CALLING: frozenset(
            {
                State.ACCEPTED,
                State.HELD,
                State.QUEUED,
                State.FAILED,
                State.IN_DOUBT,
                State.UNKNOWN,
            },
        ),
        # Back to queued only by a person, who takes the risk of a second copy.
        State.IN_DOUBT: frozenset(
            {State.ACCEPTED, State.FAILED, State.UNKNOWN, State.QUEUED},
        ),
        State.UNKNOWN: frozenset({State.ACCEPTED, State.FAILED, State.QUEUED}),
        # Another attempt, where the reason of the failure allows one.
        State.FAILED: frozenset({State.QUEUED}),
        State.ACCEPTED: frozenset(),
        State.HELD: frozenset(),
        State.SENT: frozenset(),
        State.DELIVERED: frozenset(),
        State.READ: frozenset(),
        State.BLOCKED: frozenset(),
        State.EXPIRED: frozenset(),
        State.CANCELLED: frozenset(),
    }
)

_RANK = {state: rank for rank, state in enumerate(PROVIDER_ORDER)}

_FROM_PROVIDER = {
    "accepted": State.ACCEPTED,
    "held_for_quality_assessment": State.HELD,
    # Of a send, not of a template: the provider keeps the message until its template runs on.
    "paused": State.HELD,
    "sent": State.SENT,
    "delivered": State.DELIVERED,
    "read": State.READ,
    # Voice messages only: who has listened has also seen it.
    "played": State.READ,
    "failed": State.FAILED,
}


def join(current: State, reported: State) -> State:
    """This will tell the state of a message after news of the provider, in whatever order.

    Associative and idempotent over the provider's states, so that late, repeated and
    swapped news end in the same state. Messages that we stopped ourselves stay as they are.

    Raises:
        ValueError: ``reported`` is none of the provider's states.
    """
    if reported not in _RANK:
        raise ValueError(f"A provider does not report {reported!r}.")
    if current in SETTLED_BY_STATUS:
        return reported
    if current not in _RANK:
        return current
    return max(current, reported, key=_RANK.__getitem__)


def from_provider(text: str) -> State | None:
    """This will translate a status of a webhook or of an answer; None where it is not known.

    Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/
    webhooks/reference/messages/status and templates/template-pacing, read 2026-11.
    """
    return _FROM_PROVIDER.get(text)


def can_move(current: State, new: State) -> bool:
    """This will tell whether we may move a message from one state to another ourselves."""
    return new in TRANSITIONS[current]
