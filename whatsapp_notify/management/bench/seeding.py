"""Rows to measure on: customers who have agreed, and messages that wait in the outbox."""

from collections.abc import Callable, Iterator
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
from whatsapp_notify.services import senders

_CHUNK = 5000
_WORDING = "Yes, write to me on WhatsApp about my orders."
_TEMPLATE, _LANGUAGE = "bench_order_shipped", "en"
_BODY = "Hello {{1}}, your order {{2}} has left our shop and will arrive on {{3}}."


def customers(*, count: int, now: datetime) -> None:
    """This will add customers with a phone each and consent to news of their orders."""
    topic = _topic()
    first = _next_id(Contact)
    since = now - timedelta(days=30)
    for ids in _chunks(first, count):
        insert_rows(
            model=Contact,
            rows=[{"first_name": "Customer", "language": "en", "created_at": since} for _pk in ids],
        )
        insert_rows(model=Identity, rows=[_identity(pk, since) for pk in ids])
        insert_rows(model=ConsentRecord, rows=[_record(pk, topic, since) for pk in ids])
        insert_rows(model=ConsentState, rows=[_state(pk, pk, topic, since) for pk in ids])
    analyze()


def outbox(
    *, count: int, now: datetime, each: Callable[[int], dict[str, Any]] | None = None
) -> None:
    """This will put one message into the outbox for each of the first ``count`` customers."""
    topic, sender = _topic(), senders.current()
    _template(now)
    first = Contact.objects.order_by("id").values_list("id", flat=True)[0]
    for ids in _chunks(first, count):
        insert_rows(
            model=Message,
            rows=[
                _message(pk, topic=topic, sender_id=sender.pk, now=now) | (each(pk) if each else {})
                for pk in ids
            ],
        )
    analyze()


def analyze() -> None:
    """This will let the database know its tables, as it does by itself after a while."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _chunks(first: int, count: int) -> Iterator[range]:
    for begin in range(first, first + count, _CHUNK):
        yield range(begin, min(begin + _CHUNK, first + count))


def _next_id(model: Any) -> int:
    last = model.objects.order_by("-id").values_list("id", flat=True).first()
    return int(last or 0) + 1


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


def _message(pk: int, *, topic: Topic, sender_id: int, now: datetime) -> dict[str, Any]:
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
        "key": f"bench:{pk}",
        "contact_id": pk,
        "topic_id": topic.pk,
        "sender_id": sender_id,
        "event_name": "order.shipped",
        "order_ref": order,
        "priority": PRIORITIES[Purpose.DELIVERY],
        "content": contents.to_json(content),
        "preview": contents.preview_to_json(Preview(body=_BODY)),
        "template_name": _TEMPLATE,
        "template_language": _LANGUAGE,
        "due_at": now,
        "expires_at": now + timedelta(days=2),
        "created_at": now,
    }
