"""From one event to its messages: whom it is about, what is to be said, into the outbox."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from whatsapp_notify.domain.occasions import Occasion
from whatsapp_notify.domain.phone import InvalidPhone
from whatsapp_notify.models import Automation, Contact, Label, Message, ShopEvent
from whatsapp_notify.models.automation import Event
from whatsapp_notify.services import automations, contacts, label_events, occasions, outbox
from whatsapp_notify.services.watching import CUSTOMER_CHANGED

#: What a cancelled order makes untrue, as long as it has not left.
UNTRUE_ONCE_CANCELLED = (
    Event.ORDER_CONFIRMED,
    Event.ORDER_CHANGED,
    Event.ORDER_SHIPPED,
    Event.ORDER_OUT_FOR_DELIVERY,
    Event.ORDER_DELIVERED,
    Event.ORDER_DELIVERY_DATE_CHANGED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an event."""

    state: ShopEvent.State
    #: In words, without personal data.
    note: str = ""


_PROCESSED = Outcome(state=ShopEvent.State.PROCESSED)


def plan(*, event: ShopEvent, now: datetime) -> Outcome:
    """This will put the messages of all automations that wait for an event into the outbox.

    Sets and takes off the labels that go by the event. Nobody becomes a contact for a label.
    Fills in the event's contact, user and order without saving them. Needs a transaction that
    holds the event. What the adapter raises is passed on.
    """
    waiting, labels = _automations(event), label_events.concerned(event_name=event.name)
    is_read = waiting or labels or event.name in {CUSTOMER_CHANGED, Event.ORDER_CANCELLED}
    if not is_read:
        return Outcome(state=ShopEvent.State.IGNORED)
    if event.contact is not None and event.contact.is_erased:
        return Outcome(state=ShopEvent.State.IGNORED, note=_("The contact has been erased."))
    if not waiting and event.name not in {CUSTOMER_CHANGED, Event.ORDER_CANCELLED}:
        return _label_only(event, labels)
    try:
        occasion = occasions.read(event=event)
        _note_order(event, occasion)
        if event.name == Event.ORDER_CANCELLED:
            _take_back(event, now=now)
        contact = event.contact = _contact(event, occasion, now=now)
    except occasions.NobodyToWriteTo as err:
        return Outcome(state=ShopEvent.State.IGNORED, note=str(err))
    except occasions.Gone as err:
        return Outcome(state=ShopEvent.State.FAILED, note=str(err))
    except (InvalidPhone, contacts.NoAddress) as err:
        return Outcome(state=ShopEvent.State.FAILED, note=address_note(err))
    event.user_id = event.user_id or contact.user_id
    label_events.apply_event(contact=contact, event=event, labels=labels)
    if event.name == CUSTOMER_CHANGED:
        return _PROCESSED
    if not waiting:
        return Outcome(state=ShopEvent.State.IGNORED)
    if _is_untrue_by_now(event):
        return Outcome(
            state=ShopEvent.State.IGNORED, note=_("The order has been cancelled meanwhile.")
        )
    return _enqueue(waiting, event=event, occasion=occasion, contact=contact, now=now)


def _label_only(event: ShopEvent, labels: Sequence[Label]) -> Outcome:
    """This will label a customer who is known; without a message there is no need of others."""
    ignored = Outcome(state=ShopEvent.State.IGNORED)
    try:
        occasion = occasions.read(event=event)
    except (occasions.NobodyToWriteTo, occasions.Gone):
        return ignored
    _note_order(event, occasion)
    contact = event.contact or contacts.find(customer=occasion.customer)
    if contact is None or contact.is_erased:
        return ignored
    event.contact = contact
    is_changed = label_events.apply_event(contact=contact, event=event, labels=labels)
    return _PROCESSED if is_changed else ignored


def address_note(err: InvalidPhone | contacts.NoAddress) -> str:
    """This will say why a customer has no address, without the address."""
    if isinstance(err, InvalidPhone):
        return _("The customer's phone is no phone number (%(reason)s).") % {"reason": err.reason}
    return _("The customer has neither an account nor a phone number.")


def _automations(event: ShopEvent) -> Sequence[Automation]:
    return list(
        Automation.objects.filter(event=event.name, is_active=True)
        .select_related("topic", "survey")
        .order_by("id")
    )


def _contact(event: ShopEvent, occasion: Occasion, *, now: datetime) -> Contact:
    if event.contact is not None:
        return event.contact
    return contacts.resolve(customer=occasion.customer, now=now)


def _note_order(event: ShopEvent, occasion: Occasion) -> None:
    if occasion.order is not None:
        event.order_ref = occasion.order.ref[:64]


def _take_back(event: ShopEvent, *, now: datetime) -> None:
    """This will cancel what waits in the outbox and is not true any more."""
    if not event.order_ref:
        return
    untrue = Message.objects.filter(
        order_ref=event.order_ref,
        event_name__in=UNTRUE_ONCE_CANCELLED,
        event_id__lt=event.pk,
        is_pending=True,
    )
    outbox.cancel(message_ids=list(untrue.values_list("pk", flat=True)), actor=event.name, now=now)


def _is_untrue_by_now(event: ShopEvent) -> bool:
    if event.name not in UNTRUE_ONCE_CANCELLED or not event.subject_label:
        return False
    return ShopEvent.objects.filter(
        subject_label=event.subject_label,
        subject_pk=event.subject_pk,
        name=Event.ORDER_CANCELLED,
        pk__gt=event.pk,
    ).exists()


def _enqueue(
    waiting: Sequence[Automation],
    *,
    event: ShopEvent,
    occasion: Occasion,
    contact: Contact,
    now: datetime,
) -> Outcome:
    messages, problems = [], []
    for automation in waiting:
        try:
            message = automations.plan(
                automation=automation, occasion=occasion, contact=contact, event=event, now=now
            )
        except automations.PlanProblem as problem:
            problems.append(f"{automation.name}: {problem}")
        else:
            messages.append(message)
    outbox.enqueue(messages=messages, now=now)
    if problems:
        return Outcome(state=ShopEvent.State.FAILED, note=" ".join(problems))
    return _PROCESSED
