"""Which of our messages a customer has before their eyes when they write."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.db.models import DateTimeField, ExpressionWrapper, OuterRef, QuerySet, Subquery

from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import InboundMessage, Message
from whatsapp_notify.models.set_based import among

#: Meta's clock counts whole seconds, so that an answer may seem older than its question.
SECOND = timedelta(seconds=1)


def seen() -> QuerySet[Message]:
    """This will return messages of ours that a customer may have seen: a failed one is none."""
    return Message.objects.exclude(state=State.FAILED)


def before(*, rows: Sequence[InboundMessage], of: QuerySet[Message]) -> Mapping[int, Message]:
    """This will return the last message of ours that had left before each of these was written.

    Needs saved rows; ``of`` says which messages of ours count. The keys are the ids of the rows.
    """
    written = ExpressionWrapper(OuterRef("sent_at") + SECOND, output_field=DateTimeField())
    last = of.filter(contact_id=OuterRef("contact_id"), called_at__lt=written)
    last = last.order_by("-called_at", "-id")
    asked = InboundMessage.objects.filter(among("pk", [row.pk for row in rows]))
    found = {
        pk: message_id
        for pk, message_id in asked.values_list("pk", Subquery(last.values("pk")[:1]))
        if message_id is not None
    }
    messages = of.in_bulk(list(found.values())) if found else {}
    return {pk: messages[message_id] for pk, message_id in found.items()}
