"""Who answers a customer, and since when the customer waits for a person."""

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models.functions import Coalesce

from whatsapp_notify import signals
from whatsapp_notify.models import Conversation, Enquiry, InboundMessage
from whatsapp_notify.services import doorbells, replaying

Mode = Conversation.Mode
Outcome = Enquiry.Outcome


def of_inbound(*, inbound: InboundMessage) -> Conversation | None:
    """This will return the conversation that a message belongs to; None without our number."""
    if inbound.sender_id is None:
        return None
    if inbound.kept_conversation is None:
        found = Conversation.objects.filter(
            contact_id=inbound.contact_id, sender_id=inbound.sender_id
        ).first()
        if found is None:
            return None
        inbound.keep_conversation(found)
    return inbound.kept_conversation


def call_person(*, inbound: InboundMessage, reason: Enquiry.Reason, now: datetime) -> bool:
    """This will let the customer wait for a person, from the moment the message was written.

    Who waits already goes on waiting, from the first message that nobody has answered. Opens a
    closed conversation again. Needs a transaction.

    Returns:
        Whether the wait begins with this message.
    """
    conversation = of_inbound(inbound=inbound)
    if conversation is None or replaying.is_on():
        return False  # see Note [A replay brings back and begins nothing]
    _enquiry, is_new = Enquiry.objects.get_or_create(
        conversation=conversation,
        ended_at=None,
        defaults={"inbound": inbound, "reason": reason, "began_at": inbound.sent_at},
    )
    # Where the wait is new, one may have ended since the row was read.
    if is_new or conversation.closed_at is not None or conversation.waiting_since is None:
        since = Coalesce("waiting_since", inbound.sent_at)
        Conversation.objects.filter(pk=conversation.pk).update(closed_at=None, waiting_since=since)
        conversation.waiting_since = conversation.waiting_since or inbound.sent_at
        conversation.closed_at = None
    if is_new:
        doorbells.ring(
            signals.person_wanted,
            sender=Conversation,
            conversation_id=conversation.pk,
            reason=str(reason),
        )
    return is_new


def take(*, conversation: Conversation, user: AbstractBaseUser, now: datetime) -> None:
    """This will give the conversation to a member of the staff: nothing answers by itself."""
    _change(conversation, mode=Mode.PERSON, assigned_to=user, closed_at=None)


def give_back(*, conversation: Conversation) -> None:
    """This will let automatic answers and the bot take over again."""
    _change(conversation, mode=Mode.AUTOMATIC)


def assign(*, conversation: Conversation, user: AbstractBaseUser | None) -> None:
    """This will say who shall answer, or nobody in particular."""
    _change(conversation, assigned_to=user)


def close(*, conversation: Conversation, user: AbstractBaseUser, now: datetime) -> None:
    """This will end the talk: who waits is not answered, and automatic answers go on."""
    with transaction.atomic():
        _end_wait(conversation, user, Outcome.CLOSED, now)
        _change(
            conversation, mode=Mode.AUTOMATIC, assigned_to=None, waiting_since=None, closed_at=now
        )


def need_no_answer(*, conversation: Conversation, user: AbstractBaseUser, now: datetime) -> None:
    """This will end the wait without an answer; who leads the talk stays as it is."""
    with transaction.atomic():
        _end_wait(conversation, user, Outcome.CLOSED, now)
        _change(conversation, waiting_since=None)


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
