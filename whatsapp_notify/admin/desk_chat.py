"""The middle of the desk: the chat, and who leads it."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from whatsapp_notify.admin import base, bubble, desk_attachments, desk_list, desk_words, words
from whatsapp_notify.admin.desk_sight import Sight
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import Conversation, InboundMedia, InboundMessage, Message
from whatsapp_notify.models.topic import Channel
from whatsapp_notify.services import chat_carts, chat_history, conversations, desk_staff
from whatsapp_notify.services.chat_history import Entry
from whatsapp_notify.services.presence import Colleague

_TEMPLATE = "admin/whatsapp_notify/desk/item.html"
#: States whose reason says something that the sign does not.
_TELLING = frozenset({State.QUEUED, State.FAILED, State.BLOCKED, State.EXPIRED, State.IN_DOUBT})
_MEDIA = frozenset({"image", "video", "audio", "document", "sticker"})


def history(
    request: HttpRequest, sight: Sight, conversation: Conversation, *, pages: int
) -> dict[str, Any]:
    """This will draw the chat: ``items`` as ``{"id", "revision", "html"}``, the oldest first."""
    found = chat_history.of_contact(
        contact_id=conversation.contact_id,
        pages=pages,
        with_inbound_text=sight.inbound_text,
        with_message_text=sight.message_text,
    )
    who = str(base.customer(conversation.contact))
    return {
        "items": [_drawn(_item(entry, sight, conversation, who)) for entry in found.entries],
        "older_url": _older_url(request, conversation, pages) if found.has_older else "",
    }


def state(sight: Sight, conversation: Conversation, *, now: datetime) -> dict[str, Any]:
    """This will gather what stands over the chat: whose it is, its window, what can be done."""
    contact = conversation.contact
    waiting = conversation.waiting_since
    assigned = conversation.assigned_to
    return {
        "conversation": conversation,
        "customer": base.customer(contact, is_full=sight.full_phone),
        "is_person": conversation.mode == Conversation.Mode.PERSON,
        "is_mine": conversation.assigned_to_id == sight.user.pk,
        "assigned": desk_staff.name(assigned) if assigned else "",
        "waits": words.span(now - waiting) if waiting else "",
        "window": desk_list.countdown(conversation.window_expires_at, now=now),
        "labels": desk_list.chips(list(contact.labels.all())),
        "paused_because": (
            contact.get_promotions_paused_reason_display() if contact.promotions_paused_at else ""
        ),
        "is_paused": contact.promotions_paused_at is not None,
        "can_reply": sight.can_reply,
        "newest_inbound_id": conversations.newest_inbound_id(conversation=conversation),
        "staff": (
            [(user.pk, desk_staff.name(user)) for user in desk_staff.who_may_answer()]
            if sight.can_reply
            else []
        ),
        "act_url": reverse("admin:whatsapp_notify_conversation_act", args=[conversation.pk]),
    }


def presence(colleagues: tuple[Colleague, ...]) -> str:
    """This will warn that somebody else is at the same conversation; empty for nobody."""
    if not colleagues:
        return ""
    writing = [each.name for each in colleagues if each.is_writing]
    names = writing or [each.name for each in colleagues]
    if writing:
        text = ngettext(
            "%(names)s is writing an answer to this customer just now.",
            "%(names)s are writing an answer to this customer just now.",
            len(names),
        )
    else:
        text = ngettext(
            "%(names)s is looking at this conversation as well.",
            "%(names)s are looking at this conversation as well.",
            len(names),
        )
    return text % {"names": ", ".join(names)}


def media_link(inbound: InboundMessage) -> str:
    """This will return the address at which a file of a customer is shown; empty for none."""
    media = getattr(inbound, "media", None)
    if media is None or media.state != InboundMedia.State.KEPT:
        return ""
    try:
        return reverse("admin:whatsapp_notify_inboundmedia_file", args=[media.pk])
    except NoReverseMatch:
        return ""


def _drawn(item: Mapping[str, Any]) -> dict[str, str]:
    html = render_to_string(_TEMPLATE, {"item": item})
    revision = hashlib.sha256(html.encode()).hexdigest()[:12]
    return {"id": item["id"], "revision": revision, "html": html}


def _item(entry: Entry, sight: Sight, conversation: Conversation, customer: str) -> dict[str, Any]:
    if entry.inbound is not None:
        return _their_item(entry.inbound, sight, customer, entry.at)
    assert entry.message is not None  # noqa: S101  # an entry is of one side or the other
    return _our_item(entry.message, sight, conversation, entry.at)


def _their_item(
    inbound: InboundMessage, sight: Sight, customer: str, at: datetime
) -> dict[str, Any]:
    item = {
        "id": f"in-{inbound.pk}",
        "is_theirs": True,
        "who": customer,
        "at": words.at(at),
        "kind": desk_words.kind(inbound.kind) if _needs_kind(inbound) else "",
        "is_hidden": not sight.inbound_text,
        "understood": inbound.get_handled_as_display(),
    }
    if not sight.inbound_text:
        return item
    return {
        **item,
        "text": bubble.marked(inbound.text),
        "lines": list(_lines(inbound)),
        "media_url": media_link(inbound) if sight.media and inbound.kind in _MEDIA else "",
    }


def _our_item(
    message: Message, sight: Sight, conversation: Conversation, at: datetime
) -> dict[str, Any]:
    sign, tick_class = desk_words.tick(message.state)
    who, is_person = desk_words.author(message)
    state = State(message.state)
    is_planned = state is State.QUEUED and message.due_at > message.created_at
    item = {
        "id": f"out-{message.pk}",
        "is_theirs": False,
        "who": who,
        "is_person": is_person,
        "at": words.at(at),
        "is_planned": is_planned,
        "channel": ("" if message.channel == Channel.WHATSAPP else message.get_channel_display()),
        "state": words.state(message.state),
        "sign": sign,
        "tick_class": tick_class,
        "reason": words.reason(message.reason) if state in _TELLING else "",
        "url": (
            reverse("admin:whatsapp_notify_message_change", args=[message.pk])
            if sight.message
            else ""
        ),
        "template": message.template_name,
        "is_hidden": not sight.message_text,
    }
    if not sight.message_text:
        return item
    return {
        **item,
        "bubble": bubble.context(message.chat_preview),
        "file": desk_attachments.in_chat(message, conversation.pk),
    }


def _needs_kind(inbound: InboundMessage) -> bool:
    """This will tell whether the words alone do not say what kind of message it is."""
    return inbound.kind not in {"text", "button", "interactive"}


def _price(line: Mapping[str, Any]) -> str:
    """This will write a price of a cart as all other money; one that is none, as it came."""
    price = chat_carts.price(line["item_price"])
    if price is None:
        return f"{line['item_price']} {line['currency']}".strip()
    return desk_words.amount(price, line["currency"])


def _lines(inbound: InboundMessage) -> Iterator[str]:
    """This will write out what a message holds beside its text."""
    content = inbound.content.get("content") or {}
    match inbound.kind:
        case "location":
            yield from filter(None, [content.get("name"), content.get("address")])
            yield f"{content.get('latitude', '')}, {content.get('longitude', '')}"
        case "order":
            for line in content.get("items") or ():
                yield f"{line['quantity']} × {line['product_retailer_id']} {_price(line)}".strip()
        case "contacts":
            for card in content.get("cards") or ():
                yield str(card.get("name", ""))
        case "document":
            yield from filter(None, [content.get("filename")])
        case "reaction" if not content.get("emoji"):
            yield _("taken back")
    media = getattr(inbound, "media", None)
    if media is not None and media.state != InboundMedia.State.KEPT:
        yield media.get_state_display()


def _older_url(request: HttpRequest, conversation: Conversation, pages: int) -> str:
    if pages >= chat_history.MAX_PAGES:
        return ""
    url = reverse(desk_list.CHAT_URL, args=[conversation.pk])
    return url + desk_list.query(request, more=str(pages + 1))
