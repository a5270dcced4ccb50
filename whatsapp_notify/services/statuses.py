"""News of messages that were sent, joined in bulk."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from whatsapp_notify.cloud_api import errors
from whatsapp_notify.cloud_api.webhooks import Person, Status
from whatsapp_notify.domain import opaque
from whatsapp_notify.domain.opaque import OpaqueId
from whatsapp_notify.domain.statuses import State, from_provider
from whatsapp_notify.models import Identity, Message
from whatsapp_notify.models.set_based import among
from whatsapp_notify.services import contacts, installation, news, refusals, unmatched
from whatsapp_notify.services.news import Held, News


def apply(*, statuses: Sequence[Status], now: datetime) -> int:
    """This will join statuses into their messages, whatever their order and repetition.

    A status about no message of ours is kept apart and matched when the message turns up.
    Statuses of groups and words that are new move nothing; their raw webhook stays.

    Where this fails inside of a transaction, that one has to end: it has no savepoint of its own.

    Returns:
        How many messages changed their state.
    """
    known = [
        (status, state)
        for status in statuses
        if (state := from_provider(status.status)) is not None and status.recipient_type != "group"
    ]
    if not known:
        return 0
    with transaction.atomic(savepoint=False):
        instance = installation.current(now=now).instance
        told = [_read(status, state, instance) for status, state in known]
        messages = _hold(told)
        by_provider_id = {m.provider_message_id: m for m in messages.values()}
        before = set(by_provider_id)
        matched: dict[int, list[News]] = defaultdict(list)
        strangers: list[News] = []
        for each in told:
            ours = each.ours
            if ours is None:
                message = by_provider_id.get(each.news.provider_message_id)
            else:
                message = messages.get(ours.message_id)
            if message is None or (ours is not None and message.token != ours.token):
                strangers.append(each.news)
            else:
                matched[message.pk].append(each.news)
        written = news.write(messages=messages, told=matched, now=now)
        unmatched.keep(news=strangers, now=now)
        learnt = {messages[pk].provider_message_id for pk in matched} - before
        waited = unmatched.match(provider_message_ids=sorted(filter(None, learnt)), now=now)
        # See Note [Locks are taken in one order]: contacts, templates, at last the sender.
        _learn(told, messages, now)
        refusals.take_effect(refused=[*written.refused, *waited.refused], now=now)
        return written.moved + waited.moved


# Not frozen: to make one would cost twice as much, and thousands a second are made.
@dataclass(slots=True)
class _Told:
    """One status, as news, with whom it is about."""

    news: News
    #: Our own id, where this installation has given it.
    ours: OpaqueId | None
    person: Person


def _read(status: Status, state: State, instance: str) -> _Told:
    decoded = opaque.decode(status.opaque_id)
    problem = status.errors[0] if status.errors else None
    item = News(
        provider_message_id=status.provider_message_id,
        state=state,
        at=status.happened_at,
        attempt=decoded.attempt if decoded else 0,
        code=status.error_code,
        detail=errors.without_personal_data(problem.details or problem.title) if problem else "",
        pricing=dict(status.pricing) if status.pricing else {},
    )
    is_ours = decoded is not None and decoded.instance == instance
    return _Told(item, decoded if is_ours else None, status.person)


def _hold(told: Sequence[_Told]) -> dict[int, Held]:
    ids = {each.ours.message_id for each in told if each.ours}
    others = {each.news.provider_message_id for each in told if each.ours is None}
    if others:
        found = Message.objects.filter(provider_message_id__in=others)
        ids.update(found.values_list("id", flat=True))
    return news.hold(Message.objects.filter(among("pk", ids)))


def _learn(told: Sequence[_Told], messages: dict[int, Held], now: datetime) -> None:
    """This will keep user ids of people whom we wrote to by phone, where they are new."""
    people = {
        each.person.user_id: (each.ours.message_id, each.person)
        for each in told
        if each.person.user_id and each.ours is not None
    }
    if not people:
        return
    familiar = Identity.objects.filter(
        kind=Identity.Kind.USER_ID, value__in=people, ended_at__isnull=True
    ).values_list("value", flat=True)
    for user_id in people.keys() - set(familiar):
        message_id, person = people[user_id]
        if message_id in messages:
            contacts.learn(
                contact=Message.objects.select_related("contact").get(pk=message_id).contact,
                person=Person(user_id=person.user_id, parent_user_id=person.parent_user_id),
                now=now,
            )
