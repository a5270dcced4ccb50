"""Labels of the customer at the desk: what each stands for, and setting and taking off."""

from collections.abc import Iterator
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from whatsapp_notify.admin import desk_list, words
from whatsapp_notify.admin.desk_deed import Answer, Deed
from whatsapp_notify.admin.desk_sight import Sight
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.models import ContactLabel, Conversation, Label
from whatsapp_notify.services import label_events, labels


def context(sight: Sight, conversation: Conversation) -> dict[str, Any]:
    """This will gather the labels that the customer carries, and those that may be set.

    The labels of the contact are loaded already.
    """
    contact = conversation.contact
    rows = list(contact.labels.all())
    known = list(Label.objects.filter(is_active=True).order_by("name", "id"))
    taken = {row.label_id for row in rows}
    return {
        "carried": [
            {
                "id": row.label_id,
                "name": row.label.name,
                "badge": badge,
                "sentences": list(_sentences(row)),
            }
            for row, badge in zip(rows, desk_list.chips(rows), strict=True)
        ],
        "others": [each for each in known if each.pk not in taken],
        "are_known": bool(known),
        "can_change": sight.can_reply,
        "can_add": sight.can_reply and not contact.is_erased,
        "new_url": _new_url() if sight.new_label else "",
        "act_url": reverse("admin:whatsapp_notify_conversation_act", args=[conversation.pk]),
    }


def add(deed: Deed) -> Answer:
    """This will put the chosen label on the customer."""
    if deed.conversation.contact.is_erased:
        told = _("This customer was erased. Nothing can be written any more.")
        return Answer(told=told, tone=Tone.BAD)
    label = _label(deed.form.get("label", ""))
    if label is None or not label.is_active:
        return Answer(told=_("Choose a label first."), tone=Tone.BAD)
    is_new = labels.add(
        contact=deed.conversation.contact,
        label=label,
        actor=deed.user.get_username(),
        now=deed.now,
    )
    if not is_new:
        told = _("The customer carries the label “%(label)s” already.") % {"label": label}
        return Answer(told=told, tone=Tone.WAITING)
    told = _("Label “%(label)s” added.") % {"label": label}
    return Answer(told=told, history=told)


def remove(deed: Deed) -> Answer:
    """This will take a label off the customer, whoever has set it."""
    label = _label(deed.detail)
    if label is None or not labels.remove(contact=deed.conversation.contact, label=label):
        return Answer(told=_("The customer does not carry this label any more."), tone=Tone.WAITING)
    told = _("Label “%(label)s” removed.") % {"label": label}
    return Answer(told=told, history=told)


def _label(text: str) -> Label | None:
    return Label.objects.filter(pk=desk_list.number(text) or 0).first()


def _sentences(row: ContactLabel) -> Iterator[str]:
    """This will say who has set a label, for which order, and what events do with it."""
    at, is_by_event = words.at(row.set_at), label_events.is_by_event(row)
    if is_by_event:
        yield _("Set %(at)s by the event “%(name)s”.") % {"at": at, "name": words.event(row.actor)}
    elif row.actor:
        yield _("Set %(at)s by %(name)s.") % {"at": at, "name": row.actor}
    else:
        yield _("Set: %(at)s") % {"at": at}
    if row.order_ref:
        yield _("Order %(ref)s.") % {"ref": row.order_ref}
    if taken_off_by := label_events.taken_off_by(row.label):
        listed = ", ".join(str(words.event(name)) for name in taken_off_by)
        yield _("Taken off by itself by: %(events)s.") % {"events": listed}
    if is_by_event:
        yield _("You may take it off; a later event may set it again.")


def _new_url() -> str:
    try:
        return reverse("admin:whatsapp_notify_label_add")
    except NoReverseMatch:
        return ""
