"""Consent boxes for a shop's own forms."""

import logging
from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import validate_ipv46_address
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language, gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _

from whatsapp_notify import conf
from whatsapp_notify.domain import phone as phones
from whatsapp_notify.domain.occasions import Customer
from whatsapp_notify.domain.phone import InvalidPhone
from whatsapp_notify.models import ConsentRecord, Contact, Topic
from whatsapp_notify.services import consent, contacts, faults
from whatsapp_notify.services.consent import Proof

logger = logging.getLogger(__name__)

PREFIX = "whatsapp_consent_"

#: The built-in topics in the customer's language; names that a shop has changed stay as they are.
BUILT_IN_NAMES = (
    gettext_lazy("Order and delivery news"),
    gettext_lazy("Feedback surveys"),
    gettext_lazy("Offers and birthday greetings"),
)


class WhatsAppConsentMixin(forms.Form):
    """Adds one unticked box for each topic that the shop offers.

    The label names the business and the topic; exactly these words are kept as the wording of
    the consent. Call ``save_whatsapp_consent`` where the order or account is saved, in the
    same transaction. Needs WHATSAPP_NOTIFY["BUSINESS_NAME"].
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._whatsapp_topics = {PREFIX + topic.key: topic for topic in consent.offered_topics()}
        for name, topic in self._whatsapp_topics.items():
            self.fields[name] = forms.BooleanField(
                label=consent_label(topic), required=False, initial=False
            )

    def whatsapp_consent_fields(self) -> list[forms.BoundField]:
        """This will return the boxes, for a template that groups them."""
        return [self[name] for name in self._whatsapp_topics]

    def save_whatsapp_consent(
        self,
        *,
        request: HttpRequest,
        phone: str,
        source: str = ConsentRecord.Source.CHECKOUT,
        first_name: str = "",
        language: str = "",
        user: Any = None,
        birth_date: date | None = None,
        order_ref: str = "",
    ) -> Contact | None:
        """This will keep the customer and the ticked boxes, with their words, as consent.

        Boxes that are not ticked change nothing: leaving a box empty withdraws nothing. Runs
        in a savepoint of the caller's transaction and never raises into an order: whatever goes
        wrong is logged, and without a record nothing is sent.

        Returns:
            The contact, or None where nothing could be kept, for instance because the phone is
            no phone number. Validate it in the form with ``whatsapp_notify.forms.PhoneField``,
            so that the customer sees the problem.
        """
        try:
            customer = Customer(
                phone=phone,
                first_name=first_name,
                language=language or _page_language(),
                birth_date=birth_date,
                user_id=user.pk if user is not None else None,
            )
            with transaction.atomic():
                return self._save_consent(request, customer, source, order_ref)
        except (InvalidPhone, contacts.NoAddress):
            return None
        except Exception as err:  # noqa: BLE001  # an order must never fail because of us
            logger.error("Consent could not be kept: %s", faults.trace(err))
            return None

    def _save_consent(
        self, request: HttpRequest, customer: Customer, source: str, order_ref: str
    ) -> Contact:
        now = timezone.now()
        contact = contacts.resolve(customer=customer, now=now)
        proofs = [
            (
                topic,
                Proof(
                    source=source,
                    wording=str(self.fields[name].label),
                    language=_page_language(),
                    ip_address=_ip_address(request),
                    user_agent=request.headers.get("User-Agent", ""),
                    evidence={"order_ref": order_ref} if order_ref else {},
                ),
            )
            for name, topic in self._whatsapp_topics.items()
            if self.cleaned_data.get(name)
        ]
        consent.grant_each(contact=contact, proofs=proofs, occurred_at=now, now=now)
        return contact


class PhoneField(forms.CharField):
    """A phone number in national or international form; cleans to E.164."""

    widget = forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"})
    default_error_messages = {
        "invalid_phone": _(
            "This is no phone number that can be reached. Write it as in %(example)s."
        ),
    }

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if not text:
            return ""
        try:
            return phones.parse(text, region=conf.load().DEFAULT_REGION)
        except InvalidPhone as err:
            raise forms.ValidationError(
                self.error_messages["invalid_phone"],
                code="invalid_phone",
                params={"example": phones.example(region=conf.load().DEFAULT_REGION)},
            ) from err


def consent_label(topic: Topic) -> str:
    """This will return the words beside the box; they name the business and the channel."""
    words = gettext("Yes, %(business)s may send me on WhatsApp: %(topic)s. I can stop at any time.")
    return words % {"business": conf.load().BUSINESS_NAME, "topic": gettext(topic.name)}


def _ip_address(request: HttpRequest) -> str | None:
    """This will return the address of the browser; behind a socket there may be none."""
    address = request.META.get("REMOTE_ADDR", "")
    try:
        validate_ipv46_address(address)
    except forms.ValidationError:
        return None
    # PostgreSQL takes no zone of a local address, such as fe80::1%eth0.
    return None if "%" in address else address


def _page_language() -> str:
    return (get_language() or settings.LANGUAGE_CODE).split("-")[0]
