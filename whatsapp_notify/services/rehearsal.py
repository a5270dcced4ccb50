"""What would happen if a customer wrote something: the real way, and nothing of it stays.

# Note [A rehearsal is taken back]
All runs in one transaction that is rolled back: the scratch customer, the message, the reply,
the counts. Doorbells wait for a commit, so none of them rings. What a worker would be asked to
do is only named.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from whatsapp_notify import conf
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.domain import content as message_contents
from whatsapp_notify.domain import opening
from whatsapp_notify.domain.content import Preview, TextContent
from whatsapp_notify.domain.policy import Purpose
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import (
    Contact,
    Conversation,
    Enquiry,
    Identity,
    InboundMessage,
    Message,
    Survey,
    Topic,
)
from whatsapp_notify.services import inbound, opening_hours, senders

#: When the scratch customer was asked, where there is a question.
_ASKED = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Situation:
    """Who writes what; words of people, so its ``repr`` shows none."""

    text: str
    #: Empty for a customer whose language is not known.
    language: str = ""
    #: Whether this is the first that the customer writes.
    is_first_contact: bool = False
    #: The survey that has just asked the customer.
    asked: Survey | None = None

    def __repr__(self) -> str:
        return f"<Situation {self.language}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One message that would be sent."""

    preview: Preview
    state: str
    #: Why it would not leave, or would wait; empty where it leaves at once.
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What would be done about the message."""

    handled_as: str
    #: ``[handler, outcome, evidence]``, as on a message.
    route: tuple[tuple[str, str, dict[str, Any]], ...]
    replies: tuple[Reply, ...]
    #: Why a person would be called; empty where none would be.
    called_because: str
    #: What a worker would do before an answer; empty for nothing.
    errand: str
    #: Why promotions would rest; empty where they would not.
    promotions_paused_because: str
    is_open: bool


def rehearse(*, situation: Situation, now: datetime) -> Outcome:
    """This will route a message of a scratch customer and take all of it back.

    See Note [A rehearsal is taken back].
    """
    with transaction.atomic():
        contact, person = _customer(situation)
        _set_scene(situation, contact, now)
        row = inbound.receive(_message(situation, person, now), now=now)
        # Its id is made of chance: nobody has received it before.
        assert row is not None  # noqa: S101
        outcome = _outcome(row, now)
        transaction.set_rollback(True)
    return outcome


def _customer(situation: Situation) -> tuple[Contact, wire.Person]:
    contact = Contact.objects.create(language=situation.language)
    user_id = f"{conf.load().DEFAULT_REGION}.{secrets.token_hex(16)}"
    Identity.objects.create(contact=contact, kind=Identity.Kind.USER_ID, value=user_id)
    return contact, wire.Person(user_id=user_id)


def _set_scene(situation: Situation, contact: Contact, now: datetime) -> None:
    if not situation.is_first_contact:
        Conversation.objects.create(
            contact=contact, sender=senders.current(), greeted_at=now - timedelta(days=30)
        )
    if situation.asked is not None:
        _ask(situation.asked, contact, now)


def _ask(survey: Survey, contact: Contact, now: datetime) -> None:
    topic = Topic.objects.filter(purpose=Purpose.SURVEY).order_by("id").first()
    if topic is None:
        topic = Topic.objects.create(
            key=secrets.token_hex(8), name=survey.name, purpose=Purpose.SURVEY
        )
    at = now - _ASKED
    Message.objects.create(
        key=f"rehearsal:{secrets.token_hex(16)}",
        contact=contact,
        topic=topic,
        survey=survey,
        sender=senders.current(),
        content=message_contents.to_json(TextContent(body=survey.name)),
        state=State.DELIVERED,
        is_pending=False,
        due_at=at,
        expires_at=now + timedelta(days=1),
        created_at=at,
        called_at=at,
    )


def _message(situation: Situation, person: wire.Person, now: datetime) -> wire.InboundMessage:
    settings = conf.load()
    return wire.InboundMessage(
        business_account_id=settings.BUSINESS_ACCOUNT_ID,
        phone_number_id=settings.PHONE_NUMBER_ID,
        display_phone_number="",
        provider_message_id=f"rehearsal.{secrets.token_hex(16)}",
        # Meta's clock counts whole seconds.
        sent_at=now.replace(microsecond=0),
        person=person,
        kind="text",
        content=contents.Text(body=situation.text),
    )


def _outcome(row: InboundMessage, now: datetime) -> Outcome:
    enquiry = Enquiry.objects.filter(inbound=row, ended_at=None).first()
    contact = Contact.objects.get(pk=row.contact_id)
    return Outcome(
        handled_as=row.handled_as,
        route=tuple((str(name), str(step), dict(seen)) for name, step, seen in row.route),
        replies=tuple(
            Reply(preview=each.chat_preview, state=each.state, reason=each.reason)
            for each in Message.objects.filter(in_reply_to=row).order_by("id")
        ),
        called_because=enquiry.reason if enquiry else "",
        errand=row.errand,
        promotions_paused_because=contact.promotions_paused_reason,
        is_open=opening.is_open(opening_hours.current(), now=now),
    )
