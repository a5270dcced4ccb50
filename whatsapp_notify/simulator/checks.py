"""System checks: the simulator is for development, and its settings are spelt right."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings as django_settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from . import conf

#: Without these the simulator accepts no call or sends no webhook.
NEEDED_KEYS = ("ACCESS_TOKEN", "APP_SECRET", "WEBHOOK_URL")

STATUS_NAMES = frozenset(conf.DEFAULT_STATUS_DELAYS_SECONDS)


@register("whatsapp_simulator")
def check_simulator(
    *, app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """This will report a simulator that is open to the world, or settings it cannot use."""
    value = getattr(django_settings, conf.SETTING_NAME, {})
    if not isinstance(value, dict):
        return [Error(_("WHATSAPP_SIMULATOR must be a dict."), id="whatsapp_simulator.E001")]
    return [
        *_check_debug(value),
        *_check_keys(value),
        *_check_delays(value),
        *_check_catalog(value),
        *_check_needed(value),
    ]


def _check_debug(value: dict[str, Any]) -> list[CheckMessage]:
    if django_settings.DEBUG or value.get("ALLOW_WITHOUT_DEBUG") is True:
        return []
    return [
        Error(
            _("The WhatsApp simulator is installed although DEBUG is off."),
            hint=_(
                "Remove whatsapp_notify.simulator from INSTALLED_APPS, or set "
                'WHATSAPP_SIMULATOR["ALLOW_WITHOUT_DEBUG"] = True for a public demo. '
                "Until then its addresses answer 404."
            ),
            id="whatsapp_simulator.E002",
        )
    ]


def _check_keys(value: dict[str, Any]) -> list[CheckMessage]:
    return [
        Error(
            _("WHATSAPP_SIMULATOR has no key %(key)s.") % {"key": repr(key)},
            hint=_("Known keys: %(keys)s.") % {"keys": ", ".join(sorted(conf.KNOWN_KEYS))},
            id="whatsapp_simulator.E003",
        )
        for key in sorted(set(value) - conf.KNOWN_KEYS, key=repr)
    ]


def _check_delays(value: dict[str, Any]) -> list[CheckMessage]:
    delays = value.get("STATUS_DELAYS_SECONDS", {})
    if not isinstance(delays, dict) or not STATUS_NAMES.issuperset(delays):
        return [
            Error(
                _('STATUS_DELAYS_SECONDS must be a dict of "sent", "delivered" and "read".'),
                id="whatsapp_simulator.E004",
            )
        ]
    return []


def _check_catalog(value: dict[str, Any]) -> list[CheckMessage]:
    path = value.get("CATALOG", "")
    if not path:
        return []
    try:
        is_usable = isinstance(path, str) and callable(import_string(path))
    except (ImportError, TypeError, ValueError):
        is_usable = False  # such as ".products", which is no path from the top
    if is_usable:
        return []
    return [
        Error(
            _("CATALOG must be the dotted path of a function without arguments."),
            hint=_(
                "It returns a CatalogProduct of whatsapp_notify.simulator.catalog for each product."
            ),
            id="whatsapp_simulator.E005",
        )
    ]


def _check_needed(value: dict[str, Any]) -> list[CheckMessage]:
    missing = [key for key in NEEDED_KEYS if not value.get(key)]
    if not missing:
        return []
    return [
        checks.Warning(
            _("WHATSAPP_SIMULATOR lacks %(keys)s.") % {"keys": ", ".join(missing)},
            hint=_("Without them the simulator refuses calls or keeps its webhooks."),
            id="whatsapp_simulator.W001",
        )
    ]
