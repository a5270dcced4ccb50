"""Rows to measure on: customers who have agreed, and messages that wait in the outbox."""

import secrets
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from whatsapp_notify.domain import content as contents
from whatsapp_notify.domain.content import Preview, TemplateContent, TextParameter
from whatsapp_notify.domain.policy import PRIORITIES, LawfulBasis, Purpose
from whatsapp_notify.models import (
    ConsentRecord,
    ConsentState,
    Contact,
    Identity,
    Message,
    Template,
    Topic,
)
from whatsapp_notify.models.set_based import insert_rows
from whatsapp_notify.services import consent, senders
from whatsapp_notify.services.consent import Proof

_CHUNK = 5000
_WORDING = "Yes, write to me on WhatsApp about my orders."
_TEMPLATE, _LANGUAGE = "bench_order_shipped", "en"
_BODY = "Hello {{1}}, your order {{2}} has left our shop and will arrive on {{3}}."


def customers(*, count: int, now: datetime) -> None:
    """This will see to it that there are so many customers, with a phone and consent each."""
    topic = _topic()
    since = now - timedelta(days=30)
    missing = count - Contact.objects.count()
    for numbers in _chunks(0, missing):
        last = Contact.objects.order_by("-id").values_list("id", flat=True).first() or 0
        contact = {"first_name": "Customer", "language": "en", "created_at": since}
        insert_rows(model=Contact, rows=[contact for _number in numbers])
        ids = list(Contact.objects.filter(pk__gt=last).values_list("id", flat=True))
        insert_rows(model=Identity, rows=[_identity(pk, since) for pk in ids])
        insert_rows(model=ConsentRecord, rows=[_record(pk, topic, since) for pk in ids])
        records = ConsentRecord.objects.filter(contact_id__gt=last, topic=topic)
        insert_rows(
            model=ConsentState,
            rows=[
                _state(contact_id, record_id, topic, since)
                for contact_id, record_id in records.values_list("contact_id", "id")
            ],
        )
    analyze()


def outbox(*, count: int, now: datetime, **changes: Any) -> None:
    """This will put one message into the outbox for each of the first ``count`` customers."""
    _template(now)
    for ids in _chunks(first_customer(), count):
        messages(contact_ids=ids, now=now, **changes)
    analyze()


def messages(*, contact_ids: Iterable[int], now: datetime, **changes: Any) -> None:
    """This will put one message into the outbox for each of these customers."""
    shared = _shared(topic=_topic(), sender_id=senders.current().pk, now=now)
    insert_rows(model=Message, rows=[_own(pk) for pk in contact_ids], same=shared | changes)


def drafts(*, count: int, now: datetime) -> list[Message]:
    """This will make one unsaved message for each of the first ``count`` customers."""
    topic, sender_id, first = _topic(), senders.current().pk, first_customer()
    _template(now)
    shared = _shared(topic=topic, sender_id=sender_id, now=now)
    return [Message(**shared, **_own(pk)) for pk in range(first, first + count)]


def first_customer() -> int:
    """This will return the id of the first customer; the others follow one by one."""
    return int(Contact.objects.order_by("id").values_list("id", flat=True)[0])


#: Their numbers begin so: see ``URGENT`` of ``graph_stub``.
_URGENT = "+35846"


def urgent_customers() -> int:
    """This will count the customers that ``urgent`` has made."""
    return Identity.objects.filter(value__startswith=_URGENT).count()


def urgent(number: int, *, now: datetime) -> tuple[str, Message]:
    """This will make a customer of their own, and an unsaved message that leaves before others.

    Returns:
        The customer's number, by which the Graph stub knows it, and the message.
    """
    contact = Contact.objects.create(first_name="Customer")
    number_of_theirs = f"{_URGENT}{number:07d}"
    Identity.objects.create(contact=contact, kind=Identity.Kind.PHONE, value=number_of_theirs)
    topic = _topic()
    consent.grant(
        contact=contact,
        topics=[topic],
        proof=Proof(source=ConsentRecord.Source.CHECKOUT, wording=_WORDING),
        occurred_at=now - timedelta(days=1),
        now=now,
    )
    _template(now)
    shared = _shared(topic=topic, sender_id=senders.current().pk, now=now)
    return number_of_theirs, Message(**shared, **_own(contact.pk))


def analyze() -> None:
    """This will let the database know its tables, as it does by itself after a while."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _chunks(first: int, count: int) -> Iterator[range]:
    for begin in range(first, first + count, _CHUNK):
        yield range(begin, min(begin + _CHUNK, first + count))


def _topic() -> Topic:
    found, _created = Topic.objects.get_or_create(
        key="bench-orders",
        defaults={
            "name": "Orders",
            "purpose": Purpose.DELIVERY,
            "lawful_basis": LawfulBasis.CONSENT,
            "is_offered": True,
        },
    )
    return found


def _template(now: datetime) -> Template:
    found, _created = Template.objects.get_or_create(
        name=_TEMPLATE,
        language=_LANGUAGE,
        defaults={
            "category": "UTILITY",
            "status": Template.Status.APPROVED,
            "components": [{"type": "BODY", "text": _BODY}],
            "synced_at": now,
        },
    )
    return found


def phone(pk: int) -> str:
    """This will return the number of a customer; none of them is anybody's."""
    return f"+35845{pk:07d}"


def _identity(pk: int, since: datetime) -> dict[str, Any]:
    return {
        "contact_id": pk,
        "kind": Identity.Kind.PHONE.value,
        "value": phone(pk),
        "created_at": since,
    }


def _record(pk: int, topic: Topic, since: datetime) -> dict[str, Any]:
    return {
        "contact_id": pk,
        "topic_id": topic.pk,
        "channel": "whatsapp",
        "action": ConsentRecord.Action.GRANT.value,
        "lawful_basis": str(topic.lawful_basis),
        "source": ConsentRecord.Source.CHECKOUT.value,
        "wording": _WORDING,
        "occurred_at": since,
        "recorded_at": since,
    }


def _state(pk: int, record_id: int, topic: Topic, since: datetime) -> dict[str, Any]:
    return {
        "contact_id": pk,
        "topic_id": topic.pk,
        "channel": "whatsapp",
        "is_granted": True,
        "record_id": record_id,
        "changed_at": since,
    }


def _shared(*, topic: Topic, sender_id: int, now: datetime) -> dict[str, Any]:
    """What messages have in common that are made together."""
    return {
        "topic_id": topic.pk,
        "sender_id": sender_id,
        "event_name": "order.shipped",
        "priority": PRIORITIES[Purpose.DELIVERY],
        "preview": contents.preview_to_json(Preview(body=_BODY)),
        "template_name": _TEMPLATE,
        "template_language": _LANGUAGE,
        "due_at": now,
        "expires_at": now + timedelta(days=2),
        "created_at": now,
    }


def _own(pk: int) -> dict[str, Any]:
    order = f"B{pk:07d}"
    content = TemplateContent(
        name=_TEMPLATE,
        language=_LANGUAGE,
        body=(
            TextParameter(text="Customer"),
            TextParameter(text=order),
            TextParameter(text="Friday, 27 November"),
        ),
    )
    return {
        "key": f"bench:{pk}:{secrets.token_hex(8)}",
        "contact_id": pk,
        "order_ref": order,
        "content": contents.to_json(content),
    }
