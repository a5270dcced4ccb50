"""whatsapp_setup"""

from typing import Any

import pytest
from django.core.management import CommandError
from django_celery_beat.models import PeriodicTask

from tests import shop
from tests.management.conftest import Run
from whatsapp_notify.models import (
    Automation,
    Installation,
    KeywordReply,
    Template,
    Topic,
    Watermark,
)
from whatsapp_notify.simulator.models import SimulatedTemplate

URL = "https://shop.example"


@pytest.fixture
def scheduled(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = shop.configured(CREATE_SCHEDULES=True)


@pytest.mark.django_db
class TestSetup:
    def test_adds_everything_and_says_so(self, run: Run, scheduled: None) -> None:
        said = run("whatsapp_setup", "--base-url", URL)

        assert Topic.objects.count() == 4
        assert Automation.objects.count() == 12
        assert Template.objects.count() == 48
        assert PeriodicTask.objects.filter(name__startswith="WhatsApp: ").count() == 4
        assert KeywordReply.objects.count() == 56
        assert "  templates          48\n" in said
        assert "  keyword replies    56\n" in said
        assert "manage.py whatsapp_templates submit" in said

    def test_takes_what_stands_in_the_shop_for_the_past(self, run: Run) -> None:
        run("whatsapp_setup", "--base-url", URL)

        assert Watermark.objects.exists()

    def test_adds_nothing_the_second_time(self, run: Run, scheduled: None) -> None:
        run("whatsapp_setup", "--base-url", URL)

        said = run("whatsapp_setup", "--base-url", URL)

        assert [line.split()[-1] for line in said.splitlines()[1:9]] == ["0"] * 8

    def test_dry_run_counts_the_same_and_keeps_nothing(self, run: Run, scheduled: None) -> None:
        said = run("whatsapp_setup", "--base-url", URL, "--dry-run", "--submit")

        assert said.splitlines()[0] == "Would be added:"
        assert "automations        12" in said
        for model in (
            Topic,
            Automation,
            KeywordReply,
            Template,
            PeriodicTask,
            Watermark,
            Installation,
        ):
            assert not model.objects.exists(), model

    def test_leaves_schedules_to_shops_that_make_their_own(self, run: Run) -> None:
        said = run("whatsapp_setup", "--base-url", URL)

        assert not PeriodicTask.objects.exists()
        assert "schedules          0" in said

    def test_says_nothing_when_asked_to_be_silent(self, run: Run) -> None:
        assert run("whatsapp_setup", "--base-url", URL, verbosity=0) == ""

    def test_takes_the_address_of_the_benefit_page(self, run: Run, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(BENEFIT_URL="https://club.example/benefits")

        run("whatsapp_setup")

        template = Template.objects.get(name="order_shipped", language="en")
        assert template.definition().buttons[0].url == "https://club.example/{{1}}"

    @pytest.mark.parametrize(
        ("settings_changes", "options", "told"),
        [
            ({"BUSINESS_NAME": "", "ACCESS_TOKEN": ""}, [], "lacks BUSINESS_NAME, ACCESS_TOKEN"),
            ({"BENEFIT_URL": ""}, [], "Use --base-url"),
            ({}, ["--base-url", "shop.example/path"], "Use --base-url"),
        ],
    )
    def test_refuses_what_is_wrong_and_names_the_repair(
        self, run: Run, settings: Any, settings_changes: Any, options: list[str], told: str
    ) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(**settings_changes)

        with pytest.raises(CommandError, match=told):
            run("whatsapp_setup", *options)

        assert not Topic.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestSetupWithSubmit:
    def test_hands_the_templates_to_graph(self, run: Run, graph: str) -> None:
        said = run("whatsapp_setup", "--base-url", URL, "--submit")

        assert SimulatedTemplate.objects.count() == 48
        assert not Template.objects.filter(status=Template.Status.DRAFT).exists()
        assert "Templates in review: 48 of 48." in said
        assert "whatsapp_templates submit" not in said

    def test_a_wrong_token_is_one_sentence(self, run: Run, graph: str, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "ACCESS_TOKEN": "another"}

        with pytest.raises(CommandError, match="code 190"):
            run("whatsapp_setup", "--base-url", URL, "--submit")

        assert not SimulatedTemplate.objects.exists()
        assert Template.objects.filter(status=Template.Status.DRAFT).count() == 48
