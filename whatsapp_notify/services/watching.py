"""The setting WATCH, read into what the receivers and the reconcile scan work with."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.dispatch import Signal
from django.utils.crypto import salted_hmac
from django.utils.module_loading import import_string

from whatsapp_notify import conf

#: Refreshes the contact and sends nothing; told by each change, also of an empty value.
CUSTOMER_CHANGED = "customer.changed"

_MODEL_KEYS = frozenset({"event", "model", "created", "field", "value", "changes", "since"})
_SIGNAL_KEYS = frozenset({"event", "signal", "subject", "key", "when", "sender"})
_MAX_EVENT_LENGTH = 60


class WatchError(ValueError):
    """An entry of WATCH cannot be understood. The message says why, the hint how to repair."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelWatch:
    """A row of the shop that is created, reaches a value or changes."""

    event: str
    model: type[models.Model]
    #: True: told when the row is created.
    created: bool = False
    #: Fields whose change is told (``changes``), or the one that reaches ``values``.
    fields: tuple["models.Field[Any, Any]", ...] = ()
    values: tuple[Any, ...] = ()
    changes: bool = False
    #: Name of the field with the time of creation or change, for the reconcile scan.
    since: str = ""

    @property
    def label(self) -> str:
        return self.model._meta.label_lower

    @property
    def name(self) -> str:
        """One name per watch, for its watermark."""
        return f"{self.event}:{self.label}"

    def key(self, pk: Any) -> str:
        """This will return the key of the event of one row: told once, whatever happens."""
        return f"{self.name}:{pk_text(pk)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalWatch:
    """A signal of the shop, or of one of its apps."""

    event: str
    path: str
    signal: Signal
    #: Name of the argument that holds the model instance; oscar's senders are instances too.
    subject: str = "sender"
    #: Argument, or attribute of the subject, that tells repetitions of the event apart.
    key: str = ""
    #: Arguments that must have one of these values: {"new_status": ("Shipped",)}.
    when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    #: Only signals of this sender; None for all.
    sender: Any = None


Watch = ModelWatch | SignalWatch


def load() -> tuple[Watch, ...]:
    """This will return all entries that are in order; ``manage.py check`` reports the others."""
    entries = conf.load().WATCH
    watches: list[Watch] = []
    for entry in entries if isinstance(entries, (list, tuple)) else ():
        try:
            watches.append(parse(entry))
        except WatchError:
            continue
    return tuple(watches)


def models_watched(watches: Iterable[Watch]) -> dict[type[models.Model], tuple[ModelWatch, ...]]:
    """This will group model watches by their model."""
    grouped: dict[type[models.Model], tuple[ModelWatch, ...]] = {}
    for watch in watches:
        if isinstance(watch, ModelWatch):
            grouped[watch.model] = (*grouped.get(watch.model, ()), watch)
    return grouped


def parse(entry: Mapping[str, Any]) -> Watch:
    """This will read one entry of WATCH.

    Raises:
        WatchError: The entry is wrong, or names what does not exist.
    """
    if not isinstance(entry, Mapping):
        raise WatchError(
            "is no dict.", 'Write {"event": "order.shipped", "model": "shop.Order", ...}.'
        )
    event = entry.get("event")
    if not isinstance(event, str) or not 0 < len(event) <= _MAX_EVENT_LENGTH:
        raise WatchError("names no event.", 'Add "event", such as "order.shipped".')
    if ("model" in entry) == ("signal" in entry):
        raise WatchError(
            'needs either "model" or "signal".',
            'Name a model ("shop.Order") or the dotted path of a signal.',
        )
    if "model" in entry:
        _refuse_unknown_keys(entry, _MODEL_KEYS)
        return _parse_model(entry)
    _refuse_unknown_keys(entry, _SIGNAL_KEYS)
    return _parse_signal(entry)


def pk_text(pk: Any) -> str:
    """This will write a primary key as the database can build it, too."""
    return pk.hex if isinstance(pk, UUID) else str(pk)


def digest(value: Any) -> str:
    """This will return a short mark of a value; the value may be personal, the mark is not."""
    return salted_hmac("whatsapp_notify.watching", str(value), algorithm="sha256").hexdigest()[:16]


def plain(model_field: "models.Field[Any, Any]", value: Any) -> Any:
    """This will return a value as the database would give it back, as far as can be told.

    A form may leave "2026-12-05" where the field holds a date.
    """
    if value is None or hasattr(value, "resolve_expression"):
        return value
    try:
        return model_field.to_python(value)
    except ValidationError:
        return value


