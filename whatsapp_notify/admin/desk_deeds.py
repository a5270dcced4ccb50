"""What staff do at the desk: each deed of a form, as one call down and an answer in words."""

from collections.abc import Callable, Mapping

from django.utils.translation import gettext as _

from whatsapp_notify.admin import desk_labels, desk_sending
from whatsapp_notify.admin.desk_deed import Answer, Deed
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.services import conversations, desk_staff, promotion_pauses


def do(name: str, deed: Deed) -> Answer:
    """This will do what a button stands for: one of ``NAMES``."""
    return _DEEDS[name](deed)


def _take(deed: Deed) -> Answer:
    conversations.take(conversation=deed.conversation, user=deed.user, now=deed.now)
    told = _("You answer this customer now; nothing is answered by itself.")
    return Answer(told=told, history=_("Taken over."))


def _give_back(deed: Deed) -> Answer:
    conversations.give_back(conversation=deed.conversation)
    told = _("This customer is answered automatically again.")
    return Answer(told=told, history=_("Given back to automatic answers."))


def _assign(deed: Deed) -> Answer:
    chosen = deed.form.get("assign_to", "")
    user = next((each for each in desk_staff.who_may_answer() if str(each.pk) == chosen), None)
    if chosen and user is None:
        return Answer(told=_("This person may not answer customers."), tone=Tone.BAD)
    conversations.assign(conversation=deed.conversation, user=user)
    if user is None:
        return Answer(told=_("Assigned to nobody in particular."), history=_("Assigned to nobody."))
    told = _("Assigned to %(name)s.") % {"name": desk_staff.name(user)}
    return Answer(told=told, history=told)


def _close(deed: Deed) -> Answer:
    is_done = conversations.close(
        conversation=deed.conversation,
        user=deed.user,
        now=deed.now,
        seen_inbound_id=deed.number("seen_inbound_id") or 0,
    )
    if not is_done:
        return _news()
    told = _("Closed. It opens again when the customer needs a person.")
    return Answer(told=told, history=_("Closed."))


def _need_no_answer(deed: Deed) -> Answer:
    is_done = conversations.need_no_answer(
        conversation=deed.conversation,
        user=deed.user,
        now=deed.now,
        seen_inbound_id=deed.number("seen_inbound_id") or 0,
    )
    if not is_done:
        return _news()
    return Answer(told=_("The customer does not wait any more."), history=_("No answer needed."))


def _lift_pause(deed: Deed) -> Answer:
    promotion_pauses.lift(contact=deed.conversation.contact)
    told = _("Promotions may go to this customer again, as far as there is consent.")
    return Answer(told=told, history=_("Pause of promotions lifted."))


_DEEDS: Mapping[str, Callable[[Deed], Answer]] = {
    "send": desk_sending.send,
    "canned": desk_sending.insert_canned,
    "preview": desk_sending.preview_template,
    "send_template": desk_sending.send_template,
    "take": _take,
    "give_back": _give_back,
    "assign": _assign,
    "close": _close,
    "no_answer": _need_no_answer,
    "lift_pause": _lift_pause,
    "add_label": desk_labels.add,
    "remove_label": desk_labels.remove,
}

NAMES = frozenset(_DEEDS)


def _news() -> Answer:
    """This will tell somebody who has not seen the last message that the wait goes on."""
    told = _("Nothing was changed: the customer has written meanwhile. Look at the chat first.")
    return Answer(told=told, tone=Tone.DOUBT)
