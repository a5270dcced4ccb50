"""A random day of what customers write, and all that comes of it."""

import json
import random
import re
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Model

from tests import chat_shop, factories, webhook_bodies
from tests.factories import NOW
from whatsapp_notify import models as rows
from whatsapp_notify.models import Contact, Conversation, Identity, Message, Survey
from whatsapp_notify.services import arrivals, errands, webhooks
from whatsapp_notify.shop import BotReply, BotTurn, Cart, Customer, HandOver, Order

#: Of those whom the shop knows; some countries spell a number in two ways.
_PHONES = (
    "+358457311001", "+358457311002", "+358457311003", "+5511987654321", "+5215512345678",
    "+5491123456789", "+358457311004", "+358457311005",
)  # fmt: skip
#: As WhatsApp spells them, and some that nobody in the shop has.
_WA_IDS = (
    "358457311001", "358457311002", "358457311003", "551187654321", "525512345678",
    "541123456789", "358457311004", "358457311005", "358457322001", "358457322002",
)  # fmt: skip
_WORDS = (
    "STOP", "stop", "START", "LOPETA", "СТОП", "AVBRYT", "ALOITA", "Stop promotions",
    "please take me off your list", "do not write to me any more, please",
    "why do you write to me all the time?", "I don't want this", "5", "1", "2 slow",
    "SHOP 9 quick", "SHOP 1", "feedback 3", "returns", "agent", "Hello", "Thanks!", "👍",
    "summer", "summer with words", "Where is order A99999?", "order 1001",
    "And where may I park?", "a person, please", "break",
)  # fmt: skip
_MEDIA = {"mime_type": "image/jpeg", "sha256": ""}
_PRODUCT = {"product_retailer_id": "p", "quantity": 1, "item_price": 2, "currency": "EUR"}

#: What a day may change.
_SEEN: tuple[type[Model], ...] = (
    rows.InboundMessage, rows.Contact, rows.Identity, rows.Conversation, rows.Enquiry,
    rows.ConsentRecord, rows.ConsentState, rows.SurveyAnswer, rows.Message, rows.DeliveryEvent,
    rows.Lead, rows.Participation, rows.ParticipationMessage, rows.InboundMedia,
    rows.KeywordReply, rows.ShopEvent, rows.WebhookEvent, rows.UnreadWebhook,
)  # fmt: skip
#: Columns that differ from one day to the same day, or are told by another.
_BY_CHANCE = frozenset(
    {"id", "created_at", "recorded_at", "token", "key", "dedupe_key", "record", "digest"}
)


class Adapter(chat_shop.ChatAdapter):
    """Knows one order, and makes drafts that exist in the chat alone."""

    def get_order_by_ref(self, ref: str) -> Order | None:
        owner = Customer(phone=_PHONES[3])
        return Order(ref="1001", customer=owner, status="packed") if ref == "1001" else None

    def create_draft_order(self, cart: Cart) -> Order | None:
        return Order(ref="DRAFT", customer=cart.customer)


def bot(turn: BotTurn) -> BotReply | HandOver:
    if "person" in turn.text:
        return HandOver(reason="asked")
    if "break" in turn.text:
        raise RuntimeError("broken")
    lines = sum(1 for each in turn.history if each.is_by_customer)
    return BotReply(text=f"You wrote: {turn.text}, after {lines}")


