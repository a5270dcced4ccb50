"""News of messages that were sent, joined in bulk."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from whatsapp_notify.cloud_api import errors
from whatsapp_notify.cloud_api.webhooks import Person, Status
from whatsapp_notify.domain import opaque
from whatsapp_notify.domain.opaque import OpaqueId
from whatsapp_notify.domain.statuses import from_provider
from whatsapp_notify.models import Identity, Message
from whatsapp_notify.services import contacts, installation, news, refusals, unmatched
from whatsapp_notify.services.news import News


def apply(*, statuses: Sequence[Status], now: datetime) -> int:
    """This will join statuses into their messages, whatever their order and repetition.

    A status about no message of ours is kept apart and matched when the message turns up.
    Statuses of groups and words that are new move nothing; their raw webhook stays.

    Returns:
        How many messages changed their state.
    """
    known = [(status, item) for status in statuses if (item := _news(status)) is not None]
    if not known:
        return 0
    with transaction.atomic():
        instance = installation.current(now=now).instance
        messages = _hold(known, instance)
        by_provider_id = {m.provider_message_id: m for m in messages.values()}
        before = set(by_provider_id)
        matched: dict[int, list[News]] = defaultdict(list)
        strangers: list[News] = []
        for status, item in known:
            ours = _ours(status, instance)
            if ours is None:
                message = by_provider_id.get(status.provider_message_id)
            else:
                message = messages.get(ours.message_id)
            if message is None or (ours is not None and message.token != ours.token):
                strangers.append(item)
            else:
                matched[message.pk].append(item)
        written = news.write(messages=messages, told=matched, now=now)
        unmatched.keep(news=strangers, now=now)
        learnt = {messages[pk].provider_message_id for pk in matched} - before
        waited = unmatched.match(provider_message_ids=sorted(filter(None, learnt)), now=now)
        # See Note [Locks are taken in one order]: contacts, templates, at last the sender.
        _learn(known, messages, instance, now)
        refusals.take_effect(refused=[*written.refused, *waited.refused], now=now)
        return written.moved + waited.moved


def _news(status: Status) -> News | None:
    state = from_provider(status.status)
    if state is None or status.recipient_type == "group":
        return None
    decoded = opaque.decode(status.opaque_id)
    problem = status.errors[0] if status.errors else None
    return News(
        provider_message_id=status.provider_message_id,
        state=state,
        at=status.happened_at,
        attempt=decoded.attempt if decoded else 0,
        code=status.error_code,
        detail=errors.without_personal_data(problem.details or problem.title) if problem else "",
        pricing=dict(status.pricing),
    )


def _ours(status: Status, instance: str) -> OpaqueId | None:
    decoded = opaque.decode(status.opaque_id)
    return decoded if decoded is not None and decoded.instance == instance else None


def _hold(known: Sequence[tuple[Status, News]], instance: str) -> dict[int, Message]:
    ids = {ours.message_id for status, _n in known if (ours := _ours(status, instance))}
    others = {s.provider_message_id for s, _n in known if _ours(s, instance) is None}
    if others:
        found = Message.objects.filter(provider_message_id__in=others)
        ids.update(found.values_list("id", flat=True))
    rows = Message.objects.select_for_update(no_key=True).filter(pk__in=ids)
    return {message.pk: message for message in rows.order_by("id")}


def _learn(
    known: Sequence[tuple[Status, News]],
    messages: dict[int, Message],
    instance: str,
    now: datetime,
) -> None:
    """This will keep user ids of people whom we wrote to by phone, where they are new."""
    told = {
        status.person.user_id: (ours.message_id, status.person)
        for status, _news_item in known
        if status.person.user_id and (ours := _ours(status, instance)) is not None
    }
    if not told:
        return
    familiar = Identity.objects.filter(
        kind=Identity.Kind.USER_ID, value__in=told, ended_at__isnull=True
    ).values_list("value", flat=True)
    for user_id in told.keys() - set(familiar):
        message_id, person = told[user_id]
        if message_id in messages:
            contacts.learn(
                contact=messages[message_id].contact,
                person=Person(user_id=person.user_id, parent_user_id=person.parent_user_id),
                now=now,
            )
