"""System checks: each wrong setting is named, with its repair."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from celery import current_app
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, run_checks
from django.db import ConnectionHandler, ConnectionRouter, connection
from django.dispatch import Signal

from tests import shop
from tests.concurrency import on_postgresql
from whatsapp_notify import checks
from whatsapp_notify import shop as shop_api
from whatsapp_notify.checks import environment

some_signal = Signal()
not_callable = "a bot"


class BotClass:
    """Called with a turn it makes a bot, and no answer."""


def some_bot(turn: shop_api.BotTurn) -> shop_api.HandOver:
    return shop_api.HandOver("always")


@pytest.fixture(autouse=True)
def _sound(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = shop.configured()


def found() -> list[CheckMessage]:
    return [
        *checks.check_settings(app_configs=None),
        *checks.check_watch(app_configs=None),
        *checks.check_bot(app_configs=None),
        *checks.check_environment(app_configs=None),
        *checks.check_media(app_configs=None),
    ]


def ids() -> list[str]:
    return [str(message.id).removeprefix("whatsapp_notify.") for message in found()]


def test_sound_settings_pass() -> None:
    assert found() == []


def test_a_bot_that_can_be_asked_passes(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = shop.configured(BOT="tests.test_checks.some_bot")

    assert found() == []


def test_checks_are_registered(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = shop.configured(TYPO=1)

    messages = run_checks(tags=[checks.TAG])

    assert "whatsapp_notify.E002" in [message.id for message in messages]


class TestSettings:
    def test_must_be_a_dict(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(django_settings, "WHATSAPP_NOTIFY", ["ADAPTER"])

        assert [m.id for m in checks.check_settings(app_configs=None)] == ["whatsapp_notify.E001"]
        assert checks.check_watch(app_configs=None) == []

    def test_suggests_the_right_key(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(QUITE_HOURS=())

        assert found()[0].id == "whatsapp_notify.E002"
        assert found()[0].hint == "Did you mean QUIET_HOURS?"

    def test_lists_the_keys_where_none_is_near(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(XYZ=1)

        assert "ADAPTER" in str(found()[0].hint)

    @pytest.mark.parametrize(
        "name", ["BUSINESS_NAME", "ACCESS_TOKEN", "APP_SECRET", "VERIFY_TOKEN", "PHONE_NUMBER_ID"]
    )
    @pytest.mark.parametrize("value", ["", "  "], ids=["empty", "blank"])
    def test_f61_asks_for_what_is_missing(self, settings: Any, name: str, value: str) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(**{name: value})

        assert ids() == ["E003"]
        assert name in found()[0].msg

    def test_f61_asks_for_a_secret_in_an_empty_list(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(APP_SECRET=[])

        assert ids() == ["E003"]

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("CAP_DAYS", "7", "E004"),
            ("CAP_DAYS", True, "E004"),
            ("CREATE_SCHEDULES", 1, "E004"),
            ("BUSINESS_NAME", 5, "E004"),
            ("WATCH", {"event": "x"}, "E004"),
            ("BLOCKED_MARKETING_COUNTRIES", "US", "E004"),
            ("QUIET_HOURS", "21:00", "E004"),
            ("APP_SECRET", 5, "E004"),
            ("QUIET_HOURS", ("21:00",), "E005"),
            ("QUIET_HOURS", ("21:00", "8:00"), "E005"),
            ("QUIET_HOURS", ("21:00", "24:00"), "E005"),
            ("QUIET_HOURS", ("21:00", "21:00"), "E005"),
            ("BIRTHDAY_TIME", "9", "E005"),
            ("BIRTHDAY_TIME", "09:60", "E005"),
            ("LEAP_DAY_RULE", "mar2", "E005"),
            ("DEFAULT_REGION", "Finland", "E005"),
            ("DEFAULT_REGION", "fi", "E005"),
            ("BLOCKED_MARKETING_COUNTRIES", ["USA"], "E005"),
            ("TIME_ZONE", "Helsinki", "E005"),
            ("GRAPH_VERSION", "26", "E005"),
            ("PUBLIC_URL", "http://shop.example", "E005"),
            ("PUBLIC_URL", "https://shop.example/whatsapp/", "E005"),
            ("PUBLIC_URL", "shop.example", "E005"),
            ("GRAPH_URL", "graph.facebook.com", "E005"),
            ("CAP_PROMOTIONS", -1, "E006"),
            ("BIRTHDAY_DISCOUNT_PERCENT", 101, "E006"),
            ("WEBHOOK_RETENTION_DAYS", 7, "E006"),
            ("CONCURRENCY", 0, "E006"),
            ("CALL_DEADLINE_SECONDS", 5.0, "E007"),
            ("APP_SECRET", ["one", " "], "E008"),
            ("PHONE_NUMBER_ID", "+358 45 7390000", "E005"),
            ("BUSINESS_ACCOUNT_ID", "a/b", "E005"),
            ("ACCESS_TOKEN", "from-a-file\n", "E011"),
            ("APP_SECRET", ["one", "two "], "E011"),
            ("VERIFY_TOKEN", "demo-app-secret", "E009"),
            ("BACKEND", "no.such.Backend", "E010"),
            ("BACKEND", "", "E010"),
            ("BOT", 5, "E004"),
            ("BOT", "no.such.bot", "E041"),
            ("BOT", "tests.test_checks.not_callable", "E041"),
            ("BOT", "tests.test_checks.BotClass", "E041"),
            ("BOT_DEADLINE_SECONDS", 0, "E006"),
        ],
    )
    def test_refuses(self, settings: Any, name: str, value: Any, expected: str) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(**{name: value})

        assert ids() == [expected]
        assert all(message.hint for message in found())

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("QUIET_HOURS", ()),
            ("QUIET_HOURS", ["00:00", "23:59"]),
            ("TIME_ZONE", ""),
            ("APP_SECRET", ["old", "new"]),
            ("CALL_DEADLINE_SECONDS", 20),
            ("BLOCKED_MARKETING_COUNTRIES", []),
            ("PUBLIC_URL", "https://shop.example:8443/"),
            ("PUBLIC_URL", ""),
            ("GRAPH_URL", "http://127.0.0.1:8000/simulator/graph"),
        ],
    )
    def test_accepts(self, settings: Any, name: str, value: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(**{name: value})

        assert ids() == []

    def test_shows_no_secret(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(VERIFY_TOKEN="s3", APP_SECRET=["s3", ""])

        assert "s3" not in " ".join(f"{message.msg} {message.hint}" for message in found())


class TestAdapter:
    @pytest.mark.parametrize("path", ["no.such.Adapter", "tests.shop.order"])
    def test_must_be_one(self, settings: Any, path: str) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(ADAPTER=path)

        assert ids() == ["E020"]


MODEL = {"event": "order.shipped", "model": "demo_shop.Order"}
SIGNAL = {"event": "order.shipped", "signal": f"{__name__}.some_signal"}


class TestWatch:
    @pytest.mark.parametrize(
        ("entry", "words"),
        [
            ("order.shipped", "is no dict"),
            ({"model": "demo_shop.Order", "created": True}, "names no event"),
            ({**MODEL, "event": "x" * 61, "created": True}, "names no event"),
            ({"event": "x"}, 'needs either "model" or "signal"'),
            ({**MODEL, **SIGNAL}, 'needs either "model" or "signal"'),
            (MODEL, "needs exactly one of"),
            ({**MODEL, "created": True, "changes": True}, "needs exactly one of"),
            ({**MODEL, "model": "demo_shop.Ordre", "created": True}, "does not exist"),
            ({**MODEL, "model": "Order", "created": True}, "does not exist"),
            ({**MODEL, "model": None, "created": True}, "does not exist"),
            ({**MODEL, "value": "shipped"}, 'has no "field"'),
            ({**MODEL, "field": "statsu", "value": "shipped"}, "no field of demo_shop.Order"),
            ({**MODEL, "field": "lines", "changes": True}, "no column"),
            ({**MODEL, "field": ["status", "carrier"], "value": "x"}, "several fields"),
            ({**MODEL, "field": "total", "value": "much"}, "cannot hold"),
            ({**MODEL, "created": True, "since": "status"}, "no date and time"),
            ({**MODEL, "created": True, "sence": "updated_at"}, "unknown key 'sence'"),
            ({**SIGNAL, "signal": "no.such.signal"}, "cannot be imported"),
            ({**SIGNAL, "signal": "tests.shop.order"}, "is no signal"),
            ({**SIGNAL, "sender": "no.such.Sender"}, "cannot be imported"),
            ({**SIGNAL, "when": "shipped"}, "is no dict"),
            ({**SIGNAL, "field": "status"}, "unknown key 'field'"),
        ],
    )
    def test_names_what_is_wrong(self, settings: Any, entry: Any, words: str) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(
            WATCH=[{**MODEL, "created": True, "event": "order.confirmed"}, entry]
        )

        messages = found()

        assert [message.id for message in messages] == ["whatsapp_notify.E021"]
        assert messages[0].msg.startswith("Entry 2 of WATCH ")
        assert words in messages[0].msg
        assert messages[0].hint

    def test_suggests_the_right_field(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(
            WATCH=[{**MODEL, "field": "statsu", "value": "shipped"}]
        )

        assert found()[0].hint == 'Did you mean "status"?'

    @pytest.mark.parametrize(
        "entry",
        [
            {**MODEL, "created": True, "since": "placed_at"},
            {**MODEL, "field": "status", "value": ["shipped", "delivered"]},
            {**MODEL, "field": "user", "changes": True},
            {**SIGNAL, "subject": "order", "key": "parcel", "when": {"new_status": "shipped"}},
            {**SIGNAL, "sender": "demo_shop.models.Order"},
        ],
    )
    def test_accepts(self, settings: Any, entry: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(WATCH=[entry])

        assert ids() == []

    def test_warns_of_two_entries_for_one_event_of_one_model(self, settings: Any) -> None:
        entry = {**MODEL, "field": "status"}
        settings.WHATSAPP_NOTIFY = shop.configured(
            WATCH=[{**entry, "value": "shipped"}, {**entry, "value": "delivered"}]
        )

        assert ids() == ["W021"]

    def test_warns_of_what_cannot_be_reconciled(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(
            WATCH=[{"event": "customer.back", "model": "sessions.Session", "created": True}]
        )

        assert ids() == ["W022"]


class TestEnvironment:
    def test_needs_aware_times(self, settings: Any) -> None:
        settings.USE_TZ = False

        assert ids() == ["E030"]

    @pytest.mark.parametrize("name", ["rest_framework", "django_celery_beat"])
    def test_needs_apps(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(environment.apps, "is_installed", lambda each: each != name)

        assert ids() == ["E031"]
        assert name in found()[0].msg

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ({}, ["E032"]),
            ({"transaction_mode": "DEFERRED"}, ["E032"]),
            ({"transaction_mode": "immediate"}, []),
            ({"transaction_mode": "EXCLUSIVE"}, []),
        ],
    )
    def test_needs_the_write_lock_of_sqlite(
        self, monkeypatch: pytest.MonkeyPatch, options: dict[str, str], expected: list[str]
    ) -> None:
        database = {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": options}
        monkeypatch.setattr(django_settings, "DATABASES", {"default": database})

        assert ids() == expected

    def test_does_not_ask_postgresql_for_sqlites_options(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        database = {"ENGINE": "django.db.backends.postgresql"}
        monkeypatch.setattr(django_settings, "DATABASES", {"default": database})

        assert ids() == []

    def test_refuses_times_of_sqlite_that_are_not_in_utc(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        options = {"transaction_mode": "IMMEDIATE"}
        database = {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": options}
        monkeypatch.setattr(
            django_settings, "DATABASES", {"default": {**database, "TIME_ZONE": "Europe/Helsinki"}}
        )

        assert ids() == ["E036"]
        assert "Europe/Helsinki" in found()[0].msg

    @pytest.mark.parametrize(
        ("alias", "is_on", "expected"),
        [("default", False, ["E037"]), ("default", True, []), ("shop", False, [])],
    )
    def test_f11_refuses_a_database_that_commits_nothing(
        self, monkeypatch: pytest.MonkeyPatch, alias: str, is_on: bool, expected: list[str]
    ) -> None:
        database = {"ENGINE": "django.db.backends.postgresql"}
        databases = {"default": database, alias: {**database, "AUTOCOMMIT": is_on}}
        monkeypatch.setattr(django_settings, "DATABASES", databases)

        assert ids() == expected

    @pytest.mark.parametrize("asked", ["db_for_read", "db_for_write"])
    def test_refuses_a_router_that_sends_us_elsewhere(
        self, monkeypatch: pytest.MonkeyPatch, asked: str
    ) -> None:
        """A replica may not know of an opt-out yet."""
        elsewhere = type("Elsewhere", (), {asked: lambda self, model, **hints: "replica"})
        monkeypatch.setattr(environment, "router", ConnectionRouter([elsewhere()]))

        assert ids() == ["E035"]
        assert "replica" in found()[0].msg

    def test_f11_explains_atomic_requests(self, monkeypatch: pytest.MonkeyPatch) -> None:
        database = {"ENGINE": "django.db.backends.postgresql", "ATOMIC_REQUESTS": True}
        monkeypatch.setattr(django_settings, "DATABASES", {"default": database})

        assert ids() == ["I033"]

    def test_refuses_eager_tasks_in_a_real_shop(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(current_app.conf, "task_always_eager", True)

        assert ids() == ["E033"]

    def test_allows_eager_tasks_in_a_trial(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.DEBUG = True
        monkeypatch.setitem(current_app.conf, "task_always_eager", True)

        assert ids() == []

    @pytest.mark.parametrize("name", ["task_soft_time_limit", "task_time_limit"])
    @pytest.mark.parametrize(("limit", "expected"), [(70, ["E034"]), (71, [])])
    def test_f22_needs_time_for_calls(
        self, monkeypatch: pytest.MonkeyPatch, name: str, limit: int, expected: list[str]
    ) -> None:
        monkeypatch.setitem(current_app.conf, name, limit)

        assert ids() == expected


class TestDeployment:
    def test_needs_https_and_a_name(self) -> None:
        messages = checks.check_deployment(app_configs=None)

        assert [message.id for message in messages] == [
            "whatsapp_notify.E040",
            "whatsapp_notify.W040",
        ]

    def test_passes_a_real_shop(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(
            GRAPH_URL="https://graph.facebook.com", DEPLOYMENT="production"
        )

        assert checks.check_deployment(app_configs=None) == []


class TestDatabases:
    def test_asks_none_that_is_not_named(self) -> None:
        # Without the mark pytest-django refuses each query.
        assert checks.check_databases(app_configs=None) == []

    @pytest.mark.django_db
    @pytest.mark.parametrize(
        ("mode", "synchronous", "expected"),
        [
            ("delete", "FULL", ["W034"]),
            ("wal", "FULL", []),
            ("wal", "EXTRA", []),
            ("wal", "NORMAL", ["W035"]),
            ("delete", "OFF", ["W034", "W035"]),
        ],
    )
    def test_wants_wal_and_commits_that_last(
        self,
        mode: str,
        synchronous: str,
        expected: list[str],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        # A file of its own: the suite's database is in use.
        pragmas = f"PRAGMA journal_mode={mode}; PRAGMA synchronous={synchronous};"
        options = {"init_command": pragmas}
        one = {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "one", "OPTIONS": options}
        handler = ConnectionHandler({"default": one})
        monkeypatch.setattr(environment, "connections", handler)

        messages = checks.check_databases(app_configs=None, databases=["default"])

        handler.close_all()
        assert [str(m.id).removeprefix("whatsapp_notify.") for m in messages] == expected

    @pytest.mark.django_db
    @pytest.mark.parametrize(
        ("off", "expected"),
        [((), []), (("synchronous_commit",), ["W036"]), (("fsync",), ["W036"])],
    )
    def test_wants_commits_of_postgresql_that_last(
        self, off: tuple[str, ...], expected: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            environment, "connections", {"default": SimpleNamespace(vendor="postgresql")}
        )
        monkeypatch.setattr(
            environment,
            "_ask",
            lambda alias, question: "off" if question.removeprefix("SHOW ") in off else "on",
        )

        messages = checks.check_databases(app_configs=None, databases=["default"])

        assert [str(m.id).removeprefix("whatsapp_notify.") for m in messages] == expected
        assert all(name in message.msg for name, message in zip(off, messages, strict=True))

    @on_postgresql
    @pytest.mark.django_db
    def test_asks_a_real_postgresql(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
            try:
                messages = checks.check_databases(app_configs=None, databases=["default"])
            finally:
                cursor.execute("SET synchronous_commit = on")

        assert "synchronous_commit" in messages[-1].msg


class TestFiles:
    def test_a_private_directory_passes(self, settings: Any, tmp_path: Path) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(MEDIA_DIRECTORY=str(tmp_path))

        assert checks.check_media(app_configs=None) == []

    def test_none_at_all_passes(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(MEDIA_DIRECTORY="")

        assert checks.check_media(app_configs=None) == []

    @pytest.mark.parametrize("name", ["MEDIA_ROOT", "STATIC_ROOT"])
    @pytest.mark.parametrize("below", ["", "files", "x/../files"])
    def test_f101_not_where_a_web_server_shows_it(
        self, settings: Any, tmp_path: Path, name: str, below: str
    ) -> None:
        (tmp_path / "files").mkdir()
        (tmp_path / "x").mkdir()
        setattr(settings, name, str(tmp_path))
        settings.WHATSAPP_NOTIFY = shop.configured(MEDIA_DIRECTORY=str(tmp_path / below))

        [message] = checks.check_media(app_configs=None)

        assert message.id == "whatsapp_notify.E050"
        assert name in str(message.msg)

    def test_beside_it_passes(self, settings: Any, tmp_path: Path) -> None:
        beside = tmp_path / "media-of-customers"
        beside.mkdir()
        settings.MEDIA_ROOT = tmp_path / "media"
        settings.WHATSAPP_NOTIFY = shop.configured(MEDIA_DIRECTORY=str(beside))

        assert checks.check_media(app_configs=None) == []

    def test_must_exist(self, settings: Any, tmp_path: Path) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(MEDIA_DIRECTORY=str(tmp_path / "missing"))

        [message] = checks.check_media(app_configs=None)

        assert message.id == "whatsapp_notify.E051"
        assert "mkdir" in str(message.hint)

    def test_should_be_writable(
        self, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere
        settings.WHATSAPP_NOTIFY = shop.configured(MEDIA_DIRECTORY=str(tmp_path))

        [message] = checks.check_media(app_configs=None)

        assert message.id == "whatsapp_notify.W050"
