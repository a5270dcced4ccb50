"""Django, Celery and databases around the app."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from celery import current_app
from django.apps import apps
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Info, Warning  # noqa: A004 - Django's own name
from django.db import DEFAULT_DB_ALIAS, connections, router
from django.utils.translation import gettext as _

from whatsapp_notify import conf
from whatsapp_notify.services import drains

_SQLITE = "sqlite3"


def check() -> list[CheckMessage]:
    """This will report surroundings in which the promises do not hold."""
    return [*_django(), *_apps(), *_databases(), *_celery()]


def check_deployment() -> list[CheckMessage]:
    """This will report what may not stand in a shop that is open."""
    given = _given()
    messages: list[CheckMessage] = []
    graph_url = given.get("GRAPH_URL", conf.Settings.GRAPH_URL)
    if not django_settings.DEBUG and not str(graph_url).startswith("https://"):
        messages.append(
            Error(
                _("GRAPH_URL is not https, so the access token travels in the open."),
                hint=_("Leave GRAPH_URL out to call https://graph.facebook.com."),
                id="whatsapp_notify.E040",
            )
        )
    if not given.get("DEPLOYMENT"):
        messages.append(
            Warning(
                _("DEPLOYMENT is empty, so a copy of this database could write to customers."),
                hint=_('Give each deployment its own name, such as "production" and "staging".'),
                id="whatsapp_notify.W040",
            )
        )
    return messages


def check_databases(databases: Sequence[str]) -> list[CheckMessage]:
    """This will ask databases whether readers and writers work side by side, and commits last.

    The latter of ours alone: see ``_routes``.
    """
    messages: list[CheckMessage] = []
    for alias in databases:
        match connections[alias].vendor:
            case "sqlite":
                messages += _sqlite(alias)
            case "postgresql" if alias == DEFAULT_DB_ALIAS:
                messages += _postgresql(alias)
    return messages


def _sqlite(alias: str) -> Iterator[CheckMessage]:
    mode, synchronous = (_ask(alias, f"PRAGMA {name}") for name in ("journal_mode", "synchronous"))
    if mode == "memory":
        return  # it belongs to one process, and ends with it
    if mode != "wal":
        yield Warning(
            _("SQLite database %(alias)s is not in WAL mode: workers block the shop.")
            % {"alias": alias},
            hint=_options_hint(),
            id="whatsapp_notify.W034",
        )
    # 2 is FULL. Source: SQLite, "PRAGMA synchronous", read 2026-11.
    if alias == DEFAULT_DB_ALIAS and synchronous < 2:
        yield Warning(
            _(
                "SQLite database %(alias)s loses its last commits when the power fails: what was "
                "sent could be sent again."
            )
            % {"alias": alias},
            hint=_options_hint(),
            id="whatsapp_notify.W035",
        )


def _postgresql(alias: str) -> Iterator[CheckMessage]:
    for name in ("fsync", "synchronous_commit"):
        if _ask(alias, f"SHOW {name}") == "off":
            yield Warning(
                _(
                    "PostgreSQL database %(alias)s loses its last commits when its server fails, "
                    "for %(name)s is off: what was sent could be sent again."
                )
                % {"alias": alias, "name": name},
                hint=_("Set %(name)s to on.") % {"name": name},
                id="whatsapp_notify.W036",
            )


def _ask(alias: str, question: str) -> Any:
    with connections[alias].cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


def _given() -> Mapping[str, Any]:
    given = getattr(django_settings, conf.NAME, {})
    return given if isinstance(given, Mapping) else {}


def _django() -> Iterator[CheckMessage]:
    if not django_settings.USE_TZ:
        yield Error(
            _("USE_TZ is off, so times are ambiguous when clocks change."),
            hint=_("Set USE_TZ = True."),
            id="whatsapp_notify.E030",
        )


def _apps() -> Iterator[CheckMessage]:
    for name, purpose in (
        ("rest_framework", _("the REST API")),
        ("django_celery_beat", _("schedules that the admin shows")),
    ):
        if not apps.is_installed(name):
            yield Error(
                _("%(name)s is not in INSTALLED_APPS.") % {"name": name},
                hint=_("Add it: it is needed for %(purpose)s.") % {"purpose": purpose},
                id="whatsapp_notify.E031",
            )


def _databases() -> Iterator[CheckMessage]:
    yield from _routes()
    for alias, database in django_settings.DATABASES.items():
        engine = str(database.get("ENGINE", "")).rpartition(".")[2]
        if database.get("ATOMIC_REQUESTS"):
            yield Info(
                _("ATOMIC_REQUESTS is on for %(alias)s.") % {"alias": alias},
                hint=_(
                    "Events are then recorded with the whole request, and undone with it. "
                    "Messages leave when the request has ended."
                ),
                id="whatsapp_notify.I033",
            )
        is_ours = alias == DEFAULT_DB_ALIAS
        if is_ours and engine == _SQLITE and database.get("TIME_ZONE") not in {None, "", "UTC"}:
            yield Error(
                _("SQLite database %(alias)s keeps times in %(zone)s instead of UTC.")
                % {"alias": alias, "zone": database["TIME_ZONE"]},
                hint=_("Remove TIME_ZONE from DATABASES: messages would leave hours late."),
                id="whatsapp_notify.E036",
            )
        if is_ours and not database.get("AUTOCOMMIT", True):
            yield Error(
                _("AUTOCOMMIT is off for database %(alias)s, so nothing is committed.")
                % {"alias": alias},
                hint=_(
                    "Remove AUTOCOMMIT from DATABASES. Until then nothing is sent, for it could be "
                    "sent twice."
                ),
                id="whatsapp_notify.E037",
            )
        mode = str((database.get("OPTIONS") or {}).get("transaction_mode", ""))
        if engine == _SQLITE and mode.upper() not in {"IMMEDIATE", "EXCLUSIVE"}:
            yield Error(
                _("SQLite database %(alias)s begins transactions without its write lock.")
                % {"alias": alias},
                hint=_options_hint(),
                id="whatsapp_notify.E032",
            )


def _routes() -> Iterator[CheckMessage]:
    models = apps.get_app_config("whatsapp_notify").get_models()
    used = {
        alias for each in models for alias in (router.db_for_read(each), router.db_for_write(each))
    }
    if used != {DEFAULT_DB_ALIAS}:
        yield Error(
            _("The database router sends rows of whatsapp_notify to %(aliases)s.")
            % {"aliases": ", ".join(sorted(used))},
            hint=_(
                "Let it return “default” for reading and for writing: a replica that is behind "
                "does not know of an opt-out yet."
            ),
            id="whatsapp_notify.E035",
        )


def _celery() -> Iterator[CheckMessage]:
    celery = current_app.conf
    if celery.task_always_eager and not django_settings.DEBUG:
        yield Error(
            _("Celery runs tasks within the request, so customers wait for WhatsApp."),
            hint=_("Remove CELERY_TASK_ALWAYS_EAGER and start a worker."),
            id="whatsapp_notify.E033",
        )
    deadline = _given().get("CALL_DEADLINE_SECONDS", conf.Settings.CALL_DEADLINE_SECONDS)
    if not isinstance(deadline, (int, float)):
        return
    # The last calls of a turn may begin late, and are written down after their answer.
    needed = drains.LONGEST_TURN.total_seconds() + 2 * deadline
    for name in ("task_soft_time_limit", "task_time_limit"):
        limit = celery[name]
        if limit and limit <= needed:
            yield Error(
                _("Celery's %(name)s of %(limit)s s cuts calls off whose outcome is then unknown.")
                % {"name": name, "limit": limit},
                hint=_("Allow at least %(least)d seconds, or no limit.") % {"least": needed + 1},
                id="whatsapp_notify.E034",
            )


def _options_hint() -> str:
    return _(
        'Set DATABASES[…]["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 20, '
        '"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"}.'
    )
