"""What a customer does with the phone: write, press, read, stop."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from . import identities, outbox, webhooks
from .conf import get_settings
from .fates import FATES, Fate, fate_of
from .models import ChatMessage, SimulatedCustomer

#: Emoji that the phone offers for reactions.
REACTIONS = ("👍", "❤️", "😂", "😮", "😢", "🙏")


class NothingToPress(Exception):
    """This message has no button or list row that can be answered at that index."""


def get_or_create(*, digits: str, name: str = "") -> SimulatedCustomer:
    """This will return the customer of a number, new ones with the fate of the number.

    Raises: nothing.
    """
    wa_id = identities.wa_id_of(digits)
    fate = Fate.NOT_ON_WHATSAPP if _was_given_up(wa_id) else fate_of(wa_id)
    customer, _created = SimulatedCustomer.objects.get_or_create(
        wa_id=wa_id,
        defaults={
            "phone": digits,
            "user_id": identities.user_id_of(wa_id),
            "name": (name or default_name(wa_id))[:100],
            "fate": fate,
            "stopped_marketing": fate == Fate.STOPPED_MARKETING,
        },
    )
    return customer


def _was_given_up(wa_id: str) -> bool:
    return ChatMessage.objects.filter(kind="system", content__from=wa_id).exists()


def default_name(wa_id: str) -> str:
    """This will return what a customer is called until somebody says otherwise."""
    fixed = next((str(row.fate.label) for row in FATES if row.phone == f"+{wa_id}"), "")
    return fixed or _("Customer %(digits)s") % {"digits": wa_id[-4:]}


def rename(customer: SimulatedCustomer, *, name: str) -> None:
    """This will give the customer another profile name, seen by the shop with the next message."""
    customer.name = name[:100]
    customer.save(update_fields=["name"])


def set_fate(customer: SimulatedCustomer, *, fate: Fate) -> None:
    """This will change what happens to messages from now on, and forget earlier refusals."""
    customer.fate = fate
    customer.refused_calls, customer.refused_since = 0, None
    if fate == Fate.STOPPED_MARKETING:
        customer.stopped_marketing = True
    customer.save(update_fields=["fate", "refused_calls", "refused_since", "stopped_marketing"])


def write_text(
    customer: SimulatedCustomer, *, text: str, now: datetime, context_wamid: str = ""
) -> ChatMessage:
    """This will send a text to the shop."""
    return send(
        customer,
        kind="text",
        value={"body": text},
        pieces={"body": text},
        context_wamid=context_wamid,
        now=now,
    )


def send_location(
    customer: SimulatedCustomer,
    *,
    latitude: float,
    longitude: float,
    now: datetime,
    context_wamid: str = "",
) -> ChatMessage:
    """This will send a place; with a context it answers the shop's request for one."""
    value = {"latitude": latitude, "longitude": longitude}
    return send(
        customer,
        kind="location",
        value=value,
        pieces={"location": {**value, "name": "", "address": ""}},
        context_wamid=context_wamid,
        now=now,
    )


def send_order(
    customer: SimulatedCustomer, *, items: list[dict[str, Any]], text: str, now: datetime
) -> ChatMessage:
    """This will send a cart. ``items[]: {product_retailer_id, quantity, item_price, currency}``."""
    value = {"catalog_id": "1", "text": text, "product_items": items}
    count = sum(int(item.get("quantity", 1)) for item in items)
    title = ngettext("Cart, %(count)d item", "Cart, %(count)d items", count) % {"count": count}
    pieces = {"title": title, "body": text}
    return send(customer, kind="order", value=value, pieces=pieces, now=now)


def react(
    customer: SimulatedCustomer, *, message: ChatMessage, emoji: str, now: datetime
) -> ChatMessage:
    """This will put an emoji on a message of the shop; an empty one takes it away."""
    message.reaction = emoji
    message.save(update_fields=["reaction"])
    value = {"message_id": message.wamid, "emoji": emoji}
    pieces = {"reaction": {"emoji": emoji, "wamid": message.wamid}}
    return send(customer, kind="reaction", value=value, pieces=pieces, now=now)


def answers_of(message: ChatMessage) -> list[dict[str, Any]]:
    """This will return what can be pressed in a bubble: buttons, those of cards, list rows."""
    pieces = message.pieces
    buttons = list(pieces.get("buttons", []))
    for card in pieces.get("cards", []):
        buttons += card.get("buttons", [])
    sections = pieces.get("list", {}).get("sections", [])
    rows = [row for section in sections for row in section["rows"]]
    listed = [
        {"kind": "reply", "answer": "list_reply", "text": row["title"], **row} for row in rows
    ]
    return [*buttons, *listed]


