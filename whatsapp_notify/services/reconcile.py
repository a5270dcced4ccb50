"""Finds in the shop's tables what its signals did not tell.

``QuerySet.update()``, ``bulk_create()``, raw SQL and other services send no signals. The scan
looks for rows that were created or have reached their value and have no event.

Note [What a scan can know]
    A table tells where its rows stand, not since when. So that nobody is written to about the
    past, a watch begins with a watermark: its time, and the highest primary key of that
    moment. Then

    - without ``since``, only rows that were added after the watermark are looked at. An order
      that stood there before and is moved by ``update()`` later is *not* found;
    - with ``since`` (the field with the time of creation, or of the last change), rows count
      that were touched after the watermark and within ``RECONCILE_HOURS``. ``update()`` must
      then write that field itself: ``auto_now`` does not work there. A row that stood there
      with its value before the watermark, and is saved later, is noted as the past by the
      receiver, which has seen it before the save; raw SQL that touches all rows of a table
      makes news of them;
    - a model whose primary key does not grow, such as a UUID, is scanned with ``since`` only;
    - changes of a field (``changes``) and signals leave no trace and cannot be found.

    Another value, field or ``since`` is another watch, which begins anew; so does one that was
    taken out of the settings for a day and is put back.

    What was found once has an event. The rows of events must therefore outlive the rows of
    the shop that they tell of: retention may empty them, not delete them.
"""

import hashlib
import logging
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

from django.db import connections, models, router, transaction
from django.db.models import Exists, F, Max, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Coalesce, Concat, Replace

from whatsapp_notify import conf
from whatsapp_notify.models import ShopEvent, Watermark
from whatsapp_notify.services import events, faults, watching
from whatsapp_notify.services.events import Happening
from whatsapp_notify.services.watching import ModelWatch

logger = logging.getLogger(__name__)

#: How long the mark of a watch is kept that the settings do not name any more.
_FORGOTTEN_AFTER = timedelta(days=1)
#: From the commit of a row until the commit of its event.
_BEING_TOLD = timedelta(minutes=1)
#: Rows of one INSERT.
_CHUNK_SIZE = 500
#: Most rows that one scan of one watch takes; the next scan goes on.
_MAX_FOUND = 10_000


class Horizon:
    """Since when watches look; what was touched last before that is the past."""

    def __init__(self) -> None:
        #: Of those that have begun, and look for what this process looks for.
        self._started_at: dict[str, datetime] = {}

    def is_behind(self, watch: ModelWatch, touched_at: datetime, *, now: datetime) -> bool:
        """This will tell whether the watch began after that time, or has not begun yet.

        Asks the database until it has begun, and then no more. What was touched just now is told
        by whoever did it: without a transaction, the row is seen before its event.
        """
        if touched_at > now - _BEING_TOLD:
            return False
        if watch.name not in self._started_at:
            self._read()
        started_at = self._started_at.get(watch.name)
        return started_at is None or touched_at < started_at

    def _read(self) -> None:
        named = _watches()
        using = router.db_for_read(Watermark)
        # Where the shop's transaction is open, a fault must not end it.
        is_open = connections[using].in_atomic_block
        with transaction.atomic(using=using) if is_open else nullcontext():
            for mark in Watermark.objects.filter(name__in=named):
                if mark.watched in {"", _digest(named[mark.name])}:
                    self._started_at[mark.name] = mark.started_at


def start(*, now: datetime) -> int:
    """This will set the watermark of each watch that has none: what stands now is the past.

    Returns:
        How many watches are new.
    """
    known = set(Watermark.objects.values_list("name", flat=True))
    fresh = {name: watches for name, watches in _watches().items() if name not in known}
    for name, watches in fresh.items():
        _begin(name, watches, now=now)
    return len(fresh)


def scan(*, now: datetime) -> int:
    """This will record the events that are missing. See Note [What a scan can know].

    Returns:
        How many were recorded.

    Raises:
        Exception: Whatever the shop's table raised when it was asked; all others were scanned.
    """
    named, count, fault = _watches(), 0, None
    _forget_others(named, now=now)
    marks = {mark.name: mark for mark in Watermark.objects.all()}
    for name, watches in named.items():
        try:
            mark = _mark(name, watches, marks.get(name), now=now)
            count += sum(_scan(watch, mark, now=now) for watch in watches)
        except Exception as err:  # noqa: BLE001  # a table of the shop's may be migrated right now
            logger.error(
                "A watched table could not be scanned: %s",
                faults.trace(err),
                extra={"watch": faults.printable(name)},
            )
            fault = err
    if fault is not None:
        raise fault
    return count


def can_scan(watch: ModelWatch) -> bool:
    """This will tell whether what signals miss can be found at all."""
    return not watch.changes and (bool(watch.since) or _grows(watch))


