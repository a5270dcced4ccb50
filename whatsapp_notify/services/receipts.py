"""What the backends answered, written in bulk."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeGuard

from django.db import transaction

from whatsapp_notify import signals
from whatsapp_notify.cloud_api.webhooks import Person
from whatsapp_notify.domain import backoff
from whatsapp_notify.domain.receipts import Accepted, Action, Outgoing, Receipt, Refused, Unknown
from whatsapp_notify.domain.statuses import SETTLED_BY_STATUS, WITH_PROVIDER, State, join
from whatsapp_notify.models import Contact, DeliveryEvent, Identity, Message
from whatsapp_notify.models.set_based import among, look_up_by_key, update_rows
from whatsapp_notify.services import (
    contacts,
    doorbells,
    patience,
    refusals,
    senders,
    timeline,
    unmatched,
)

Kind = DeliveryEvent.Kind

#: What an answer may change, all rows alike so that one statement writes them.
_COLUMNS = (
    "state", "reason", "is_pending", "needs_attention", "due_at", "failures", "call_expires_at",
    "provider_message_id", "error_code", "error_detail", "trace_id", "accepted_at", "failed_at",
)  # fmt: skip

#: A template is looked at again after so long; the sweep is quicker when it is repaired.
_REPAIR_PAUSE = timedelta(minutes=15)

_rng = random.Random()


def record(
    *,
    answers: Sequence[tuple[Outgoing, Receipt]],
    now: datetime,
    rows: patience.RowLimit | None = None,
    spares_people: bool = False,
) -> None:
    """This will write the answers of some calls in one transaction.

    An answer counts for the call it answers: one that comes after a newer call was made, or
    after a webhook has settled the message, only adds what was not known.

    Args:
        rows: How long a row is waited for.
        spares_people: Leaves out what the answers mean for customers beyond their messages: the
            provider tells it again with the next call.

    Raises:
        django.db.OperationalError: Among others where somebody holds a row for long, see Note
            [Rows that the shop holds] of ``patience``; unless people are spared.
    """
    with transaction.atomic():
        look_up_by_key()
        if spares_people:
            patience.wait_for_rows(seconds=0)
        else:
            (rows or patience.RowLimit()).begin()
        _hold(answers)
        accepted = _accept_at_once(answers, now)
        others = [each for each in answers if each[0].message_id not in accepted]
        refused = _join(others, now)
        matched = unmatched.match(
            provider_message_ids=[
                receipt.provider_message_id
                for _outgoing, receipt in answers
                if isinstance(receipt, Accepted)
            ],
            now=now,
        )
        # See Note [Locks are taken in one order]: contacts, templates, at last the sender.
        if not spares_people:
            _learn_ids(answers, now)
        refusals.take_effect(
            refused=[*refused, *matched.refused], now=now, spares_people=spares_people
        )
        _calm(answers)


def _hold(answers: Sequence[tuple[Outgoing, Receipt]]) -> None:
    """This will hold all rows in order, where they are not all written by one statement."""
    if not all(_is_plain(receipt) for _outgoing, receipt in answers):
        ids = [outgoing.message_id for outgoing, _receipt in answers]
        rows = Message.objects.select_for_update(no_key=True).filter(pk__in=ids)
        list(rows.order_by("id").values_list("pk", flat=True))


def _is_plain(receipt: Receipt) -> TypeGuard[Accepted]:
    return isinstance(receipt, Accepted) and not receipt.is_held


def _accept_at_once(answers: Sequence[tuple[Outgoing, Receipt]], now: datetime) -> frozenset[int]:
    """This will write what nearly all answers are, in one statement that reads no row before.

    Only where the message still waits for this very answer, or a status has told all of it; the
    others are left to ``_join``.

    Returns:
        Which messages are done.
    """
    plain = {
        outgoing.message_id: (outgoing, receipt)
        for outgoing, receipt in answers
        if _is_plain(receipt)
    }
    if not plain:
        return frozenset()
    accepted = update_rows(
        model=Message,
        rows=[
            {
                "id": outgoing.message_id,
                "attempt": outgoing.attempt,
                "provider_message_id": receipt.provider_message_id,
            }
            for outgoing, receipt in plain.values()
        ],
        same={
            "state": str(State.ACCEPTED),
            "reason": "",
            "needs_attention": False,
            "call_expires_at": None,
            "accepted_at": now,
            "error_code": None,
            "error_detail": "",
            "trace_id": "",
        },
        matching=("attempt",),
        only_where={"state": [str(State.CALLING)], "accepted_at": [None]},
        # See Note [Locks are taken in one order] of ``claims``.
        in_order=True,
    )
    done = accepted | _told_by_status(
        [answer for pk, answer in plain.items() if pk not in accepted], now
    )
    timeline.write(
        [
            {"message_id": outgoing.message_id, "attempt": outgoing.attempt}
            for outgoing, _receipt in plain.values()
            if outgoing.message_id in done
        ],
        same={"kind": str(Kind.ACCEPTED), "at": now, "recorded_at": now},
    )
    return done


def _told_by_status(answers: Sequence[tuple[Outgoing, Accepted]], now: datetime) -> frozenset[int]:
    """This will find those that change nothing in their row: a status was quicker.

    Under load that is every second one. Their rows need not be held: as nothing of them changes,
    it is as if the answer had come before whatever changes them at this moment.
    """
    if not answers:
        return frozenset()
    rows = Message.objects.filter(
        among("pk", [outgoing.message_id for outgoing, _receipt in answers]),
        state__in=WITH_PROVIDER,
        accepted_at__lte=now,
        is_pending=False,
        call_expires_at__isnull=True,
    )
    told = {pk: call for pk, *call in rows.values_list("pk", "attempt", "provider_message_id")}
    return frozenset(
        outgoing.message_id
        for outgoing, receipt in answers
        if told.get(outgoing.message_id) == [outgoing.attempt, receipt.provider_message_id]
    )


def _join(
    answers: Sequence[tuple[Outgoing, Receipt]], now: datetime
) -> list[tuple[Message, Refused]]:
    """This will join answers into rows that are held, whatever has happened to them.

    Returns:
        The refusals among them.
    """
    if not answers:
        return []
    ids = sorted(outgoing.message_id for outgoing, _receipt in answers)
    lines: list[dict[str, Any]] = []
    refused: list[tuple[Message, Refused]] = []
    rows = Message.objects.select_for_update(no_key=True).order_by("id")
    messages = {message.pk: message for message in rows.filter(pk__in=ids)}
    for outgoing, receipt in answers:
        message = messages.get(outgoing.message_id)
        if message is None or message.attempt != outgoing.attempt:
            continue
        match receipt:
            case Accepted():
                _accept(message, receipt, lines, now)
            case Refused():
                refusal = _weighed(message, receipt)
                refused.append((message, refusal))
                _refuse(message, refusal, lines, now)
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
    return refused


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


def _weighed(message: Message, refusal: Refused) -> Refused:
    """This will return the refusal as one of the number, where Graph could not be reached so often.

    Whatever else is due would end like this message. So all wait, one is tried each minute, and
    nothing has failed when the network is back. The message itself begins anew: one that meets an
    ill wind again must not stop the others at once.
    """
    is_unreached = refusal.action is Action.RETRY and refusal.code is refusal.http_status is None
    if is_unreached and message.failures + 1 >= backoff.MAX_FAILURES:
        message.failures = 0
        return replace(refusal, action=Action.STOP_SENDER)
    return refusal


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
        case Action.RECONSIDER:
            _requeue(message, message.due_at, "reconsider")
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


def _learn_ids(answers: Sequence[tuple[Outgoing, Receipt]], now: datetime) -> None:
    """This will keep the provider's ids of a person, where they differ from what we know."""
    told = {
        outgoing.message_id: receipt
        for outgoing, receipt in answers
        if isinstance(receipt, Accepted) and _names_somebody_else(outgoing, receipt)
    }
    if not told:
        return
    contacts_of = dict(Message.objects.filter(pk__in=told).values_list("pk", "contact_id"))
    kinds = [Identity.Kind.WA_ID, Identity.Kind.USER_ID]
    known = set(
        Identity.objects.filter(
            contact_id__in=contacts_of.values(), kind__in=kinds, ended_at__isnull=True
        ).values_list("contact_id", "value")
    )
    rows = Contact.objects.in_bulk(contacts_of.values())
    for message_id, contact_id in sorted(contacts_of.items(), key=lambda each: each[1]):
        receipt = told[message_id]
        ids = {receipt.wa_id, receipt.user_id} - {""}
        if any((contact_id, value) not in known for value in ids):
            contacts.learn(
                contact=rows[contact_id],
                person=Person(wa_id=receipt.wa_id, user_id=receipt.user_id),
                now=now,
            )


