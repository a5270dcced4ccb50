"""Consent that counts only after the customer has confirmed it in the chat (double opt-in)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from whatsapp_notify.domain import replies

#: Recorded when a consent begins to wait; its message is the question.
EVENT = "consent.unconfirmed"

# Only words that cannot mean anything else; the labels of the buttons as well, for those who
# type them. Courtesies fall away before: "Ei kiitos" is "ei".
_YES = (
    # en
    "yes",
    "yes i want messages",
    "i want messages",
    # fi
    "kyllä",
    "joo",
    "kyllä haluan viestejä",
    "haluan viestejä",
    # sv
    "ja",
    "ja skicka meddelanden",
    "skicka meddelanden",
    # ru
    "да",
    "да хочу сообщения",
    "хочу сообщения",
)
_NO = ("no", "nope", "ei", "en", "en halua", "nej", "нет")


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What one record of the ledger says about the wait for a confirmation."""

    occurred_at: datetime
    is_grant: bool
    #: Given by the customer's own word or tap, which needs no confirmation.
    is_in_chat: bool = False
    #: For a grant that needs a confirmation: until when it waits for it.
    confirm_by: datetime | None = None
    #: The shop was told another number, from which nobody has said anything yet. It gives
    #: nothing: only consent that stands waits anew.
    is_new_number: bool = False

    @property
    def rank(self) -> int:
        """Which of several acts of one moment counts last."""
        return 0 if self.is_grant and not self.is_new_number else 1 if self.is_grant else 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A consent that waits for its confirmation."""

    begun_at: datetime
    until: datetime


def find_wait(acts: Iterable[Act]) -> Wait | None:
    """This will tell whether the consent waits for its confirmation, and since and until when.

    A box ticked once more neither ends the wait of the first nor takes back a confirmation;
    a withdrawal ends both. A new number begins the wait anew. Acts of one moment: a withdrawal
    counts last.
    """
    is_granted, wait = False, None
    for act in sorted(acts, key=lambda each: (each.occurred_at, each.rank)):
        if not act.is_grant:
            is_granted, wait = False, None
        elif act.is_new_number:
            wait = _begin(act) if is_granted else wait
        elif act.is_in_chat or act.confirm_by is None:
            is_granted, wait = True, None
        elif not is_granted or wait is not None:
            is_granted, wait = True, _go_on(wait, act, act.confirm_by)
    return wait


def _begin(act: Act) -> Wait | None:
    return Wait(begun_at=act.occurred_at, until=act.confirm_by) if act.confirm_by else None


def _go_on(wait: Wait | None, act: Act, until: datetime) -> Wait:
    """This will let a wait that has not ended go on; a box ticked after its end begins another."""
    if wait is None:
        return Wait(begun_at=act.occurred_at, until=until)
    has_ended = act.occurred_at >= wait.until
    return Wait(
        begun_at=act.occurred_at if has_ended else wait.begun_at, until=max(wait.until, until)
    )


def read_answer(text: str) -> bool | None:
    """This will tell whether an answer to the question is yes or no; None for anything else."""
    return _ANSWERS.get(replies.bare_words(text))


_ANSWERS = MappingProxyType(
    {replies.bare_words(phrase): True for phrase in _YES}
    | {replies.bare_words(phrase): False for phrase in _NO}
)