def _watches() -> dict[str, list[ModelWatch]]:
    """This will return the watches that can be scanned by their names; two may share one."""
    named: dict[str, list[ModelWatch]] = {}
    for watch in watching.load():
        if isinstance(watch, ModelWatch) and can_scan(watch):
            named.setdefault(watch.name, []).append(watch)
    return named


def _forget_others(names: Collection[str], *, now: datetime) -> None:
    """This will let watches that nobody has looked after for a day begin anew, if they come back.

    Not at once: another process may have other settings while they are changed.
    """
    others = Watermark.objects.exclude(name__in=names)
    others = others.alias(looked_at=Coalesce("scanned_at", "started_at"))
    others.filter(looked_at__lt=now - _FORGOTTEN_AFTER).delete()


def _mark(
    name: str, watches: Sequence[ModelWatch], mark: Watermark | None, *, now: datetime
) -> Watermark:
    """This will return since when the watches look; other ones under the same name begin anew."""
    if mark is None:
        return _begin(name, watches, now=now)
    if mark.watched not in {"", _digest(watches)}:
        # Again and again, where two workers have different settings for long.
        logger.warning(
            "A watch has changed and begins anew", extra={"watch": faults.printable(name)}
        )
        return _begin(name, watches, now=now)
    if not mark.watched:
        # Of a version that did not write it.
        Watermark.objects.filter(pk=mark.pk).update(watched=_digest(watches))
    return mark


def _begin(name: str, watches: Sequence[ModelWatch], *, now: datetime) -> Watermark:
    """This will let watches begin now: what stands now is the past."""
    fresh = {
        "watched": _digest(watches),
        "start_pk": _highest_pk(watches[0]),
        "started_at": now,
    }
    mark, _created = Watermark.objects.update_or_create(name=name, defaults=fresh)
    return mark


def _digest(watches: Sequence[ModelWatch]) -> str:
    """This will return a mark of what is looked for."""
    # Sorted: the settings may hold sets, whose order is another in each process.
    sought = sorted(
        (
            watch.created,
            sorted(each.attname for each in watch.fields),
            sorted(str(each) for each in watch.values),
            watch.since,
        )
        for watch in watches
    )
    return hashlib.sha256(repr(sought).encode()).hexdigest()[:16]


def _scan(watch: ModelWatch, mark: Watermark, *, now: datetime) -> int:
    found = list(_missing(watch, mark, now=now)[:_MAX_FOUND])
    count = 0
    for start_at in range(0, len(found), _CHUNK_SIZE):
        chunk = found[start_at : start_at + _CHUNK_SIZE]
        count += events.record(*(_happening(watch, pk, at, now=now) for pk, at in chunk), now=now)
    Watermark.objects.filter(pk=mark.pk).update(scanned_at=now)
    return count


def _missing(
    watch: ModelWatch, mark: Watermark, *, now: datetime
) -> "QuerySet[Any, tuple[Any, datetime | None]]":
    rows = watch.model._base_manager.order_by("pk")
    if watch.values:
        rows = rows.filter(**{f"{watch.fields[0].name}__in": watch.values})
    if watch.since:
        oldest = now - timedelta(hours=conf.load().RECONCILE_HOURS)
        rows = rows.filter(**{f"{watch.since}__gte": max(oldest, mark.started_at)})
    elif mark.start_pk:
        rows = rows.filter(pk__gt=int(mark.start_pk))
    told = ShopEvent.objects.filter(key=_key_in_database(watch))
    at = F(watch.since) if watch.since else Value(None, models.DateTimeField())
    return rows.filter(~Exists(told)).values_list("pk", at)


def _key_in_database(watch: ModelWatch) -> Concat:
    """This will build what ``ModelWatch.key`` builds, in the database."""
    pk: Any = Cast(OuterRef("pk"), models.CharField())
    if isinstance(_pk_field(watch), models.UUIDField):
        pk = Replace(pk, Value("-"), Value(""))
    return Concat(Value(f"{watch.name}:"), pk, output_field=models.CharField())


def _happening(watch: ModelWatch, pk: Any, at: datetime | None, *, now: datetime) -> Happening:
    return Happening(
        name=watch.event,
        key=watch.key(pk),
        occurred_at=min(at or now, now),
        subject_label=watch.label,
        subject_pk=watching.pk_text(pk),
    )


def _highest_pk(watch: ModelWatch) -> str:
    if not _grows(watch):
        return ""
    highest = watch.model._base_manager.aggregate(highest=Max("pk"))["highest"]
    return "" if highest is None else str(highest)


def _grows(watch: ModelWatch) -> bool:
    return isinstance(_pk_field(watch), models.IntegerField)


def _pk_field(watch: ModelWatch) -> "models.Field[Any, Any]":
    field = watch.model._meta.pk
    # The key of a child is a reference to its parent's.
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return field
