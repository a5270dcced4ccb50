"""Consent boxes and the phone field in a shop's own forms."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import translation

from demo_shop.models import Order
from tests import factories, shop
from whatsapp_notify.forms import PhoneField, WhatsAppConsentMixin, consent_label
from whatsapp_notify.models import ConsentRecord, ConsentState, Contact
from whatsapp_notify.services import consent

BOX = "whatsapp_consent_"


class CheckoutForm(WhatsAppConsentMixin):
    phone = PhoneField()


class OrderForm(WhatsAppConsentMixin, forms.ModelForm):
    class Meta:
        model = Order
        fields = ("first_name",)


@pytest.fixture(autouse=True)
def settings_of_the_shop(settings: Any) -> Any:
    settings.WHATSAPP_NOTIFY = shop.configured(BUSINESS_NAME="Kahvila & 100% Oy")
    return settings


@pytest.fixture
def offers(db: None) -> Any:
    for key in ("service", "orders", "feedback"):
        factories.topic(key)
    return factories.topic("offers")


@pytest.fixture
def marked() -> Iterator[None]:
    """Translations that name their language, until catalogues say it better."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "django.utils.translation._trans.gettext",
            lambda message: f"[{translation.get_language()}] {message}",
        )
        yield


def request(**meta: Any) -> HttpRequest:
    made = RequestFactory(headers={"User-Agent": "Browser/1"}).post("/")
    made.META.update({"REMOTE_ADDR": "192.0.2.7", **meta})
    return made


def filled(*keys: str, **fields: str) -> CheckoutForm:
    ticked = {f"{BOX}{key}": "on" for key in keys}
    form = CheckoutForm({"phone": "+358457390100", **ticked, **fields})
    assert form.is_valid(), form.errors
    return form


def save(form: CheckoutForm, **fields: Any) -> Contact | None:
    made = fields.pop("request", None) or request()
    return form.save_whatsapp_consent(request=made, phone=form.cleaned_data["phone"], **fields)


def granted(contact: Contact) -> set[str]:
    states = ConsentState.objects.filter(contact=contact, is_granted=True)
    return set(states.values_list("topic__key", flat=True))