def _names_somebody_else(outgoing: Outgoing, receipt: Accepted) -> bool:
    is_same_number = receipt.wa_id in {"", outgoing.phone.lstrip("+")}
    is_same_person = receipt.user_id in {"", outgoing.user_id}
    return not (is_same_number and is_same_person)


def _calm(answers: Sequence[tuple[Outgoing, Receipt]]) -> None:
    """This will close the circuit, and forget throttles, once the provider accepts again.

    Only a call that began after the refusal shows that. Others were under way before it.
    """
    if not senders.any_is_braked():
        return
    accepted = {
        outgoing.message_id: outgoing.attempt
        for outgoing, receipt in answers
        if isinstance(receipt, Accepted)
    }
    calls = Message.objects.filter(pk__in=accepted)
    last_calls: dict[int, datetime] = {}
    for pk, attempt, sender_id, called_at in calls.values_list(
        "pk", "attempt", "sender_id", "called_at"
    ):
        if attempt == accepted[pk] and sender_id and called_at:
            last_calls[sender_id] = max(last_calls.get(sender_id, called_at), called_at)
    for sender_id, called_at in sorted(last_calls.items()):
        if not senders.is_calmed_by(senders.get(sender_id=sender_id), called_at=called_at):
            continue
        sender = senders.lock(sender_id=sender_id)
        if senders.is_calmed_by(sender, called_at=called_at):
            senders.calm(sender=sender, called_at=called_at)
            doorbells.ring(signals.messages_due, sender=Message)
