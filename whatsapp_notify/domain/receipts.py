"""What a backend answers to one call, and what that answer asks of us."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from whatsapp_notify.domain.content import Content


class Action(StrEnum):
    """What a refusal asks of the sender. The table of provider codes maps to these."""

    #: We took it back ourselves, before the first byte: decide about it again, at once.
    RECONSIDER = "reconsider"
    #: Same message again later, with a growing pause; gives up after a few tries.
    RETRY = "retry"
    #: The sender is too fast: everybody waits, no try is used up.
    SLOW_DOWN = "slow_down"
    #: Too many messages to this person: only this person waits, no try is used up.
    SLOW_PAIR = "slow_pair"
    #: Not to this person now; a new try not before a day has passed, or never.
    LATER = "later"
    #: This person cannot be reached on this channel.
    STOP_RECIPIENT = "stop_recipient"
    #: This person has stopped marketing at the provider.
    STOP_MARKETING = "stop_marketing"
    #: The template cannot be sent until a person or the provider repairs it.
    STOP_TEMPLATE = "stop_template"
    #: Nothing can be sent from this number until a person repairs it.
    STOP_SENDER = "stop_sender"
    #: This message is wrong; others may be right.
    DROP = "drop"


class UnknownReason(StrEnum):
    """Why the outcome of a call is not known."""

    TIMED_OUT = "timed_out"
    CONNECTION_LOST = "connection_lost"
    SERVER_ERROR = "server_error"
    NO_MESSAGE_ID = "no_message_id"
    NOT_JSON = "not_json"
    PROCESS_DIED = "process_died"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The provider has the message."""

    provider_message_id: str
    #: The provider's own ids for the recipient, where it told them.
    wa_id: str = ""
    user_id: str = ""
    #: Accepted, but kept back by the provider for now (pacing).
    is_held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The provider, or we before the first byte left, definitely did not take the message."""

    action: Action
    #: The provider's code; None where there was no answer at all (no connection).
    code: int | None = None
    http_status: int | None = None
    #: One sentence without personal data.
    detail: str = ""
    trace_id: str = ""
    #: The code is not in our table: it must come to a person's eyes.
    is_unknown_code: bool = False
    #: By the provider's clock, in whole seconds; None where it was the call's own answer.
    happened_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """The message may or may not have been taken. It must not be repeated by itself."""

    reason: UnknownReason
    http_status: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """The provider has the file, under this id."""

    media_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotUploaded:
    """The provider does not have the file, as far as we know; it may be uploaded anew."""

    #: The provider's code; None where there was no answer.
    code: int | None = None


Receipt = Accepted | Refused | Unknown


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Outgoing:
    """One message on its way to a backend; personal, so its ``repr`` shows the id alone."""

    message_id: int
    #: Number of this call; an answer counts only for the call it answers.
    attempt: int
    #: E.164 with plus sign, or empty.
    phone: str
    #: The provider's id of the person where no phone is known, or empty.
    user_id: str
    content: Content
    #: Echoed in status news; carries no personal data.
    opaque_id: str

    def __repr__(self) -> str:
        return f"<Outgoing #{self.message_id}>"
