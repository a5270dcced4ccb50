"""Many messages at little cost, for tests that need hundreds."""

from datetime import datetime

from tests import factories
from tests.factories import NOW
from whatsapp_notify.domain.policy import LawfulBasis, Purpose
from whatsapp_notify.models import Contact, Identity, Message, Topic
from whatsapp_notify.services import outbox


def crowd(count: int, *, now: datetime = NOW) -> list[Message]:
    """This will queue one message to each of ``count`` people, for which no consent is needed."""
    topic, _created = Topic.objects.get_or_create(
        key="deliveries",
        defaults={
            "name": "deliveries",
            "purpose": Purpose.DELIVERY,
            "lawful_basis": LawfulBasis.CONTRACT,
        },
    )
    people = Contact.objects.bulk_create(Contact(first_name="Customer") for _each in range(count))
    Identity.objects.bulk_create(
        Identity(contact=person, kind=Identity.Kind.PHONE, value=factories.phone())
        for person in people
    )
    template = factories.template()
    drafts = [factories.draft(person, now=now, topic=topic, template=template) for person in people]
    outbox.enqueue(messages=drafts, now=now)
    keys = [draft.key for draft in drafts]
    return list(Message.objects.filter(key__in=keys).order_by("id"))