def _parse_model(entry: Mapping[str, Any]) -> ModelWatch:
    model = _model(entry["model"])
    kinds = [name for name in ("created", "value", "changes") if entry.get(name)]
    if len(kinds) != 1:
        raise WatchError(
            'needs exactly one of "created", "value" and "changes".',
            'Add "created": True, or "field" with "value", or "field" with "changes": True.',
        )
    kind = kinds[0]
    since = entry.get("since", "")
    if since and not isinstance(_field(model, since), models.DateTimeField):
        raise WatchError(f'"since" names {since!r}, no date and time.', "Name a DateTimeField.")
    if kind == "created":
        return ModelWatch(event=entry["event"], model=model, created=True, since=since)
    fields = _fields(model, entry.get("field"))
    if kind == "changes":
        return ModelWatch(
            event=entry["event"], model=model, fields=fields, changes=True, since=since
        )
    if len(fields) != 1:
        raise WatchError('has several fields for one "value".', 'Name one field in "field".')
    return ModelWatch(
        event=entry["event"],
        model=model,
        fields=fields,
        values=tuple(_value(fields[0], value) for value in _several(entry["value"])),
        since=since,
    )


def _parse_signal(entry: Mapping[str, Any]) -> SignalWatch:
    signal = _imported(entry["signal"], "signal")
    if not isinstance(signal, Signal):
        raise WatchError(
            f"names {entry['signal']!r}, which is no signal.",
            "Name a django.dispatch.Signal by its dotted path.",
        )
    when = entry.get("when", {})
    if not isinstance(when, Mapping):
        raise WatchError('has a "when" that is no dict.', 'Write {"new_status": "Shipped"}.')
    return SignalWatch(
        event=entry["event"],
        path=entry["signal"],
        signal=signal,
        subject=entry.get("subject", "sender"),
        key=entry.get("key", ""),
        when={name: _several(value) for name, value in when.items()},
        sender=_imported(entry["sender"], "sender") if entry.get("sender") else None,
    )


def _refuse_unknown_keys(entry: Mapping[str, Any], known: frozenset[str]) -> None:
    for key in entry:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = (
                f'Did you mean "{near[0]}"?' if near else f"Known are: {', '.join(sorted(known))}."
            )
            raise WatchError(f"has the unknown key {key!r}.", hint)


def _model(label: Any) -> type[models.Model]:
    try:
        return apps.get_model(label)
    except (LookupError, ValueError, AttributeError) as err:
        raise WatchError(
            f"names the model {label!r}, which does not exist.",
            'Write "app_label.Model", and see that the app is in INSTALLED_APPS.',
        ) from err


def _fields(model: type[models.Model], names: Any) -> tuple["models.Field[Any, Any]", ...]:
    if not names:
        raise WatchError('has no "field".', "Name the field of the model to look at.")
    fields = tuple(_field(model, name) for name in _several(names))
    for each in fields:
        if isinstance(each, models.JSONField):
            raise WatchError(
                f"watches {each.name!r}, a JSONField, whose changes cannot be seen.",
                "Watch a plain field, or call whatsapp_notify.shop.record_event.",
            )
    return fields


def _field(model: type[models.Model], name: Any) -> "models.Field[Any, Any]":
    try:
        found = model._meta.get_field(name)
    except FieldDoesNotExist as err:
        names = [each.name for each in model._meta.concrete_fields]
        near = difflib.get_close_matches(str(name), names, n=1)
        hint = f'Did you mean "{near[0]}"?' if near else f"It has: {', '.join(names)}."
        raise WatchError(f"names {name!r}, no field of {model._meta.label}.", hint) from err
    if not isinstance(found, models.Field) or not found.concrete:
        raise WatchError(f"names {name!r}, which is no column.", "Name a field with a column.")
    return found


def _value(model_field: "models.Field[Any, Any]", value: Any) -> Any:
    try:
        return model_field.to_python(value)
    except ValidationError as err:
        raise WatchError(
            f"waits for {value!r}, which {model_field.name!r} cannot hold.",
            "Give the value as the database holds it.",
        ) from err


def _several(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple, set, frozenset)) else (value,)


def _imported(path: Any, what: str) -> Any:
    try:
        return import_string(path)
    except (ImportError, TypeError, AttributeError) as err:
        raise WatchError(
            f"names the {what} {path!r}, which cannot be imported.",
            'Write its dotted path, such as "oscar.apps.order.signals.order_placed".',
        ) from err
