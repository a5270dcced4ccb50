"""What the backends answered, written in bulk."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from whatsapp_notify import signals
from whatsapp_notify.cloud_api.webhooks import Person
from whatsapp_notify.domain import backoff
from whatsapp_notify.domain.receipts import Accepted, Action, Outgoing, Receipt, Refused, Unknown
from whatsapp_notify.domain.statuses import SETTLED_BY_STATUS, State, join
from whatsapp_notify.models import DeliveryEvent, Identity, Message
from whatsapp_notify.models.set_based import update_rows
from whatsapp_notify.services import contacts, doorbells, refusals, senders, timeline, unmatched

Kind = DeliveryEvent.Kind

#: What an answer may change, all rows alike so that one statement writes them.
_COLUMNS = (
    "state", "reason", "is_pending", "needs_attention", "due_at", "failures", "call_expires_at",
    "provider_message_id", "error_code", "error_detail", "trace_id", "accepted_at", "failed_at",
)  # fmt: skip

#: A template is looked at again after so long; the sweep is quicker when it is repaired.
_REPAIR_PAUSE = timedelta(minutes=15)

_rng = random.Random()


def record(*, answers: Sequence[tuple[Outgoing, Receipt]], now: datetime) -> None:
    """This will write the answers of some calls in one transaction.

    An answer counts for the call it answers: one that comes after a newer call was made, or
    after a webhook has settled the message, only adds what was not known.
    """
    with transaction.atomic():
        ids = sorted(outgoing.message_id for outgoing, _receipt in answers)
        rows = Message.objects.select_for_update(no_key=True).order_by("id")
        messages = {message.pk: message for message in rows.filter(pk__in=ids)}
        lines: list[dict[str, Any]] = []
        refused: list[tuple[Message, Refused]] = []
        for outgoing, receipt in answers:
            message = messages.get(outgoing.message_id)
            if message is None or message.attempt != outgoing.attempt:
                continue
            match receipt:
                case Accepted():
                    _accept(message, receipt, lines, now)
                case Refused():
                    refused.append((message, receipt))
                    _refuse(message, receipt, lines, now)
                case Unknown():
                    _doubt(message, receipt, lines, now)
        update_rows(
            model=Message,
            rows=[
                {"id": pk} | {column: getattr(message, column) for column in _COLUMNS}
                for pk, message in messages.items()
            ],
        )
        timeline.write(lines)
        matched = unmatched.match(
            provider_message_ids=[m.provider_message_id for m in messages.values()], now=now
        )
        # See Note [Locks are taken in one order]: contacts, templates, at last the sender.
        _learn_ids(answers, messages, now)
        refusals.take_effect(refused=[*refused, *matched.refused], now=now)
        _calm(answers, messages)


def _accept(
    message: Message, receipt: Accepted, lines: list[dict[str, Any]], now: datetime
) -> None:
    was = State(message.state)
    message.state = join(was, State.HELD if receipt.is_held else State.ACCEPTED)
    # The last call's id: by it the next statuses and the customer's reply are found.
    message.provider_message_id = receipt.provider_message_id
    message.accepted_at = min(message.accepted_at or now, now)
    message.is_pending, message.call_expires_at = False, None
    if was in SETTLED_BY_STATUS:
        message.reason, message.needs_attention = "", False
        message.error_code, message.error_detail, message.trace_id = None, "", ""
    kind = Kind.HELD if receipt.is_held else Kind.ACCEPTED
    lines.append(_line(message, kind, now))


def _refuse(message: Message, receipt: Refused, lines: list[dict[str, Any]], now: datetime) -> None:
    if message.state not in {State.CALLING, State.IN_DOUBT}:
        return  # a webhook has told more meanwhile
    message.call_expires_at = None
    message.error_code, message.error_detail = receipt.code, receipt.detail[:300]
    message.trace_id = receipt.trace_id[:60]
    lines.append(
        _line(
            message,
            Kind.REFUSED,
            now,
            reason=str(receipt.action),
            error_code=receipt.code,
            detail=receipt.detail,
        )
    )
    match receipt.action:
        case Action.RETRY if message.failures + 1 < backoff.MAX_FAILURES:
            message.failures += 1
            _requeue(
                message, backoff.retry_at(now=now, failures=message.failures, rng=_rng), "retry"
            )
        case Action.RETRY:
            _fail(message, "gave_up", lines, now)
        case Action.SLOW_DOWN:
            _requeue(message, now + timedelta(seconds=_rng.uniform(0.5, 1.5)), "slow_down")
        case Action.SLOW_PAIR:
            tries = max(1, message.attempt - message.failures)
            _requeue(message, backoff.pair_retry_at(now=now, tries=tries), "pair_rate")
        case Action.STOP_SENDER:
            _requeue(message, now, "sender_circuit")
        case Action.STOP_TEMPLATE:
            _requeue(message, now + _REPAIR_PAUSE, "template")
        case _:
            _fail(message, str(receipt.action), lines, now)


def _requeue(message: Message, due_at: datetime, reason: str) -> None:
    message.state, message.reason = State.QUEUED, reason
    message.is_pending, message.needs_attention = True, False
    message.due_at = due_at


def _fail(message: Message, reason: str, lines: list[dict[str, Any]], now: datetime) -> None:
    message.state, message.reason = State.FAILED, reason
    message.is_pending, message.needs_attention, message.failed_at = False, True, now
    lines.append(_line(message, Kind.FAILED, now, reason=reason, error_code=message.error_code))


def _doubt(message: Message, receipt: Unknown, lines: list[dict[str, Any]], now: datetime) -> None:
    if message.state != State.CALLING:
        return
    message.state, message.reason = State.IN_DOUBT, str(receipt.reason)
    message.is_pending, message.needs_attention, message.call_expires_at = False, True, None
    message.error_code, message.error_detail = None, receipt.detail[:300]
    lines.append(_line(message, Kind.IN_DOUBT, now, reason=message.reason, detail=receipt.detail))


def _line(
    message: Message,
    kind: str,
    now: datetime,
    *,
    reason: str = "",
    error_code: int | None = None,
    detail: str = "",
) -> dict[str, Any]:
    return timeline.line(
        message_id=message.pk,
        kind=kind,
        at=now,
        now=now,
        attempt=message.attempt,
        reason=reason,
        error_code=error_code,
        detail=detail,
    )


def _learn_ids(
    answers: Sequence[tuple[Outgoing, Receipt]], messages: dict[int, Message], now: datetime
) -> None:
    """This will keep the provider's ids of a person, where they differ from what we know."""
    told = {
        messages[outgoing.message_id].contact_id: (outgoing.message_id, receipt)
        for outgoing, receipt in answers
        if isinstance(receipt, Accepted)
        and outgoing.message_id in messages
        and _names_somebody_else(outgoing, receipt)
    }
    if not told:
        return
    kinds = [Identity.Kind.WA_ID, Identity.Kind.USER_ID]
    known = set(
        Identity.objects.filter(
            contact_id__in=told, kind__in=kinds, ended_at__isnull=True
        ).values_list("contact_id", "value")
    )
    for contact_id, (message_id, receipt) in sorted(told.items()):
        ids = {receipt.wa_id, receipt.user_id} - {""}
        if any((contact_id, value) not in known for value in ids):
            contacts.learn(
                contact=messages[message_id].contact,
                person=Person(wa_id=receipt.wa_id, user_id=receipt.user_id),
                now=now,
            )


