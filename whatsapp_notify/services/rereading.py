"""One old webhook read again, each of its elements for itself."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import OperationalError, transaction
from django.db.models import Max

from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.cloud_api.webhooks import Status
from whatsapp_notify.models import DeliveryEvent, UnreadWebhook, WebhookEvent
from whatsapp_notify.models.set_based import among
from whatsapp_notify.services import faults, inbound, statuses

logger = logging.getLogger(__name__)

#: Statuses joined in one statement.
_STATUSES = 5000


@dataclass(slots=True, kw_only=True)
class Reading:
    """What is in one webhook, and what of it could not be read."""

    event: WebhookEvent
    #: Whether it waited to be read when it was read here.
    was_unread: bool
    parsed: wire.Parsed
    problems: list[str]

    @property
    def has_more(self) -> bool:
        """Whether there is more in it than statuses."""
        return bool(self.parsed.messages or self.parsed.preferences)

    @property
    def needs_person(self) -> bool:
        """Whether staff are to look at it: it cannot be read, and they have not dropped it."""
        return bool(self.problems) and not self.event.is_dropped

    def tell(self, problem: str) -> None:
        """This will note a problem, once."""
        if problem not in self.problems:
            self.problems.append(problem)


def read(event: WebhookEvent, *, was_unread: bool) -> Reading:
    """This will parse the bytes; what is wrong with them stands among the problems."""
    try:
        parsed = wire.parse(bytes(event.body))
        problems = [f"{each.path}: {each.reason}" for each in parsed.malformed]
    except wire.MalformedBody as err:
        parsed, problems = wire.Parsed(), [str(err)]
    return Reading(event=event, was_unread=was_unread, parsed=parsed, problems=problems)


def apply_statuses(readings: Sequence[Reading]) -> int:
    """This will join all statuses of the readings, and count the lines that were missing."""
    told = [(reading, status) for reading in readings for status in reading.parsed.statuses]
    if not told:
        return 0
    now = readings[-1].event.received_at
    with transaction.atomic():
        last = DeliveryEvent.objects.aggregate(last=Max("pk"))["last"] or 0
        for start in range(0, len(told), _STATUSES):
            _join(told[start : start + _STATUSES], now)
        return DeliveryEvent.objects.filter(pk__gt=last, recorded_at=now).count()


def _join(told: Sequence[tuple[Reading, Status]], now: datetime) -> None:
    """This will join statuses at once, and in halves where that breaks, to the bad one."""
    try:
        with transaction.atomic():
            statuses.apply(statuses=[status for _reading, status in told], now=now)
        return
    except OperationalError:
        raise  # the database is busy: nothing is wrong with the body
    except Exception as err:  # noqa: BLE001  # one poison status must not stop the others
        if len(told) == 1:
            logger.error("A status could not be joined: %s", faults.trace(err))
            told[0][0].tell(f"Status: {type(err).__name__}")
            return
    middle = len(told) // 2
    _join(told[:middle], now)
    _join(told[middle:], now)


def apply_the_rest(reading: Reading) -> None:
    """This will bring back customers' messages and preferences of one webhook."""
    now = reading.event.received_at
    with transaction.atomic():
        for message in reading.parsed.messages:
            _apply(_receive, message, reading, now)
        for change in reading.parsed.preferences:
            _apply(inbound.change_preference, change, reading, now)


def _apply(handle: Callable[..., object], element: object, reading: Reading, now: datetime) -> None:
    try:
        with transaction.atomic():
            handle(element, now=now)
    except OperationalError:
        raise
    except Exception as err:  # noqa: BLE001  # one poison element must not stop the others
        logger.error("A webhook element broke: %s", faults.trace(err))
        reading.tell(f"{type(element).__name__}: {type(err).__name__}")


def _receive(message: wire.InboundMessage, *, now: datetime) -> None:
    if inbound.receive(message, now=now) is None:
        inbound.withdraw_again(message, now=now)


def write_outcomes(readings: Sequence[Reading]) -> None:
    """This will put aside what cannot be read, and take out of quarantine what now can be.

    A notice stays there: it has never been taken note of, and a replay takes none. What staff have
    dropped stays dropped, whatever is in it, also where they did so meanwhile. What waited to be
    read waits no more. Needs a transaction.
    """
    waited = [reading.event.pk for reading in readings if reading.was_unread]
    if waited:
        UnreadWebhook.objects.filter(among("pk", waited)).delete()
    for reading in readings:
        event, problem = reading.event, "; ".join(reading.problems)[:300]
        if reading.needs_person:
            is_quarantined = True
        elif event.is_quarantined and not reading.parsed.notices:
            is_quarantined = False
        else:
            continue
        if (event.is_quarantined, event.problem) != (is_quarantined, problem):
            # Not in a subquery: PostgreSQL looks at the WHERE once more when it has waited.
            waits = UnreadWebhook.of_webhook()
            as_read = {"is_quarantined": event.is_quarantined, "problem": event.problem}
            WebhookEvent.objects.filter(~waits, pk=event.pk, **as_read).update(
                is_quarantined=is_quarantined, problem=problem
            )
