"""A day as Meta tells it: every kind of news that moves rows, each in a POST of its own."""

import json
import random
from datetime import timedelta
from typing import Any

from tests import factories, webhook_bodies
from tests.factories import NOW
from whatsapp_notify import conf
from whatsapp_notify.domain.content import TextContent
from whatsapp_notify.domain.receipts import Accepted, Outgoing
from whatsapp_notify.models import Contact, Identity, Message, Survey
from whatsapp_notify.services import claims, receipts

#: When the day is over.
EVENING = NOW + timedelta(hours=12)

#: What one of them has from the afternoon on.
NEW_NUMBER = b"358457399999"

_TOPICS = ("orders", "offers", "feedback")


def tell(**value: Any) -> bytes:
    """One POST of our own number."""
    return webhook_bodies.body(
        metadata={
            "display_phone_number": "358457300001",
            "phone_number_id": conf.load().PHONE_NUMBER_ID,
        },
        **value,
    )


def wa_id(contact: Contact) -> str:
    phone = contact.identities.get(kind=Identity.Kind.PHONE, ended_at__isnull=True)
    return phone.value.removeprefix("+")


def said(contact: Contact | str, words: str, *, minute: int, **fields: Any) -> dict[str, Any]:
    """One element of ``messages``, by a contact or somebody's digits."""
    digits = contact if isinstance(contact, str) else wa_id(contact)
    return {
        "from": digits,
        "id": f"wamid.IN.{minute}",
        "timestamp": str(webhook_bodies.SECONDS + 60 * minute),
        "type": "text",
        "text": {"body": words},
        **fields,
    }


def chose(contact: Contact, value: str, *, minute: int) -> dict[str, Any]:
    """One element of ``user_preferences``."""
    return {
        "wa_id": wa_id(contact),
        "detail": "a control of WhatsApp's own",
        "category": "marketing_messages",
        "value": value,
        "timestamp": webhook_bodies.SECONDS + 60 * minute,
    }


def sent(*drafts: Message) -> list[Message]:
    """Messages that WhatsApp has accepted a second after noon."""
    called = claims.claim(limit=100, now=NOW).calls
    messages = [Message.objects.get(pk=each.outgoing.message_id) for each in called]
    receipts.record(
        answers=[
            (
                Outgoing(
                    message_id=each.pk, attempt=each.attempt, phone="", user_id="",
                    content=TextContent(body=""), opaque_id="",
                ),
                Accepted(provider_message_id=f"wamid.OUT.{each.pk}"),
            )
            for each in messages
        ],
        now=NOW + timedelta(seconds=1),
    )  # fmt: skip
    by_pk = {each.pk: each for each in Message.objects.all()}
    return [by_pk[each.pk] for each in drafts]


def status(message: Message, word: str, *, minute: int, **fields: Any) -> dict[str, Any]:
    return webhook_bodies.status(message, word, seconds=60 * minute, **fields)


def day() -> list[bytes]:
    """Write what the day is about and return its POSTs in the order of their time."""
    for key in ("service", *_TOPICS):
        factories.topic(key)
    survey = Survey.objects.create(name="Shop", keyword="SHOP")
    anna, bo, cai, dan, eva, fay = (factories.contact(consents=_TOPICS) for _each in range(6))
    factories.queued(fay, key="feedback", survey=survey)
    for person in (anna, bo, cai, dan, eva):
        factories.queued(person)
        factories.queued(person, key="offers")
    rows = sent(*Message.objects.order_by("id"))
    asked = rows[0]
    order = {each.contact_id: each for each in rows if each.topic.key == "orders"}
    offer = {each.contact_id: each for each in rows if each.topic.key == "offers"}
    # Of these it is told apart that they were sent.
    known = {order[anna.pk].pk, offer[anna.pk].pk, order[bo.pk].pk, offer[dan.pk].pk}
    news: list[dict[str, Any]] = [
        # Anna gets and reads all, answers by the bubble and changes her mind twice.
        *_statuses(order[anna.pk], "sent", "delivered", "read", minute=1),
        *_statuses(offer[anna.pk], "sent", "delivered", minute=1),
        {"messages": [said(anna, "Thank you!", minute=10, context=_context(order[anna.pk]))]},
        {"messages": [said(anna, "And one more thing", minute=11)]},
        {"messages": [said(anna, "STOP", minute=12)]},
        {"messages": [said(anna, "START", minute=13)]},
        {"messages": [said(anna, "stop", minute=14)]},
        # Bo cannot be reached by one of them, and is at last.
        *_statuses(order[bo.pk], "sent", "failed", "delivered", minute=2, code=131000),
        *_statuses(offer[bo.pk], "failed", minute=3, code=131050),
        # Cai uses WhatsApp's own control.
        *_statuses(order[cai.pk], "read", minute=5, with_opaque_id=False),
        {"user_preferences": [chose(cai, "stop", minute=20)]},
        {"user_preferences": [chose(cai, "resume", minute=21)]},
        {"user_preferences": [chose(cai, "stop", minute=22)]},
        {"user_preferences": [chose(cai, "resume", minute=23)]},
        # Dan cannot be reached at all; Eva changes her number.
        *_statuses(order[dan.pk], "failed", minute=6, code=131026),
        *_statuses(offer[dan.pk], "sent", "played", minute=6),
        {"messages": [said(eva, "I am here", minute=30)]},
        {"messages": [new_number(eva, NEW_NUMBER.decode(), minute=31)]},
        {"messages": [said(NEW_NUMBER.decode(), "and now here", minute=32)]},
        # Fay answers the survey, and again.
        {"messages": [said(fay, "4 slow", minute=40, context=_context(asked))]},
        {"messages": [said(fay, "shop 9 quick", minute=41)]},
        # Somebody without a number, in a group, and news of a message that nobody knows.
        {"messages": [_hidden(said("", "hello", minute=50))]},
        {"messages": [said(dan, "STOP", minute=51, group_id="a-group")]},
        {"statuses": [webhook_bodies.status(wamid="wamid.NOT_OURS", word="delivered")]},
        {"statuses": [status(each, "sent", minute=7) for each in rows if each.pk not in known]},
    ]
    return [tell(**each) for each in news]


def again(body: bytes, rng: random.Random) -> bytes:
    """The same news in other bytes, as a repeated POST may bring them."""
    data = json.loads(body)
    indent = rng.choice([None, 1, 2])
    ascii_only = rng.random() < 0.5
    return json.dumps(data, indent=indent, ensure_ascii=ascii_only, sort_keys=True).encode() + b" "


def _statuses(message: Message, *words: str, minute: int, **fields: Any) -> list[dict[str, Any]]:
    code = fields.pop("code", None)
    return [
        {
            "statuses": [
                status(
                    message, word, minute=minute + number,
                    code=code if word == "failed" else None, **fields,
                )
            ]
        }
        for number, word in enumerate(words)
    ]  # fmt: skip


def _context(message: Message) -> dict[str, Any]:
    return {"from": "358457300001", "id": message.provider_message_id}


def new_number(contact: Contact, digits: str, *, minute: int) -> dict[str, Any]:
    element = said(contact, "", minute=minute)
    del element["text"]
    return element | {
        "type": "system",
        "system": {
            "type": "user_changed_number",
            "body": "changed to another number",
            "wa_id": digits,
        },
    }


def _hidden(element: dict[str, Any]) -> dict[str, Any]:
    del element["from"]
    return element | {"from_user_id": "FI.90000000000001"}
