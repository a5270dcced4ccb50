"""Play the customer, or Meta, from Python: for tests and the demo.

    customer = control.customer("+358 45 739 0000")
    control.reply(customer, "Thank you!")
    courier.deliver_due(timezone.now())

Functions read the clock themselves, because they stand for a person at a phone.
"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from . import attachments, customers, identities, outbox, phone_numbers, rare_messages, webhooks
from .conf import SimulatorSettings, get_settings
from .fates import Fate
from .models import (
    ChatMessage,
    OutboxWebhook,
    ScriptedError,
    SimulatedCustomer,
    SimulatedTemplate,
)


def reset() -> None:
    """This will forget chats, customers, waiting webhooks and scripted errors.

    The ledger stays, being evidence; templates and the profile stay, being the account's.
    """
    with transaction.atomic():
        OutboxWebhook.objects.all().delete()
        SimulatedCustomer.objects.all().delete()
        ScriptedError.objects.all().delete()


def customer(phone: str, *, name: str = "", fate: Fate | None = None) -> SimulatedCustomer:
    """This will return the customer of a number, made when new; a name or fate given is set.

    Raises: GraphError 131009 when it cannot be a phone number.
    """
    digits = identities.read_number(phone, business_digits=get_settings().business_digits)
    found = customers.get_or_create(digits=digits, name=name)
    if name and found.name != name:
        customers.rename(found, name=name)
    if fate is not None:
        customers.set_fate(found, fate=fate)
    return found


def hidden_customer(phone: str = "", *, name: str = "") -> SimulatedCustomer:
    """This will add a customer whose number the shop is never told, made up unless given.

    Raises: GraphError 131009 when it cannot be a phone number.
    """
    settings = get_settings()
    digits = _digits(phone, settings=settings)
    return phone_numbers.add_hidden(digits=digits, name=name, settings=settings)


def customer_of(user_id: str) -> SimulatedCustomer | None:
    """This will return the customer of a business-scoped user id, if there is one."""
    return SimulatedCustomer.objects.filter(user_id=user_id).first()


def change_number(person: SimulatedCustomer, phone: str = "") -> ChatMessage:
    """This will give the customer another number, made up unless given, and tell the shop.

    Raises: phone_numbers.NumberTaken; GraphError 131009 when it cannot be a phone number.
    """
    settings = get_settings()
    digits = _digits(phone, settings=settings)
    return phone_numbers.change(person, digits=digits, settings=settings, now=timezone.now())


def messages(person: SimulatedCustomer) -> list[ChatMessage]:
    """This will return all messages of the chat, in order, those under way included."""
    return list(person.messages.order_by("created_at", "id"))


def reply(person: SimulatedCustomer, text: str, context_wamid: str | None = None) -> ChatMessage:
    """This will write a text to the shop, quoting a message when its wamid is given."""
    return customers.write_text(
        person, text=text, context_wamid=context_wamid or "", now=timezone.now()
    )


def press_button(person: SimulatedCustomer, message: ChatMessage, index: int) -> ChatMessage:
    """This will press a button (or choose a list row) of a message; the first is 0.

    Raises: customers.NothingToPress.
    """
    return customers.press(person, message=message, index=index, now=timezone.now())


def react(person: SimulatedCustomer, message: ChatMessage, emoji: str) -> ChatMessage:
    """This will put an emoji on a message of the shop; an empty one takes it away."""
    return customers.react(person, message=message, emoji=emoji, now=timezone.now())


def send_photo(person: SimulatedCustomer, caption: str = "") -> ChatMessage:
    """This will send the simulator's sample picture."""
    return send_media(person, attachments.sample_photo(caption=caption))


def send_voice(person: SimulatedCustomer) -> ChatMessage:
    """This will send the simulator's sample voice message."""
    return send_media(person, attachments.sample_voice())


def send_document(person: SimulatedCustomer, caption: str = "") -> ChatMessage:
    """This will send the simulator's sample document."""
    return send_media(person, attachments.sample_document(caption=caption))


def send_media(
    person: SimulatedCustomer, attachment: attachments.Attachment, context_wamid: str = ""
) -> ChatMessage:
    """This will send any file, whether or not its type is true or WhatsApp would take it."""
    return attachments.send(
        person, attachment=attachment, context_wamid=context_wamid, now=timezone.now()
    )


def expire_media(media_id: str) -> bool:
    """This will let Graph forget a file at once; returns whether it knew it."""
    return attachments.expire(media_id=media_id, now=timezone.now())


def fail_downloads(media_id: str, times: int = 1) -> bool:
    """This will let the next downloads of a file find their address expired (404).

    Returns whether Graph knows the file.
    """
    return attachments.fail_downloads(media_id=media_id, times=times, now=timezone.now())


def send_location(
    person: SimulatedCustomer, latitude: float, longitude: float, context_wamid: str = ""
) -> ChatMessage:
    """This will send a place; with a wamid it answers the shop's request for one."""
    return customers.send_location(
        person,
        latitude=latitude,
        longitude=longitude,
        context_wamid=context_wamid,
        now=timezone.now(),
    )


