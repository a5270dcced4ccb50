"""The page "Needs attention" in words: what each group means, and what may be answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy

from whatsapp_notify.admin.words import Words
from whatsapp_notify.services.attention import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A button: an action of the list to which the rows belong."""

    action: str
    label: Words
    #: Whether a page asks first, even about a single row.
    asks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What a group is about."""

    title: Words
    meaning: Words
    #: What to do.
    advice: Words
    #: Lower-case name of the model whose admin carries out the answers.
    model: str
    answers: Sequence[Answer] = ()
    #: Query of the list that shows them all.
    query: str = ""


_WAS_SENT = Answer(action="was_sent", label=gettext_lazy("It was sent"))
_SEND_AGAIN = Answer(action="send_again", label=gettext_lazy("Send again"))
_SEND_A_SECOND_TIME = Answer(
    action="send_again", label=gettext_lazy("Send again (perhaps twice)…"), asks=True
)
_DROP = Answer(action="drop", label=gettext_lazy("Drop"))
_SEEN = Answer(action="seen", label=gettext_lazy("Seen"))

TEXTS: Mapping[Kind, Text] = {
    Kind.SENDERS: Text(
        title=gettext_lazy("Stopped senders"),
        meaning=gettext_lazy("Nothing leaves from these numbers; messages wait."),
        advice=gettext_lazy(
            "Open the sender: its page says why it is stopped. Release the red button, or "
            "resume after the repair."
        ),
        model="sender",
    ),
    Kind.IN_DOUBT: Text(
        title=gettext_lazy("In doubt"),
        meaning=gettext_lazy(
            "The call ended without an answer, so WhatsApp may have the message or not. It is "
            "not sent again by itself."
        ),
        advice=gettext_lazy(
            "Wait a few minutes: WhatsApp's next news usually settle it. Else look at the chat, "
            "if you can, and answer."
        ),
        model="message",
        answers=(_WAS_SENT, _DROP, _SEND_A_SECOND_TIME),
        query="attention=yes&state__exact=in_doubt",
    ),
    Kind.UNKNOWN: Text(
        title=gettext_lazy("Outcome unknown"),
        meaning=gettext_lazy("In doubt for a day, and no news came. Nothing more will come."),
        advice=gettext_lazy(
            "Decide: if the customer has it, it was sent. If it is still of use and a second "
            "copy does no harm, send it again. Else drop it."
        ),
        model="message",
        answers=(_WAS_SENT, _DROP, _SEND_A_SECOND_TIME),
        query="attention=yes&state__exact=unknown",
    ),
    Kind.UNREADABLE: Text(
        title=gettext_lazy("Put aside"),
        meaning=gettext_lazy("These messages could not be read or decided about. None has left."),
        advice=gettext_lazy(
            "The worker's log says what broke. Send them again after the repair, or leave them."
        ),
        model="message",
        answers=(_SEND_AGAIN, _SEEN),
        query="attention=yes&reason=unreadable",
    ),
    Kind.FAILED: Text(
        title=gettext_lazy("Failed, not seen yet"),
        meaning=gettext_lazy("WhatsApp has definitely not delivered these messages."),
        advice=gettext_lazy(
            "The reason says what to repair. Send again afterwards, or say that you have seen it."
        ),
        model="message",
        answers=(_SEND_AGAIN, _SEEN),
        query="attention=yes&state__exact=failed",
    ),
    Kind.WEBHOOKS: Text(
        title=gettext_lazy("Webhooks that could not be read"),
        meaning=gettext_lazy(
            "They came from WhatsApp, but something in them made no sense here. Whatever else "
            "was in them has been read."
        ),
        advice=gettext_lazy("Have them read again after an upgrade, or drop them."),
        model="webhookevent",
        answers=(
            Answer(action="process_again", label=gettext_lazy("Read again")),
            Answer(action="drop", label=gettext_lazy("Drop…"), asks=True),
        ),
        query="state=quarantined",
    ),
    Kind.EVENTS: Text(
        title=gettext_lazy("Failed events of the shop"),
        meaning=gettext_lazy("Something happened in the shop, and nobody was written to."),
        advice=gettext_lazy("Repair what the note says, then try again. Else drop them."),
        model="shopevent",
        answers=(Answer(action="try_again", label=gettext_lazy("Try again")), _DROP),
        query="state__exact=failed",
    ),
    Kind.TEMPLATES: Text(
        title=gettext_lazy("Stopped templates"),
        meaning=gettext_lazy("Messages that use them wait and expire."),
        advice=gettext_lazy(
            "Repair them at Meta and synchronise. Resume those that stopped by themselves."
        ),
        model="template",
        answers=(Answer(action="resume", label=gettext_lazy("Resume after repair…"), asks=True),),
    ),
}
