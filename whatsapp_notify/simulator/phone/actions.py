"""What the buttons of the phone page do.

The field ``do`` names the action; ``press:12:0`` and ``react:12:3`` carry a message and an index,
``location:12`` and ``contact:12`` the message that asked for it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from django.utils.translation import gettext as _

from whatsapp_notify.simulator import attachments, catalog, control, customers, phone_numbers
from whatsapp_notify.simulator.attachments import Attachment
from whatsapp_notify.simulator.errors import GraphError
from whatsapp_notify.simulator.fates import Fate
from whatsapp_notify.simulator.models import ChatMessage, SimulatedCustomer

REACTIONS: Final = customers.REACTIONS

#: Most characters that a person can write at once, as in WhatsApp.
TEXT_LIMIT: Final = 4096
#: Most characters of a caption, and of a note with a cart.
CAPTION_LIMIT: Final = 1024

#: Where the quick action "location" says that the customer is: the Senate Square of Helsinki.
SAMPLE_LOCATION: Final = (60.1695, 24.9525)


class BadAction(Exception):
    """That cannot be done. The argument, if any, is shown in its place."""


def run(
    customer: SimulatedCustomer, *, data: Mapping[str, Any], upload: UploadedFile | None = None
) -> None:
    """This will do one action of the page. Raises: BadAction."""
    name, *parts = str(data.get("do", "text")).split(":")
    now = timezone.now()
    match name, parts:
        case "text", []:
            quote = str(data.get("quote", ""))
            _write(customer, text=str(data.get("text", "")), quote=quote, now=now)
        case "say", [*words]:
            _write(customer, text=":".join(words), now=now)
        case "press", [pk, index]:
            _press(customer, pk=pk, index=index, now=now)
        case "react", [pk, index]:
            _react(customer, pk=pk, index=index, now=now)
        case "photo", []:
            attachments.send(customer, attachment=attachments.sample_photo(), now=now)
        case "voice", []:
            attachments.send(customer, attachment=attachments.sample_voice(), now=now)
        case "document", []:
            attachments.send(customer, attachment=attachments.sample_document(), now=now)
        case "file", []:
            chosen = _chosen_file(upload, caption=str(data.get("caption", "")))
            attachments.send(customer, attachment=chosen, now=now)
        case "location", [*pk]:
            _send_location(customer, pk=":".join(pk), now=now)
        case "cart", []:
            _send_cart(customer, data=data, now=now)
        case "contact", [pk]:
            asked = _message(customer, pk)
            phone_numbers.share(customer, context_wamid=asked.wamid, now=now)
        case "read", []:
            customers.open_chat(customer, now=now)
        case (("stop_marketing" | "resume_marketing"), []):
            customers.set_marketing(customer, stopped=name == "stop_marketing", now=now)
        case "change_number", []:
            _change_number(customer, phone=str(data.get("phone", "")).strip())
        case "fate", []:
            _set_fate(customer, fate=str(data.get("fate", "")))
        case _:
            raise BadAction


def _write(customer: SimulatedCustomer, *, text: str, now: datetime, quote: str = "") -> None:
    text = text.replace("\r\n", "\n").strip()
    if not text or len(text) > TEXT_LIMIT:
        raise BadAction
    context_wamid = _message(customer, quote).wamid if quote else ""
    customers.open_chat(customer, now=now)
    customers.write_text(customer, text=text, context_wamid=context_wamid, now=now)


def _send_location(customer: SimulatedCustomer, *, pk: str, now: datetime) -> None:
    context_wamid = _message(customer, pk).wamid if pk else ""
    latitude, longitude = SAMPLE_LOCATION
    customers.send_location(
        customer,
        latitude=latitude,
        longitude=longitude,
        context_wamid=context_wamid,
        now=now,
    )


def _send_cart(customer: SimulatedCustomer, *, data: Mapping[str, Any], now: datetime) -> None:
    note = str(data.get("note", "")).strip()
    if len(note) > CAPTION_LIMIT:
        raise BadAction
    try:
        items = catalog.cart_items(data)
    except catalog.BadQuantity as err:
        limit = {"limit": catalog.MAX_QUANTITY}
        raise BadAction(_("Take 0 to %(limit)d pieces of a product.") % limit) from err
    except catalog.UnknownProduct as err:
        raise BadAction(_("The catalogue has changed. Load the page anew.")) from err
    except catalog.CatalogBroken as err:
        raise BadAction(_("The catalogue cannot be read: %(fault)s") % {"fault": err}) from err
    if not items:
        raise BadAction(_("Put something into the cart first."))
    customers.send_order(customer, items=items, text=note, now=now)


def _message(customer: SimulatedCustomer, pk: str) -> ChatMessage:
    rows = customer.messages.filter(direction=ChatMessage.Direction.TO_CUSTOMER)
    found = rows.filter(pk=_whole(pk)).first()
    if found is None:
        raise BadAction
    return found


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadAction
    return int(text)


def _press(customer: SimulatedCustomer, *, pk: str, index: str, now: datetime) -> None:
    message = _message(customer, pk)
    customers.open_chat(customer, now=now)
    try:
        customers.press(customer, message=message, index=_whole(index), now=now)
    except customers.NothingToPress as err:
        raise BadAction from err


def _react(customer: SimulatedCustomer, *, pk: str, index: str, now: datetime) -> None:
    number = _whole(index)
    if number >= len(REACTIONS):
        raise BadAction
    message, emoji = _message(customer, pk), REACTIONS[number]
    # The same emoji once more takes it away.
    chosen = "" if message.reaction == emoji else emoji
    customers.react(customer, message=message, emoji=chosen, now=now)


def _chosen_file(upload: UploadedFile | None, *, caption: str) -> Attachment:
    """The file that a person chose on the page. Raises: BadAction with the reason."""
    if upload is None:
        raise BadAction(_("Choose a file first."))
    mime_type = upload.content_type or ""
    try:
        attachments.check(mime_type=mime_type, size=upload.size or 0)
    except attachments.BadFile as err:
        raise BadAction(str(err)) from err
    return Attachment(
        data=upload.read(),
        mime_type=mime_type,
        filename=upload.name or "",
        caption=caption.strip()[:CAPTION_LIMIT],
    )


def _change_number(customer: SimulatedCustomer, *, phone: str) -> None:
    try:
        control.change_number(customer, phone)
    except GraphError as err:
        raise BadAction(_("This is not a phone number.")) from err
    except phone_numbers.NumberTaken as err:
        raise BadAction(_("A customer here has this number already.")) from err


def _set_fate(customer: SimulatedCustomer, *, fate: str) -> None:
    if fate not in Fate.values:
        raise BadAction
    customers.set_fate(customer, fate=Fate(fate))
