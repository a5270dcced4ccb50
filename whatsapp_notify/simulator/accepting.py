"""The moment in which Graph says yes: ledger, chat and webhooks in one short transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from . import customers, identities, outbox
from .conf import SimulatorSettings
from .errors import GraphError
from .fates import THROTTLED_CALLS, Fate
from .models import AcceptedMessage, ChatMessage, ScriptedError, SimulatedCustomer
from .outgoing import Outgoing


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An accepted call: what Graph answers, and the fate that may spoil the answer."""

    wamid: str
    fate: str
    #: ``{"messaging_product", "contacts": [{input, wa_id?, user_id?}], "messages": [{id}]}``
    answer: dict[str, Any]


def accept(outgoing: Outgoing, *, settings: SimulatorSettings, now: datetime) -> Acceptance:
    """This will take a message into the ledger and queue the webhooks of its course.

    Opens transactions of its own; a refused call leaves no row in the ledger.
    Raises: GraphError when an error is scripted, or the customer's fate refuses the call;
    BadGateway for the fate that answers with a proxy's page.
    """
    scripted = _scripted_error()
    if scripted is not None and not scripted.by_webhook:
        raise GraphError(scripted.code)
    customer = _customer(outgoing, now=now)
    _refuse_by_fate(customer, settings=settings, now=now)
    error_code = scripted.code if scripted else _later_failure(outgoing, customer, now=now)
    course = outbox.plan(fate=customer.fate, error_code=error_code, settings=settings, now=now)
    wamid = identities.new_wamid(customer.known_as, from_business=True)
    with transaction.atomic():
        _write(outgoing, customer=customer, wamid=wamid, course=course, settings=settings, now=now)
    return Acceptance(wamid, customer.fate, _answer(outgoing, customer=customer, wamid=wamid))


class BadGateway(Exception):
    """A proxy between the caller and Graph answers in Graph's place."""


def refuse_upload_if_scripted() -> None:
    """This will let an upload meet an error that is scripted for the next calls.

    One that is told later, by webhook, waits for a message. Raises: GraphError.
    """
    scripted = _scripted_error(by_webhook=False)
    if scripted is not None:
        raise GraphError(scripted.code)


def _scripted_error(**which: bool) -> ScriptedError | None:
    waiting = ScriptedError.objects.filter(remaining_calls__gt=0, **which)
    scripted = waiting.order_by("id").first()
    if scripted is None:
        return None
    taken = ScriptedError.objects.filter(pk=scripted.pk, remaining_calls__gt=0).update(
        remaining_calls=F("remaining_calls") - 1
    )
    return scripted if taken else None


def _customer(outgoing: Outgoing, *, now: datetime) -> SimulatedCustomer:
    if outgoing.digits:
        return customers.get_or_create(digits=outgoing.digits)
    known = SimulatedCustomer.objects.filter(user_id=outgoing.user_id).first()
    if known is None:
        raise GraphError(131009, details="Param recipient is not a user of this portfolio.")
    if outgoing.category == "authentication":
        raise GraphError(131062)
    return known


def _refuse_by_fate(
    customer: SimulatedCustomer, *, settings: SimulatorSettings, now: datetime
) -> None:
    match customer.fate:
        case Fate.HTML_ERROR:
            raise BadGateway
        case Fate.THROTTLED if _count_refusal(customer, limit=THROTTLED_CALLS, now=now):
            raise GraphError(130429)
        case Fate.PAIR_LIMITED:
            _refuse_pair(customer, settings=settings, now=now)


def _count_refusal(customer: SimulatedCustomer, *, limit: int, now: datetime) -> bool:
    rows = SimulatedCustomer.objects.filter(pk=customer.pk, refused_calls__lt=limit)
    return bool(rows.update(refused_calls=F("refused_calls") + 1, refused_since=now))


def _refuse_pair(
    customer: SimulatedCustomer, *, settings: SimulatorSettings, now: datetime
) -> None:
    rows = SimulatedCustomer.objects.filter(pk=customer.pk)
    if rows.filter(refused_since=None).update(refused_since=now):
        raise GraphError(131056)
    over = now - timedelta(seconds=settings.pair_limit_seconds)
    if not rows.filter(refused_since__lte=over).update(refused_since=None):
        raise GraphError(131056)


def _later_failure(outgoing: Outgoing, customer: SimulatedCustomer, *, now: datetime) -> int | None:
    """The code that a message accepted with HTTP 200 will fail with, told by webhook only."""
    if customer.fate == Fate.NOT_ON_WHATSAPP:
        return 131026
    if not outgoing.is_template and not customer.is_window_open(now=now):
        return 131047
    if outgoing.category != "marketing":
        return None
    if customer.stopped_marketing:
        return 131050
    # Marketing templates to numbers of the United States have been held back since 2025-04-01.
    in_america = identities.region_of(customer.wa_id) == "US"
    return 131049 if customer.fate == Fate.MARKETING_CAP or in_america else None


def _write(
    outgoing: Outgoing,
    *,
    customer: SimulatedCustomer,
    wamid: str,
    course: outbox.Course,
    settings: SimulatorSettings,
    now: datetime,
) -> None:
    AcceptedMessage.objects.create(
        wamid=wamid,
        opaque_callback_data=outgoing.opaque_callback_data,
        recipient=outgoing.address[:150],
        wa_id=customer.wa_id,
        payload=outgoing.payload,
        accepted_at=now,
    )
    message = ChatMessage.objects.create(
        customer=customer,
        direction=ChatMessage.Direction.TO_CUSTOMER,
        wamid=wamid,
        kind=outgoing.kind,
        content=outgoing.content,
        pieces=outgoing.pieces,
        context_wamid=outgoing.context_wamid[:200],
        category=outgoing.category,
        opaque_callback_data=outgoing.opaque_callback_data,
        created_at=now,
        sent_at=course.sent_at,
        delivered_at=course.delivered_at,
        read_at=course.read_at,
        failed_at=course.failed_at,
        error_code=course.error_code,
    )
    if outgoing.kind == "reaction" and course.error_code is None:
        reaction = outgoing.pieces["reaction"]
        customer.messages.filter(wamid=reaction["wamid"]).update(reaction=reaction["emoji"])
    if customer.typing_until is not None:
        SimulatedCustomer.objects.filter(pk=customer.pk).update(typing_until=None)
    outbox.schedule_course(message, course=course, settings=settings)


def _answer(outgoing: Outgoing, *, customer: SimulatedCustomer, wamid: str) -> dict[str, Any]:
    contact = {"input": outgoing.address}
    if outgoing.digits:
        contact["wa_id"] = customer.wa_id
    else:
        contact["user_id"] = customer.user_id
    message = {"id": wamid}
    if outgoing.is_template:
        held = customer.fate == Fate.HELD
        message["message_status"] = "held_for_quality_assessment" if held else "accepted"
    return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]}
