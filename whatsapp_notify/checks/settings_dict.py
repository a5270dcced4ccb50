"""The settings dict: known keys, right types, values that make sense."""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import time
from typing import Any, get_type_hints
from urllib.parse import urlsplit

import phonenumbers
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from whatsapp_notify import conf
from whatsapp_notify.domain import calendar

#: What can be part of an address of Graph's.
_GRAPH_ID = re.compile(r"[0-9A-Za-z_.-]{1,128}")
_BLANKS = re.compile(r"\s")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_VERSION = re.compile(r"v[0-9]+\.[0-9]+", re.ASCII)
_SECRETS = ("ACCESS_TOKEN", "APP_SECRET", "VERIFY_TOKEN")
#: The least and the most that makes sense; None for no limit.
_RANGES: Mapping[str, tuple[float, float | None]] = {
    "CAP_PROMOTIONS": (0, None),
    "CAP_DAYS": (1, 366),
    "BIRTHDAY_CATCH_UP_DAYS": (0, 30),
    "BIRTHDAY_DISCOUNT_PERCENT": (0, 100),
    # Meta grants 1,000 at the most.
    "MESSAGES_PER_SECOND": (1, 1000),
    # More threads than that slow each other down.
    "CONCURRENCY": (1, 512),
    "SENDING_TASKS": (1, 64),
    "CONNECT_TIMEOUT_SECONDS": (0.1, 60),
    "CALL_DEADLINE_SECONDS": (1, 300),
    # Meta repeats webhooks for up to seven days, and each must be known again.
    "WEBHOOK_RETENTION_DAYS": (8, None),
    "BOT_DEADLINE_SECONDS": (0.5, 60),
    "AUTOMATIC_REPLIES_PER_HOUR": (0, 1000),
    "ORDER_LOOKUPS_PER_HOUR": (0, 1000),
    "MEDIA_RETENTION_DAYS": (1, None),
    "RECONCILE_HOURS": (1, None),
}
_TYPE_WORDS: Mapping[type, Callable[[], str]] = {
    str: lambda: _("text"),
    int: lambda: _("a whole number"),
    float: lambda: _("a number"),
    bool: lambda: "True / False",
}


def check() -> list[CheckMessage]:
    """This will report all that can be told from the settings dict alone."""
    given = getattr(django_settings, conf.NAME, {})
    if not isinstance(given, Mapping):
        return [
            Error(
                _("%(name)s is no dict.") % {"name": conf.NAME},
                hint=_('Write %(name)s = {"ADAPTER": "…", …} in the settings.')
                % {"name": conf.NAME},
                id="whatsapp_notify.E001",
            )
        ]
    wrong_types = dict(_wrong_types(given))
    sound = {name: value for name, value in given.items() if name not in wrong_types}
    return [
        *_unknown_keys(given),
        *_missing_keys(given),
        *wrong_types.values(),
        *_bad_values(sound),
        *_bad_numbers(sound),
        *_secrets(sound),
        *_backend(sound),
    ]


def _unknown_keys(given: Mapping[str, Any]) -> Iterator[CheckMessage]:
    for name in given:
        if name not in conf.KEYS:
            near = difflib.get_close_matches(str(name), conf.KEYS, n=1)
            yield Error(
                _("%(setting)s has no key %(name)r.") % {"setting": conf.NAME, "name": name},
                hint=(
                    _("Did you mean %(near)s?") % {"near": near[0]}
                    if near
                    else _("Known are: %(names)s.") % {"names": ", ".join(sorted(conf.KEYS))}
                ),
                id="whatsapp_notify.E002",
            )


def _missing_keys(given: Mapping[str, Any]) -> Iterator[CheckMessage]:
    for name in conf.REQUIRED:
        if not _is_filled(given.get(name)):
            yield Error(
                _("%(setting)s lacks %(name)s.") % {"setting": conf.NAME, "name": name},
                hint=_("Without it nothing can be sent or received. Add it to %(setting)s.")
                % {"setting": conf.NAME},
                id="whatsapp_notify.E003",
            )


def _is_filled(value: Any) -> bool:
    values = [value] if isinstance(value, str) or not isinstance(value, Sequence) else value
    return any(str(each).strip() for each in values if each is not None)


def _wrong_types(given: Mapping[str, Any]) -> Iterator[tuple[str, CheckMessage]]:
    for name, hint in get_type_hints(conf.Settings).items():
        if name not in given:
            continue
        value = given[name]
        if isinstance(hint, type):
            # True is an int to Python, but no number of days.
            allowed = (int, float) if hint is float else (hint,)
            is_right = isinstance(value, allowed) and (hint is bool or not isinstance(value, bool))
            wanted = _TYPE_WORDS[hint]()
        else:
            takes_text = name == "APP_SECRET"
            is_right = takes_text if isinstance(value, str) else isinstance(value, (list, tuple))
            wanted = _("text or a list") if takes_text else _("a list")
        if not is_right:
            yield (
                name,
                Error(
                    _("%(name)s is %(type)s.") % {"name": name, "type": type(value).__name__},
                    hint=_("It must be %(wanted)s.") % {"wanted": wanted},
                    id="whatsapp_notify.E004",
                ),
            )


