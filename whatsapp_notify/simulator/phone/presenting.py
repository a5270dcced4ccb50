"""What the phone page shows, gathered in a constant number of queries."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import phonenumbers
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from whatsapp_notify.simulator import customers, markup
from whatsapp_notify.simulator.errors import KINDS, UNKNOWN_KIND
from whatsapp_notify.simulator.fates import FATES, description_of
from whatsapp_notify.simulator.models import ChatMessage, OutboxWebhook, SimulatedCustomer

#: Most messages of a chat, customers and webhooks shown at once.
MOST_MESSAGES: Final = 120
MOST_CUSTOMERS: Final = 40
MOST_WEBHOOKS: Final = 7

#: Pastel classes of avatars in the stylesheet.
AVATAR_HUES: Final = 8

_MEDIA_WORDS: Final = {
    "image": "📷", "video": "🎬", "audio": "🎤", "document": "📄", "sticker": "🏷️"
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A line of the list of chats."""

    pk: int
    name: str
    initials: str
    hue: int
    last_line: str
    last_at: str
    unread: int
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One element of the chat: a day, a bubble, or a note about a failure or the person."""

    id: str
    #: Changes when the element must be drawn anew.
    revision: str
    kind: str
    label: str = ""
    bubble: "Bubble | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubble:
    """One message, ready to be drawn."""

    pk: int
    is_mine: bool
    time: str
    ticks: str
    pieces: dict[str, Any]
    title: SafeString
    body: SafeString
    media: "Media | None"
    place: "Place | None"
    quote: str
    reaction: str
    buttons: list[dict[str, Any]]
    cards: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    offer_ends: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A picture that can be shown, or the placeholder of a file."""

    kind: str
    #: Address on this host, or blank: a placeholder is drawn.
    address: str
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A location."""

    name: str
    address: str
    map_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """The message above which the customer is writing an answer."""

    pk: int
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A webhook in the list of what the shop was told."""

    label: str
    time: str
    state: str
    detail: str


def people(*, current: SimulatedCustomer | None, now: datetime) -> list[Person]:
    """This will return the chats, the most recent first."""
    last = ChatMessage.objects.shown(now=now).filter(customer=OuterRef("pk")).order_by(
        "-created_at", "-id"
    )  # fmt: skip
    unseen = (
        Q(messages__direction=ChatMessage.Direction.TO_CUSTOMER)
        & Q(messages__delivered_at__lte=now, messages__seen_at=None)
        & (Q(messages__read_at=None) | Q(messages__read_at__gt=now))
        & ~Q(messages__kind="reaction")
    )
    # PostgreSQL would put chats without a message first.
    found = SimulatedCustomer.objects.annotate(
        last_pk=Subquery(last.values("pk")[:1]), unread=Count("messages", filter=unseen)
    ).order_by(F("last_pk").desc(nulls_last=True), "-id")[:MOST_CUSTOMERS]
    rows = list(found)
    lines = ChatMessage.objects.in_bulk([row.last_pk for row in rows if row.last_pk])
    return [_person(row, lines.get(row.last_pk), current=current) for row in rows]


def _person(row: Any, last: ChatMessage | None, *, current: SimulatedCustomer | None) -> Person:
    return Person(
        pk=row.pk,
        name=row.name,
        initials="".join(word[0] for word in row.name.split()[:2]).upper() or "?",
        hue=row.pk % AVATAR_HUES,
        last_line=last_line(last) if last else "",
        last_at=_clock(last.created_at) if last else "",
        unread=row.unread,
        is_current=current is not None and row.pk == current.pk,
    )


def last_line(message: ChatMessage) -> str:
    """This will return a message in one line."""
    pieces = message.pieces
    if message.error_code and not message.is_from_customer:
        return _("A message did not arrive")
    if "media" in pieces:
        kind = pieces["media"]["kind"]
        words = pieces.get("body", "") or pieces["media"]["filename"]
        return f"{_MEDIA_WORDS.get(kind, '')} {markup.as_line(words)}".strip()
    if "location" in pieces:
        return "📍 " + (pieces["location"].get("name") or _("Location"))
    if "contacts" in pieces:
        return "👤 " + pieces["contacts"][0]["name"]
    return markup.as_line(pieces.get("body") or pieces.get("title") or "…")