def press(
    customer: SimulatedCustomer, *, message: ChatMessage, index: int, now: datetime
) -> ChatMessage:
    """This will answer a message by one of its buttons or list rows.

    Raises: NothingToPress when there is none at that index that the shop hears of.
    """
    answers = answers_of(message)
    if not 0 <= index < len(answers) or answers[index]["kind"] != "reply":
        raise NothingToPress
    button = answers[index]
    if button["answer"] == "button":
        kind, value = "button", {"payload": button["id"], "text": button["text"]}
    else:
        reply = {"id": button["id"], "title": button["text"]}
        if button.get("description"):
            reply["description"] = button["description"]
        kind, value = "interactive", {"type": button["answer"], button["answer"]: reply}
    return send(
        customer,
        kind=kind,
        value=value,
        pieces={"body": button["text"]},
        context_wamid=message.wamid,
        now=now,
    )


def open_chat(customer: SimulatedCustomer, *, now: datetime) -> int:
    """This will look at all new messages and tell the shop "read", unless receipts are off.

    Returns how many were new.
    """
    with transaction.atomic():
        unseen = list(customer.messages.select_related("customer").unseen(now=now).order_by("id"))
        rows = ChatMessage.objects.filter(pk__in=[each.pk for each in unseen], seen_at=None)
        rows.update(seen_at=now)
        if customer.fate != Fate.NO_RECEIPTS:
            rows = ChatMessage.objects.filter(pk__in=[each.pk for each in unseen], read_at=None)
            fresh = [each for each in unseen if each.read_at is None]
            rows.update(read_at=now)
            outbox.schedule_read(fresh, settings=get_settings(), now=now)
    return len(unseen)


def set_marketing(customer: SimulatedCustomer, *, stopped: bool, now: datetime) -> None:
    """This will press "stop" or "resume" for marketing in WhatsApp itself, and tell the shop."""
    value = "stop" if stopped else "resume"
    body = webhooks.marketing_preference(
        settings=get_settings(), customer=customer, value=value, at=now
    )
    with transaction.atomic():
        customer.stopped_marketing = stopped
        customer.save(update_fields=["stopped_marketing"])
        outbox.schedule(label=value, body=body, customer=customer, now=now)


def send(
    customer: SimulatedCustomer,
    *,
    kind: str,
    value: Any,
    pieces: dict[str, Any],
    now: datetime,
    context_wamid: str = "",
    beside: Mapping[str, Any] | None = None,
    opens_window: bool = True,
) -> ChatMessage:
    """This will send a message of any kind to the shop; what a person writes opens the window.

    ``value`` travels under the name of the kind; ``beside`` is what Meta puts next to it, for
    example ``referral``.
    """
    settings = get_settings()
    with transaction.atomic():
        message = ChatMessage.objects.create(
            customer=customer,
            direction=ChatMessage.Direction.TO_BUSINESS,
            wamid=identities.new_wamid(customer.known_as, from_business=False),
            kind=kind,
            content={"type": kind, kind: value, **(beside or {})},
            pieces={name: piece for name, piece in pieces.items() if piece},
            context_wamid=context_wamid,
            created_at=now,
            sent_at=now,
            delivered_at=now + timedelta(seconds=settings.delay_seconds("sent")),
        )
        if opens_window:
            customer.last_wrote_at = now
            customer.typing_until = None
            customer.save(update_fields=["last_wrote_at", "typing_until"])
        body = webhooks.inbound(settings=settings, message=message)
        outbox.schedule(label=kind, body=body, customer=customer, now=now)
    return message


def business_read(*, wamid: str, typing: bool, now: datetime) -> bool:
    """This will turn the ticks blue up to a message of the customer, and show the shop typing.

    Returns False when there is no such message.
    """
    message = ChatMessage.objects.filter(
        wamid=wamid, direction=ChatMessage.Direction.TO_BUSINESS
    ).first()
    if message is None:
        return False
    ChatMessage.objects.filter(
        customer=message.customer_id,
        direction=ChatMessage.Direction.TO_BUSINESS,
        pk__lte=message.pk,
        read_at=None,
    ).update(read_at=now)
    if typing:
        # WhatsApp hides the sign when the answer comes, or after 25 seconds.
        until = now + timedelta(seconds=25)
        SimulatedCustomer.objects.filter(pk=message.customer_id).update(typing_until=until)
    return True
