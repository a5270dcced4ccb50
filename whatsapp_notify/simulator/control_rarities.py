"""Commands of ``POST /simulator/control/`` for what customers send seldom."""

from collections.abc import Callable, Mapping
from typing import Final

from . import control, rare_messages
from .control_values import Answer, BadCommand, Values, person, text
from .models import ChatMessage, SimulatedCustomer


def _told(message: ChatMessage) -> Answer:
    return {"wamid": message.wamid}


def _group(values: Values) -> Answer:
    group_id = text(values, "group_id", default=rare_messages.SAMPLE_GROUP_ID)
    return _told(control.write_in_group(person(values), text(values, "text"), group_id))


def _advertisement(values: Values) -> Answer:
    referral = values.get("referral", rare_messages.SAMPLE_REFERRAL)
    if not isinstance(referral, Mapping):
        raise BadCommand("missing_referral")
    return _told(control.come_from_advertisement(person(values), text(values, "text"), referral))


def _unsupported(values: Values) -> Answer:
    return _told(control.send_unsupported(person(values), text(values, "kind", default="poll")))


def _edit(values: Values) -> Answer:
    who = person(values)
    return _told(control.edit(who, _own(values, who), text(values, "text")))


def _revoke(values: Values) -> Answer:
    who = person(values)
    return _told(control.revoke(who, _own(values, who)))


def _own(values: Values, whose: SimulatedCustomer) -> ChatMessage:
    """The customer's message named by ``wamid``, else the last that can be seen."""
    wamid = text(values, "wamid", default="")
    rows = whose.messages.filter(direction=ChatMessage.Direction.TO_BUSINESS)
    rows = rows.filter(wamid=wamid) if wamid else rows.drawn().exclude(kind="system")
    found = rows.order_by("-created_at", "-id").first()
    if found is None:
        raise BadCommand("no_such_message")
    return found


#: Action and the function that runs it.
RARITIES: Final[Mapping[str, Callable[[Values], Answer]]] = {
    "write_in_group": _group,
    "come_from_advertisement": _advertisement,
    "send_unsupported": _unsupported,
    "edit": _edit,
    "revoke": _revoke,
}
