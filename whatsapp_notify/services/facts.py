"""What the decision looks at, read for a whole batch in a constant number of queries."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.db.models import Count, Q

from whatsapp_notify import conf
from whatsapp_notify.domain import calendar, confirmation, policy
from whatsapp_notify.domain import phone as phones
from whatsapp_notify.domain.policy import (
    ConsentFacts,
    Facts,
    LawfulBasis,
    Purpose,
    Request,
    Rules,
    TemplateFacts,
)
from whatsapp_notify.domain.statuses import MAY_HAVE_LEFT
from whatsapp_notify.models import (
    ConsentState,
    Contact,
    Conversation,
    Identity,
    Installation,
    Message,
    Sender,
    ShopEvent,
    Template,
    Topic,
)
from whatsapp_notify.models.set_based import among, as_text, from_text
from whatsapp_notify.services import confirmations


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Address:
    """Where a contact is reached; empty strings for what is not known."""

    phone: str = ""
    user_id: str = ""

    def __repr__(self) -> str:
        return "<Address>"


_NO_ADDRESS = Address()

# By the word in the row: to ask the enumeration takes five times as long.
_PURPOSES = {str(each): each for each in Purpose}
_BASES = {str(each): each for each in LawfulBasis}


class Subject(Protocol):
    """What the decision reads of a message: a row of the outbox, or what shall become one."""

    contact_id: int
    topic_id: int
    event_id: int | None
    channel: str
    event_name: str
    order_ref: str
    template_name: str
    template_language: str
    #: As ``domain.content.to_json`` wrote it.
    content: Any
    due_at: datetime
    expires_at: datetime


@dataclass(slots=True)
class ContactFacts:
    """What the decision reads of a contact."""

    erased_at: datetime | None
    unreachable_since: datetime | None
    time_zone: str
    marketing_stopped_at: datetime | None
    everything_stopped_at: datetime | None
    promotions_paused_at: datetime | None
    promotions_paused_reason: str
    paced_until: datetime | None


def contact_columns(relation: str = "") -> list[Any]:
    """This will return what ``to_contact`` takes, for ``values_list``.

    ``relation`` is the way to the contact from the model that is asked.
    """
    way = f"{relation}__" if relation else ""
    return [
        as_text(f"{way}erased_at"),
        as_text(f"{way}unreachable_since"),
        f"{way}time_zone",
        as_text(f"{way}marketing_stopped_at"),
        as_text(f"{way}everything_stopped_at"),
        as_text(f"{way}promotions_paused_at"),
        f"{way}promotions_paused_reason",
        as_text(f"{way}paced_until"),
    ]


def to_contact(columns: Sequence[Any]) -> ContactFacts:
    """This will make facts of the columns."""
    (
        erased_at,
        unreachable_since,
        time_zone,
        marketing_stopped_at,
        everything_stopped_at,
        promotions_paused_at,
        promotions_paused_reason,
        paced_until,
    ) = columns
    return ContactFacts(
        erased_at=from_text(erased_at),
        unreachable_since=from_text(unreachable_since),
        time_zone=time_zone,
        marketing_stopped_at=from_text(marketing_stopped_at),
        everything_stopped_at=from_text(everything_stopped_at),
        promotions_paused_at=from_text(promotions_paused_at),
        promotions_paused_reason=promotions_paused_reason,
        paced_until=from_text(paced_until),
    )


class Batch:
    """The facts about some messages. Reads on construction, answers from memory.

    Call it inside the transaction that acts on the answers, after the contacts are held. Who
    has held them may hand over what was read of them then.
    """

    def __init__(
        self,
        *,
        messages: Sequence[Subject],
        sender: Sender | None,
        installation: Installation,
        now: datetime,
        contacts: dict[int, ContactFacts] | None = None,
    ) -> None:
        self._now = now
        self.sender_id = sender.pk if sender else None
        self._of_sender = of_sender(sender=sender, installation=installation)
        self._rules = self._of_sender.rules
        contact_ids = {message.contact_id for message in messages}
        self._contacts = _read_contacts(contact_ids) if contacts is None else contacts
        self._topics = Topic.objects.in_bulk({message.topic_id for message in messages})
        self._addresses = _read_addresses(contact_ids)
        self._asked = _read_asked(messages)
        asked_ids = {pk for topic_ids in self._asked.values() for pk in topic_ids}
        self._consents = _read_consents(contact_ids, asked_ids.union(self._topics))
        self._templates = _read_templates(messages)
        self._windows = _read_windows(contact_ids, sender)
        self._superseding = _read_superseding(messages)
        self._promotions = self._read_promotions(messages, contact_ids)

    def address(self, message: Subject) -> Address:
        return self._addresses.get(message.contact_id, _NO_ADDRESS)

    def purpose(self, message: Subject) -> Purpose:
        if message.event_name == confirmation.EVENT:
            return Purpose.SERVICE  # a question about consent, whatever the consent is about
        return _PURPOSES[self._topics[message.topic_id].purpose]

    def decide(self, message: Subject) -> policy.Decision:
        """This will ask the one decision function about the message."""
        request = self.request(message)
        return policy.decide(request, self.facts(message, request), self._now)

    def goes_as_text(self, message: Subject) -> bool:
        """This will tell whether the message, a template, leaves as text at this moment."""
        return policy.goes_as_text(
            self.request(message),
            window_expires_at=self._windows.get(message.contact_id),
            now=self._now,
        )

    def count_call(self, message: Subject) -> datetime:
        """This will let later decisions of the batch see that this message leaves.

        Returns:
            Until when the contact is paced by it.
        """
        contact = self._contacts[message.contact_id]
        contact.paced_until = policy.pace_pair(paced_until=contact.paced_until, now=self._now)
        if self.purpose(message) is Purpose.PROMOTION:
            self._promotions[message.contact_id] += 1
        return contact.paced_until

    def request(self, message: Subject) -> Request:
        topic = self._topics[message.topic_id]
        return Request(
            purpose=self.purpose(message),
            lawful_basis=_BASES[topic.lawful_basis],
            channel=message.channel,
            topic=topic.key,
            is_template=bool(message.template_name),
            has_text=isinstance(message.content, dict) and bool(message.content.get("text")),
            event=message.event_name,
            due_at=message.due_at,
            expires_at=message.expires_at,
        )

    def facts(self, message: Subject, request: Request | None = None) -> Facts:
        """This will return what the checks look at; ``request`` saves making it again."""
        request = request or self.request(message)
        contact = self._contacts[message.contact_id]
        address = self.address(message)
        template = self._templates.get((message.template_name, message.template_language))
        ours = self._of_sender
        # Written out, for it is done for every message: ``replace`` takes three times as long.
        return Facts(
            rules=ours.rules,
            sender_id=ours.sender_id,
            sender_stopped_at=ours.sender_stopped_at,
            is_circuit_open=ours.is_circuit_open,
            circuit_code=ours.circuit_code,
            circuit_probe_at=ours.circuit_probe_at,
            slow_until=ours.slow_until,
            deployment=ours.deployment,
            expected_deployment=ours.expected_deployment,
            contact_erased_at=contact.erased_at,
            has_address=bool(address.phone or address.user_id),
            unreachable_since=contact.unreachable_since,
            # Both are looked up in large tables, so only where a check looks at them.
            country=_country(address) if policy.is_marketing(request, template) else "",
            time_zone=_time_zone(contact, address) if policy.has_quiet_hours(request) else "",
            marketing_stopped_at=contact.marketing_stopped_at,
            promotions_paused_at=contact.promotions_paused_at,
            promotions_paused_reason=contact.promotions_paused_reason,
            pair_paced_until=contact.paced_until,
            everything_stopped_at=contact.everything_stopped_at,
            consent=self._consent(message),
            template=template,
            window_expires_at=self._windows.get(message.contact_id),
            promotions_lately=self._promotions[message.contact_id],
            superseded_by=self._superseded_by(message),
        )

    def _consent(self, message: Subject) -> ConsentFacts | None:
        """This will return where the contact stands on the topic.

        A question may ask about several: it goes with one that waits, as long as there is one.
        """
        contact_id, channel = message.contact_id, message.channel
        for topic_id in self._asked.get(message.event_id, ()) if self._asked else ():
            asked = self._consents.get((contact_id, topic_id, channel))
            if asked and asked.is_granted and asked.confirm_by and asked.confirm_by > self._now:
                return asked
        return self._consents.get((contact_id, message.topic_id, channel))

    def _superseded_by(self, message: Subject) -> str:
        enders = policy.SUPERSEDED_BY.get(message.event_name, frozenset())
        for event_id, name in self._superseding.get(message.order_ref, ()):
            if name in enders and event_id > (message.event_id or 0):
                return str(name)
        return ""

    def _read_promotions(
        self, messages: Sequence[Subject], contact_ids: set[int]
    ) -> defaultdict[int, int]:
        counts: defaultdict[int, int] = defaultdict(int)
        if not any(topic.purpose == Purpose.PROMOTION for topic in self._topics.values()):
            return counts
        rows = (
            Message.objects.filter(
                contact_id__in=contact_ids,
                topic__purpose=Purpose.PROMOTION,
                called_at__gt=self._now - timedelta(days=self._rules.cap_days),
                state__in=MAY_HAVE_LEFT,
            )
            .exclude(event_name=confirmation.EVENT)
            .values("contact_id")
            .annotate(count=Count("id"))
        )
        counts.update({row["contact_id"]: row["count"] for row in rows})
        return counts


def of_sender(*, sender: Sender | None, installation: Installation) -> Facts:
    """This will return the part of the facts that is the same for all messages of a number."""
    return Facts(
        rules=rules(),
        sender_id=sender.pk if sender else None,
        sender_stopped_at=sender.stopped_at if sender else None,
        is_circuit_open=sender is not None and sender.circuit_opened_at is not None,
        circuit_code=sender.circuit_code if sender else None,
        circuit_probe_at=sender.circuit_probe_at if sender else None,
        slow_until=sender.slow_until if sender else None,
        deployment=conf.load().DEPLOYMENT,
        expected_deployment=installation.deployment,
    )


def rules() -> Rules:
    """This will return the shop's own limits from the settings."""
    settings = conf.load()
    return Rules(
        quiet_hours=settings.quiet_hours,
        cap_promotions=settings.CAP_PROMOTIONS,
        cap_days=settings.CAP_DAYS,
        blocked_marketing_countries=frozenset(settings.BLOCKED_MARKETING_COUNTRIES),
        default_time_zone=settings.time_zone,
    )


