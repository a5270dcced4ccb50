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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import F, QuerySet

from whatsapp_notify import signals
from whatsapp_notify.domain.bot_turns import BotTurn
from whatsapp_notify.models import Enquiry, InboundMessage
from whatsapp_notify.models.set_based import update_rows
from whatsapp_notify.services import (
    bot_answers,
    bots,
    chat_carts,
    commits,
    conversations,
    doorbells,
    faults,
    joint,
    order_enquiries,
    patience,
    routing,
    shared_reads,
    together,
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
_TOGETHER = 32
#: Errands that are ended together, where nobody is asked about any.
_ENDED_TOGETHER = 500
#: A shop that is slow to answer keeps the talks of all that are done together for no longer.
_HELD_SECONDS = 0.5
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
    contact_id: int
    errand: str
    #: Including this one.
    tries: int


def run(*, now: datetime) -> int:
    """This will do the errands that are due, those of different people together.

    Safe to run at any time, in several processes, and twice.

    Returns:
        How many were taken up.

    Raises:
        RuntimeError: A transaction is open, or autocommit is off.
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
    # In the order of its index: see ``delivery.due``.
    return _due(now).order_by("errand_due_at").values_list("pk").first() is not None


def left() -> QuerySet[InboundMessage]:
    """This will return the messages whose errand is not over, whoever has taken it up."""
    return InboundMessage.objects.filter(errand_due_at__isnull=False)


def end_all(*, why: str) -> int:
    """This will end all errands without an answer, and call a person for each.

    Safe to repeat. No worker may be at one.

    Args:
        why: Stands in the way of each message.

    Returns:
        How many were ended.
    """
    total = 0
    while ended := patience.with_database(partial(_end_some, why)):
        total += ended
    return total


def _end_some(why: str) -> int:
    with transaction.atomic():
        rows = list(left().select_for_update(no_key=True).order_by("pk")[:_ENDED_TOGETHER])
        held = conversations.hold(rows)
        conversations.begin_waits(
            [
                conversations.Call(
                    inbound=row, conversation=held[row.pk], reason=_reason(row.errand)
                )
                for row in rows
                if row.pk in held
            ]
        )
        seen = {"why": why}
        ended = [_ended(row, row.errand, outcome="failed", seen=seen) for row in rows]
        return len(update_rows(model=InboundMessage, rows=ended))


def _reason(errand: str) -> Enquiry.Reason:
    return _REASONS.get(errand, Enquiry.Reason.NOT_UNDERSTOOD)


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
    with commits.transaction_of_its_own():
        rows = list(
            patience.free(due)
            .order_by("errand_due_at", "pk")
            .values_list("pk", "contact_id", "errand", "errand_tries")[:limit]
        )
        InboundMessage.objects.filter(pk__in=[pk for pk, *_rest in rows]).update(
            errand_tries=F("errand_tries") + 1, errand_due_at=now + LEASE + bots.patience()
        )
    return [
        _Claim(pk=pk, contact_id=contact_id, errand=errand, tries=tries + 1)
        for pk, contact_id, errand, tries in rows
    ]


def _do(claims: Sequence[_Claim], now: datetime) -> None:
    alive = []
    for claim in claims:
        if claim.tries > MAX_TRIES:
            logger.error("An errand killed its workers", extra={"inbound_id": claim.pk})
            _give_up(claim, "killed_workers", now)
        elif claim.errand not in Errand.values:
            _give_up(claim, "unknown_errand", now)
        else:
            alive.append(claim)
    waiting = []
    for group in _apart(alive):
        waiting += _do_apart(group, now)
    while waiting:
        waiting[0][1].wait()
        due = [each for each in waiting if each[1].is_due]
        waiting = [each for each in waiting if not each[1].is_due]
        _use_answers(due, now)


def _apart(claims: Iterable[_Claim]) -> Iterator[list[_Claim]]:
    """This will put errands of different people together; each person's stay in their order."""
    left = list(claims)
    while left:
        group: dict[int, _Claim] = {}
        for claim in left:
            group.setdefault(claim.contact_id, claim)
        yield list(group.values())
        left = [claim for claim in left if group[claim.contact_id] is not claim]


def _do_apart(claims: Sequence[_Claim], now: datetime) -> list[tuple[_Claim, bots.Call]]:
    """This will do the errands of different people, and ask the bot without waiting for it.

    Nobody waits for what the bot says to somebody else.

    Returns:
        What the bot has been asked.
    """
    by_errand: dict[str, list[_Claim]] = {str(errand): [] for errand in Errand}
    for claim in claims:
        by_errand[claim.errand].append(claim)
    enquire = partial(_answer_enquiry, now=now)
    _work_together([(claim, enquire) for claim in by_errand[Errand.ORDER_STATUS]], now)
    for claim in by_errand[Errand.CART]:
        # Alone: what the shop makes of a cart is not to be made twice, not even to be undone.
        _work(claim, lambda row: chat_carts.answer(inbound=row, now=now), now)
    return _ask_bot(by_errand[Errand.BOT], now)


def _answer_enquiry(row: InboundMessage, *, now: datetime) -> Mapping[str, Any]:
    return order_enquiries.answer(inbound=row, now=now)


def _ask_bot(claims: Sequence[_Claim], now: datetime) -> list[tuple[_Claim, bots.Call]]:
    """See Note [Asked without a transaction] in ``bot_answers``."""
    turns: dict[int, BotTurn] = {}

    def read(row: InboundMessage) -> Mapping[str, Any] | None:
        turns.pop(row.pk, None)
        why = bot_answers.why_not(inbound=row)
        if why:
            return bot_answers.drop(inbound=row, why=why, now=now)
        turns[row.pk] = bot_answers.turn_of(inbound=row, now=now)
        return None

    done = _work_together([(claim, read) for claim in claims], now)
    waiting = []
    for claim in done:
        if claim.pk not in turns:
            continue
        try:
            waiting.append((claim, bots.ask(turn=turns[claim.pk])))
        except Exception as err:  # noqa: BLE001  # a bot that is not there must not stop the others
            logger.error("The bot could not be asked: %s", faults.trace(err))
            _note_fault(claim, type(err).__name__, now)
    return waiting


def _use_answers(answered: Sequence[tuple[_Claim, bots.Call]], now: datetime) -> None:
    works: dict[_Claim, Work] = {}
    for claim, call in answered:
        answer = call.wait()
        if isinstance(answer, bots.Broken):
            _note_fault(claim, "bot", now)
            continue
        if answer == bots.Unusable("late"):
            logger.warning("The bot was late; a person is called", extra={"inbound_id": claim.pk})
        works[claim] = partial(_use_answer, answer=answer, now=now)
    for group in _apart(works):
        _work_together([(claim, works[claim]) for claim in group], now)


def _use_answer(row: InboundMessage, *, answer: bots.Answer, now: datetime) -> Mapping[str, Any]:
    return bot_answers.use(inbound=row, answer=answer, now=now)


def _work_together(works: Sequence[tuple[_Claim, Work]], now: datetime) -> list[_Claim]:
    """This will do the works for different people in one transaction, or else one by one.

    Returns:
        The errands that were still ours, and whose work was done.
    """
    done: list[_Claim] = []
    left = works
    while len(left) > 1:
        try:
            some, left = patience.with_database(partial(_in_transaction, left, now), tries=3)
        except Exception as err:  # noqa: BLE001  # each is done for itself, and the one that broke says so
            logger.info("Errands are done one by one", extra={"fault": type(err).__name__})
            break
        done += some
    return done + [claim for claim, work in left if _work(claim, work, now)]


def _work(claim: _Claim, work: Work, now: datetime) -> bool:
    """This will do the work in a transaction, and end the errand if it is over with that.

    Returns:
        Whether the errand was still ours and the work was done.
    """
    try:
        one = partial(_in_transaction, [(claim, work)], now)
        done, _left = patience.with_database(one, tries=3)
        return bool(done)
    except Exception as err:  # noqa: BLE001  # the shop's adapter may raise anything
        logger.error("An errand failed: %s", faults.trace(err))
        _note_fault(claim, type(err).__name__, now)
        return False


def _in_transaction(
    works: Sequence[tuple[_Claim, Work]], now: datetime
) -> tuple[list[_Claim], Sequence[tuple[_Claim, Work]]]:
    """This will do works in one transaction, as many as the shop is quick about.

    Returns:
        The errands whose work was done, and the works that are left.
    """
    done, ends_at = [], time.monotonic() + _HELD_SECONDS
    left: Sequence[tuple[_Claim, Work]] = ()
    is_one = len(works) == 1
    with shared_reads.shared(), joint.transaction_of_several(now=now, is_one=is_one):
        rows = _hold([claim for claim, _work in works])
        together.about(list(rows.values()))
        conversations.hold(list(rows.values()))
        ended = []
        for number, (claim, work) in enumerate(works):
            if number and time.monotonic() > ends_at:
                left = works[number:]
                break
            row = rows.get(claim.pk)
            if row is None:
                continue
            done.append(claim)
            seen = work(row)
            if seen is not None:
                ended.append(_ended(row, claim.errand, outcome="acted", seen=seen))
        update_rows(model=InboundMessage, rows=ended)
    return done, left


def _hold(claims: Sequence[_Claim]) -> Mapping[int, InboundMessage]:
    """This will hold the messages whose errands are still left to this process."""
    rows = InboundMessage.objects.select_for_update(of=("self",), no_key=True).filter(
        pk__in=[claim.pk for claim in claims], errand_due_at__isnull=False
    )
    tries = {claim.pk: claim.tries for claim in claims}
    held = rows.select_related("contact", "sender").order_by("pk")
    return {row.pk: row for row in held if row.errand_tries == tries[row.pk]}


def _ended(
    row: InboundMessage, errand: str, *, outcome: str, seen: Mapping[str, Any]
) -> dict[str, Any]:
    """This will return what is to be written of an errand that is over."""
    return {
        "id": row.pk,
        "errand": "",
        "errand_due_at": None,
        "route": [*row.route, [errand, outcome, dict(seen)]],
        "order_ref": row.order_ref,
    }


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
    reason = _reason(claim.errand)

    def with_words(row: InboundMessage) -> str:
        return routing.hand_over(inbound=row, reason=reason, now=now)

    def without_words(row: InboundMessage) -> str:
        conversations.call_person(inbound=row, reason=reason, now=now)
        return "failed"

    for call in (with_words, without_words):
        try:
            with transaction.atomic():
                row = _hold([claim]).get(claim.pk)
                if row is not None:
                    seen = {"given_up": fault, "tries": claim.tries, "reply": call(row)}
                    ended = _ended(row, claim.errand, outcome="failed", seen=seen)
                    update_rows(model=InboundMessage, rows=[ended])
            return
        except OperationalError:
            raise  # the database is busy: the lease brings the errand back
        except Exception as err:  # noqa: BLE001  # what is said must not keep a person away
            logger.error("An errand could not be handed over: %s", faults.trace(err))