@pytest.mark.usefixtures("offers")
class TestBoxes:
    def test_one_for_each_offered_topic_and_none_is_ticked(self) -> None:
        boxes = CheckoutForm().whatsapp_consent_fields()

        assert [box.name for box in boxes] == [
            f"{BOX}{key}" for key in ("orders", "feedback", "offers")
        ]
        assert not any("checked" in str(box) for box in boxes)
        assert not any(box.field.required for box in boxes)

    def test_label_names_business_channel_and_topic(self) -> None:
        label = consent_label(factories.topic("offers"))

        assert label == (
            "Yes, Kahvila & 100% Oy may send me on WhatsApp: offers. I can stop at any time."
        )

    @pytest.mark.usefixtures("marked")
    def test_label_is_in_the_language_of_the_page(self) -> None:
        with translation.override("fi"):
            form = CheckoutForm()

        label = str(form.fields[f"{BOX}offers"].label)
        assert label.startswith("[fi] Yes, Kahvila & 100% Oy")
        assert "[fi] offers" in label

    def test_business_is_named_safely_in_the_page(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(BUSINESS_NAME="<b>Shop</b>")

        page = CheckoutForm().as_p()

        assert "&lt;b&gt;Shop&lt;/b&gt;" in page
        assert "<b>Shop" not in page

    def test_works_in_a_form_of_a_model(self) -> None:
        form = OrderForm({"first_name": "Customer", f"{BOX}offers": "on"})

        assert form.is_valid()
        assert form.cleaned_data[f"{BOX}offers"] is True


@pytest.mark.usefixtures("offers")
class TestSave:
    def test_f78_ticked_box_is_kept_with_the_very_words(self) -> None:
        form = filled("offers")

        contact = save(form, first_name="Customer", order_ref="A1")

        assert contact is not None
        record = contact.consent_records.get()
        assert record.wording == form.fields[f"{BOX}offers"].label
        assert record.wording == consent_label(factories.topic("offers"))
        assert record.wording_version == consent.wording_version(record.wording)
        assert (record.source, record.language) == ("checkout", "en")
        assert (record.ip_address, record.user_agent) == ("192.0.2.7", "Browser/1")
        assert record.evidence == {"order_ref": "A1"}

    @pytest.mark.usefixtures("marked")
    def test_f78_words_are_those_of_the_page_and_not_of_later(self) -> None:
        with translation.override("fi"):
            form = filled("offers")
            shown = str(form.fields[f"{BOX}offers"].label)
        with translation.override("sv"):
            contact = save(form)

        assert contact is not None
        assert contact.consent_records.get().wording == shown

    def test_only_what_is_ticked_is_given(self) -> None:
        contact = save(filled("orders", "offers"))

        assert contact is not None
        assert granted(contact) == {"orders", "offers"}

    def test_box_that_is_left_empty_gives_and_withdraws_nothing(self) -> None:
        contact = save(filled("offers"))

        again = save(filled())

        assert contact is not None
        assert again == contact
        assert granted(contact) == {"offers"}
        assert ConsentRecord.objects.count() == 1

    def test_box_of_a_topic_that_is_not_offered_is_not_read(self) -> None:
        contact = save(filled("service"))

        assert contact is not None
        assert granted(contact) == set()

    def test_language_of_the_page_becomes_that_of_a_new_contact(self) -> None:
        with translation.override("fi"):
            contact = save(filled("offers"))

        assert contact is not None
        assert contact.language == "fi"

    def test_user_is_kept_and_a_guest_is_none(self) -> None:
        user = get_user_model().objects.create_user(username="customer")

        mine = save(filled(), user=user)
        guest = save(filled(phone="+358457390101"), user=AnonymousUser())

        assert mine is not None
        assert guest is not None
        assert (mine.user_id, guest.user_id) == (user.pk, None)

    @pytest.mark.parametrize(
        "address", ["", None, "unix:", "192.0.2.7:4711", "fe80::1%eth0", "localhost"]
    )
    def test_address_that_is_none_costs_no_consent(self, address: str | None) -> None:
        contact = save(filled("offers"), request=request(REMOTE_ADDR=address))

        assert contact is not None
        assert contact.consent_records.get().ip_address is None

    def test_request_without_an_address_costs_no_consent(self) -> None:
        made = request()
        del made.META["REMOTE_ADDR"]

        contact = save(filled("offers"), request=made)

        assert contact is not None
        assert granted(contact) == {"offers"}

    @pytest.mark.parametrize("agent", ["a\x00b", "x" * 5000, "Überbrowser"], ids=ascii)
    def test_strange_browser_costs_no_consent(self, agent: str) -> None:
        contact = save(filled("offers"), request=request(HTTP_USER_AGENT=agent))

        assert contact is not None
        assert granted(contact) == {"offers"}


@pytest.mark.usefixtures("offers")
class TestNeverRaises:
    @pytest.mark.parametrize("phone", ["", "12", "not a phone", "+999123456789"])
    def test_wrong_phone_is_none(self, phone: str) -> None:
        form = filled("offers")

        assert form.save_whatsapp_consent(request=request(), phone=phone) is None
        assert not ConsentRecord.objects.exists()

    @pytest.mark.parametrize(
        "fields",
        [{"phone": None}, {"user": object()}, {"source": None}],
        ids=["phone", "user", "source"],
    )
    def test_f06_wrong_arguments_do_not_reach_the_order(
        self, fields: dict[str, Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        form = filled("offers")

        with transaction.atomic():
            kept = form.save_whatsapp_consent(
                **{"request": request(), "phone": "+358457390100", **fields}
            )

        assert kept is None
        assert "Consent could not be kept" in caplog.text
        assert not Contact.objects.exists()

    def test_form_that_was_not_validated_keeps_nothing(self) -> None:
        form = CheckoutForm({"phone": "+358457390100", f"{BOX}offers": "on"})

        assert form.save_whatsapp_consent(request=request(), phone="+358457390100") is None
        assert not Contact.objects.exists()

    def test_fault_in_the_database_leaves_the_order_whole(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        form = filled("offers")

        def refuse(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
            if sql.startswith("INSERT") and "consentrecord" in sql:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT * FROM no_such_table")
            return execute(sql, *rest)

        with transaction.atomic():
            order = shop.order(phone="")
            with connection.execute_wrapper(refuse):
                kept = save(form)
            order.total += 1
            order.save()

        assert kept is None
        assert Order.objects.get(pk=order.pk).total == order.total
        assert not Contact.objects.filter(identities__value="+358457390100").exists()
        assert "358457390100" not in caplog.text

    def test_order_that_is_rolled_back_takes_its_consent_along(self) -> None:
        form = filled("offers")

        with transaction.atomic():
            save(form)
            transaction.set_rollback(True)

        assert not ConsentRecord.objects.exists()


class TestPhoneField:
    @pytest.mark.parametrize(
        "text", ["+358457390100", "0457390100", "00358 45 739 0100", " 045-7390 100 "]
    )
    def test_cleans_to_e164(self, text: str) -> None:
        assert PhoneField().clean(text) == "+358457390100"

    @pytest.mark.parametrize("text", ["12", "call me", "+999123456789", "0" * 500])
    def test_says_how_to_write_it(self, text: str) -> None:
        with pytest.raises(forms.ValidationError) as err:
            PhoneField().clean(text)

        assert err.value.code == "invalid_phone"
        assert "+358" in err.value.messages[0]
        assert text not in err.value.messages[0]

    def test_may_be_left_empty_where_it_is_not_required(self) -> None:
        assert PhoneField(required=False).clean("  ") == ""

    def test_is_required_otherwise(self) -> None:
        with pytest.raises(forms.ValidationError) as err:
            PhoneField().clean("")

        assert err.value.code == "required"

    def test_reads_national_numbers_of_the_shop(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(DEFAULT_REGION="SE")

        assert PhoneField().clean("070-174 06 35") == "+46701740635"

    def test_opens_the_keyboard_of_digits(self) -> None:
        assert 'type="tel"' in CheckoutPage().as_p()


class CheckoutPage(forms.Form):
    phone = PhoneField()
