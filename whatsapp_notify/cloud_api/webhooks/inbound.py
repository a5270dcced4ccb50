"""Messages of customers: ``value.messages[]``."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from whatsapp_notify.cloud_api import identities
from whatsapp_notify.cloud_api.webhooks.content_reading import read_content
from whatsapp_notify.cloud_api.webhooks.contents import Content
from whatsapp_notify.cloud_api.webhooks.people import Person, read_person
from whatsapp_notify.cloud_api.webhooks.reading import (
    JsonObject,
    Malformed,
    Problem,
    child,
    flag,
    moment,
    problems,
    required,
    text,
)

#: Kinds that concern a chat rather than come from a person.
_NEED_NO_SENDER = frozenset({"system", "unsupported"})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Context:
    """What a message answers or comes from."""

    #: The message that was answered; empty for forwarded ones.
    provider_message_id: str = ""
    #: Who sent that one: our own number, as digits.
    wa_id: str = ""
    is_forwarded: bool = False
    is_frequently_forwarded: bool = False
    catalog_id: str = ""
    product_retailer_id: str = ""

    def __repr__(self) -> str:
        return "<Context>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """The advertisement through which a customer came."""

    source_type: str = ""
    source_id: str = ""
    source_url: str = ""
    headline: str = ""
    body: str = ""
    media_type: str = ""
    media_url: str = ""
    thumbnail_url: str = ""
    #: Missing for advertisements in Status.
    click_id: str = ""
    welcome_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class InboundMessage:
    """One message of a customer."""

    business_account_id: str
    phone_number_id: str
    display_phone_number: str
    provider_message_id: str
    sent_at: datetime
    person: Person
    #: Meta's word for the kind: "text", "image", "interactive", ... or a new one.
    kind: str
    content: Content
    context: Context | None = None
    referral: Referral | None = None
    group_id: str = ""
    errors: tuple[Problem, ...] = ()

    def __repr__(self) -> str:
        return f"<InboundMessage {self.kind}>"


def read_message(
    data: JsonObject, *, origin: dict[str, Any], contacts: list[JsonObject]
) -> InboundMessage:
    """This will read one element.

    Raises:
        Malformed: It has no id, time, type or sender, or its content cannot be read.
    """
    kind = required(data, "type")
    person = read_person(
        wa_id=data.get("from"),
        user_id=data.get("from_user_id"),
        parent_user_id=data.get("from_parent_user_id"),
        contacts=contacts,
    )
    if not person.is_identified and kind not in _NEED_NO_SENDER:
        raise Malformed("from", "names nobody")
    return InboundMessage(
        **origin,
        provider_message_id=required(data, "id"),
        sent_at=moment(data, "timestamp"),
        person=person,
        kind=kind,
        content=read_content(data),
        context=_context(child(data, "context")),
        referral=_referral(child(data, "referral")),
        group_id=text(data, "group_id"),
        errors=problems(data),
    )


def _context(data: JsonObject) -> Context | None:
    if not data:
        return None
    product = child(data, "referred_product")
    return Context(
        provider_message_id=text(data, "id"),
        wa_id=identities.to_wa_id(data.get("from")),
        is_forwarded=flag(data, "forwarded") or flag(data, "frequently_forwarded"),
        is_frequently_forwarded=flag(data, "frequently_forwarded"),
        catalog_id=text(product, "catalog_id"),
        product_retailer_id=text(product, "product_retailer_id"),
    )


def _referral(data: JsonObject) -> Referral | None:
    if not data:
        return None
    return Referral(
        source_type=text(data, "source_type"),
        source_id=text(data, "source_id"),
        source_url=text(data, "source_url"),
        headline=text(data, "headline"),
        body=text(data, "body"),
        media_type=text(data, "media_type"),
        media_url=text(data, "image_url", "video_url"),
        thumbnail_url=text(data, "thumbnail_url"),
        click_id=text(data, "ctwa_clid"),
        welcome_text=text(child(data, "welcome_message"), "text"),
    )
