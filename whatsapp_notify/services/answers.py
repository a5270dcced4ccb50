"""Free-form answers to what a customer wrote, inside the service window."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import translation
from django.utils.translation import gettext_lazy as _

from whatsapp_notify import conf
from whatsapp_notify.domain import chat_content
from whatsapp_notify.domain import content as contents
from whatsapp_notify.domain.bot_turns import BotReply, Place
from whatsapp_notify.domain.chat_content import (
    ButtonsContent,
    ChatContent,
    LocationContent,
    MediaContent,
    ReplyButton,
)
from whatsapp_notify.domain.content import TextContent
from whatsapp_notify.domain.policy import Purpose
from whatsapp_notify.models import InboundMessage, Message, Topic
from whatsapp_notify.services import outbox, shared_reads

#: An answer that could not leave for so long is of no use any more.
_EXPIRES_AFTER = timedelta(hours=2)

#: Begins the key of every reply in the shop's own words.
REPLY_KEY = "answer:reply:"
#: A text message of WhatsApp is no longer than this.
MAX_LENGTH = 4096

_OPTED_OUT = _(
    "You will get no more messages from %(business)s on WhatsApp. "
    "If you change your mind, write START."
)
_PROMOTIONS_ENDED = _(
    "You will get no more offers from %(business)s on WhatsApp. "
    "News about your orders still come. Write STOP to end those as well."
)
_DECLINED = _(
    "All right: %(business)s will not write to you about this. "
    "If you change your mind, write START."
)
_OPTED_IN = _(
    "Welcome! You will get messages from %(business)s on WhatsApp. "
    "Write STOP at any time to end them."
)
_THANKS = _("Thank you for your answer! It helps %(business)s to get better.")


def confirm_opt_out(*, inbound: InboundMessage, now: datetime) -> None:
    """This will confirm a stop, once and for the last time."""
    _answer(inbound, str(_in_language(inbound, _OPTED_OUT)), "opt_out", now)


def confirm_end_of_promotions(*, inbound: InboundMessage, now: datetime) -> None:
    """This will confirm that only promotions have ended."""
    _answer(inbound, _in_language(inbound, _PROMOTIONS_ENDED), "opt_out", now)


def confirm_opt_in(*, inbound: InboundMessage, now: datetime) -> None:
    """This will confirm a start and say how to stop."""
    _answer(inbound, str(_in_language(inbound, _OPTED_IN)), "opt_in", now)


def confirm_no(*, inbound: InboundMessage, now: datetime) -> None:
    """This will confirm that what was asked about will not be sent."""
    _answer(inbound, _in_language(inbound, _DECLINED), "opt_out", now)


def thank_for_answer(*, inbound: InboundMessage, now: datetime) -> None:
    """This will thank for a survey answer."""
    _answer(inbound, str(_in_language(inbound, _THANKS)), "survey", now)


def _in_language(inbound: InboundMessage, words: object) -> str:
    settings = conf.load()
    with translation.override(inbound.contact.language or settings.DEFAULT_LANGUAGE):
        return str(words) % {"business": settings.BUSINESS_NAME}


def reply(
    *, inbound: InboundMessage, body: str, now: datetime, buttons: Sequence[str] = ()
) -> None:
    """This will answer with the shop's own words, once for each message of the customer.

    ``buttons`` are titles; a tap sends the title back. Words that are too long for a message
    with buttons go without: the customer can still write what they say.
    """
    content: TextContent | ButtonsContent = TextContent(body=body[:MAX_LENGTH])
    if buttons and len(body) <= chat_content.MAX_BODY:
        content = with_buttons(body, titles=buttons)
    _send(inbound, content, "reply", now)


def with_buttons(body: str, *, titles: Sequence[str]) -> ButtonsContent:
    """This will put buttons below a text; a tap on one counts as if its title had been written."""
    return ButtonsContent(
        body=body,
        buttons=tuple(ReplyButton(reply_id=f"wn:say:{each}", title=each) for each in titles),
    )


def accompany(*, inbound: InboundMessage, reply: BotReply, now: datetime) -> None:
    """This will send what goes with a bot's text: the same words as audio, a place.

    Each is a message of its own, for WhatsApp has none that holds both.
    """
    if reply.audio_url:
        spoken = MediaContent(media="audio", link=reply.audio_url, transcript=reply.text)
        _send(inbound, spoken, "audio", now)
    if reply.place is not None:
        _send(inbound, _location(reply.place), "place", now)


def _location(place: Place) -> LocationContent:
    return LocationContent(
        latitude=f"{place.latitude:.6f}",
        longitude=f"{place.longitude:.6f}",
        name=place.name,
        address=place.address,
    )


def _service_topic() -> Topic | None:
    return Topic.objects.filter(purpose=Purpose.SERVICE).order_by("id").first()


def _answer(inbound: InboundMessage, body: str, kind: str, now: datetime) -> None:
    _send(inbound, TextContent(body=body), kind, now)


def _send(
    inbound: InboundMessage, content: TextContent | ChatContent, kind: str, now: datetime
) -> None:
    topic = shared_reads.once("service_topic", _service_topic)
    if topic is None:
        return  # the shop has removed the topic: it answers by hand
    message = Message(
        key=f"answer:{kind}:inbound:{inbound.pk}",
        contact_id=inbound.contact_id,
        topic=topic,
        in_reply_to=inbound,
        content=contents.to_json(content),
        preview=contents.preview_to_json(contents.preview_of(content)),
        due_at=now,
        expires_at=now + _EXPIRES_AFTER,
        created_at=now,
    )
    outbox.enqueue(messages=[message], now=now)
