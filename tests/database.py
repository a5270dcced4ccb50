"""All that webhooks may change, to be compared before and after."""

from typing import Any

from django.db.models import Model

from whatsapp_notify.models import (
    ConsentRecord,
    ConsentState,
    Contact,
    Conversation,
    DeliveryEvent,
    Identity,
    InboundMessage,
    Message,
    ShopEvent,
    SurveyAnswer,
)

#: Model -> columns that say when we wrote a row, not what happened.
WATCHED: dict[type[Model], frozenset[str]] = {
    Message: frozenset(),
    DeliveryEvent: frozenset({"recorded_at"}),
    Contact: frozenset(),
    Identity: frozenset(),
    ConsentRecord: frozenset({"recorded_at"}),
    ConsentState: frozenset(),
    InboundMessage: frozenset({"received_at"}),
    Conversation: frozenset(),
    SurveyAnswer: frozenset(),
    ShopEvent: frozenset(),
}

#: All of a message that news may change, beside what tells one from another.
_NEWS = (
    "provider_message_id", "state", "reason", "is_pending", "needs_attention", "error_code",
    "error_detail", "accepted_at", "sent_at", "delivered_at", "read_at", "failed_at",
    "replied_at",
)  # fmt: skip


def rows() -> dict[str, list[dict[str, Any]]]:
    """Every watched row with its primary key: nothing was added, changed or taken away."""
    return {
        model.__name__: [
            {name: value for name, value in row.items() if name not in bookkeeping}
            for row in model._default_manager.order_by("pk").values()
        ]
        for model, bookkeeping in WATCHED.items()
    }


def meaning() -> dict[str, Any]:
    """What the rows say, whatever their primary keys, without our own answers."""
    people = {contact.pk: _name(contact) for contact in Contact.objects.all()}
    ours = Message.objects.exclude(key__startswith="answer:")
    keys = dict(ours.values_list("pk", "key"))
    return {
        "messages": {message.key: _picked(message, _NEWS) for message in ours},
        "timelines": sorted(
            (keys[line.message_id], line.kind, line.attempt, str(_time_of(line)), line.error_code)
            for line in DeliveryEvent.objects.filter(message_id__in=keys)
        ),
        "people": {
            people[contact.pk]: (
                contact.marketing_stopped_at, contact.marketing_changed_at,
                contact.unreachable_since is None,
                sorted((i.kind, i.value, i.ended_at is None) for i in contact.identities.all()),
            )
            for contact in Contact.objects.all()
        },
        "consents": sorted(
            (people[record.contact_id], record.topic.key, record.action, record.source,
             record.wording, str(record.occurred_at))
            for record in ConsentRecord.objects.select_related("topic")
        ),
        "standing": {
            (people[state.contact_id], state.topic.key): (state.is_granted, state.changed_at)
            for state in ConsentState.objects.select_related("topic")
        },
        "inbound": {
            row.provider_message_id: (
                people[row.contact_id], row.text, row.content, row.sent_at, row.handled_as,
                keys.get(row.answers_id),
            )
            for row in InboundMessage.objects.all()
        },
        "windows": {
            people[row.contact_id]: (row.last_inbound_at, row.window_expires_at)
            for row in Conversation.objects.all()
        },
        "surveys": {
            answer.inbound.provider_message_id: (
                people[answer.contact_id], keys.get(answer.question_id), answer.score,
                answer.comment, answer.answered_at, answer.is_current,
            )
            for answer in SurveyAnswer.objects.select_related("inbound")
        },
    }  # fmt: skip


def _name(contact: Contact) -> str:
    """By all ids that somebody has ever had."""
    return " ".join(sorted(f"{each.kind}={each.value}" for each in contact.identities.all()))


def _picked(row: Model, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _time_of(line: DeliveryEvent) -> object:
    # A message has one line of its first answer to come in.
    return None if line.kind == DeliveryEvent.Kind.REPLIED else line.at
