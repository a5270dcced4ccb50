"""Many rows in one statement, on PostgreSQL and SQLite alike.

Per-row saves cost hundreds of microseconds and ``bulk_update`` no less; one statement over a
JSON recordset costs about ten. Both databases get the rows as one JSON parameter, and what is
the same for all rows once.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, overload

from django.db import DEFAULT_DB_ALIAS, connections, models, router
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast

Row = Mapping[str, Any]

# PostgreSQL refuses NUL, and no database stores half a character.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def update_rows(
    *,
    model: type[models.Model],
    rows: Sequence[Row],
    same: Row | None = None,
    only_where: Mapping[str, Sequence[Any]] | None = None,
    matching: Sequence[str] = (),
    in_order: bool = False,
) -> frozenset[int]:
    """This will update each row by its ``id`` with its other keys, all rows alike in keys.

    Args:
        same: Further columns, with one value for all rows.
        only_where: The compare of a compare-and-swap: column -> allowed values.
        matching: Keys of the rows that are compared as well, instead of written.
        in_order: Whether to take the locks by id; needed where they are not held already.

    Returns:
        The ids that were updated.
    """
    if not rows:
        return frozenset()
    connection = connections[router.db_for_write(model)]
    quote = connection.ops.quote_name
    fields = _fields(model, [name for name in rows[0] if name != "id"])
    table = quote(model._meta.db_table)
    source, reads = _recordset(connection, [model._meta.pk, *fields])
    if in_order and connection.features.has_select_for_no_key_update:
        source = (
            f"(SELECT v.* FROM {source} JOIN {table} held ON held.id = v.id "  # noqa: S608
            "ORDER BY held.id FOR NO KEY UPDATE OF held) AS v"
        )
    assignments, params = _assign_same(connection, model, same or {})
    assignments += [
        f"{quote(field.column)} = {reads[field.column]}"
        for field in fields
        if field.attname not in matching
    ]
    params.append(_payload(connection, fields, rows))
    where = [
        f"{table}.id = {reads['id']}",
        *(
            f"{table}.{quote(each.column)} = {reads[each.column]}"
            for each in _fields(model, matching)
        ),
    ]
    for column, allowed in (only_where or {}).items():
        if list(allowed) == [None]:
            where.append(f"{table}.{quote(column)} IS NULL")
        else:
            where.append(f"{table}.{quote(column)} IN ({_marks(allowed)})")
            params.extend(allowed)
    sql = (
        f"UPDATE {table} SET {', '.join(assignments)} FROM {source} "  # noqa: S608  # our names
        f"WHERE {' AND '.join(where)} RETURNING {table}.id"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return frozenset(row[0] for row in cursor.fetchall())


def insert_rows(*, model: type[models.Model], rows: Sequence[Row], same: Row | None = None) -> int:
    """This will insert the rows, all alike in keys; one that clashes with a unique key is left
    out silently.

    Columns that neither the rows nor ``same`` name get their model's default.

    Returns:
        How many were inserted.
    """
    if not rows:
        return 0
    connection = connections[router.db_for_write(model)]
    quote = connection.ops.quote_name
    given = same or {}
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    # A value that is made anew each time, such as a token, must differ from row to row.
    made = [each for each in fields if _is_made(each) and each.attname not in {**given, **rows[0]}]
    if made:
        rows = [{**row, **{each.attname: each.get_default() for each in made}} for row in rows]
    own = [field for field in fields if field.attname in rows[0]]
    others = [field for field in fields if field.attname not in rows[0]]
    constants = [
        given[field.attname] if field.attname in given else field.get_default() for field in others
    ]
    source, reads = _recordset(connection, own)
    columns = ", ".join(quote(str(field.column)) for field in (*own, *others))
    values = ", ".join(
        [*(reads[str(field.column)] for field in own), *_marks_for(connection, others)]
    )
    params = [
        _parameter(connection, field, value) for field, value in zip(others, constants, strict=True)
    ]
    # SQLite reads ON CONFLICT after a join as a join condition unless WHERE stands between.
    sql = (
        f"INSERT INTO {quote(model._meta.db_table)} ({columns}) "  # noqa: S608  # our names
        f"SELECT {values} FROM {source} WHERE true ON CONFLICT DO NOTHING"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, _payload(connection, own, rows)])
        return int(cursor.rowcount)


def among(ids: Collection[int]) -> RawSQL:
    """This will stand for many ids in ``pk__in=``: one parameter instead of one for each.

    Django and the driver look at each parameter several times; hundreds cost milliseconds.
    """
    if connections[DEFAULT_DB_ALIAS].vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::bigint[])", [list(ids)])  # no text of others
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(list(ids))])


def as_text(name: str) -> Cast:
    """This will have a time read as text, for ``from_text``; Django's own reading of a time
    costs more than all else in a row.
    """
    return Cast(name, models.TextField())


@overload
def from_text(text: str) -> datetime: ...
@overload
def from_text(text: str | None) -> datetime | None: ...
def from_text(text: str | None) -> datetime | None:
    """This will read what ``as_text`` gave: with its offset, or in UTC."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _is_made(field: Any) -> bool:
    return callable(field.default) and not isinstance(field.default, type)


