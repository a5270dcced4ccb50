"""The sending number: red button, circuit, pace."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from whatsapp_notify import conf, signals
from whatsapp_notify.exceptions import StateChanged
from whatsapp_notify.models import Message, Sender
from whatsapp_notify.services import doorbells

logger = logging.getLogger(__name__)

#: Pause between two tries while the circuit is open and may close by itself.
PROBE_INTERVAL = timedelta(minutes=1)

#: The account is restricted for a breach of policy.
#: Source of all codes: WhatsApp Cloud API, "Error codes", read 2026-11.
RESTRICTED = 368
#: The account is banned: restricted, or locked. Meta tells when that is over.
BAN_CODES = frozenset({RESTRICTED, 131031})
#: Only a person can say that these are over: a ban, an unpaid bill, spam.
MANUAL_RESUME_CODES = BAN_CODES | {131042, 131048, 131064}


def current() -> Sender:
    """This will return the number named in the settings, and create its row at first use."""
    settings = conf.load()
    sender, _created = Sender.objects.get_or_create(
        phone_number_id=settings.PHONE_NUMBER_ID,
        defaults={"business_account_id": settings.BUSINESS_ACCOUNT_ID},
    )
    return sender


def get(*, sender_id: int) -> Sender:
    """This will return the row without holding it."""
    return Sender.objects.get(pk=sender_id)


def lock(*, sender_id: int) -> Sender:
    """This will return the row and hold it until the end of the transaction."""
    return Sender.objects.select_for_update(no_key=True).get(pk=sender_id)


def stop(*, sender: Sender, actor: str, now: datetime) -> None:
    """This will press the red button: no call starts after this has been committed.

    See Note [The last look] of ``claims``. Calls that are under way still end.

    Raises:
        StateChanged: It is pressed already, which has been announced; it stays pressed.
    """
    with transaction.atomic():
        row = lock(sender_id=sender.pk)
        if row.stopped_at is not None:
            raise StateChanged(StateChanged.__doc__)
        row.stopped_at, row.stopped_by = now, actor
        row.save(update_fields=["stopped_at", "stopped_by"])
    _announce("red_button", f"pressed by {actor}", sender=sender)


def release(*, sender: Sender, actor: str, now: datetime) -> None:
    """This will release the red button; what has waited leaves, unless it has expired.

    Args:
        sender: The row as the person saw it: its ``stopped_at`` says which press is released.

    Raises:
        StateChanged: The button has been released since, or pressed again.
    """
    with transaction.atomic():
        row = lock(sender_id=sender.pk)
        if row.stopped_at is None or row.stopped_at != sender.stopped_at:
            raise StateChanged(StateChanged.__doc__)
        row.stopped_at, row.stopped_by = None, ""
        row.save(update_fields=["stopped_at", "stopped_by"])
        _ring()
    # Who did it stands in the admin's history: a user name may be an address of a person.
    logger.info("Red button released", extra={"sender_id": sender.pk})


def open_circuit(*, sender: Sender, code: int | None, now: datetime) -> None:
    """This will stop the number because of what Meta answered. Needs the row held."""
    is_new = sender.circuit_opened_at is None
    if not is_new and sender.circuit_code in MANUAL_RESUME_CODES:
        return  # a lesser refusal, of a call that was under way, must not let it close by itself
    sender.circuit_opened_at = sender.circuit_opened_at or now
    sender.circuit_code = code
    is_manual = code in MANUAL_RESUME_CODES
    sender.circuit_probe_at = None if is_manual else now + PROBE_INTERVAL
    sender.save(update_fields=["circuit_opened_at", "circuit_code", "circuit_probe_at"])
    if is_new:
        detail = "no answer of Meta's" if code is None else f"code {code}"
        _announce("sender_circuit", detail, sender=sender)


def close_circuit(*, sender: Sender, now: datetime) -> None:
    """This will let the number send again, for all is said to be well. Needs the row held."""
    sender.resumed_at = now
    _take_off_brakes(sender)


def needs_a_person(sender: Sender) -> bool:
    """This will tell whether it is stopped by what no end of a ban is the end of."""
    return sender.circuit_code in MANUAL_RESUME_CODES - BAN_CODES


def calm(*, sender: Sender, called_at: datetime) -> None:
    """This will let the number send again, after a call that began then. Needs the row held."""
    if sender.circuit_opened_at is not None:
        sender.calmed_at = called_at
    _take_off_brakes(sender)


def _take_off_brakes(sender: Sender) -> None:
    sender.circuit_opened_at = sender.circuit_code = sender.circuit_probe_at = None
    sender.slow_count, sender.slow_until = 0, None
    sender.save(
        update_fields=[
            "circuit_opened_at", "circuit_code", "circuit_probe_at", "slow_count", "slow_until",
            "resumed_at", "calmed_at",
        ]
    )  # fmt: skip


def well_since(sender: Sender, *, code: int | None) -> datetime | None:
    """This will return since when failures with that code are over; None where none ever was.

    What only a person can end is not ended by a call that slipped through.
    """
    if code in MANUAL_RESUME_CODES:
        return sender.resumed_at
    return max(filter(None, (sender.resumed_at, sender.calmed_at)), default=None)


def any_is_braked() -> bool:
    """This will tell whether one of the numbers is stopped or slowed by Meta's answers."""
    by_meta = Q(circuit_opened_at__isnull=False) | Q(slow_count__gt=0)
    return Sender.objects.filter(by_meta).exists()


def is_calmed_by(sender: Sender, *, called_at: datetime) -> bool:
    """This will tell whether an accepted call, begun at that time, ends a brake of Meta's.

    What only a person can end is not ended by a call that slipped through.
    """
    if sender.circuit_opened_at is not None:
        is_manual = sender.circuit_code in MANUAL_RESUME_CODES
        return not is_manual and called_at > sender.circuit_opened_at
    if not sender.slow_count:
        return False
    return sender.slow_until is None or called_at >= sender.slow_until


def resume(*, sender: Sender, actor: str, now: datetime) -> None:
    """This will close the circuit by hand, after the repair.

    Args:
        sender: The row as the person saw it: what has opened its circuit is what was repaired.

    Raises:
        StateChanged: The circuit has been closed since, or opened again or by a graver answer.
    """
    with transaction.atomic():
        row = lock(sender_id=sender.pk)
        if row.circuit_opened_at is None or _opened_by(row) != _opened_by(sender):
            raise StateChanged(StateChanged.__doc__)
        close_circuit(sender=row, now=now)
        _ring()
    logger.info("Circuit closed by hand", extra={"sender_id": sender.pk})


def _opened_by(sender: Sender) -> tuple[datetime | None, int | None]:
    return sender.circuit_opened_at, sender.circuit_code


def _ring() -> None:
    doorbells.ring(signals.messages_due, sender=Message)


def _announce(reason: str, detail: str, *, sender: Sender) -> None:
    logger.warning(
        "A sender stops",
        extra={"reason": reason, "sender_id": sender.pk, "code": sender.circuit_code},
    )
    doorbells.ring(signals.attention_needed, reason=reason, detail=detail)