def _names_somebody_else(outgoing: Outgoing, receipt: Accepted) -> bool:
    is_same_number = receipt.wa_id in {"", outgoing.phone.lstrip("+")}
    is_same_person = receipt.user_id in {"", outgoing.user_id}
    return not (is_same_number and is_same_person)


def _calm(answers: Sequence[tuple[Outgoing, Receipt]], messages: dict[int, Message]) -> None:
    """This will close the circuit, and forget throttles, once the provider accepts again.

    Only a call that began after the refusal shows that. Others were under way before it.
    """
    last_calls: dict[int, datetime] = {}
    for outgoing, receipt in answers:
        message = messages.get(outgoing.message_id)
        if message is None or message.attempt != outgoing.attempt:
            continue
        if isinstance(receipt, Accepted) and message.sender_id and message.called_at:
            known = last_calls.get(message.sender_id, message.called_at)
            last_calls[message.sender_id] = max(known, message.called_at)
    for sender_id, called_at in sorted(last_calls.items()):
        if not senders.is_calmed_by(senders.get(sender_id=sender_id), called_at=called_at):
            continue
        sender = senders.lock(sender_id=sender_id)
        if senders.is_calmed_by(sender, called_at=called_at):
            senders.close_circuit(sender=sender)
            doorbells.ring(signals.messages_due, sender=Message)
