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
      then write that field itself: ``auto_now`` does not work there;
    - a model whose primary key does not grow, such as a UUID, is scanned with ``since`` only;
    - changes of a field (``changes``) and signals leave no trace and cannot be found.

    What was found once has an event. The rows of events must therefore outlive the rows of
    the shop that they tell of: retention may empty them, not delete them.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Exists, F, Max, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat, Replace

from whatsapp_notify import conf
from whatsapp_notify.models import ShopEvent, Watermark
from whatsapp_notify.models.set_based import insert_rows
from whatsapp_notify.services import events, watching
from whatsapp_notify.services.events import Happening
from whatsapp_notify.services.watching import ModelWatch

#: Rows of one INSERT.
_CHUNK_SIZE = 500
#: Most rows that one scan of one watch takes; the next scan goes on.
_MAX_FOUND = 10_000


def start(*, now: datetime) -> int:
    """This will set the watermark of each watch that has none: what stands now is the past.

    Returns:
        How many watches are new.
    """
    known = set(Watermark.objects.values_list("name", flat=True))
    fresh = [watch for watch in _watches() if watch.name not in known]
    return insert_rows(
        model=Watermark,
        rows=[
            {"name": watch.name, "start_pk": _highest_pk(watch), "started_at": now}
            for watch in fresh
        ],
    )


def scan(*, now: datetime) -> int:
    """This will record the events that are missing. See Note [What a scan can know].

    Returns:
        How many were recorded.
    """
    start(now=now)
    marks = {mark.name: mark for mark in Watermark.objects.all()}
    return sum(_scan(watch, marks[watch.name], now=now) for watch in _watches())


def can_scan(watch: ModelWatch) -> bool:
    """This will tell whether what signals miss can be found at all."""
    return not watch.changes and (bool(watch.since) or _grows(watch))


def _watches() -> Iterator[ModelWatch]:
    for watch in watching.load():
        if isinstance(watch, ModelWatch) and can_scan(watch):
            yield watch


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