def quoted_by(customer: SimulatedCustomer, *, pk: str) -> Quoted | None:
    """This will return the message of the shop that the customer is about to answer, if any."""
    if not (pk.isascii() and pk.isdigit() and len(pk) <= 18):
        return None
    rows = customer.messages.filter(direction=ChatMessage.Direction.TO_CUSTOMER)
    found = rows.filter(pk=int(pk)).first()
    return Quoted(pk=found.pk, line=last_line(found)) if found else None


def load_thread(customer: SimulatedCustomer, *, now: datetime) -> list[ChatMessage]:
    """This will return the messages on the phone, oldest first."""
    rows = customer.messages.shown(now=now).order_by("-created_at", "-id")[:MOST_MESSAGES]
    return list(reversed(rows))


def items(messages: Sequence[ChatMessage], *, host: str, now: datetime) -> list[Item]:
    """This will return the elements of the chat, days between messages included."""
    shown: list[Item] = []
    day: date | None = None
    by_wamid = {message.wamid: message for message in messages}
    for message in messages:
        local = timezone.localtime(message.created_at).date()
        if local != day:
            day = local
            label = _day(local, today=timezone.localdate(now))
            shown.append(Item(id=f"day-{local}", revision=label, kind="day", label=label))
        shown.append(_item(message, quoted=by_wamid.get(message.context_wamid), host=host, now=now))
    return shown


def _item(message: ChatMessage, *, quoted: ChatMessage | None, host: str, now: datetime) -> Item:
    revision = revision_of(message, now=now)
    if message.failed_at is not None and not message.is_from_customer:
        code = message.error_code or 0
        title = KINDS.get(code, UNKNOWN_KIND).title
        return Item(id=f"m-{message.pk}", revision=revision, kind="failed", label=f"{code} {title}")
    if message.kind == "system":
        label = message.pieces["body"]
        return Item(id=f"m-{message.pk}", revision=revision, kind="note", label=label)
    bubble = _bubble(message, quoted=quoted, host=host, now=now)
    return Item(id=f"m-{message.pk}", revision=revision, kind="bubble", bubble=bubble)


def revision_of(message: ChatMessage, *, now: datetime) -> str:
    """This will return a mark that changes with all that a bubble shows."""
    ticks = message.status_at(now) if message.is_from_customer else ""
    return f"{message.pk}-{ticks}-{message.reaction}-{message.pieces.get('rewritten', 0)}"


def _bubble(
    message: ChatMessage, *, quoted: ChatMessage | None, host: str, now: datetime
) -> Bubble:
    pieces = message.pieces
    answers = [
        {**answer, "index": index} for index, answer in enumerate(customers.answers_of(message))
    ]
    own = len(pieces.get("buttons", []))
    in_cards = sum(len(card.get("buttons", [])) for card in pieces.get("cards", []))
    # WhatsApp does not show the quoted message above a template.
    quote = last_line(quoted) if quoted is not None and message.kind != "template" else ""
    return Bubble(
        pk=message.pk,
        is_mine=message.is_from_customer,
        time=_clock(message.created_at),
        ticks=str(message.status_at(now)) if message.is_from_customer else "",
        pieces=pieces,
        title=markup.as_html(pieces.get("title", "")),
        body=markup.as_html(pieces.get("body", "")),
        media=_media(pieces.get("media"), host=host),
        place=_place(pieces.get("location")),
        quote=quote,
        reaction=message.reaction,
        buttons=answers[:own],
        cards=_cards(pieces.get("cards", []), answers[own : own + in_cards], host=host),
        rows=_rows(pieces.get("list", {}), answers[own + in_cards :]),
        offer_ends=_offer_ends(pieces.get("offer")),
    )


