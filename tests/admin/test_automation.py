"""Automations: parameters are edited one by one, and checked before they are saved."""

from datetime import datetime
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from tests.admin import factories as make
from whatsapp_notify.models import Automation, Topic
from whatsapp_notify.models.automation import Event

LIST = "/admin/whatsapp_notify/automation/"


@pytest.fixture
def automation(db: None) -> Automation:
    make.make_template()
    return make.make_automation()


def url_of(automation: Automation) -> str:
    return reverse("admin:whatsapp_notify_automation_change", args=[automation.pk])


def form_of(automation: Automation, **changes: Any) -> dict[str, Any]:
    return {
        "name": automation.name,
        "event": automation.event,
        "topic": automation.topic_id,
        "channel": "whatsapp",
        "template_name": automation.template_name,
        "is_active": "on",
        "delay_minutes": 0,
        "expires_after_minutes": 2880,
        "survey": "",
        "parameter_body_1": "{first_name}",
        "parameter_body_2": "{order_ref}",
        **changes,
    }


class TestForm:
    def test_has_an_input_for_each_placeholder(self, owner: Client, automation: Automation) -> None:
        html = owner.get(url_of(automation)).content.decode()

        assert 'name="parameter_body_1"' in html
        assert 'value="{order_ref}"' in html
        assert 'name="parameters"' not in html

    def test_keeps_expressions_by_placeholder(self, owner: Client, automation: Automation) -> None:
        changed = form_of(automation, parameter_body_2="No. {order_ref}, {tracking_code}")

        answer = owner.post(url_of(automation), changed)

        automation.refresh_from_db()
        assert answer.status_code == 302
        assert automation.parameters == {
            "body.1": "{first_name}",
            "body.2": "No. {order_ref}, {tracking_code}",
        }

    @pytest.mark.parametrize("expression", ["{secret}", "{order.total}", "{0:>99}", "{}"])
    def test_refuses_names_that_are_not_known(
        self, expression: str, owner: Client, automation: Automation
    ) -> None:
        answer = owner.post(url_of(automation), form_of(automation, parameter_body_2=expression))

        automation.refresh_from_db()
        assert "Not known here" in answer.content.decode()
        assert automation.parameters["body.2"] == "{order_ref}"

    def test_takes_names_that_the_shop_gave_with_its_events(
        self, owner: Client, automation: Automation, now: datetime
    ) -> None:
        make.make_event(at=now, name=automation.event, data={"gate": "7"})

        owner.post(url_of(automation), form_of(automation, parameter_body_2="Gate {gate}"))

        automation.refresh_from_db()
        assert automation.parameters["body.2"] == "Gate {gate}"

    def test_offers_known_events_and_takes_others(
        self, owner: Client, automation: Automation
    ) -> None:
        html = owner.get(url_of(automation)).content.decode()
        owner.post(url_of(automation), form_of(automation, event="shop.back_in_stock"))

        automation.refresh_from_db()
        assert '<option value="order.shipped">' in html
        assert automation.event == "shop.back_in_stock"

    def test_keeps_a_template_that_meta_has_no_more(self, owner: Client, db: None) -> None:
        automation = make.make_automation(template_name="gone")

        html = owner.get(url_of(automation)).content.decode()
        owner.post(url_of(automation), form_of(automation, name="Renamed"))

        automation.refresh_from_db()
        assert "gone (not found at Meta)" in html
        assert automation.name == "Renamed"
        assert automation.parameters["body.1"] == "{first_name}"

    @pytest.mark.parametrize("event", ["order.shipped", "consent.unconfirmed"])
    def test_refuses_a_topic_that_nobody_can_withdraw_from(
        self, event: str, owner: Client, automation: Automation
    ) -> None:
        service = make.make_topic("service", purpose="service", lawful_basis="contract")

        data = form_of(automation, topic=service.pk, event=event)
        html = owner.post(url_of(automation), data).content.decode()

        automation.refresh_from_db()
        assert automation.topic != service
        assert "Nobody can withdraw from answers to the customer" in html

    def test_adds_an_automation(self, owner: Client, automation: Automation) -> None:
        owner.post(f"{LIST}add/", form_of(automation, name="Second"))

        assert Automation.objects.filter(name="Second").exists()

    def test_shows_values_to_those_who_may_only_look(
        self, staff: Any, automation: Automation
    ) -> None:
        html = staff("view_automation").get(url_of(automation)).content.decode()

        assert "{first_name}" in html
        assert 'name="parameter_body_1"' not in html


