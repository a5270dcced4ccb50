"""Labels that events of the shop put on customers and take off again.

# Note [What happened last decides]
Events are told late, twice and in any order. So a label knows when the event that set it
happened: an older one takes nothing off, and one whose taking off has happened already sets
nothing. That is read from the events themselves, so it holds for what events did. What a member
of the staff takes off by hand, a late event may set again.

# Note [A label is about the latest order]
A customer carries a label once, with the order of the event that set it last. An event of
another order does not take it off: the first order is paid while the second is not.
"""

from collections.abc import Sequence

from django.db.models import Q

from whatsapp_notify.models import Contact, ContactLabel, Label, ShopEvent
from whatsapp_notify.models.automation import Event


def concerned(*, event_name: str) -> Sequence[Label]:
    """This will return the labels that an event of this name sets or takes off."""
    may_name = Q(set_by__contains=event_name) | Q(removed_by__contains=event_name)
    rows = Label.objects.filter(may_name, is_active=True).order_by("id")
    return [
        label for label in rows if event_name in {*_names(label.set_by), *_names(label.removed_by)}
    ]


def apply_event(*, contact: Contact, event: ShopEvent, labels: Sequence[Label]) -> bool:
    """This will set and take off what the event asks for. Needs a transaction.

    ``labels`` are those that ``concerned`` gave. See Note [What happened last decides].

    Returns:
        Whether a label was set, taken off or taken over.
    """
    if not labels:
        return False
    # An event that takes off what another sets at this moment is waited for.
    Contact.objects.select_for_update(no_key=True).filter(pk=contact.pk).first()
    changes = [
        _set(label, contact, event)
        if event.name in _names(label.set_by)
        else _take_off(label, contact, event)
        for label in labels
    ]
    return any(changes)


def is_by_event(row: ContactLabel) -> bool:
    """This will tell whether an event has set the label, and not a member of the staff."""
    return row.actor in _names(row.label.set_by) or row.actor in Event.values


def taken_off_by(label: Label) -> Sequence[str]:
    """This will name the events that take a label off by themselves; none where it is off."""
    return _names(label.removed_by) if label.is_active else []


def _set(label: Label, contact: Contact, event: ShopEvent) -> bool:
    if _was_taken_off_since(label, contact, event):
        return False
    values = {
        "order_ref": event.order_ref[:64],
        "actor": event.name,
        "set_at": event.occurred_at,
    }
    row, is_new = ContactLabel.objects.get_or_create(contact=contact, label=label, defaults=values)
    if is_new:
        return True
    # A later order takes the label over, so that an earlier one does not take it off.
    older = ContactLabel.objects.filter(pk=row.pk, set_at__lt=event.occurred_at)
    return older.update(**values) > 0


def _take_off(label: Label, contact: Contact, event: ShopEvent) -> bool:
    carried = ContactLabel.objects.filter(
        contact=contact, label=label, set_at__lte=event.occurred_at
    )
    deleted, _by_model = carried.filter(_same_order(event)).delete()
    return deleted > 0


def _was_taken_off_since(label: Label, contact: Contact, event: ShopEvent) -> bool:
    names = _names(label.removed_by)
    if not names:
        return False
    is_later = Q(occurred_at__gt=event.occurred_at) | Q(
        occurred_at=event.occurred_at, pk__gt=event.pk
    )
    later = ShopEvent.objects.filter(is_later, contact=contact, name__in=names)
    return later.filter(_same_order(event)).exists()


def _same_order(event: ShopEvent) -> Q:
    """This will tell rows about the event's order; see Note [A label is about the latest order].

    What names no order is about all of them.
    """
    return Q(order_ref__in=["", event.order_ref]) if event.order_ref else Q()


def _names(listed: str) -> Sequence[str]:
    return [name.strip() for name in listed.split(",") if name.strip()]
