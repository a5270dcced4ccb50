"""From an occasion to the words of a message."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests import factories, shop
from tests.factories import NOW
from whatsapp_notify.domain.content import preview_from_json
from whatsapp_notify.domain.occasions import Customer, Occasion, Order
from whatsapp_notify.models import Automation, Message, ShopEvent, Survey, Template
from whatsapp_notify.services import automations, template_choice, wording
from whatsapp_notify.services.automations import PlanProblem

CUSTOMER = Customer(first_name="Aino", full_name="Aino Mäki", language="fi")
ORDER = Order(
    ref="A1001",
    customer=CUSTOMER,
    total=Decimal("1234.5"),
    currency="EUR",
    shipped_on=date(2026, 12, 5),
    estimated_arrival=date(2026, 12, 24),
    carrier="Posti",
    tracking_code="T1",
    extra={"pickup_place": "Kamppi"},
)


def occasion(**fields: Any) -> Occasion:
    return Occasion(
        **{
            "event": "order.shipped",
            "occurred_at": NOW,
            "customer": CUSTOMER,
            "order": ORDER,
            **fields,
        }
    )


def values(language: str = "en", **fields: Any) -> dict[str, str]:
    return wording.values(
        occasion=occasion(**fields), survey_keyword="VERKKOKAUPPA", language=language
    )


class TestValues:
    @pytest.mark.parametrize(
        ("language", "day", "total"),
        [
            ("en", "5 December 2026", "€1,234.50"),
            ("en_US", "5 December 2026", "€1,234.50"),
            ("fi", "5.12.2026", "1 234,50 €"),
            ("sv", "2026-12-05", "1 234,50 €"),
            ("ru", "05.12.2026", "1 234,50 €"),
            ("xx", "5 December 2026", None),
        ],
    )
    def test_are_written_as_the_reader_writes(
        self, language: str, day: str, total: str | None
    ) -> None:
        known = values(language)

        if total is not None:
            assert known["shipped_on"] == day
            assert known["order_total"].replace("\u00a0", " ") == total
        else:
            assert "2026" in known["shipped_on"]

    @pytest.mark.parametrize(
        ("total", "said"),
        [
            ("12.996", "€13.00"),
            ("12.994", "€12.99"),
            ("12.995", "€13.00"),
            ("0.006", "€0.01"),
            ("1999.9999", "€2,000.00"),
        ],
    )
    def test_round_an_amount_and_cut_nothing_off(self, total: str, said: str) -> None:
        order = Order(ref="A1", customer=CUSTOMER, total=Decimal(total), currency="EUR")

        assert values("en", order=order)["order_total"] == said

    def test_name_a_currency_without_sign_by_its_code(self) -> None:
        order = Order(ref="A1", customer=CUSTOMER, total=Decimal(10), currency="SEK")

        assert values("sv", order=order)["order_total"].replace("\u00a0", " ") == "10,00 SEK"

    @pytest.mark.parametrize(
        ("language", "name"),
        [
            ("en", "there"),
            ("fi_FI", "hyvä asiakas"),
            ("sv", "kära kund"),
            ("ru", "уважаемый клиент"),
            ("de", "there"),
        ],
    )
    def test_address_the_nameless(self, language: str, name: str) -> None:
        known = values(language, customer=Customer())

        assert known["first_name"] == known["full_name"] == name

    def test_take_in_what_shop_and_caller_add(self) -> None:
        known = values(extra={"product": "Mug"})

        assert known["pickup_place"] == "Kamppi"
        assert known["product"] == "Mug"

    def test_have_the_same_names_without_an_order(self) -> None:
        with_order = set(values()) - {"pickup_place"}

        assert set(values(order=None)) == with_order

    def test_name_the_survey(self) -> None:
        assert values()["survey_keyword"] == "VERKKOKAUPPA"


@pytest.mark.django_db
class TestChoose:
    @pytest.mark.parametrize(
        ("there", "wanted", "chosen"),
        [
            (["en", "fi"], "fi", "fi"),
            (["en", "fi"], "fi_FI", "fi"),
            (["en", "fi_FI"], "fi", "fi_FI"),
            (["en", "en_GB", "en_US"], "en_US", "en_US"),
            (["en", "en_GB"], "en-gb", "en_GB"),
            (["en", "fi"], "ru", "en"),
            (["en_GB", "fi"], "ru", "en_GB"),
            (["fi", "sv"], "ru", "fi"),
            (["fi", "sv"], "", "fi"),
        ],
    )
    def test_takes_the_nearest_language(self, there: list[str], wanted: str, chosen: str) -> None:
        for language in there:
            factories.template(language=language)

        found = template_choice.choose(name="order_shipped", language=wanted)

        assert found is not None
        assert found.language == chosen

    def test_prefers_another_language_to_one_that_is_not_approved(self) -> None:
        factories.template(language="fi", status=Template.Status.REJECTED)
        factories.template(language="en")

        found = template_choice.choose(name="order_shipped", language="fi")

        assert found is not None
        assert found.language == "en"

    def test_takes_one_that_cannot_be_sent_if_there_is_no_other(self) -> None:
        factories.template(language="fi", status=Template.Status.PENDING)

        found = template_choice.choose(name="order_shipped", language="fi")

        assert found is not None


@pytest.mark.django_db
class TestPlan:
    def plan(self, automation: Automation, *, key: str = "k", **fields: Any) -> Message:
        event = ShopEvent.objects.create(name="order.shipped", key=key, occurred_at=NOW)
        self.contact = factories.contact(consents=())
        return automations.plan(
            automation=automation,
            occasion=occasion(**fields),
            contact=self.contact,
            event=event,
            now=NOW,
        )

    def test_fills_the_template(self) -> None:
        message = self.plan(shop.automation())

        assert preview_from_json(message.preview).body == ("Hello Aino, your order is on its way.")
        assert message.content["body"][0]["text"] == "Aino"
        assert message.template_name == "order_shipped"
        assert message.pk is None

    def test_lets_the_question_of_a_survey_go_as_text_too(self) -> None:
        survey = Survey.objects.create(name="Shop", keyword="VERKKOKAUPPA")

        asking, telling = (
            self.plan(shop.automation(survey=each), key=str(each)) for each in (survey, None)
        )

        assert asking.content["kind"] == "template"
        assert asking.content["text"] == "Hello Aino, your order is on its way."
        assert "text" not in telling.content

    def test_f92_inserts_values_literally(self) -> None:
        customer = Customer(first_name="{order_ref} {{1}} %s")

        message = self.plan(shop.automation(), customer=customer)

        assert message.preview["body"].startswith("Hello {order_ref} {{1}} %s,")

    def test_has_one_key_per_event_automation_contact_and_channel(self) -> None:
        automation = shop.automation()

        message = self.plan(automation)

        assert message.key == (
            f"automation:{automation.pk}:event:{message.event_id}"
            f":contact:{self.contact.pk}:whatsapp"
        )

    def test_is_due_after_the_delay_and_expires_after_that(self) -> None:
        automation = shop.automation(delay_minutes=60, expires_after_minutes=30)

        message = self.plan(automation)

        assert message.due_at == NOW + timedelta(minutes=60)
        assert message.expires_at == NOW + timedelta(minutes=90)

    def test_asks_the_survey(self) -> None:
        survey = Survey.objects.create(name="Shop", keyword="VERKKOKAUPPA")

        message = self.plan(
            shop.automation(survey=survey, parameters={"body.1": "{survey_keyword}"})
        )

        assert message.survey == survey
        assert "VERKKOKAUPPA" in message.preview["body"]

    @pytest.mark.parametrize(
        ("fields", "code", "detail"),
        [
            ({"template_name": "nothing"}, "no_template", "nothing"),
            ({"parameters": {"body.1": "{nickname}"}}, "unknown_names", "nickname"),
            ({"parameters": {}}, "parameters", "body.1: missing"),
            ({"parameters": {"body.1": "{order_url}"}}, "parameters", "body.1: empty"),
        ],
    )
    def test_names_the_problem(self, fields: dict[str, Any], code: str, detail: str) -> None:
        automation = shop.automation(**{"template": factories.template(), **fields})

        with pytest.raises(PlanProblem) as caught:
            self.plan(automation)

        assert caught.value.code == code
        assert caught.value.detail == detail
        assert detail in str(caught.value)


@pytest.mark.django_db
class TestPreview:
    def test_shows_sample_values(self) -> None:
        automation = shop.automation(parameters={"body.1": "{first_name} {order_ref}"})

        shown = automations.preview(automation=automation, language="en", now=NOW)

        assert shown.body == "Hello Customer A1001, your order is on its way."

    def test_shows_a_template_that_is_not_approved_yet(self) -> None:
        automation = shop.automation()
        factories.template(
            language="fi",
            status=Template.Status.PENDING,
            components=[{"type": "BODY", "text": "Hei {{1}}, tilauksesi on matkalla."}],
        )

        shown = automations.preview(automation=automation, language="fi", now=NOW)

        assert shown.body.startswith("Hei ")

    def test_has_a_sample_for_every_name(self) -> None:
        automation = shop.automation(
            survey=Survey.objects.create(name="Shop", keyword="VERKKOKAUPPA")
        )

        samples = automations.sample_values(automation=automation, language="en", now=NOW)

        assert all(samples.values())
        assert set(samples) == set(values()) - {"pickup_place"}
