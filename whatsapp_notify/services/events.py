"""What happened in the shop: recorded with one INSERT, thought about later."""

import dataclasses
import hashlib
import itertools
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, connections, router, transaction
from django.db.models import F, Q, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from whatsapp_notify import signals
from whatsapp_notify.domain.occasions import Customer
from whatsapp_notify.domain.phone import InvalidPhone
from whatsapp_notify.domain.storable import storable
from whatsapp_notify.models import ShopEvent
from whatsapp_notify.models.set_based import insert_rows, update_rows
from whatsapp_notify.services import contacts, doorbells, faults, patience, planning, replaying

logger = logging.getLogger(__name__)

#: An event that failed so often is left to a person.
MAX_TRIES = 3
#: Pause after the first and the second try; nobody else takes the event up meanwhile.
_PAUSES = {1: timedelta(minutes=1), 2: timedelta(minutes=10)}
#: Events that are taken up together the first time.
_CHUNK_SIZE = 25
#: Events that are looked up at once.
_LISTED = 200
#: A long backlog is done in turns, so that a worker that is asked to stop is not kept.
_TURN_SECONDS = 15.0
#: Lengths of the columns, and of one value for templates.
_MAX_KEY, _MAX_NAME, _MAX_NOTE, _MAX_VALUE = 200, 60, 300, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event that is about to be recorded."""

    name: str
    #: Told once per key.
    key: str
    occurred_at: datetime
    #: "app_label.model" and primary key of what it happened to.
    subject_label: str = ""
    subject_pk: str = ""
    user_id: Any = None
    contact_id: int | None = None
    order_ref: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


# Recording


def record(*happenings: Happening, now: datetime) -> int:
    """This will record events with one INSERT, in the caller's transaction.

    What was told before is left out silently: a clash of keys never disturbs the caller's
    transaction. After the commit the doorbell rings.

    Returns:
        How many were new.
    """
    if replaying.is_on():
        return 0  # see Note [A replay brings back and begins nothing]
    rows = [_row(each, now=now) for each in happenings]
    count = _insert(rows[0]) if len(rows) == 1 else insert_rows(model=ShopEvent, rows=rows)
    if count:
        doorbells.ring(signals.events_recorded, sender=ShopEvent)
    return count


def note_bygones(*happenings: Happening, now: datetime) -> None:
    """This will see to it that what happened before the shop was watched is never told."""
    # Not in the language of whoever saves the row: it is kept for all.
    with translation.override(settings.LANGUAGE_CODE):
        note = _("It happened before the shop was watched.")
    ignored = {"state": ShopEvent.State.IGNORED, "is_pending": False, "note": note}
    insert_rows(model=ShopEvent, rows=[_row(each, now=now) | ignored for each in happenings])


def record_for_customer(happening: Happening, *, customer: Customer, now: datetime) -> int:
    """This will record an event about a person whom the caller describes.

    A person without an address is recorded as a failed event, so that somebody sees it.
    """
    try:
        contact = contacts.resolve(customer=customer, now=now)
    except (InvalidPhone, contacts.NoAddress) as err:
        failed = _row(happening, now=now) | {
            "state": ShopEvent.State.FAILED,
            "is_pending": False,
            "note": planning.address_note(err),
        }
        return _insert(failed)
    return record(dataclasses.replace(happening, contact_id=contact.pk), now=now)


def fits(key: str) -> str:
    """This will return the key as the database keeps it; a long one ends in its digest."""
    if len(key) <= _MAX_KEY:
        return key
    mark = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{key[: _MAX_KEY - len(mark) - 1]}#{mark}"


def _row(happening: Happening, *, now: datetime) -> dict[str, Any]:
    return {
        "name": happening.name[:_MAX_NAME],
        "key": fits(_stored(happening.key)),
        "subject_label": happening.subject_label,
        "subject_pk": happening.subject_pk,
        "user_id": happening.user_id,
        "contact_id": happening.contact_id,
        "order_ref": _stored(happening.order_ref)[:64],
        "data": {
            _stored(str(name))[:_MAX_NAME]: _stored(str(value))[:_MAX_VALUE]
            for name, value in happening.data.items()
        },
        "occurred_at": happening.occurred_at,
        "recorded_at": now,
    }


def _insert(row: Mapping[str, Any]) -> int:
    """This will insert one row, during a checkout: half the time of ``insert_rows``."""
    connection = connections[router.db_for_write(ShopEvent)]
    fields = [field for field in ShopEvent._meta.concrete_fields if not field.primary_key]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    sql = (
        f"INSERT INTO {quote(ShopEvent._meta.db_table)} ({columns}) "  # noqa: S608  # our names
        f"VALUES ({', '.join(['%s'] * len(fields))}) ON CONFLICT DO NOTHING"
    )
    values = [
        field.get_db_prep_save(
            row[field.attname] if field.attname in row else field.get_default(), connection
        )
        for field in fields
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)


def _stored(text: str) -> str:
    return storable(text, instead="")


# Processing


def process(
    *,
    now: datetime,
    clock: Callable[[], datetime] | None = None,
    is_stopping: Callable[[], bool] = lambda: False,
) -> int:
    """This will turn waiting events into messages, each in a transaction of its own, for a turn.

    Attempts are counted before the work, so that an event that kills its worker is given up
    after three; those that came with it go on alone a minute later.

    Args:
        clock: Tells the time again while the run goes on: what is taken up is left to this process
            from then on.
        is_stopping: Ends the turn as soon as it may.

    Returns:
        How many events were taken up.
    """
    tell = clock or (lambda: now)
    total, turn_ends_at = 0, time.monotonic() + _TURN_SECONDS
    _give_up_on_killers(now=now)
    rows, is_over = patience.RowLimit(), False
    while not is_over:
        taken_up = 0
        for chunk in _chunks(now=tell()):
            taken_up += _process_chunk(chunk, rows=rows, now=tell())
            is_over = time.monotonic() > turn_ends_at or is_stopping()
            if is_over:
                _ring_for_fresh()
                break
        total += taken_up
        # None: nothing is due, or others have taken it up.
        is_over = is_over or not taken_up
    return total


def _chunks(*, now: datetime) -> list[list[int]]:
    """This will return the events that are due: new ones together, those tried before alone.

    In turns, so that neither keeps the other waiting.
    """
    due = _due(now=now)
    fresh = list(due.filter(attempts=0)[:_LISTED].values_list("pk", flat=True))
    # Who has waited longest first: one that is put off again and again keeps no other waiting.
    again = due.filter(attempts__gt=0).order_by("processed_at", "id")[:_LISTED]
    chunks = [fresh[start : start + _CHUNK_SIZE] for start in range(0, len(fresh), _CHUNK_SIZE)]
    alone = [[pk] for pk in again.values_list("pk", flat=True)]
    in_turns = itertools.chain.from_iterable(itertools.zip_longest(chunks, alone))
    return [chunk for chunk in in_turns if chunk is not None]


def _ring_for_fresh() -> None:
    """This will have somebody go on; those tried before are left to the tick."""
    if _fresh().order_by("id").values_list("pk").first() is not None:
        doorbells.ring(signals.events_recorded, sender=ShopEvent)


def retry(*, event_ids: list[int]) -> frozenset[int]:
    """This will let failed events be processed again, after the repair.

    Messages that were planned the first time are not planned twice.

    Returns:
        The ids of those that wait now, and had failed before.
    """
    waiting = update_rows(
        model=ShopEvent,
        rows=[{"id": pk, "state": str(ShopEvent.State.PENDING)} for pk in event_ids],
        same={"is_pending": True, "attempts": 0, "note": "", "processed_at": None},
        only_where={"state": [str(ShopEvent.State.FAILED)]},
    )
    if waiting:
        doorbells.ring(signals.events_recorded, sender=ShopEvent)
    return waiting


def drop(*, event_ids: list[int]) -> frozenset[int]:
    """This will let failed events rest; what went wrong stays in their note.

    Returns:
        The ids of those that rest now, and did not before.
    """
    return update_rows(
        model=ShopEvent,
        rows=[{"id": pk, "state": str(ShopEvent.State.IGNORED)} for pk in event_ids],
        only_where={"state": [str(ShopEvent.State.FAILED)]},
    )


def is_waiting(*, since: datetime) -> bool:
    """This will tell whether an event recorded by then has not been looked at yet."""
    return _fresh().filter(recorded_at__lte=since).exists()


def _fresh() -> QuerySet[ShopEvent]:
    """Those that nobody has looked at yet."""
    return ShopEvent.objects.filter(is_pending=True, attempts=0)


def _due(*, now: datetime) -> QuerySet[ShopEvent]:
    may_go = Q(attempts=0)
    for attempts, pause in _PAUSES.items():
        may_go |= Q(attempts=attempts, processed_at__lte=now - pause)
    return ShopEvent.objects.filter(may_go, is_pending=True).order_by("id")


def _give_up_on_killers(*, now: datetime) -> None:
    abandoned = ShopEvent.objects.filter(
        is_pending=True,
        attempts__gte=MAX_TRIES,
        processed_at__lte=now - _PAUSES[MAX_TRIES - 1],
    )
    with transaction.atomic():
        count = ShopEvent.objects.filter(
            pk__in=list(patience.free(abandoned).values_list("pk", flat=True))
        ).update(
            state=ShopEvent.State.FAILED,
            is_pending=False,
            note=_("The worker died over this event %(count)d times.") % {"count": MAX_TRIES},
        )
    if count:
        logger.error("Events killed their workers and were given up", extra={"count": count})


def _process_chunk(chunk: list[int], *, rows: patience.RowLimit, now: datetime) -> int:
    # Note [The time of the claim is its mark]
    # ``processed_at`` is written by the claim and compared by the work: a worker that was
    # frozen for longer than the pause finds another time there, and leaves the event alone.
    with transaction.atomic():
        free = patience.free(_due(now=now).filter(pk__in=chunk))
        due = list(free.values_list("pk", flat=True))
        ShopEvent.objects.filter(pk__in=due).update(attempts=F("attempts") + 1, processed_at=now)
    claimed = ShopEvent.objects.filter(pk__in=chunk, is_pending=True, processed_at=now)
    pks = list(claimed.order_by("id").values_list("pk", flat=True))
    for pk in pks:
        _process_one(pk, rows=rows, now=now)
    return len(pks)


def _process_one(pk: int, *, rows: patience.RowLimit, now: datetime) -> None:
    try:
        with transaction.atomic():
            rows.begin()
            event = _lock(pk, now=now)
            if event is not None:
                _finish(event, planning.plan(event=event, now=now))
    except OperationalError as err:
        if rows.is_met(err):
            _put_off(pk, now=now)
        else:
            _tell(pk, err, now=now)
    except Exception as err:  # noqa: BLE001 - the shop's adapter may raise anything
        _tell(pk, err, now=now)


def _tell(pk: int, err: Exception, *, now: datetime) -> None:
    # See Note [Faults without their words] in receivers.
    logger.error("A shop event failed:\n%s", faults.trace(err), extra={"event_id": pk})
    _note_fault(pk, err, now=now)


def _put_off(pk: int, *, now: datetime) -> None:
    """This will have an event about somebody whose row is held read after a pause.

    As often as need be. See Note [Rows that the shop holds] of ``patience``.
    """
    logger.info("A shop event waits for a row that is held", extra={"event_id": pk})
    ShopEvent.objects.filter(pk=pk, is_pending=True, processed_at=now).update(
        attempts=1, processed_at=now - _PAUSES[1] + patience.ROW_PAUSE
    )


def _lock(pk: int, *, now: datetime) -> ShopEvent | None:
    can_skip = connection.features.has_select_for_update_skip_locked
    return (
        ShopEvent.objects.select_for_update(of=("self",), skip_locked=can_skip)
        .filter(pk=pk, is_pending=True, processed_at=now)
        .first()
    )


def _finish(event: ShopEvent, outcome: planning.Outcome) -> None:
    event.state, event.note, event.is_pending = outcome.state, outcome.note[:_MAX_NOTE], False
    event.save(update_fields=["state", "note", "is_pending", "user_id", "contact_id", "order_ref"])


def _note_fault(pk: int, err: Exception, *, now: datetime) -> None:
    mine = ShopEvent.objects.filter(pk=pk, is_pending=True, processed_at=now)
    note = _("%(fault)s while the event was read; see the worker's log.") % {
        "fault": type(err).__name__
    }
    mine.update(note=note[:_MAX_NOTE])
    mine.filter(attempts__gte=MAX_TRIES).update(state=ShopEvent.State.FAILED, is_pending=False)
