"""Numbers with a fixed fate, as payment sandboxes have card numbers with one.

Every other number is an ordinary customer: messages arrive, and are read when somebody opens
the chat on the phone page. The page and the control address can give any customer any fate.
"""

from dataclasses import dataclass
from typing import Final

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Fate(models.TextChoices):
    """What happens to messages for a customer."""

    NORMAL = "normal", _("Ordinary customer")
    READER = "reader", _("Reads everything at once")
    NO_RECEIPTS = "no_receipts", _("Never shows that it was read")
    NOT_ON_WHATSAPP = "not_on_whatsapp", _("Not on WhatsApp")
    STOPPED_MARKETING = "stopped_marketing", _("Stopped marketing messages")
    MARKETING_CAP = "marketing_cap", _("Had enough marketing from everybody")
    THROTTLED = "throttled", _("Too many messages at first")
    PAIR_LIMITED = "pair_limited", _("Too many messages to this person")
    SERVER_ERROR = "server_error", _("Server error after accepting")
    NO_ANSWER = "no_answer", _("Accepted, but no answer")
    HTML_ERROR = "html_error", _("Bad gateway with an HTML page")
    HELD = "held", _("Held for quality assessment")
    HIDDEN_NUMBER = "hidden_number", _("Hides the phone number")
    DUPLICATED = "duplicated", _("Webhooks come twice")
    DISORDERED = "disordered", _("Webhooks come in the wrong order")
    DELAYED = "delayed", _("Webhooks come late")
    BATCHED = "batched", _("Webhooks come in batches")


@dataclass(frozen=True, slots=True)
class FateRow:
    """One row of the table: the number that has the fate, and what the shop will see."""

    fate: Fate
    #: E.164, or blank: the fate of every other number.
    phone: str
    description: str | Promise


FATES: Final[tuple[FateRow, ...]] = (
    FateRow(
        Fate.NORMAL,
        "",
        _("Delivered. Read when you open the chat here."),
    ),
    FateRow(
        Fate.READER,
        "+358457390000",
        _("Delivered and read without anybody touching the phone."),
    ),
    FateRow(
        Fate.NO_RECEIPTS,
        "+358457390001",
        _("Delivered. Read receipts are off, so “read” never comes."),
    ),
    FateRow(
        Fate.NOT_ON_WHATSAPP,
        "+358457390002",
        _("Accepted, then failed with 131026."),
    ),
    FateRow(
        Fate.STOPPED_MARKETING,
        "+358457390003",
        _("Marketing templates are accepted, then fail with 131050."),
    ),
    FateRow(
        Fate.MARKETING_CAP,
        "+358457390004",
        _("Marketing templates are accepted, then fail with 131049."),
    ),
    FateRow(
        Fate.THROTTLED,
        "+358457390005",
        _("The first two calls are refused with 130429, all later ones accepted."),
    ),
    FateRow(
        Fate.PAIR_LIMITED,
        "+358457390006",
        _("Each message is first refused with 131056, and accepted some seconds later."),
    ),
    FateRow(
        Fate.SERVER_ERROR,
        "+358457390007",
        _("Accepted and delivered, but the call is answered with HTTP 500."),
    ),
    FateRow(
        Fate.NO_ANSWER,
        "+358457390008",
        _("Accepted and delivered, but the call is never answered."),
    ),
    FateRow(
        Fate.HTML_ERROR,
        "+358457390009",
        _("Not accepted: the call is answered with HTTP 502 and an HTML page."),
    ),
    FateRow(
        Fate.HELD,
        "+358457390010",
        _("Accepted as “held_for_quality_assessment”, delivered some seconds later."),
    ),
    FateRow(
        Fate.HIDDEN_NUMBER,
        "+358457390011",
        _("Webhooks carry the business-scoped user id only, never the phone number."),
    ),
    FateRow(
        Fate.DUPLICATED,
        "+358457390012",
        _("Every webhook is posted twice."),
    ),
    FateRow(
        Fate.DISORDERED,
        "+358457390013",
        _("“Read” is posted before “delivered”, and that before “sent”."),
    ),
    FateRow(
        Fate.DELAYED,
        "+358457390014",
        _("Every webhook is posted late."),
    ),
    FateRow(
        Fate.BATCHED,
        "+358457390015",
        _("Statuses of several messages are posted in one body."),
    ),
)

_FATE_BY_WA_ID: Final = {row.phone.removeprefix("+"): row.fate for row in FATES if row.phone}

#: Calls to a throttled number that are refused before one is accepted.
THROTTLED_CALLS: Final = 2

#: The customer reads without anybody opening the chat.
READS_ALONE: Final = frozenset({Fate.READER, Fate.DISORDERED})


def fate_of(wa_id: str) -> Fate:
    """This will return the fixed fate of a number (digits), or that of an ordinary customer."""
    return _FATE_BY_WA_ID.get(wa_id, Fate.NORMAL)


def description_of(fate: str) -> str | Promise:
    """This will return what a fate means, for the phone page."""
    return next(row.description for row in FATES if row.fate == fate)