def share_number(person: SimulatedCustomer, context_wamid: str = "") -> ChatMessage:
    """This will answer the shop's request for the number by a contact card."""
    return phone_numbers.share(person, context_wamid=context_wamid, now=timezone.now())


def send_order(
    person: SimulatedCustomer, items: list[dict[str, Any]], text: str = ""
) -> ChatMessage:
    """This will send a cart: ``items[]: {product_retailer_id, quantity, item_price, currency}``."""
    return customers.send_order(person, items=items, text=text, now=timezone.now())


def write_in_group(
    person: SimulatedCustomer, text: str, group_id: str = rare_messages.SAMPLE_GROUP_ID
) -> ChatMessage:
    """This will write a text in a group that the business number is in."""
    return rare_messages.write_in_group(person, text=text, group_id=group_id, now=timezone.now())


def come_from_advertisement(
    person: SimulatedCustomer,
    text: str,
    referral: Mapping[str, Any] = rare_messages.SAMPLE_REFERRAL,
) -> ChatMessage:
    """This will write the first text of a chat that an advertisement has opened."""
    return rare_messages.come_from_advertisement(
        person, text=text, referral=referral, now=timezone.now()
    )


def send_unsupported(person: SimulatedCustomer, kind: str = "poll") -> ChatMessage:
    """This will send what the API cannot show."""
    return rare_messages.send_unsupported(person, kind=kind, now=timezone.now())


def edit(person: SimulatedCustomer, message: ChatMessage, text: str) -> ChatMessage:
    """This will change the words of the customer's own message.

    Raises: rare_messages.NotTheirs.
    """
    return rare_messages.edit(person, message=message, text=text, now=timezone.now())


def revoke(person: SimulatedCustomer, message: ChatMessage) -> ChatMessage:
    """This will take back the customer's own message. Raises: rare_messages.NotTheirs."""
    return rare_messages.revoke(person, message=message, now=timezone.now())


def read(person: SimulatedCustomer) -> int:
    """This will open the chat; returns how many messages were new."""
    return customers.open_chat(person, now=timezone.now())


def stop_marketing(person: SimulatedCustomer) -> None:
    """This will press "stop" for marketing messages in WhatsApp itself."""
    customers.set_marketing(person, stopped=True, now=timezone.now())


def resume_marketing(person: SimulatedCustomer) -> None:
    """This will press "resume" for marketing messages in WhatsApp itself."""
    customers.set_marketing(person, stopped=False, now=timezone.now())


def fail_next_calls(code: int, *, calls: int = 1, by_webhook: bool = False) -> None:
    """This will let the next sends and uploads meet a documented error, whoever they are for.

    With ``by_webhook`` messages are accepted and the error is told later; uploads are not met.
    """
    ScriptedError.objects.create(code=code, remaining_calls=calls, by_webhook=by_webhook)


def set_template_status(
    name: str, status: str, *, language: str | None = None, reason: str = "NONE"
) -> int:
    """This will change the status of a template in all or one language, and tell the shop.

    Returns how many templates changed. ``status``: APPROVED, PAUSED, DISABLED, REJECTED, ...
    """
    now, settings = timezone.now(), get_settings()
    changed = _templates(name, language)
    with transaction.atomic():
        for template in changed:
            template.status, template.rejected_reason = status, reason
            template.save(update_fields=["status", "rejected_reason"])
            body = webhooks.template_status(settings=settings, template=template, at=now)
            outbox.schedule(label="template status", body=body, now=now)
    return len(changed)


def set_template_category(name: str, category: str, *, language: str | None = None) -> int:
    """This will move a template to another price class, and tell the shop."""
    now, settings = timezone.now(), get_settings()
    changed = _templates(name, language)
    with transaction.atomic():
        for template in changed:
            previous, template.category = template.category, category
            template.save(update_fields=["category"])
            body = webhooks.template_category(
                settings=settings, template=template, previous=previous, at=now
            )
            outbox.schedule(label="template category", body=body, now=now)
    return len(changed)


def set_template_quality(name: str, quality: str, *, language: str | None = None) -> int:
    """This will change the quality of a template (GREEN, YELLOW, RED), and tell the shop."""
    now, settings = timezone.now(), get_settings()
    changed = _templates(name, language)
    with transaction.atomic():
        for template in changed:
            previous, template.quality_score = template.quality_score, quality
            template.save(update_fields=["quality_score"])
            body = webhooks.template_quality(
                settings=settings, template=template, previous=previous, at=now
            )
            outbox.schedule(label="template quality", body=body, now=now)
    return len(changed)


def send_webhook(field: str, value: dict[str, Any]) -> None:
    """This will tell the shop anything of the account, for example ``account_update``."""
    now = timezone.now()
    body = webhooks.account_envelope(settings=get_settings(), field=field, value=value, at=now)
    outbox.schedule(label=field, body=body, now=now)


def _digits(phone: str, *, settings: SimulatorSettings) -> str:
    """The digits of a number; a blank one stays blank."""
    return identities.read_number(phone, business_digits=settings.business_digits) if phone else ""


def _templates(name: str, language: str | None) -> list[SimulatedTemplate]:
    rows = SimulatedTemplate.objects.filter(name=name)
    if language:
        rows = rows.filter(language=language)
    return list(rows.order_by("id"))