def _bad_values(given: Mapping[str, Any]) -> Iterator[CheckMessage]:
    tests: Mapping[str, tuple[Callable[[Any], object], str]] = {
        "QUIET_HOURS": (_are_quiet_hours, _('Two times, ("21:00", "08:00"), or () for none.')),
        "BIRTHDAY_TIME": (_is_clock, _('Hours and minutes, such as "09:00".')),
        "LEAP_DAY_RULE": (lambda value: value in {"feb28", "mar1"}, _('"feb28" or "mar1".')),
        "DEFAULT_REGION": (_is_region, _('Two capital letters of a country, such as "FI".')),
        "BLOCKED_MARKETING_COUNTRIES": (
            lambda value: all(map(_is_region, value)),
            _('A list of countries in two capital letters, such as ["US"].'),
        ),
        "TIME_ZONE": (
            lambda value: not value or calendar.is_known_zone(value),
            _('A name such as "Europe/Helsinki", or "" for Django\'s TIME_ZONE.'),
        ),
        "PHONE_NUMBER_ID": (_is_graph_id, _("Meta's id of the number, not the number itself.")),
        "BUSINESS_ACCOUNT_ID": (_is_graph_id, _("Meta's id of the WhatsApp Business Account.")),
        "GRAPH_VERSION": (_VERSION.fullmatch, _('Such as "v26.0".')),
        "PUBLIC_URL": (_is_origin, _('Only scheme and host, "https://shop.example".')),
        "GRAPH_URL": (_is_address, _("An address that begins with https://.")),
    }
    for name, (is_good, hint) in tests.items():
        if name in given and not is_good(given[name]):
            yield Error(
                _("%(name)s cannot be %(value)r.") % {"name": name, "value": given[name]},
                hint=hint,
                id="whatsapp_notify.E005",
            )


def _is_graph_id(value: Any) -> bool:
    return not value.strip() or bool(_GRAPH_ID.fullmatch(value))


def _is_clock(value: Any) -> bool:
    return isinstance(value, str) and bool(_CLOCK.fullmatch(value))


def _are_quiet_hours(value: Sequence[Any]) -> bool:
    if not value:
        return True
    if len(value) != 2 or not all(map(_is_clock, value)):
        return False
    start, end = map(time.fromisoformat, value)
    return start != end


def _is_region(value: Any) -> bool:
    return value in phonenumbers.SUPPORTED_REGIONS


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _is_origin(value: str) -> bool:
    return not value or (
        _is_address(value)
        and urlsplit(value).scheme == "https"
        and value.rstrip("/") == f"https://{urlsplit(value).netloc}"
    )


def _bad_numbers(given: Mapping[str, Any]) -> Iterator[CheckMessage]:
    for name, (least, most) in _RANGES.items():
        if name not in given:
            continue
        if not least <= given[name] <= (most if most is not None else float("inf")):
            yield Error(
                _("%(name)s cannot be %(value)r.") % {"name": name, "value": given[name]},
                hint=(
                    _("At least %(least)s.") % {"least": least}
                    if most is None
                    else _("From %(least)s to %(most)s.") % {"least": least, "most": most}
                ),
                id="whatsapp_notify.E006",
            )
    defaults = conf.Settings()
    connect, deadline = (
        given.get(name, getattr(defaults, name))
        for name in ("CONNECT_TIMEOUT_SECONDS", "CALL_DEADLINE_SECONDS")
    )
    if deadline <= connect:
        yield Error(
            _("CALL_DEADLINE_SECONDS is not more than CONNECT_TIMEOUT_SECONDS."),
            hint=_("A call that just got its connection needs time for an answer: 5 and 20."),
            id="whatsapp_notify.E007",
        )


def _secrets(given: Mapping[str, Any]) -> Iterator[CheckMessage]:
    seen: dict[str, str] = {}
    for name in _SECRETS:
        value = given.get(name, "")
        parts = [value] if isinstance(value, str) else list(value)
        if len(parts) > 1 and not all(isinstance(part, str) and part.strip() for part in parts):
            yield Error(
                _("%(name)s holds a blank secret.") % {"name": name},
                hint=_("Leave out the blank one; it signs nothing."),
                id="whatsapp_notify.E008",
            )
        if any(part.strip() and _BLANKS.search(part) for part in parts if isinstance(part, str)):
            yield Error(
                _("%(name)s holds blanks or line breaks.") % {"name": name},
                hint=_("A line break at the end often comes from the file it was read from."),
                id="whatsapp_notify.E011",
            )
        for part in parts:
            if part and part in seen:
                yield Error(
                    _("%(name)s and %(other)s are the same.") % {"name": name, "other": seen[part]},
                    hint=_(
                        "Each secret has one purpose, so that one that leaks does not open the "
                        "others. Choose an own one for VERIFY_TOKEN."
                    ),
                    id="whatsapp_notify.E009",
                )
            seen.setdefault(part, name)


def _backend(given: Mapping[str, Any]) -> Iterator[CheckMessage]:
    path = given.get("BACKEND", conf.Settings.BACKEND)
    try:
        import_string(path)
    except ImportError as err:
        yield Error(
            _("BACKEND %(path)r cannot be imported: %(fault)s") % {"path": path, "fault": err},
            hint=_("Leave BACKEND out to send through the Cloud API."),
            id="whatsapp_notify.E010",
        )
