"""What a refusal means beyond its message: for the person, the template and the number."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import itemgetter

from django.db.models import Q

from whatsapp_notify import signals
from whatsapp_notify.domain import backoff, policy
from whatsapp_notify.domain.receipts import Action, Refused
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import ConsentRecord, Contact, Message, Sender, Template
from whatsapp_notify.services import consent, doorbells, replaying, senders
from whatsapp_notify.services.consent import Proof

#: Undeliverable: not on WhatsApp, or has blocked us, or an old app; never told which.
#: Source: WhatsApp Cloud API, "Error codes", read 2026-11.
_UNDELIVERABLE = 131026
#: One undeliverable message may be a phone without network. Two, so far apart, are not.
_SECOND_LOOK = timedelta(hours=20)
#: Clocks, Meta's among them, differ by no more.
_CLOCKS = timedelta(minutes=1)


def take_effect(
    *, refused: Sequence[tuple[Message, Refused]], now: datetime, spares_people: bool = False
) -> None:
    """This will act on refusals, told at once or by webhook. Needs a transaction.

    ``spares_people`` leaves out what they mean for customers.

    Idempotent: webhooks repeat themselves. See Note [Locks are taken in one order].
    """
    if replaying.is_on():
        # A person's stop counts for ever. What was wrong with the number or the template then
        # says nothing of them now: see Note [A replay brings back and begins nothing].
        refused = [pair for pair in refused if pair[1].action is Action.STOP_MARKETING]
    about_people = () if spares_people else refused
    for message, refusal in sorted(about_people, key=lambda pair: pair[0].contact_id):
        if refusal.action is Action.STOP_MARKETING:
            _stop_marketing(message, now)
        elif refusal.action is Action.STOP_RECIPIENT and refusal.code == _UNDELIVERABLE:
            _doubt_reachability(message, now)
        elif refusal.action is Action.SLOW_PAIR and message.is_pending:
            _pace_person(message)
    stopped: dict[tuple[str, str], list[tuple[Message, Refused]]] = defaultdict(list)
    for message, refusal in refused:
        if refusal.action is Action.STOP_TEMPLATE:
            stopped[message.template_name, message.template_language].append((message, refusal))
    for (name, language), theirs in sorted(stopped.items(), key=itemgetter(0)):
        _stop_template(name, language, theirs, now)
    for sender_id in sorted({m.sender_id for m, _refusal in refused if m.sender_id}):
        _brake(sender_id, [pair for pair in refused if pair[0].sender_id == sender_id], now)
    for code in sorted({each.code or 0 for _m, each in refused if each.is_unknown_code}):
        doorbells.ring(signals.attention_needed, reason="unknown_code", detail=f"code {code}")


def _brake(sender_id: int, refused: Sequence[tuple[Message, Refused]], now: datetime) -> None:
    """This will stop or slow the number; of several reasons to stop, the gravest is kept."""
    actions = {refusal.action for _message, refusal in refused}
    if actions.isdisjoint({Action.STOP_SENDER, Action.SLOW_DOWN}):
        return
    sender = senders.lock(sender_id=sender_id)
    stops = [
        refusal.code
        for message, refusal in refused
        if refusal.action is Action.STOP_SENDER
        and not _is_over(message, refusal, senders.well_since(sender, code=refusal.code), now)
    ]
    if stops:
        manual = [code for code in stops if code in senders.MANUAL_RESUME_CODES]
        senders.open_circuit(sender=sender, code=(manual or stops)[0], now=now)
    elif Action.SLOW_DOWN in actions:
        _slow_down(sender, now)


def _is_over(
    message: Message, refusal: Refused, well_since: datetime | None, now: datetime
) -> bool:
    """This will tell whether a failure is one of before the repair, and says nothing of today.

    A call that began after the repair, by our own clock, counts whatever second Meta tells; of
    one that began before it, what failed within a minute after the repair is still of before,
    for clocks differ. A repair in the future was dated by a clock that was wrong.
    """
    if well_since is None or well_since > now + _CLOCKS:
        return False
    if message.called_at is not None and message.called_at >= well_since:
        return False
    return refusal.happened_at is None or refusal.happened_at < well_since + _CLOCKS


def _slow_down(sender: Sender, now: datetime) -> None:
    if sender.slow_until is not None and sender.slow_until > now:
        return  # one burst of refusals is one lesson
    sender.slow_until = backoff.slow_down_until(now=now, refusals=sender.slow_count + 1)
    sender.slow_count = min(sender.slow_count + 1, 30)
    sender.save(update_fields=["slow_until", "slow_count"])


def _stop_marketing(message: Message, now: datetime) -> None:
    consent.stop_marketing(
        contact=message.contact,
        proof=Proof(
            source=ConsentRecord.Source.PROVIDER,
            evidence={"message_id": message.pk, "code": 131050},
            dedupe_key=f"refused:{message.pk}",
        ),
        # By webhook it may come late, after the customer has resumed.
        occurred_at=min(message.failed_at or now, now),
        now=now,
    )


def _pace_person(message: Message) -> None:
    """This will let the person's other messages wait for this one, which keeps their order."""
    paced_until = policy.hold_pair(until=message.due_at)
    Contact.objects.filter(
        Q(paced_until__isnull=True) | Q(paced_until__lt=paced_until), pk=message.contact_id
    ).update(paced_until=paced_until)


def _doubt_reachability(message: Message, now: datetime) -> None:
    # By their own times: webhooks may come late, swapped, and both failures in one of them.
    failed_at = message.failed_at or now
    far_apart = Q(failed_at__lt=failed_at - _SECOND_LOOK) | Q(
        failed_at__gt=failed_at + _SECOND_LOOK
    )
    others = Message.objects.filter(
        far_apart,
        contact_id=message.contact_id,
        state=State.FAILED,
        error_code=_UNDELIVERABLE,
    ).exclude(pk=message.pk)
    other_at = others.order_by("failed_at").values_list("failed_at", flat=True).first()
    if other_at is None:
        return
    reached = Message.objects.filter(
        contact_id=message.contact_id, delivered_at__gt=min(failed_at, other_at)
    ).exists()
    if not reached:
        Contact.objects.filter(pk=message.contact_id, unreachable_since__isnull=True).update(
            unreachable_since=now
        )


def _stop_template(
    name: str, language: str, refused: Sequence[tuple[Message, Refused]], now: datetime
) -> None:
    templates = Template.objects.select_for_update(no_key=True).filter(
        name=name, language=language, stopped_at__isnull=True
    )
    for template in templates:
        codes = [
            refusal.code
            for message, refusal in refused
            if not _is_over(message, refusal, template.resumed_at, now)
        ]
        if not codes:
            continue
        template.stop(code=codes[-1], now=now)
        template.save(update_fields=["stopped_at", "stopped_code"])
        doorbells.ring(
            signals.attention_needed,
            reason="template",
            detail=f"{template.name} {template.language}: code {codes[-1]}",
        )
