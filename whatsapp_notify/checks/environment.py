"""Django, Celery and databases around the app."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from celery import current_app
from django.apps import apps
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Info, Warning  # noqa: A004 - Django's own name
from django.db import connections
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
    """This will ask SQLite files whether readers and writers may work side by side."""
    messages: list[CheckMessage] = []
    for alias in databases:
        if connections[alias].vendor != "sqlite":
            continue
        with connections[alias].cursor() as cursor:
            cursor.execute("PRAGMA journal_mode")
            mode = cursor.fetchone()[0]
        # A database in memory belongs to one process.
        if mode not in {"wal", "memory"}:
            messages.append(
                Warning(
                    _("SQLite database %(alias)s is not in WAL mode: workers block the shop.")
                    % {"alias": alias},
                    hint=_options_hint(),
                    id="whatsapp_notify.W034",
                )
            )
    return messages


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
        mode = str((database.get("OPTIONS") or {}).get("transaction_mode", ""))
        if engine == _SQLITE and mode.upper() not in {"IMMEDIATE", "EXCLUSIVE"}:
            yield Error(
                _("SQLite database %(alias)s begins transactions without its write lock.")
                % {"alias": alias},
                hint=_options_hint(),
                id="whatsapp_notify.E032",
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