def _assign_same(
    connection: Any, model: type[models.Model], same: Row
) -> tuple[list[str], list[Any]]:
    fields = _fields(model, list(same))
    marks = _marks_for(connection, fields)
    assignments = [
        f"{connection.ops.quote_name(field.column)} = {mark}"
        for field, mark in zip(fields, marks, strict=True)
    ]
    return assignments, [_parameter(connection, field, same[field.attname]) for field in fields]


def _marks_for(connection: Any, fields: Sequence[Any]) -> list[str]:
    """This will return a place for a value of each field; in a SELECT its type must be told."""
    if connection.vendor != "postgresql":
        return ["%s"] * len(fields)
    return [f"%s::{_type(connection, field)}" for field in fields]


def _parameter(connection: Any, field: Any, value: Any) -> Any:
    if isinstance(value, str):
        value = _UNSTORABLE.sub("\ufffd", value)
    return field.get_db_prep_save(value, connection)


def _fields(model: type[models.Model], names: Iterable[str]) -> list[Any]:
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    return [by_name[name] for name in names]


def _recordset(connection: Any, fields: Sequence[Any]) -> tuple[str, dict[str, str]]:
    """This will return the FROM item and how each column is read out of it."""
    if connection.vendor == "postgresql":
        definitions = ", ".join(f'"{field.column}" {_type(connection, field)}' for field in fields)
        reads = {field.column: f'v."{field.column}"' for field in fields}
        return f"jsonb_to_recordset(%s::jsonb) AS v({definitions})", reads
    reads = {field.column: f"json_extract(v.value, '$.{field.column}')" for field in fields}
    return "json_each(%s) AS v", reads


def _type(connection: Any, field: Any) -> str:
    if field.is_relation:
        return str(field.rel_db_type(connection))
    return str(field.cast_db_type(connection))


def _payload(connection: Any, fields: Sequence[Any], rows: Sequence[Row]) -> str:
    columns = [(each.attname, each.column, _converter(connection, each)) for each in fields]
    records = [
        {column: convert(row[attname]) for attname, column, convert in columns} for row in rows
    ]
    if "id" in rows[0]:
        for record, row in zip(records, rows, strict=True):
            record["id"] = row["id"]
    return json.dumps(records, ensure_ascii=False, check_circular=False, separators=(",", ":"))


def _converter(connection: Any, field: Any) -> Callable[[Any], Any]:
    """This will return what makes plain JSON of a value of the field."""
    is_postgresql = connection.vendor == "postgresql"
    if isinstance(field, models.JSONField):
        return _same if is_postgresql else _dump
    if isinstance(field, (models.CharField, models.TextField)):
        return _storable
    if isinstance(field, models.DateTimeField):
        if is_postgresql:
            return _isoformat
        return lambda value: connection.ops.adapt_datetimefield_value(value)
    if isinstance(field, models.DateField):
        return _isoformat
    if isinstance(field, models.DecimalField):
        return lambda value: None if value is None else str(value)
    return _same


def _same(value: Any) -> Any:
    return value


def _dump(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _isoformat(value: Any) -> str | None:
    return None if value is None else value.isoformat()


def _storable(value: Any) -> Any:
    # An enumeration's member is a str of its own class, which costs more to look at.
    return _UNSTORABLE.sub("\ufffd", value) if isinstance(value, str) else value


def _marks(values: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(values))