class Day:
    """One day; the same seed brings the same."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._minute = 0
        self._told: list[dict[str, Any]] = []
        self._people: list[Contact] = []

    def play(self) -> Mapping[str, Counter[str]]:
        """All that comes of it, in words that do not depend on the order in which it came."""
        self._open()
        for beat in range(3):
            self._ask(beat)
            for _each in range(self._rng.randint(5, 25)):
                self._minute += self._rng.choice((0, 1, 3))
                self._write(beat)
            now = NOW + timedelta(minutes=self._minute, seconds=2)
            webhooks.process(now=now)
            if self._rng.random() < 0.7:
                errands.run(now=now)
                errands.run(now=now + timedelta(minutes=1))
                self._minute += self._rng.choice((1, 5, 90))
        return _seen()

    def _open(self) -> None:
        for key in ("service", "orders", "feedback", "offers"):
            factories.topic(key)
        for kind in ("greeting", "handed_over", "order_unknown", "flood"):
            rows.AutomaticReply.objects.create(kind=kind, language="en", body=f"{kind}!")
        reply = rows.KeywordReply.objects.create
        reply(phrases="returns", language="en", body="30 days.")
        reply(phrases="agent", language="en", body="Yes.", calls_person=True)
        factories.interactive_campaign()
        Survey.objects.create(name="Shop", keyword="SHOP", answer_days=3)
        Survey.objects.create(name="Thing", keyword="feedback", answer_days=1)
        for number, phone in enumerate(_PHONES):
            self._people.append(self._customer(number, phone))
        # Known by their accounts alone, one of them as a second contact.
        for number in (3, 9):
            account = Contact.objects.create(first_name=f"U{number}")
            Identity.objects.filter(value=_user_id(number)).delete()
            account.identities.create(kind="user_id", value=_user_id(number))
            self._people.append(account)

    def _customer(self, number: int, phone: str) -> Contact:
        rng = self._rng
        contact = factories.contact(
            phone=phone,
            consents=rng.choice((("orders", "offers"), ("feedback",))),
            first_name=f"P{number}",
            language=rng.choice(("", "en", "fi")),
            unreachable_since=rng.choice((None, None, NOW)),
        )
        for kind, value in (("wa_id", _WA_IDS[number]), ("user_id", _user_id(number))):
            if rng.random() < 0.5:
                contact.identities.create(kind=kind, value=value)
        if rng.random() < 0.3:
            talk = factories.open_window(contact, until=NOW + timedelta(hours=3))
            talk.mode = rng.choice(Conversation.Mode.values)
            talk.closed_at = rng.choice((None, NOW - timedelta(hours=1)))
            talk.save()
        return contact

    def _ask(self, beat: int) -> None:
        """Some are written to, some of them about a survey."""
        now = NOW + timedelta(minutes=self._minute)
        surveys = [None, *Survey.objects.order_by("id")]
        for contact in self._rng.sample(self._people, 5):
            survey = self._rng.choice(surveys)
            ref = self._rng.choice(("", "A1"))
            key = "feedback" if survey else "orders"
            row = factories.queued(contact, key=key, survey=survey, now=now, order_ref=ref)
            Message.objects.filter(pk=row.pk).update(
                state=self._rng.choice(("accepted", "delivered", "failed")),
                provider_message_id=f"wamid.OUT.{beat}.{contact.first_name}",
                called_at=now,
                accepted_at=now,
                is_pending=False,
            )

    def _write(self, beat: int) -> None:
        rng = self._rng
        if self._told and rng.random() < 0.06:
            self._post(rng.choice(self._told))  # told twice
            return
        quoted = f"wamid.OUT.{rng.randint(0, beat)}.{rng.choice(self._people).first_name}"
        at = 60 * self._minute - (7200 if rng.random() < 0.05 else 0)
        element = {
            "id": f"wamid.IN.{len(self._told)}.",
            "timestamp": str(webhook_bodies.SECONDS + at),
            **self._ids(),
            **self._content(rng.choice(_WORDS), quoted),
        }
        if rng.random() < 0.15 and element["type"] in {"text", "image"}:
            element["context"] = {"from": "358457300001", "id": quoted}
        if rng.random() < 0.05:
            element["referral"] = {"source_type": "ad", "source_id": "1", "ctwa_clid": "x"}
        self._told.append(element)
        self._post(element)

    def _ids(self) -> dict[str, str]:
        """By what somebody is known: mostly the number, now and then more, less or another's."""
        place = self._rng.randrange(len(_WA_IDS))
        by_number, by_account = {"from": _WA_IDS[place]}, {"from_user_id": _user_id(place)}
        others = {"from_user_id": _user_id(self._rng.randrange(12))}
        usual = [by_number] * 5
        dialled = {"from": self._rng.choice(_PHONES)[1:]}
        return self._rng.choice(
            [*usual, by_number | by_account, by_account, dialled, by_number | others]
        )

    def _content(self, words: str, quoted: str) -> dict[str, Any]:
        emoji, caption = self._rng.choice(("👍", "")), self._rng.choice(("", words))
        text = {"type": "text", "text": {"body": words}}
        new = {"type": "user_changed_number", "wa_id": self._rng.choice(_WA_IDS)}
        others: list[dict[str, Any]] = [
            text | {"group_id": "a-group"},
            {"type": "reaction", "reaction": {"message_id": quoted, "emoji": emoji}},
            {"type": "image", "image": {"id": "m", "caption": caption, **_MEDIA}},
            {"type": "image", "image": {"id": "m", "caption": caption, **_MEDIA}},
            {"type": "sticker", "sticker": {"id": "s", **_MEDIA}},
            {"type": "button", "button": {"payload": "wn:opt-out", "text": words}},
            {"type": "system", "system": new},
            {"type": "order", "order": {"catalog_id": "c", "product_items": [_PRODUCT]}},
        ]
        return text if self._rng.random() < 0.65 else self._rng.choice(others)

    def _post(self, element: dict[str, Any]) -> None:
        number = self._rng.choice(["100000000000001"] * 15 + ["100000000000009"])
        metadata = {"display_phone_number": "358457300001", "phone_number_id": number}
        body = webhook_bodies.body(messages=[element], metadata=metadata, nonce=self._rng.random())
        arrivals.record(body=body, now=NOW + timedelta(minutes=self._minute, seconds=1))