def _rows(listed: dict[str, Any], answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a list, the first of each section with the section's title."""
    titles = {}
    place = 0
    for section in listed.get("sections", []):
        titles[place] = section["title"]
        place += len(section["rows"])
    return [{**row, "section": titles.get(index, "")} for index, row in enumerate(answers)]


def _cards(
    cards: list[dict[str, Any]], answers: list[dict[str, Any]], *, host: str
) -> list[dict[str, Any]]:
    left, shown = list(answers), []
    for card in cards:
        count = len(card.get("buttons", []))
        buttons, left = left[:count], left[count:]
        shown.append(
            {
                "media": _media(card.get("media"), host=host),
                "body": markup.as_html(card.get("body", "")),
                "buttons": buttons,
            }
        )
    return shown


def _media(media: dict[str, Any] | None, *, host: str) -> Media | None:
    if not media:
        return None
    address = ""
    if media["media_id"]:
        address = reverse("whatsapp_simulator:picture", args=[media["media_id"]])
    elif urlsplit(media["link"]).netloc == host:
        # Pictures of other hosts are not loaded: nothing leaves this computer.
        address = urlsplit(media["link"]).path
    return Media(
        kind=media["kind"],
        address=address,
        caption=media["filename"] or urlsplit(media["link"]).path.rpartition("/")[2],
    )


def _place(place: dict[str, Any] | None) -> Place | None:
    if not place:
        return None
    point = f"mlat={place['latitude']}&mlon={place['longitude']}"
    return Place(
        name=place["name"] or _("Location"),
        address=place["address"] or f"{place['latitude']:.4f}, {place['longitude']:.4f}",
        map_url=f"https://www.openstreetmap.org/?{point}",
    )


def _offer_ends(offer: dict[str, Any] | None) -> str:
    if not offer or not offer.get("expires_ms"):
        return ""
    try:
        at = datetime.fromtimestamp(offer["expires_ms"] / 1000, tz=UTC)
    except (OverflowError, OSError, ValueError):
        return ""
    return date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT")


def _clock(at: datetime) -> str:
    return date_format(timezone.localtime(at), "H:i")


def _day(day: date, *, today: date) -> str:
    match (today - day).days:
        case 0:
            return _("Today")
        case 1:
            return _("Yesterday")
        case _:
            return date_format(day, "j F Y")


def told(customer: SimulatedCustomer) -> list[Told]:
    """This will return the latest webhooks about a customer, and how the shop took them."""
    rows = OutboxWebhook.objects.filter(customer=customer).order_by("-id")[:MOST_WEBHOOKS]
    return [_told(row) for row in rows]


def _told(row: OutboxWebhook) -> Told:
    if row.delivered_at is not None:
        state = "delivered"
    elif row.gave_up_at is not None:
        state = "given_up"
    else:
        state = "retrying" if row.attempts else "waiting"
    time = date_format(timezone.localtime(row.delivered_at or row.due_at), "H:i:s")
    return Told(label=row.label, time=time, state=state, detail=row.last_error)


def panel(customer: SimulatedCustomer, *, now: datetime) -> dict[str, Any]:
    """This will return the state of the customer, for the panel beside the phone."""
    return {
        "phone": customer.user_id if customer.hides_number else _readable(customer.wa_id),
        "is_window_open": customer.is_window_open(now=now),
        "fate_description": description_of(customer.fate),
        "told": told(customer),
        "fates": FATES,
        "is_typing": customer.typing_until is not None and now < customer.typing_until,
    }


def _readable(wa_id: str) -> str:
    try:
        number = phonenumbers.parse(f"+{wa_id}")
    except phonenumbers.NumberParseException:
        return f"+{wa_id}"
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def fingerprint(
    customer: SimulatedCustomer,
    *,
    chats: Sequence[Person],
    messages: Sequence[ChatMessage],
    webhooks: Sequence[Told],
    now: datetime,
) -> str:
    """This will return a short mark of all that the page shows, for ETag."""
    state = (
        [revision_of(message, now=now) for message in messages],
        [(chat.pk, chat.unread, chat.last_at, chat.last_line) for chat in chats],
        [(each.label, each.time, each.state) for each in webhooks],
        (customer.fate, customer.stopped_marketing, customer.name, customer.user_id),
        customer.is_window_open(now=now),
        customer.typing_until is not None and now < customer.typing_until,
        str(timezone.localdate(now)),
    )
    return hashlib.sha256(repr(state).encode()).hexdigest()[:24]
