"""The page of one message: what the customer saw, what happened, and why."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from whatsapp_notify.admin import badges, base, bubble, check_words, words
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import DeliveryEvent, Message, Template
from whatsapp_notify.services import settlement, timeline

Fact = tuple[words.Words, object]

_FORMS: Mapping[str, words.Words] = {
    "text": gettext_lazy("text, inside the service window"),
    "template": gettext_lazy("template, outside the service window"),
}


def context(request: HttpRequest, message: Message) -> dict[str, Any]:
    """This will gather what the page shows and the user may see."""
    can_see_text = request.user.has_perm("whatsapp_notify.view_message_text")
    code = message.error_code
    return {
        "message": message,
        "customer": base.customer(message.contact, is_full=base.can_see_phones(request)),
        "state_badge": badges.state(message.state),
        "state_help": words.STATES[message.state][2] if message.state in words.STATES else "",
        "reason": words.reason(message.reason),
        "remedy": words.remedy(message.reason),
        "error": None if code is None else (code, *words.error(code)),
        "can_see_text": can_see_text,
        "bubble": (
            bubble.draw(message.chat_preview, label=gettext_lazy("Message as the customer sees it"))
            if can_see_text
            else ""
        ),
        "checks": check_words.shown(message.checks_made),
        "timeline": list(_timeline(message)),
        "facts": list(_facts(request, message)),
        "verdicts": [str(v) for v in settlement.Verdict if settlement.allows(message, v)],
        "is_queued": message.state == State.QUEUED,
    }


def _timeline(message: Message) -> Iterator[dict[str, Any]]:
    labels = dict(DeliveryEvent.Kind.choices)
    for line in timeline.of(message):
        # The kinds of lines have none for it: nothing happened to the message.
        is_seen = line.reason == "seen_by_staff"
        meaning = "" if line.error_code is None else words.error(line.error_code)[0]
        yield {
            "at": line.at,
            "what": labels.get(line.kind, line.kind) if not is_seen else gettext_lazy("seen"),
            "reason": "" if is_seen else words.reason(line.reason),
            "code": line.error_code,
            "meaning": meaning,
            "detail": line.detail,
            "attempt": line.attempt,
            "actor": line.actor,
        }


def _facts(request: HttpRequest, message: Message) -> Iterator[Fact]:
    consent_id = next(
        (
            seen["record"]
            for name, _o, seen in message.checks_made
            if name == "consent" and "record" in seen
        ),
        None,
    )
    phone = base.customer(message.contact, is_full=base.can_see_phones(request))
    yield gettext_lazy("Customer"), badges.link(message.contact, phone)
    yield gettext_lazy("Topic"), badges.link(message.topic)
    if message.order_ref:
        yield gettext_lazy("Order"), badges.order(message.order_ref, message.event)
    if message.event:
        yield gettext_lazy("Event"), badges.link(message.event, words.event(message.event_name))
    elif message.event_name:
        yield gettext_lazy("Event"), words.event(message.event_name)
    if message.automation:
        yield gettext_lazy("Automation"), badges.link(message.automation)
    if message.template_name:
        yield gettext_lazy("Template"), _template(message)
    if form := _form(message):
        yield gettext_lazy("Sent as"), form
    if consent_id:
        yield gettext_lazy("Consent record"), badges.consent_record(consent_id)
    if message.survey:
        yield gettext_lazy("Survey"), badges.link(message.survey)
    if message.in_reply_to:
        yield gettext_lazy("Answers the customer's message"), badges.link(message.in_reply_to)
    for reply in message.answered_by.order_by("id")[:5]:
        yield gettext_lazy("Customer's answer"), badges.link(reply)
    yield gettext_lazy("Planned at"), words.at(message.created_at)
    yield gettext_lazy("Due at"), words.at(message.due_at)
    yield gettext_lazy("Of use until"), words.at(message.expires_at)
    if message.attempt:
        yield gettext_lazy("Calls to WhatsApp"), message.attempt
    if message.sender:
        yield gettext_lazy("Sent from"), badges.link(message.sender)
    if message.pricing:
        yield gettext_lazy("Price"), _price(message.pricing)
    if message.trace_id:
        yield gettext_lazy("Trace id at Meta"), message.trace_id
    if message.error_detail:
        yield gettext_lazy("Meta's words"), message.error_detail


def _form(message: Message) -> words.Words:
    """This will say which form a message took that has two; "" for others and before it left."""
    if not message.attempt:
        return ""
    forms = (seen.get("form") for name, _o, seen in message.checks_made if name == "service_window")
    return _FORMS.get(next(forms, None) or "", "")


def _template(message: Message) -> object:
    row = Template.objects.filter(
        name=message.template_name, language=message.template_language
    ).first()
    text = f"{message.template_name} ({message.template_language})"
    return badges.link(row, text) if row else text


def _price(pricing: dict[str, Any]) -> str:
    """This will write Meta's pricing object: ``{"billable": bool, "category": str, ...}``."""
    if pricing.get("type") in {"free_customer_service", "free_entry_point"}:
        billed = _("free of charge")
    else:
        billed = _("free of charge") if pricing.get("billable") is False else _("billed")
    details = [
        words.fact(pricing[key]) for key in ("category", "type", "pricing_model") if key in pricing
    ]
    return f"{billed} ({', '.join(details)})" if details else billed