def _user_id(number: int) -> str:
    return f"FI.{number:015d}"


def _seen() -> Mapping[str, Counter[str]]:
    names = _names()
    return {
        model.__name__: Counter(_told(row, names) for row in model._default_manager.all())
        for model in _SEEN
    }


def _told(row: Model, names: Mapping[tuple[type[Model], Any], str]) -> str:
    found = {}
    for field in row._meta.concrete_fields:
        if field.name not in _BY_CHANCE:
            value = getattr(row, field.attname)
            is_named = field.is_relation and value is not None
            found[field.name] = names[field.related_model, value] if is_named else value
    text = json.dumps(found, default=_plain, sort_keys=True, ensure_ascii=False)
    # What JSON says of rows by their ids.
    return re.sub(r'"(record|inbound_id|keyword_reply|campaign|survey)": \d+', "", text)


def _plain(value: Any) -> str:
    return bytes(value).decode() if isinstance(value, bytes | memoryview) else str(value)


def _names() -> Mapping[tuple[type[Model], Any], str]:
    """Names for rows whose ids depend on the order in which they came."""
    names: dict[tuple[type[Model], Any], str] = {}
    for model, name in (
        (rows.InboundMessage, "provider_message_id"),
        (rows.Topic, "key"),
        (rows.Survey, "name"),
        (rows.Sender, "phone_number_id"),
        (rows.InteractiveCampaign, "name"),
    ):
        for row in model._default_manager.all():
            names[model, row.pk] = str(getattr(row, name))
    for contact in Contact.objects.all():
        wrote = contact.inbound_messages.order_by("pk").first()
        first = wrote.provider_message_id if wrote else ""
        names[Contact, contact.pk] = f"{contact.first_name} {first}"
    for message in Message.objects.all():
        reply = f"{message.key.partition('inbound:')[0]} {message.in_reply_to_id}"
        if message.in_reply_to_id:
            reply = f"{reply.split()[0]} {names[rows.InboundMessage, message.in_reply_to_id]}"
        names[Message, message.pk] = message.provider_message_id or reply
    for model in (Conversation, rows.Participation):
        for row in model._default_manager.all():
            names[model, row.pk] = names[Contact, row.contact_id]
    return names
