"""Which of our messages a customer has before their eyes when they write.

# Note [A refused call has shown nothing]
Each claim writes ``called_at``, also of a call that is refused or does not take place: its message
waits for another try, and may be blocked or expire meanwhile. The states in ``MAY_HAVE_LEFT`` tell
that the last call has left, or may have. In the other ones an earlier call may have: one in doubt,
after which a person had the message sent again. What came of each call stands in the timeline.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.db.models import (
    Case,
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    QuerySet,
    Subquery,
    When,
)

from whatsapp_notify.domain.statuses import MAY_HAVE_LEFT, State
from whatsapp_notify.models import DeliveryEvent, InboundMessage, Message
from whatsapp_notify.models.set_based import among

Kind = DeliveryEvent.Kind

#: Meta's clock counts whole seconds, so that an answer may seem older than its question.
SECOND = timedelta(seconds=1)


def seen() -> QuerySet[Message]:
    """This will return messages of ours that a customer may have seen: a failed one is none.

    ``left_at`` is when they left, or may have. See Note [A refused call has shown nothing].
    """
    left_at = Case(When(state__in=MAY_HAVE_LEFT, then=F("called_at")), default=_earlier_call())
    called = Message.objects.filter(called_at__isnull=False).exclude(state=State.FAILED)
    return called.annotate(left_at=left_at).filter(left_at__isnull=False)


def before(*, rows: Sequence[InboundMessage], of: QuerySet[Message]) -> Mapping[int, Message]:
    """This will return the last message of ours that had left before each of these was written.

    Needs saved rows; ``of`` says which of ``seen`` count. The keys are the ids of the rows.
    """
    written = ExpressionWrapper(OuterRef("sent_at") + SECOND, output_field=DateTimeField())
    last = of.filter(contact_id=OuterRef("contact_id"), called_at__lt=written)
    last = last.order_by(F("left_at").desc(), "-id")
    asked = InboundMessage.objects.filter(among("pk", [row.pk for row in rows]))
    found = {
        pk: message_id
        for pk, message_id in asked.values_list("pk", Subquery(last.values("pk")[:1]))
        if message_id is not None
    }
    messages = of.in_bulk(list(found.values())) if found else {}
    # The call of one may have been refused between both queries.
    return {pk: messages[message_id] for pk, message_id in found.items() if message_id in messages}


def _earlier_call() -> Subquery:
    """This will find when the last call began that was not refused, and has not failed."""
    ended = DeliveryEvent.objects.filter(
        message_id=OuterRef("message_id"),
        attempt=OuterRef("attempt"),
        kind__in=[Kind.REFUSED, Kind.FAILED],
    )
    calls = DeliveryEvent.objects.filter(message_id=OuterRef("pk"), kind=Kind.CALLING)
    return Subquery(calls.filter(~Exists(ended)).order_by("-id").values("at")[:1])
