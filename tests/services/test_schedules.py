"""The periodic tasks."""

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from demo_shop.celery import app
from tests import shop
from whatsapp_notify.services import schedules

NAMES = {
    "WhatsApp: tick",
    "WhatsApp: reconcile",
    "WhatsApp: birthdays",
    "WhatsApp: sender health",
}


def create(settings: Any, *, wanted: bool = True) -> None:
    settings.WHATSAPP_NOTIFY = shop.configured(CREATE_SCHEDULES=wanted)


@pytest.mark.django_db
class TestInstall:
    def test_adds_each_task_as_an_interval(self) -> None:
        assert schedules.install() == 4

        rows = {row.name: row for row in PeriodicTask.objects.select_related("interval")}
        assert set(rows) == NAMES
        assert not CrontabSchedule.objects.exists()
        tick = rows["WhatsApp: tick"]
        assert (tick.task, tick.interval.every, tick.interval.period) == (
            "whatsapp_notify.tick", 5, "seconds",
        )  # fmt: skip
        assert rows["WhatsApp: reconcile"].interval.period == "minutes"

    def test_lets_ticks_expire_that_no_worker_took(self) -> None:
        schedules.install()

        expires = dict(PeriodicTask.objects.values_list("name", "expire_seconds"))
        assert expires == {
            "WhatsApp: tick": 10,
            "WhatsApp: reconcile": 300,
            "WhatsApp: birthdays": 900,
            "WhatsApp: sender health": 3600,
        }

    def test_keeps_what_an_admin_has_changed(self) -> None:
        schedules.install()
        slow = IntervalSchedule.objects.create(every=30, period="seconds")
        PeriodicTask.objects.filter(name="WhatsApp: tick").update(enabled=False, interval=slow)

        assert schedules.install() == 0

        tick = PeriodicTask.objects.get(name="WhatsApp: tick")
        assert (tick.enabled, tick.interval_id) == (False, slow.pk)

    def test_shares_an_interval_that_is_there_even_twice(self) -> None:
        first = IntervalSchedule.objects.create(every=5, period="seconds")
        IntervalSchedule.objects.create(every=5, period="seconds")

        schedules.install()

        assert PeriodicTask.objects.get(name="WhatsApp: tick").interval_id == first.pk
        assert IntervalSchedule.objects.filter(every=5, period="seconds").count() == 2

    def test_does_nothing_without_django_celery_beat(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(apps, "is_installed", lambda name: False)

        assert schedules.install() == 0

    def test_names_tasks_that_exist(self) -> None:
        app.loader.import_default_modules()

        assert {each.task for each in schedules.SCHEDULES} <= set(app.tasks)


@pytest.mark.django_db
class TestInstallAfterMigrate:
    def test_runs_with_migrate(self, settings: Any) -> None:
        create(settings)

        call_command("migrate", "whatsapp_notify", verbosity=0)

        assert set(PeriodicTask.objects.values_list("name", flat=True)) == NAMES

    def test_leaves_it_when_the_setting_says_no(self, settings: Any) -> None:
        create(settings, wanted=False)

        call_command("migrate", "whatsapp_notify", verbosity=0)

        assert not PeriodicTask.objects.exists()

    @pytest.mark.parametrize(
        "missing", ["django_celery_beat_periodictask", "whatsapp_notify_message"]
    )
    def test_waits_for_the_tables(self, settings: Any, monkeypatch: Any, missing: str) -> None:
        create(settings)
        tables = [name for name in connection.introspection.table_names() if name != missing]
        monkeypatch.setattr(type(connection.introspection), "table_names", lambda self: tables)

        schedules.install_after_migrate(using="default")

        assert not PeriodicTask.objects.exists()

    def test_asks_nothing_of_another_database(self, settings: Any) -> None:
        create(settings)

        with CaptureQueriesContext(connection) as queries:
            schedules.install_after_migrate(using="archive")

        assert len(queries) == 0


class TestAsCelerySetting:
    def test_says_the_same_as_the_rows(self) -> None:
        setting = schedules.as_celery_setting()

        assert set(setting) == NAMES
        assert setting["WhatsApp: tick"] == {
            "task": "whatsapp_notify.tick",
            "schedule": timedelta(seconds=5),
            "options": {"expires": 10.0},
        }

    def test_can_be_used_in_a_settings_module(self) -> None:
        # Before the apps are loaded, and while the settings are.
        code = "from whatsapp_notify.services import schedules; schedules.as_celery_setting()"

        done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)

        assert done.returncode == 0, done.stderr
