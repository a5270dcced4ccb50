"""From an occasion to the words of a message."""

import dataclasses
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _

from whatsapp_notify.domain import placeholders, templates
from whatsapp_notify.domain.content import (
    Preview,
    TemplateContent,
    in_text,
    preview_to_json,
    to_json,
)
from whatsapp_notify.domain.occasions import Customer, Occasion, Order
from whatsapp_notify.domain.templates import Filled, ParameterProblems
from whatsapp_notify.exceptions import WhatsAppNotifyError
from whatsapp_notify.models import Automation, Contact, Message, ShopEvent, Template, Topic
from whatsapp_notify.models.automation import Event
from whatsapp_notify.services import confirmations, discounts, qr_codes, template_choice, wording


class PlanProblem(WhatsAppNotifyError):
    """An automation cannot be put into words. Repair its template or its parameters.

    ``code`` is "no_template" (none of that name), "unknown_names" (an expression names what
    is not known), "no_qr_code" (it cannot be made) or "parameters" (values do not fit).
    ``detail`` holds names and rules, never a value.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(_WORDS[code]() % {"detail": detail})
        self.code = code
        self.detail = detail


_WORDS = {
    "no_template": lambda: _("There is no template “%(detail)s”."),
    "unknown_names": lambda: _("Not known here: %(detail)s."),
    "no_qr_code": lambda: _("There is no QR code: %(detail)s."),
    "parameters": lambda: _("Values do not fit the template: %(detail)s."),
}


def plan(
    *,
    automation: Automation,
    occasion: Occasion,
    contact: Contact,
    event: ShopEvent,
    now: datetime,
) -> Message:
    """This will write the message of one automation for one occasion. Does not save it.

    Raises:
        PlanProblem: There is no template, or its values cannot be had.
    """
    language = occasion.customer.language or contact.language
    template = _template(automation, language)
    due_at = event.occurred_at + timedelta(minutes=automation.delay_minutes)
    expires_at = due_at + timedelta(minutes=automation.expires_after_minutes)
    if _shows_qr_code(automation):
        occasion = _with_qr_code(occasion, event, until=expires_at)
    filled = _fill(automation, template, occasion=occasion)
    return Message(
        key=f"automation:{automation.pk}:event:{event.pk}:contact:{contact.pk}"
        f":{automation.channel}",
        contact=contact,
        topic=_topic(automation, event),
        automation=automation,
        event=event,
        survey=automation.survey,
        channel=automation.channel,
        event_name=event.name,
        order_ref=event.order_ref,
        content=to_json(_content(automation, filled)),
        preview=preview_to_json(filled.preview),
        template_name=template.name,
        template_language=template.language,
        due_at=due_at,
        expires_at=expires_at,
        created_at=now,
    )


def preview(*, automation: Automation, language: str, now: datetime) -> Preview:
    """This will show the automation's message with sample values.

    A template of this very language is shown even while it may not be sent.

    Raises:
        PlanProblem: As ``plan`` would with every value at hand.
    """
    exact = Template.objects.filter(name=automation.template_name, language=language).first()
    template = exact or _template(automation, language)
    return _fill(automation, template, occasion=sample_occasion(automation, now=now)).preview


def sample_values(*, automation: Automation, language: str, now: datetime) -> dict[str, str]:
    """This will return each name that expressions may use, with a sample of its value."""
    return wording.values(
        occasion=sample_occasion(automation, now=now),
        survey_keyword=_survey_keyword(automation),
        language=language,
    )


def sample_occasion(automation: Automation, *, now: datetime) -> Occasion:
    """This will invent an occasion in which nothing is missing."""
    customer = Customer(first_name="Customer", full_name="Customer One")
    order = Order(
        ref="A1001",
        customer=customer,
        total=Decimal("49.90"),
        currency="EUR",
        url="https://shop.example/orders/A1001",
        shipped_on=now.date(),
        estimated_arrival=now.date() + timedelta(days=3),
        carrier="Carrier",
        tracking_code="TRACK123",
        tracking_url="https://shop.example/track/TRACK123",
    )
    extra = {
        "discount_code": discounts.birthday_code(contact_id=0, year=now.year),
        "qr_url": "https://shop.example/whatsapp/qr/sample.png",
    }
    if automation.topic_id:
        extra[confirmations.TOPIC_KEYS] = automation.topic.key
    return Occasion(
        event=automation.event, occurred_at=now, customer=customer, order=order, extra=extra
    )


def _shows_qr_code(automation: Automation) -> bool:
    expressions = automation.parameters.values()
    return any("qr_url" in placeholders.names_in(each) for each in expressions)


def _with_qr_code(occasion: Occasion, event: ShopEvent, *, until: datetime) -> Occasion:
    try:
        address = qr_codes.address(event=event, until=until)
    except qr_codes.NoQrCode as err:
        raise PlanProblem("no_qr_code", err.why) from err
    return dataclasses.replace(occasion, extra={**occasion.extra, "qr_url": address})


def _topic(automation: Automation, event: ShopEvent) -> Topic:
    """This will file the question about a consent under the first topic that it asks about."""
    if event.name != Event.CONSENT_UNCONFIRMED:
        return automation.topic
    return next(iter(confirmations.asked_topics(data=event.data)), automation.topic)


def _template(automation: Automation, language: str) -> Template:
    template = template_choice.choose(name=automation.template_name, language=language)
    if template is None:
        raise PlanProblem("no_template", automation.template_name)
    return template


def _fill(automation: Automation, template: Template, *, occasion: Occasion) -> Filled:
    known = wording.values(
        occasion=occasion,
        survey_keyword=_survey_keyword(automation),
        language=template.language,
    )
    try:
        values = {
            key: placeholders.substitute(expression, known)
            for key, expression in automation.parameters.items()
        }
        return templates.fill(template.definition(), values)
    except placeholders.UnknownPlaceholder as err:
        raise PlanProblem("unknown_names", ", ".join(err.names)) from err
    except ParameterProblems as err:
        raise PlanProblem("parameters", str(err)) from err


def _content(automation: Automation, filled: Filled) -> TemplateContent:
    """This will let the question of a survey go as text to whoever is just writing with us."""
    if automation.survey is None:
        return filled.content
    return dataclasses.replace(filled.content, text=in_text(filled.preview))


def _survey_keyword(automation: Automation) -> str:
    return automation.survey.keyword if automation.survey else ""
