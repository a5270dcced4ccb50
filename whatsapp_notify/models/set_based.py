"""Many rows in one statement, on PostgreSQL and SQLite alike.

Per-row saves cost hundreds of microseconds and ``bulk_update`` no less; one statement over a
recordset costs about ten. PostgreSQL gets an array for each column, which takes the two of us
about a quarter less than JSON; SQLite gets the rows as JSON. What is the same for all rows is
given once.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, cast, overload

from django.db import DEFAULT_DB_ALIAS, connections, models, router
from django.db.models import F, Func, Value
from django.db.models.functions import Cast

from whatsapp_notify.domain.storable import storable

Row = Mapping[str, Any]

#: ``json.dumps`` makes one anew for each call that differs from its defaults.
_JSON = json.JSONEncoder(ensure_ascii=False)
#: The length or the digits of a column's type.
_LENGTH = re.compile(r"\([0-9, ]+\)")


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
    params += _recordset_params(connection, [model._meta.pk, *fields], rows)
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
        cursor.execute(sql, [*params, *_recordset_params(connection, own, rows)])
        return int(cursor.rowcount)


def look_up_by_key() -> None:
    """This will have PostgreSQL look up rows one by one until the transaction ends.

    For some hundreds of ids it reads a table of tens of thousands as a whole, because it reckons
    with pages that are on a disk. The rows of a batch are nearly always in memory.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('enable_hashjoin', 'off', true), "
                "set_config('enable_mergejoin', 'off', true)"
            )


def among(name: str, ids: Collection[int]) -> Func:
    """This will stand in ``filter`` for the column being one of many ids: one parameter instead
    of one for each.

    Django and the driver look at each parameter several times; hundreds cost milliseconds. As an
    array and not as rows to be joined: PostgreSQL joins from the wrong end, and so compares each
    with each, where it last counted while few rows were as the other conditions ask for.
    """
    if connections[DEFAULT_DB_ALIAS].vendor == "postgresql":
        value, joiner, template = _array(str, list(ids)), " = ANY(", "%(expressions)s::bigint[])"
    else:
        value, joiner = json.dumps(list(ids)), " IN (SELECT value FROM json_each("
        template = "%(expressions)s))"
    is_one = models.BooleanField()
    return Func(F(name), Value(value), arg_joiner=joiner, template=template, output_field=is_one)


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
        value = storable(value)
    return field.get_db_prep_save(value, connection)


def _fields(model: type[models.Model], names: Iterable[str]) -> list[Any]:
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    return [by_name[name] for name in names]


def _recordset(connection: Any, fields: Sequence[Any]) -> tuple[str, dict[str, str]]:
    """This will return the FROM item and how each column is read out of it."""
    if connection.vendor == "postgresql":
        arrays = ", ".join(_array_of(connection, field) for field in fields)
        names = ", ".join(f'"{field.column}"' for field in fields)
        reads = {field.column: f'v."{field.column}"' for field in fields}
        return f"unnest({arrays}) AS v({names})", reads
    reads = {field.column: f"json_extract(v.value, '$.{field.column}')" for field in fields}
    return "json_each(%s) AS v", reads


def _array_of(connection: Any, field: Any) -> str:
    """This will return the array of PostgreSQL that is read from what ``_column`` writes."""
    if isinstance(field, models.JSONField):
        # Quicker than an array of quoted texts, for the two of us.
        return "ARRAY(SELECT NULLIF(value, 'null') FROM jsonb_array_elements(%s::jsonb))"
    # Without its length: a text that is too long is refused by the column, not cut here.
    return f"%s::{_LENGTH.sub('', _type(connection, field))}[]"


def _type(connection: Any, field: Any) -> str:
    if field.is_relation:
        return str(field.rel_db_type(connection))
    return str(field.cast_db_type(connection))


def _recordset_params(connection: Any, fields: Sequence[Any], rows: Sequence[Row]) -> list[str]:
    """This will return what stands for the rows in the statement."""
    if connection.vendor == "postgresql":
        return [_column(each, [row[each.attname] for row in rows]) for each in fields]
    columns = [(each.attname, each.column, _json_writer(connection, each)) for each in fields]
    records = [{column: write(row[attname]) for attname, column, write in columns} for row in rows]
    return [json.dumps(records, ensure_ascii=False, check_circular=False, separators=(",", ":"))]


def _array(write: Callable[[Any], str], values: Sequence[Any]) -> str:
    """This will write a literal of PostgreSQL, which reads it faster than the driver writes one."""
    literal = ",".join(["NULL" if value is None else write(value) for value in values])
    return f"{{{storable(literal)}}}"


def _column(field: Any, values: Sequence[Any]) -> str:
    """This will write the values of a field as an array, see ``_array_of``."""
    if isinstance(field, models.JSONField):
        return storable(_JSON.encode(values))
    if isinstance(field, models.DateField):
        return _array(_isoformat, values)
    if isinstance(field, (models.CharField, models.TextField)):
        return _plain_texts(values) or _array(_quoted, values)
    if isinstance(getattr(field, "target_field", field), models.IntegerField):
        return _array(lambda value: str(int(value)), values)
    return _array(lambda value: _quoted(str(value)), values)


def _plain_texts(values: Sequence[str | None]) -> str:
    """This will write them as an array at once; "" where one is missing or has to be quoted."""
    if None in values:
        return ""
    texts = "\x00".join(cast(Sequence[str], values))
    if '"' in texts or "\\" in texts or texts.count("\x00") != len(values) - 1:
        return ""
    return storable('{"' + texts.replace("\x00", '","') + '"}')


def _quoted(text: str) -> str:
    # An enumeration's member is a str, but need not be written as its value.
    escaped = str.replace(text, "\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _isoformat(value: date) -> str:
    return value.isoformat()


def _json_writer(connection: Any, field: Any) -> Callable[[Any], Any]:
    """This will return what makes plain JSON of a value of the field, for SQLite."""
    if field.is_relation:
        return _json_writer(connection, field.target_field)
    if isinstance(field, models.UUIDField):
        return lambda value: field.get_db_prep_value(value, connection)
    if isinstance(field, models.JSONField):
        return _dump
    if isinstance(field, (models.CharField, models.TextField)):
        return _storable
    if isinstance(field, models.DateTimeField):
        return lambda value: connection.ops.adapt_datetimefield_value(value)
    if isinstance(field, models.DateField):
        return lambda value: None if value is None else value.isoformat()
    if isinstance(field, models.DecimalField):
        return lambda value: None if value is None else str(value)
    return lambda value: value


def _dump(value: Any) -> str | None:
    return None if value is None else _JSON.encode(value)


def _storable(value: Any) -> Any:
    return storable(value) if isinstance(value, str) else value


def _marks(values: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(values))
