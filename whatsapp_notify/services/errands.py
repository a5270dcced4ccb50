"""What a customer's message has left to a worker: to ask the shop, or the bot, and to answer.

# Note [A try is counted before it begins]
The claim counts the try and says until when nobody else takes the errand up, and is committed
before any work is done. So an errand that kills its worker is known, and is given up after
three tries; those that came with it go on one by one. The number of the try is the mark of the
claim: whoever comes back too late finds another number, and leaves the errand alone. So no
message is answered twice, not even by two workers.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import F, QuerySet

from whatsapp_notify import signals
from whatsapp_notify.domain.bot_turns import BotTurn
from whatsapp_notify.models import Enquiry, InboundMessage
from whatsapp_notify.services import (
    bot_answers,
    bots,
    chat_carts,
    conversations,
    doorbells,
    faults,
    order_enquiries,
    patience,
    routing,
)

logger = logging.getLogger(__name__)

Errand = InboundMessage.Errand
#: Does what it can with a message; None where the errand is not over with that.
Work = Callable[[InboundMessage], Mapping[str, Any] | None]

#: An errand that failed so often is left to a person.
MAX_TRIES = 3
#: Pause after a try that failed.
PAUSES = {1: timedelta(seconds=30), 2: timedelta(minutes=3)}
#: What was taken up is left to its worker for so long, beside the patience with the bot.
LEASE = timedelta(minutes=1)
#: Errands that are taken up together the first time; the bot is asked about all at once.
_TOGETHER = 16
#: A long backlog is done in turns, so that a worker that is asked to stop is not kept.
_TURN_SECONDS = 5.0

_REASONS: Mapping[str, Enquiry.Reason] = {
    Errand.ORDER_STATUS: Enquiry.Reason.ORDER,
    Errand.CART: Enquiry.Reason.CART,
    Errand.BOT: Enquiry.Reason.BOT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """An errand that is left to this process; see Note [A try is counted before it begins]."""

    pk: int
    errand: str
    #: Including this one.
    tries: int


def run(*, now: datetime) -> int:
    """This will do the errands that are due, each in a transaction of its own.

    Safe to run at any time, in several processes, and twice.

    Returns:
        How many were taken up.

    Raises:
        RuntimeError: A transaction is open.
        django.db.OperationalError: The database stayed busy, or is away.
    """
    total, turn_ends_at = 0, time.monotonic() + _TURN_SECONDS
    while claims := _claim(now):
        _do(claims, now)
        total += len(claims)
        if time.monotonic() > turn_ends_at:
            if is_due(now=now):
                doorbells.ring(signals.errands_due, sender=InboundMessage)
            break
    return total


def is_due(*, now: datetime) -> bool:
    """This will tell whether a message waits for a worker."""
    return _due(now).exists()


def _due(now: datetime) -> QuerySet[InboundMessage]:
    return InboundMessage.objects.filter(errand_due_at__lte=now)


def _claim(now: datetime) -> list[_Claim]:
    """This will take up what is new, together; else one errand that was tried before."""
    return patience.with_database(
        lambda: (
            _take(_due(now).filter(errand_tries=0), _TOGETHER, now)
            or _take(_due(now).filter(errand_tries__gt=0), 1, now)
        )
    )


def _take(due: QuerySet[InboundMessage], limit: int, now: datetime) -> list[_Claim]:
    with transaction.atomic(durable=True):
        held = due.select_for_update(
            # SQLite has no row locks: its transaction holds the whole database anyway.
            skip_locked=connection.features.has_select_for_update_skip_locked,
            no_key=True,
        )
        rows = list(
            held.order_by("errand_due_at", "pk").values_list("pk", "errand", "errand_tries")[:limit]
        )
        InboundMessage.objects.filter(pk__in=[pk for pk, *_rest in rows]).update(
            errand_tries=F("errand_tries") + 1, errand_due_at=now + LEASE + bots.patience()
        )
    return [_Claim(pk=pk, errand=errand, tries=tries + 1) for pk, errand, tries in rows]


def _do(claims: Sequence[_Claim], now: datetime) -> None:
    waiting: list[tuple[_Claim, bots.Call]] = []
    for claim in claims:
        if claim.tries > MAX_TRIES:
            logger.error("An errand killed its workers", extra={"inbound_id": claim.pk})
            _give_up(claim, "killed_workers", now)
            continue
        match claim.errand:
            case Errand.ORDER_STATUS:
                _work(claim, lambda row: order_enquiries.answer(inbound=row, now=now), now)
            case Errand.CART:
                _work(claim, lambda row: chat_carts.answer(inbound=row, now=now), now)
            case Errand.BOT:
                call = _ask_bot(claim, now)
                if call is not None:
                    waiting.append((claim, call))
            case _:
                _give_up(claim, "unknown_errand", now)
    for claim, call in waiting:
        _use_answer(claim, call, now)


def _ask_bot(claim: _Claim, now: datetime) -> bots.Call | None:
    """See Note [Asked without a transaction] in ``bot_answers``."""
    turns: list[BotTurn] = []

    def read(row: InboundMessage) -> Mapping[str, Any] | None:
        turns.clear()
        why = bot_answers.why_not(inbound=row)
        if why:
            return bot_answers.drop(inbound=row, why=why, now=now)
        turns.append(bot_answers.turn_of(inbound=row, now=now))
        return None

    if not _work(claim, read, now) or not turns:
        return None
    try:
        return bots.ask(turn=turns[0])
    except Exception as err:  # noqa: BLE001  # a bot that is not there must not stop the others
        logger.error("The bot could not be asked: %s", faults.trace(err))
        _note_fault(claim, type(err).__name__, now)
        return None


def _use_answer(claim: _Claim, call: bots.Call, now: datetime) -> None:
    answer = call.wait()
    if isinstance(answer, bots.Broken):
        _note_fault(claim, "bot", now)
        return
    if answer == bots.Unusable("late"):
        logger.warning("The bot was late; a person is called", extra={"inbound_id": claim.pk})
    _work(claim, lambda row: bot_answers.use(inbound=row, answer=answer, now=now), now)


def _work(claim: _Claim, work: Work, now: datetime) -> bool:
    """This will do the work in a transaction, and end the errand if it is over with that.

    Returns:
        Whether the errand was still ours and the work was done.
    """
    try:
        return patience.with_database(lambda: _in_transaction(claim, work), tries=3)
    except Exception as err:  # noqa: BLE001  # the shop's adapter may raise anything
        logger.error("An errand failed: %s", faults.trace(err))
        _note_fault(claim, type(err).__name__, now)
        return False


def _in_transaction(claim: _Claim, work: Work) -> bool:
    with transaction.atomic():
        row = _hold(claim)
        if row is None:
            return False
        seen = work(row)
        if seen is not None:
            _end(row, claim, outcome="acted", seen=seen)
        return True


def _hold(claim: _Claim) -> InboundMessage | None:
    """This will hold a message whose errand is still left to this process."""
    rows = InboundMessage.objects.select_for_update(of=("self",), no_key=True)
    ours = rows.filter(pk=claim.pk, errand_tries=claim.tries, errand_due_at__isnull=False)
    return ours.select_related("contact", "sender").first()


def _end(row: InboundMessage, claim: _Claim, *, outcome: str, seen: Mapping[str, Any]) -> None:
    row.errand, row.errand_due_at = "", None
    row.route = [*row.route, [claim.errand, outcome, dict(seen)]]
    row.save(update_fields=["errand", "errand_due_at", "route", "order_ref"])


def _note_fault(claim: _Claim, fault: str, now: datetime) -> None:
    """This will let an errand be tried again after a pause, or give it up."""
    if claim.tries >= MAX_TRIES:
        _give_up(claim, fault, now)
        return
    mine = InboundMessage.objects.filter(
        pk=claim.pk, errand_tries=claim.tries, errand_due_at__isnull=False
    )
    mine.update(errand_due_at=now + PAUSES[claim.tries])


def _give_up(claim: _Claim, fault: str, now: datetime) -> None:
    """This will end an errand and call a person, whose answer the customer then waits for."""
    reason = _REASONS.get(claim.errand, Enquiry.Reason.NOT_UNDERSTOOD)

    def with_words(row: InboundMessage) -> str:
        return routing.hand_over(inbound=row, reason=reason, now=now)

    def without_words(row: InboundMessage) -> str:
        conversations.call_person(inbound=row, reason=reason, now=now)
        return "failed"

    for call in (with_words, without_words):
        try:
            with transaction.atomic():
                row = _hold(claim)
                if row is not None:
                    seen = {"given_up": fault, "tries": claim.tries, "reply": call(row)}
                    _end(row, claim, outcome="failed", seen=seen)
            return
        except OperationalError:
            raise  # the database is busy: the lease brings the errand back
        except Exception as err:  # noqa: BLE001  # what is said must not keep a person away
            logger.error("An errand could not be handed over: %s", faults.trace(err))
