"""The page of one contact: consents with their history, messages both ways."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from whatsapp_notify.admin import badges, base, words
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.models import (
    ConsentRecord,
    ConsentState,
    Contact,
    Identity,
    InboundMessage,
    Message,
)

_SHOWN = 10


def context(request: HttpRequest, contact: Contact) -> dict[str, Any]:
    """This will gather what the page shows and the user may see."""
    has_perm = request.user.has_perm
    can_see_log = has_perm("whatsapp_notify.view_message")
    can_see_inbound = has_perm("whatsapp_notify.view_inboundmessage")
    return {
        "customer": base.customer(contact, is_full=base.can_see_phones(request)),
        "identities": list(_identities(contact, is_full=base.can_see_phones(request))),
        "consents": list(_consents(contact)),
        "has_consent": contact.consent_states.filter(is_granted=True).exists(),
        "can_see_log": can_see_log,
        "can_see_inbound": can_see_inbound,
        "can_see_inbound_text": has_perm("whatsapp_notify.view_inboundmessage_text"),
        "latest_messages": list(_messages(contact)) if can_see_log else [],
        "latest_inbound": list(_inbound(contact)) if can_see_inbound else [],
    }


def consent_badge(state: ConsentState) -> str:
    """This will draw one topic, and whether the contact agreed to it."""
    if state.is_granted and state.confirm_by is not None:
        label = _("… %(topic)s: not confirmed in the chat") % {"topic": state.topic.name}
        return badges.badge(label, Tone.WAITING)
    if state.is_granted:
        return badges.badge(f"✓ {state.topic.name}", Tone.GOOD)
    return badges.badge(_("✕ %(topic)s: withdrawn") % {"topic": state.topic.name}, Tone.OFF)


def _identities(contact: Contact, *, is_full: bool) -> Iterator[dict[str, Any]]:
    # Not the prefetched ones: those leave out what has ended.
    for identity in Identity.objects.filter(contact=contact).order_by("id"):
        yield {
            "kind": identity.get_kind_display(),
            "value": identity.value if is_full else identity.masked_value,
            "since": identity.created_at,
            "ended": identity.ended_at,
        }


def _consents(contact: Contact) -> Iterator[dict[str, Any]]:
    records: dict[int, list[ConsentRecord]] = {}
    ledger = ConsentRecord.objects.filter(contact=contact).select_related("topic")
    for record in ledger.order_by("-occurred_at", "-id")[:200]:
        records.setdefault(record.topic_id, []).append(record)
    current = {
        state.topic_id: state
        for state in ConsentState.objects.filter(contact=contact).select_related("topic")
    }
    for topic_id, history in sorted(records.items()):
        state = current.get(topic_id)
        yield {
            "topic": history[0].topic,
            "badge": consent_badge(state) if state else "",
            "since": state.changed_at if state else None,
            "history": history,
        }


def _messages(contact: Contact) -> Iterator[dict[str, Any]]:
    rows = Message.objects.filter(contact=contact).select_related("topic").order_by("-id")
    for message in rows.defer("content", "preview", "checks", "pricing")[:_SHOWN]:
        yield {
            "link": badges.link(message, words.at(message.created_at)),
            "what": message.template_name or _("free text"),
            "topic": message.topic.name,
            "state": badges.state(message.state),
            "reason": words.reason(message.reason),
        }


def _inbound(contact: Contact) -> Iterator[dict[str, Any]]:
    rows = InboundMessage.objects.filter(contact=contact).order_by("-id")
    for inbound in rows[:_SHOWN]:
        yield {
            "link": badges.link(inbound, words.at(inbound.sent_at)),
            "kind": inbound.kind,
            "text": inbound.text,
            "handled_as": inbound.get_handled_as_display(),
        }