class TestPreview:
    def test_shows_each_language(self, owner: Client, automation: Automation) -> None:
        body = {"type": "BODY", "text": "Hei {{1}}, tilaus {{2}} lähti."}
        make.make_template(language="fi", components=[body])

        html = owner.get(url_of(automation)).content.decode()

        assert "Hello Customer, order <strong>A1001</strong> has left." in html
        assert "Hei Customer, tilaus A1001 lähti." in html

    def test_tells_problems_in_words(self, owner: Client, automation: Automation) -> None:
        automation.parameters = {"body.1": "{first_name}"}
        automation.save()

        assert "body.2 needs a value" in owner.get(url_of(automation)).content.decode()

    def test_says_what_to_do_without_a_template(self, owner: Client, db: None) -> None:
        automation = make.make_automation()

        assert "Sync the templates with Meta" in owner.get(url_of(automation)).content.decode()


class TestList:
    def test_speaks_of_time_in_words(self, owner: Client, automation: Automation) -> None:
        automation.delay_minutes = 120
        automation.save()

        assert "2 hours after" in owner.get(LIST).content.decode()

    @pytest.mark.parametrize(("action", "is_active"), [("switch_on", True), ("switch_off", False)])
    def test_switches(
        self, action: str, is_active: bool, owner: Client, automation: Automation
    ) -> None:
        Automation.objects.update(is_active=not is_active)

        owner.post(LIST, {"action": action, "_selected_action": [automation.pk], "index": 0})

        automation.refresh_from_db()
        assert automation.is_active is is_active
        assert LogEntry.objects.count() == 1


class TestQuestionAboutConsent:
    """As long as consent has to be confirmed, somebody must ask."""

    @pytest.fixture
    def asking(self, automation: Automation) -> Automation:
        Topic.objects.update(confirmation_days=14)
        automation.event = Event.CONSENT_UNCONFIRMED
        automation.parameters = {"body.1": "{first_name}", "body.2": "{first_name}"}
        automation.save()
        return automation

    @pytest.mark.parametrize("change", [{"is_active": ""}, {"event": "order.shipped"}])
    def test_is_not_taken_away_by_the_form(
        self, change: dict[str, str], owner: Client, asking: Automation
    ) -> None:
        data = form_of(asking, parameter_body_2="{first_name}", **change)

        html = owner.post(url_of(asking), data).content.decode()

        asking.refresh_from_db()
        assert (asking.is_active, asking.event) == (True, "consent.unconfirmed")
        assert f"Customers confirm their consent by this question: {asking.topic}." in html

    def test_is_not_switched_off_by_the_list_and_others_are(
        self, owner: Client, asking: Automation
    ) -> None:
        other = make.make_automation(asking.topic, event="order.delivered")
        ids = [asking.pk, other.pk]

        data = {"action": "switch_off", "_selected_action": ids, "index": 0}
        html = owner.post(LIST, data, follow=True).content.decode()

        assert list(Automation.objects.filter(is_active=True)) == [asking]
        assert "Customers confirm their consent by this question" in html

    def test_may_be_left_to_another_automation(self, owner: Client, asking: Automation) -> None:
        make.make_automation(asking.topic, event="consent.unconfirmed")

        owner.post(LIST, {"action": "switch_off", "_selected_action": [asking.pk], "index": 0})

        asking.refresh_from_db()
        assert not asking.is_active

    def test_may_rest_when_no_topic_needs_it(self, owner: Client, asking: Automation) -> None:
        Topic.objects.update(confirmation_days=0)

        owner.post(LIST, {"action": "switch_off", "_selected_action": [asking.pk], "index": 0})

        asking.refresh_from_db()
        assert not asking.is_active
