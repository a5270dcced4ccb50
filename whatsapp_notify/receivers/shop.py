"""Rows and signals of the shop that the setting WATCH names.

Note [The shop never fails because of us]
    What is connected to a shop's signal runs in the shop's process and transaction, during a
    checkout. It does one INSERT, within a savepoint where a transaction is open (PostgreSQL
    refuses all further work after a failed statement), and catches whatever goes wrong.

Note [Faults without their words]
    The text of an exception of a database or a shop may quote a phone number, so faults are
    logged with their class and where they arose.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from django.db import connections, models, router, transaction
from django.db.models.signals import post_init, post_save
from django.dispatch import Signal
from django.utils import timezone

from whatsapp_notify.models import ShopEvent
from whatsapp_notify.services import changes, commits, events, faults, reconcile, watching
from whatsapp_notify.services.changes import SavedRow
from whatsapp_notify.services.events import Happening
from whatsapp_notify.services.watching import ModelWatch, SignalWatch

logger = logging.getLogger(__name__)

#: Where an instance keeps the values that its row had when it was loaded.
_STASH = "_whatsapp_notify_loaded"

_connected: list[Callable[[], object]] = []


def connect() -> None:
    """This will connect what the setting WATCH names, and nothing else any more."""
    while _connected:
        _connected.pop()()
    watches = watching.load()
    for model, own in watching.models_watched(watches).items():
        watcher = _ModelWatcher(own)
        # Proxies and children send signals of their own.
        for each in _with_subclasses(model):
            uid = f"{model._meta.label}:{each._meta.label}"
            _connect(post_init, watcher.stash, uid=uid, sender=each)
            _connect(post_save, watcher.compare, uid=uid, sender=each)
    for index, watch in enumerate(watches):
        if isinstance(watch, SignalWatch):
            receiver = _SignalWatcher(watch).receive
            _connect(watch.signal, receiver, uid=str(index), sender=watch.sender)


class _ModelWatcher:
    """Compares rows of one model with what they were when they were loaded."""

    def __init__(self, watches: tuple[ModelWatch, ...]) -> None:
        self._watches = watches
        self._names = tuple({field.attname for watch in watches for field in watch.fields})
        touched = {watch.since for watch in watches if watch.since}
        self._stashed = tuple({*self._names, *touched})
        self._horizon = reconcile.Horizon()

    def stash(self, *, instance: models.Model, **kwargs: Any) -> None:
        # The dict, not the attributes: reading a deferred field would query.
        loaded = instance.__dict__
        loaded[_STASH] = {name: loaded[name] for name in self._stashed if name in loaded}

    def compare(self, *, raw: bool, **arguments: Any) -> None:
        # See Note [The shop never fails because of us].
        try:
            if not raw:
                self._compare(**arguments)
        except Exception as err:  # noqa: BLE001 - see the note
            _log(self._watches[0].label, err)

    def _compare(
        self,
        *,
        instance: models.Model,
        created: bool,
        using: str,
        update_fields: frozenset[str] | None,
        **kwargs: Any,
    ) -> None:
        row = SavedRow(
            pk=instance.pk,
            created=created,
            loaded={} if created else instance.__dict__.get(_STASH, {}),
            saved=self._saved(instance, update_fields),
        )
        now = timezone.now()
        told = changes.happenings(watches=self._watches, row=row, now=now)
        if told:
            _record(*told)
        past = changes.bygones(
            watches=self._watches,
            row=row,
            is_past=partial(self._horizon.is_behind, now=now),
            now=now,
        )
        if past:
            with _savepoint():
                events.note_bygones(*past, now=now)
        self._renew_stash(instance, row, using=using)

    def _saved(
        self, instance: models.Model, update_fields: frozenset[str] | None
    ) -> dict[str, Any]:
        """This will return the watched values that this save has written."""
        values = instance.__dict__
        return {
            name: values[name]
            for name in self._names
            if name in values
            and (update_fields is None or _is_among(instance, name, update_fields))
        }

    def _renew_stash(self, instance: models.Model, row: SavedRow, *, using: str) -> None:
        stash = instance.__dict__.get(_STASH, {})
        renewed = {**stash, **row.saved}
        if renewed == stash or commits.are_by_hand(using=using):
            return

        def renew() -> None:
            instance.__dict__[_STASH] = renewed

        # After a rollback the row is as it was, and a second save of the instance is news.
        transaction.on_commit(renew, using=using, robust=True)


class _SignalWatcher:
    """Turns one signal of the shop into one event."""

    def __init__(self, watch: SignalWatch) -> None:
        self._watch = watch

    def receive(self, sender: Any = None, **arguments: Any) -> None:
        # See Note [The shop never fails because of us].
        try:
            self._receive({**arguments, "sender": sender})
        except Exception as err:  # noqa: BLE001 - see the note
            _log(self._watch.path, err)

    def _receive(self, arguments: dict[str, Any]) -> None:
        watch = self._watch
        if any(arguments.get(name) not in values for name, values in watch.when.items()):
            return
        subject = arguments.get(watch.subject)
        if not isinstance(subject, models.Model) or subject.pk is None:
            # A guest's order has no user, for example: nobody to write to.
            logger.info(
                "A watched signal came without its subject",
                extra={"watch": faults.printable(watch.path)},
            )
            return
        label, pk = subject._meta.label_lower, watching.pk_text(subject.pk)
        key = f"{watch.event}:{label}:{pk}"
        if watch.key:
            mark = arguments[watch.key] if watch.key in arguments else getattr(subject, watch.key)
            key = f"{key}:{watching.digest(mark)}"
        _record(
            Happening(
                name=watch.event,
                key=key,
                occurred_at=timezone.now(),
                subject_label=label,
                subject_pk=pk,
            )
        )


def _with_subclasses(model: type[models.Model]) -> Iterator[type[models.Model]]:
    yield model
    for child in model.__subclasses__():
        # Models of migrations belong to other apps registries.
        if child._meta.apps is model._meta.apps and not child._meta.abstract:
            yield from _with_subclasses(child)


def _connect(signal: Signal, receiver: Any, *, uid: str, sender: Any) -> None:
    uid = f"whatsapp_notify.watch:{uid}"
    signal.connect(receiver, sender=sender, weak=False, dispatch_uid=uid)
    _connected.append(lambda: signal.disconnect(sender=sender, dispatch_uid=uid))


def _is_among(instance: models.Model, attname: str, update_fields: frozenset[str]) -> bool:
    return attname in update_fields or instance._meta.get_field(attname).name in update_fields


def _record(*happenings: Happening) -> None:
    with _savepoint():
        events.record(*happenings, now=happenings[0].occurred_at)


def _savepoint() -> AbstractContextManager[object]:
    """See Note [The shop never fails because of us]."""
    using = router.db_for_write(ShopEvent)
    is_open = connections[using].in_atomic_block or commits.are_by_hand(using=using)
    return transaction.atomic(using=using) if is_open else nullcontext()


def _log(where: str, err: Exception) -> None:
    # See Note [Faults without their words].
    logger.error(
        "An event was not recorded:\n%s",
        faults.trace(err),
        extra={"watch": faults.printable(where)},
    )
