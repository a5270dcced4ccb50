"""What a customer sent: one class per kind of message."""

from dataclasses import dataclass, field

from whatsapp_notify.cloud_api.webhooks.reading import JsonObject


class _Personal:
    """Words and numbers of a person stay out of logs and error reports."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Text(_Personal):
    body: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ButtonTap(_Personal):
    """A tap on a quick reply of a template."""

    #: What we sent as payload; the label where the template was sent without one.
    payload: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ButtonReply(_Personal):
    """A tap on a reply button of a free-form message."""

    reply_id: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ListReply(_Personal):
    reply_id: str
    title: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FlowReply(_Personal):
    """A form that the customer has filled in."""

    name: str
    body: str
    #: As it came; it is a text that should hold JSON.
    response_json: str
    #: The same, read; None where it holds no object.
    data: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Media(_Personal):
    """A picture, video, sound, document or sticker."""

    #: "image", "video", "audio", "document" or "sticker".
    kind: str
    #: Valid for 7 days.
    media_id: str
    mime_type: str = ""
    sha256: str = ""
    #: Valid for 5 minutes, and only with the token; the id is what to keep.
    url: str = ""
    caption: str = ""
    filename: str = ""
    is_voice: bool = False
    is_animated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Location(_Personal):
    latitude: float
    longitude: float
    name: str = ""
    address: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ContactCard(_Personal):
    name: str
    phones: tuple[str, ...] = ()
    wa_ids: tuple[str, ...] = ()
    #: "contact_request" where we asked for the number; "other" or empty else.
    origin: str = ""
    vcard: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ContactCards(_Personal):
    cards: tuple[ContactCard, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderItem:
    product_retailer_id: str
    quantity: int
    #: As Meta wrote it; a decimal number.
    item_price: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Order(_Personal):
    """A cart that the customer filled from the catalogue."""

    catalog_id: str
    text: str = ""
    items: tuple[OrderItem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Reaction(_Personal):
    provider_message_id: str
    #: Empty where the reaction was taken back.
    emoji: str = ""

    @property
    def is_removal(self) -> bool:
        """Whether the customer took the reaction back."""
        return not self.emoji


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class System(_Personal):
    """The person behind a chat, or their number, has changed."""

    #: "user_changed_number", "user_changed_user_id", "customer_identity_changed" or a new word.
    kind: str
    body: str = ""
    #: The number from now on, where it may be told.
    wa_id: str = ""
    previous_wa_id: str = ""
    user_id: str = ""
    parent_user_id: str = ""
    previous_user_id: str = ""
    previous_parent_user_id: str = ""
    identity_key_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """A message that the API cannot show, such as a poll or a deleted one."""

    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WelcomeRequest:
    """The customer has opened the chat for the first time."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Edit(_Personal):
    original_provider_message_id: str
    #: The new content; None where it could not be read.
    content: "Content | None" = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Revoke(_Personal):
    original_provider_message_id: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Unknown(_Personal):
    """A kind of message that is new to us, as it came."""

    raw: JsonObject = field(default_factory=dict)


Content = (
    Text
    | ButtonTap
    | ButtonReply
    | ListReply
    | FlowReply
    | Media
    | Location
    | ContactCards
    | Order
    | Reaction
    | System
    | Unsupported
    | WelcomeRequest
    | Edit
    | Revoke
    | Unknown
)
