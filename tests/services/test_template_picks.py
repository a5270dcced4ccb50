"""Templates that are sent by hand."""

from typing import Any

import pytest

from tests import factories as make
from tests.factories import NOW
from whatsapp_notify.domain.occasions import Customer, Order
from whatsapp_notify.domain.policy import Allow, Block
from whatsapp_notify.domain.templates import ParameterProblems
from whatsapp_notify.models import Automation
from whatsapp_notify.services import template_picks

pytestmark = pytest.mark.django_db


class TestOffered:
    def test_holds_what_can_be_sent_in_the_customers_language_first(self) -> None:
        make.template("b", "en")
        make.template("a", "fi")
        make.template("c", "fi", status="PAUSED")
        make.template("d", "fi", stopped_at=NOW)
        make.template("e", "fi", category="AUTHENTICATION")

        found = template_picks.offered(contact=make.contact(language="en"))

        assert [row.name for row in found] == ["b", "a"]


class TestVerdicts:
    def verdicts(self, category: str, *consents: str) -> list[tuple[str, Any]]:
        for key in ("service", "orders", "offers", "feedback"):
            make.topic(key)
        found = template_picks.verdicts(
            contact=make.contact(consents=consents),
            template=make.template(category=category),
            now=NOW,
        )
        return [(each.topic.key, each.decision.verdict) for each in found]

    def test_of_a_utility_template_put_the_topic_that_is_allowed_first(self) -> None:
        assert self.verdicts("UTILITY", "orders") == [
            ("orders", Allow()),
            ("service", Block(reason="consent")),
        ]

    def test_of_a_marketing_template_need_consent_to_promotions(self) -> None:
        assert self.verdicts("MARKETING", "orders") == [("offers", Block(reason="consent"))]
        assert self.verdicts("MARKETING", "offers") == [("offers", Allow())]

    def test_of_a_template_for_codes_are_none(self) -> None:
        assert self.verdicts("AUTHENTICATION", "orders") == []


class TestKnownValues:
    def values(self, order: Order | None) -> dict[str, str]:
        template = make.template()
        Automation.objects.create(
            name="Shipped",
            event="order.shipped",
            topic=make.topic(),
            template_name=template.name,
            parameters={"body.1": "{first_name}", "body.2": "{order_ref}", "body.3": "{other}"},
        )
        return template_picks.known_values(
            template=template, contact=make.contact(), order=order, now=NOW
        )

    def test_are_those_of_the_automation(self) -> None:
        order = Order(ref="A1001", customer=Customer())

        assert self.values(order) == {"body.1": "Customer", "body.2": "A1001"}

    def test_are_empty_where_there_is_no_order(self) -> None:
        assert self.values(None) == {"body.1": "Customer", "body.2": ""}


class TestDraft:
    def test_refuses_values_that_do_not_fit(self) -> None:
        with pytest.raises(ParameterProblems):
            template_picks.draft(template=make.template(), topic=make.topic(), values={})