def _read_contacts(contact_ids: set[int]) -> dict[int, ContactFacts]:
    rows = Contact.objects.filter(among("pk", contact_ids)).values_list("pk", *contact_columns())
    return {pk: to_contact(columns) for pk, *columns in rows}


def _read_addresses(contact_ids: set[int]) -> dict[int, Address]:
    kinds = [Identity.Kind.PHONE, Identity.Kind.USER_ID]
    found: dict[int, dict[str, str]] = defaultdict(dict)
    rows = Identity.objects.filter(
        among("contact_id", contact_ids), kind__in=kinds, ended_at__isnull=True
    ).values_list("contact_id", "kind", "value")
    for contact_id, kind, value in rows:
        found[contact_id][kind] = value
    return {
        contact_id: Address(
            phone=values.get(Identity.Kind.PHONE, ""),
            user_id=values.get(Identity.Kind.USER_ID, ""),
        )
        for contact_id, values in found.items()
    }


def _read_asked(messages: Sequence[Subject]) -> dict[int | None, list[int]]:
    """This will return what the events of questions about consent ask about, by their ids."""
    questions = [each for each in messages if each.event_name == confirmation.EVENT]
    event_ids = {each.event_id for each in questions if each.event_id is not None}
    if not event_ids:
        return {}
    rows = ShopEvent.objects.filter(pk__in=event_ids).values_list("pk", "data")
    keys = {pk: confirmations.topic_keys(data=data) for pk, data in rows}
    wanted = {key for each in keys.values() for key in each}
    ids = dict(Topic.objects.filter(key__in=wanted).values_list("key", "pk"))
    return {pk: [ids[key] for key in each if key in ids] for pk, each in keys.items()}


