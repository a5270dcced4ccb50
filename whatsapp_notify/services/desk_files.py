"""A file that a member of the staff sends to a customer: uploaded first, then sent once."""

from collections.abc import Sequence
from datetime import datetime

from whatsapp_notify.domain import chat_content
from whatsapp_notify.domain import content as contents
from whatsapp_notify.domain.chat_content import MediaContent
from whatsapp_notify.domain.policy import Block, Hold
from whatsapp_notify.domain.receipts import NotUploaded
from whatsapp_notify.models import Message, OutboundMedia
from whatsapp_notify.services import desk_replies, facts, installation, outbound_media, senders
from whatsapp_notify.services.desk_replies import Outcome, Reply, Result


def send(
    reply: Reply, *, file: OutboundMedia, text: str, titles: Sequence[str] = (), now: datetime
) -> Outcome:
    """This will send a file with words below it. Never in a transaction: it is uploaded first.

    Whatever hinders it, the file waits as before, and is uploaded once.
    """
    body = desk_replies.clean(text)
    if problem := _problem(reply, body, desk_replies.clean_titles(titles)):
        return problem
    message = desk_replies.free(reply, _media(file, body), now=now)
    if message is None:
        return Outcome(result=Result.NO_TOPIC)
    # All that can be known is asked before the file leaves the house.
    if earlier := desk_replies.earlier(message, file):
        if earlier.is_done:
            outbound_media.forget(row=file)
        return earlier
    if meanwhile := desk_replies.meanwhile(reply):
        return meanwhile
    if refusal := _refusal(message, now):
        return refusal
    fault = outbound_media.upload(row=file)
    if isinstance(fault, NotUploaded):
        return Outcome(result=Result.NOT_UPLOADED, code=fault.code)
    if fault is not None:
        return Outcome(result=Result.FILE_GONE)
    message.content = contents.to_json(_media(file, body))
    try:
        return desk_replies.put(reply, message, file=file, now=now)
    except desk_replies.FileGone:
        return Outcome(result=Result.FILE_GONE)


def _media(file: OutboundMedia, caption: str) -> MediaContent:
    is_document = file.kind == "document"
    return MediaContent(
        media=file.kind,
        media_id=file.media_id,
        caption=caption,
        filename=file.filename if is_document else "",
    )


def _problem(reply: Reply, body: str, titles: Sequence[str]) -> Outcome | None:
    if reply.conversation.contact.is_erased:
        return Outcome(result=Result.ERASED)
    if titles:
        return Outcome(result=Result.FILE_BUTTONS)
    if len(body) > chat_content.MAX_CAPTION:
        return Outcome(result=Result.LONG_CAPTION)
    return desk_replies.unfilled(body)


def _refusal(message: Message, now: datetime) -> Outcome | None:
    """This will tell whether the message would not leave at all; nothing is kept of it.

    A copy of the shop, which the staging lock holds back, uploads nothing either.
    """
    batch = facts.Batch(
        messages=[message],
        sender=senders.current(),
        installation=installation.current(now=now),
        now=now,
    )
    decision = batch.decide(message)
    match decision.verdict:
        case Block(reason=reason) | Hold(reason="staging_lock" as reason):
            message.reason, message.checks = reason, decision.to_json()
            return Outcome(result=Result.REFUSED, message=message)
    return None
