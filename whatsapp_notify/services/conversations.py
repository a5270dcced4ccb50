"""Who answers a customer, and since when the customer waits for a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet

from whatsapp_notify import signals
from whatsapp_notify.models import Conversation, Enquiry, InboundMessage
from whatsapp_notify.models.set_based import update_rows
from whatsapp_notify.services import doorbells, replaying, together

Mode = Conversation.Mode
Outcome = Enquiry.Outcome


#: Name under which calls are kept back; see Note [Several messages in one transaction].
CALLS = "calls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """That a person shall answer a message."""

    inbound: InboundMessage
    conversation: Conversation
    reason: Enquiry.Reason


def of_inbound(*, inbound: InboundMessage) -> Conversation | None:
    """This will return the conversation that a message belongs to; None without our number."""
    if inbound.sender_id is None:
        return None
    return inbound.kept_conversation or together.each("conversations", inbound, _find)


def is_with_person(*, inbound: InboundMessage) -> bool:
    """This will tell whether a member of the staff leads the talk that a message belongs to."""
    conversation = of_inbound(inbound=inbound)
    return conversation is not None and conversation.mode == Mode.PERSON


def hold(rows: Sequence[InboundMessage]) -> Mapping[int, Conversation]:
    """This will hold the conversations of messages, and remember them with the messages.

    Whoever takes over, or receives a newer message, waits meanwhile. Needs a transaction.

    Returns:
        The conversations that there are, by the ids of the messages.
    """
    return _keep(rows, Conversation.objects.select_for_update(no_key=True))


def _find(rows: Sequence[InboundMessage]) -> Mapping[int, Conversation]:
    return _keep(rows, Conversation.objects.all())


def _keep(
    rows: Sequence[InboundMessage], among: QuerySet[Conversation]
) -> Mapping[int, Conversation]:
    found = among.filter(
        contact_id__in={row.contact_id for row in rows},
        sender_id__in={row.sender_id for row in rows},
    )
    by_chat = {(each.contact_id, each.sender_id): each for each in found.order_by("id")}
    kept: dict[int, Conversation] = {}
    for row in rows:
        conversation = by_chat.get((row.contact_id, row.sender_id or 0))
        if conversation is not None:
            row.keep_conversation(conversation)
            kept[row.pk] = conversation
    return kept


def call_person(*, inbound: InboundMessage, reason: Enquiry.Reason, now: datetime) -> None:
    """This will let the customer wait for a person, from the moment the message was written.

    Who waits already goes on waiting, from the first message that nobody has answered. Opens a
    closed conversation again. Needs a transaction.
    """
    conversation = of_inbound(inbound=inbound)
    if conversation is None or replaying.is_on():
        return  # see Note [A replay brings back and begins nothing]
    call = Call(inbound=inbound, conversation=conversation, reason=reason)
    if not together.defer(CALLS, call):
        begin_waits([call])
    conversation.waiting_since = conversation.waiting_since or inbound.sent_at
    conversation.closed_at = None


def begin_waits(calls: Sequence[Call]) -> None:
    """This will let the customers wait who do not wait yet; of several reasons the first counts.

    Needs a transaction.
    """
    first: dict[int, Call] = {}
    for each in calls:
        first.setdefault(each.conversation.pk, each)
    waiting = Enquiry.objects.filter(conversation_id__in=first, ended_at=None)
    known = set(waiting.values_list("conversation_id", flat=True))
    new = {pk: call for pk, call in sorted(first.items()) if pk not in known}
    if new:
        rows = [
            Enquiry(
                conversation_id=pk,
                inbound=call.inbound,
                reason=call.reason,
                began_at=call.inbound.sent_at,
            )
            for pk, call in new.items()
        ]
        Enquiry.objects.bulk_create(rows, ignore_conflicts=True)
    # Where the wait is new, one may have ended since the row was read.
    update_rows(
        model=Conversation,
        rows=[{"id": pk, "waiting_since": first[pk].inbound.sent_at} for pk in sorted(first)],
        only_where={"waiting_since": [None]},
        in_order=True,
    )
    closed = Conversation.objects.filter(pk__in=first, closed_at__isnull=False)
    closed.update(closed_at=None)
    for pk in new:
        doorbells.ring(
            signals.person_wanted,
            sender=Conversation,
            conversation_id=pk,
            reason=str(new[pk].reason),
        )


def take(*, conversation: Conversation, user: AbstractBaseUser, now: datetime) -> None:
    """This will give the conversation to a member of the staff: nothing answers by itself."""
    _change(conversation, mode=Mode.PERSON, assigned_to=user, closed_at=None)


def give_back(*, conversation: Conversation) -> None:
    """This will let automatic answers and the bot take over again."""
    _change(conversation, mode=Mode.AUTOMATIC)


def assign(*, conversation: Conversation, user: AbstractBaseUser | None) -> None:
    """This will say who shall answer, or nobody in particular."""
    _change(conversation, assigned_to=user)


def close(
    *,
    conversation: Conversation,
    user: AbstractBaseUser,
    now: datetime,
    seen_inbound_id: int | None = None,
) -> bool:
    """This will end the talk: who waits is not answered, and automatic answers go on.

    ``seen_inbound_id`` is the newest message that the user has seen; without, all are taken
    for seen.

    Returns:
        False where the customer has written meanwhile, and nothing was changed.
    """
    with transaction.atomic():
        if _has_news(conversation, seen_inbound_id):
            return False
        _end_wait(conversation, user, Outcome.CLOSED, now)
        _change(
            conversation, mode=Mode.AUTOMATIC, assigned_to=None, waiting_since=None, closed_at=now
        )
    return True


def need_no_answer(
    *,
    conversation: Conversation,
    user: AbstractBaseUser,
    now: datetime,
    seen_inbound_id: int | None = None,
) -> bool:
    """This will end the wait without an answer; who leads the talk stays as it is.

    Returns:
        As ``close``.
    """
    with transaction.atomic():
        if _has_news(conversation, seen_inbound_id):
            return False
        _end_wait(conversation, user, Outcome.CLOSED, now)
        _change(conversation, waiting_since=None)
    return True


def _has_news(conversation: Conversation, seen_inbound_id: int | None) -> bool:
    """This will hold a conversation and tell whether the user has not seen the last message.

    A message that is being read holds it as well, and is seen once that is over: its wait must
    not be ended unseen.
    """
    Conversation.objects.select_for_update(no_key=True).get(pk=conversation.pk)
    return (
        seen_inbound_id is not None
        and newest_inbound_id(conversation=conversation) > seen_inbound_id
    )


def newest_inbound_id(*, conversation: Conversation) -> int:
    """This will return the primary key of what the customer wrote last; 0 where it is nothing."""
    rows = InboundMessage.objects.filter(contact_id=conversation.contact_id)
    return rows.order_by("-id").values_list("id", flat=True).first() or 0


def waiting_count() -> int:
    """This will count the customers who wait for a person."""
    return Conversation.objects.filter(waiting_since__isnull=False).count()


def note_answer(*, conversation: Conversation, user: AbstractBaseUser, now: datetime) -> None:
    """This will end the wait with an answer of a member of the staff, who then leads the talk."""
    with transaction.atomic():
        _end_wait(conversation, user, Outcome.ANSWERED, now)
        _change(
            conversation,
            mode=Mode.PERSON,
            assigned_to=user,
            waiting_since=None,
            closed_at=None,
            last_message_at=now,
        )


def _end_wait(
    conversation: Conversation, user: AbstractBaseUser, outcome: str, now: datetime
) -> None:
    Enquiry.objects.filter(conversation=conversation, ended_at=None).update(
        ended_at=now, ended_by=user, outcome=outcome
    )


def _change(conversation: Conversation, **values: object) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(**values)
    for name, value in values.items():
        setattr(conversation, name, value)
