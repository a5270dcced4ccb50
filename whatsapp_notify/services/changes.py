"""Which events follow from a row that was saved."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from whatsapp_notify.services import watching
from whatsapp_notify.services.events import Happening
from whatsapp_notify.services.watching import CUSTOMER_CHANGED, ModelWatch


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedRow:
    """The watched values of a row, by attribute name. Deferred ones are not known and lack."""

    pk: Any
    created: bool
    #: As they were when the row was loaded, and ``since`` of each watch; empty for a new row.
    loaded: Mapping[str, Any]
    #: As they have been written now.
    saved: Mapping[str, Any]


def happenings(
    *, watches: Sequence[ModelWatch], row: SavedRow, now: datetime
) -> tuple[Happening, ...]:
    """This will return the events of one save: created, reached a value, changed."""
    return tuple(
        _happening(watch, row, now, suffix)
        for watch in watches
        for suffix in _suffixes(watch, row, now)
    )


def bygones(
    *,
    watches: Sequence[ModelWatch],
    row: SavedRow,
    is_past: Callable[[ModelWatch, datetime], bool],
    now: datetime,
) -> tuple[Happening, ...]:
    """This will return what had happened to a row before it was watched, and is not to be told.

    The save may have touched ``since``, by which the scan would take it for news.

    Args:
        is_past: Whether the row was touched last, at that time, before the watch began.
    """
    return tuple(
        _happening(watch, row, now)
        for watch in watches
        if watch.since
        and not row.created
        and (watch.created or (watch.values and _stays(watch, row)))
        and isinstance(touched_at := row.loaded.get(watch.since), datetime)
        and is_past(watch, touched_at)
    )


def _happening(watch: ModelWatch, row: SavedRow, now: datetime, suffix: str = "") -> Happening:
    return Happening(
        name=watch.event,
        key=watch.key(row.pk) + suffix,
        occurred_at=now,
        subject_label=watch.label,
        subject_pk=watching.pk_text(row.pk),
    )


def _suffixes(watch: ModelWatch, row: SavedRow, now: datetime) -> Iterator[str]:
    """This will yield the end of the key of each event: "" for what is told once per row."""
    if watch.created:
        if row.created:
            yield ""
    elif watch.values:
        if _has_reached(watch, row.saved) and not _has_reached(watch, row.loaded):
            yield ""
    elif watch.event == CUSTOMER_CHANGED:
        # The contact is read again each time, also after a change that was taken back.
        if row.created or any(_changed(watch, row)):
            yield f":{now.timestamp():.6f}"
    elif not row.created:
        for name in _changed(watch, row):
            # What gets its first value was not changed.
            if row.loaded.get(name) not in (None, ""):
                yield f":{watching.digest((name, str(row.saved[name])))}"


def _has_reached(watch: ModelWatch, values: Mapping[str, Any]) -> bool:
    field = watch.fields[0]
    return field.attname in values and watching.plain(field, values[field.attname]) in watch.values


def _stays(watch: ModelWatch, row: SavedRow) -> bool:
    """This will tell whether the value had been reached before the save, and still is."""
    return _has_reached(watch, row.loaded) and _has_reached(watch, {**row.loaded, **row.saved})


def _changed(watch: ModelWatch, row: SavedRow) -> Iterator[str]:
    for field in watch.fields:
        name = field.attname
        if name not in row.saved or name not in row.loaded:
            continue
        new = watching.plain(field, row.saved[name])
        # The value of an expression is known to the database only.
        is_known = not hasattr(new, "resolve_expression")
        if is_known and new != watching.plain(field, row.loaded[name]):
            yield name