def _read_consents(
    contact_ids: set[int], topic_ids: Collection[int]
) -> dict[tuple[int, int, str], ConsentFacts]:
    states = ConsentState.objects.filter(among("contact_id", contact_ids), topic_id__in=topic_ids)
    rows = states.values_list(
        "contact_id", "topic_id", "channel", "is_granted", "record_id", as_text("changed_at"),
        "record__source", as_text("confirm_by"),
    )  # fmt: skip
    return {
        (contact_id, topic_id, channel): ConsentFacts(
            is_granted=is_granted,
            record_id=record_id,
            changed_at=from_text(changed_at),
            source=source,
            confirm_by=from_text(confirm_by),
        )
        for (
            contact_id, topic_id, channel, is_granted, record_id, changed_at, source, confirm_by,
        ) in rows
    }  # fmt: skip


def _read_templates(messages: Sequence[Subject]) -> dict[tuple[str, str], TemplateFacts]:
    names = {message.template_name for message in messages if message.template_name}
    if not names:
        return {}
    rows = Template.objects.filter(name__in=names).values_list(
        "name", "language", "status", "category", "stopped_at", "stopped_code"
    )
    return {
        (name, language): TemplateFacts(
            status=status,
            category=category,
            is_stopped=stopped_at is not None,
            stopped_code=stopped_code,
        )
        for name, language, status, category, stopped_at, stopped_code in rows
    }


def _read_windows(contact_ids: set[int], sender: Sender | None) -> dict[int, datetime | None]:
    rows: Any = Conversation.objects.filter(among("contact_id", contact_ids), sender=sender)
    return dict(rows.values_list("contact_id", "window_expires_at"))


def _read_superseding(messages: Sequence[Subject]) -> dict[str, list[tuple[int, str]]]:
    relevant = [m for m in messages if m.order_ref and m.event_name in policy.SUPERSEDED_BY]
    if not relevant:
        return {}
    names = set().union(*(policy.SUPERSEDED_BY[m.event_name] for m in relevant))
    rows = ShopEvent.objects.filter(
        ~Q(order_ref=""), order_ref__in={m.order_ref for m in relevant}, name__in=names
    ).values_list("order_ref", "id", "name")
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for order_ref, event_id, name in rows:
        found[order_ref].append((event_id, name))
    return found


def _country(address: Address) -> str:
    if address.phone:
        return phones.country(address.phone)
    # A business-scoped user id begins with the country of its person.
    return address.user_id[:2] if address.user_id[2:3] == "." else ""


def _time_zone(contact: ContactFacts, address: Address) -> str:
    if contact.time_zone:
        return contact.time_zone
    zone = phones.country(address.phone) and calendar.zone_for_phone(address.phone)
    return zone or ""
