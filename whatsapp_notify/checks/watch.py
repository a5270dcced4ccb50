"""The shop's side: its adapter, and what is watched in it."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name
from django.utils.translation import gettext as _

from whatsapp_notify import conf
from whatsapp_notify.exceptions import ConfigurationError
from whatsapp_notify.services import adapters, reconcile, watching
from whatsapp_notify.services.watching import ModelWatch, WatchError


def check() -> list[CheckMessage]:
    """This will try to load the adapter and to read each entry of ``WATCH``."""
    given = getattr(django_settings, conf.NAME, {})
    if not isinstance(given, Mapping):
        return []
    return [*_adapter(given), *_watches(given)]


def _adapter(given: Mapping[str, Any]) -> Iterator[CheckMessage]:
    # An empty one is reported as missing.
    if not given.get("ADAPTER") or not isinstance(given["ADAPTER"], str):
        return
    try:
        adapters.load()
    except ConfigurationError as err:
        yield Error(
            str(err),
            hint=_(
                "Write a subclass of whatsapp_notify.shop.ShopAdapter and name it by its dotted "
                'path, such as "shop.whatsapp.MyShopAdapter".'
            ),
            id="whatsapp_notify.E020",
        )


def _watches(given: Mapping[str, Any]) -> Iterator[CheckMessage]:
    entries = given.get("WATCH", ())
    if not isinstance(entries, (list, tuple)):
        return
    seen: set[tuple[object, ...]] = set()
    for number, entry in enumerate(entries, start=1):
        try:
            watch = watching.parse(entry)
        except WatchError as err:
            yield Error(
                _("Entry %(number)d of WATCH %(problem)s") % {"number": number, "problem": err},
                hint=err.hint,
                id="whatsapp_notify.E021",
            )
            continue
        if isinstance(watch, ModelWatch):
            yield from _model_watch(number, watch, seen)


def _model_watch(
    number: int, watch: ModelWatch, seen: set[tuple[object, ...]]
) -> Iterator[CheckMessage]:
    identity = (watch.event, watch.label)
    if identity in seen and not watch.changes:
        yield Warning(
            _("Entry %(number)d of WATCH tells %(event)s of %(label)s a second time.")
            % {"number": number, "event": watch.event, "label": watch.label},
            hint=_(
                "An event is told once per row, by whichever entry comes first. Give the values "
                'of one field as a list, "value": ["sent", "collected"], or use other events.'
            ),
            id="whatsapp_notify.W021",
        )
    seen.add(identity)
    if not watch.changes and not reconcile.can_scan(watch):
        yield Warning(
            _("What signals miss of %(label)s cannot be found, as its primary key does not grow.")
            % {"label": watch.label},
            hint=_('Add "since": the DateTimeField with the time of creation or last change.'),
            id="whatsapp_notify.W022",
        )
