"""Customers who take part in a campaign: understood, counted, and answered at most once.

# Note [Taking part is no consent]
Who sends a photo has asked for an answer, not for offers: nothing here grants anything.

# Note [What follows a keyword]
The keyword may come first and the entry a little later. Until then the entry is taken from all
that the customer sends, so it must not be about something else: another bubble of ours, an order,
a keyword reply, or a talk with a member of the staff.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.domain import order_refs, phrases, taking_part
from whatsapp_notify.models import (
    Enquiry,
    InboundMessage,
    InteractiveCampaign,
    Participation,
    ParticipationMessage,
)
from whatsapp_notify.services import (
    answer_words,
    automatic_replies,
    campaign_keywords,
    conversations,
    inbound_media,
    keyword_replies,
)
from whatsapp_notify.services.campaign_keywords import Heard

AsksFor = InteractiveCampaign.AsksFor


class Step(StrEnum):
    """What a message is to a campaign."""

    ENTRY = "entry"
    #: The keyword alone.
    INVITED = "invited"
    NOT_BEGUN = "not_begun"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenPart:
    """What a message was to which campaign."""

    campaign_id: int
    step: Step
    #: As ``automatic_replies.reply``; or "thanked" and "told" for what was said before.
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    campaign: InteractiveCampaign
    is_entry: bool
    has_keyword: bool


def take_part(
    *, inbound: InboundMessage, message: wire.InboundMessage, now: datetime
) -> TakenPart | None:
    """This will count a message that belongs to a campaign, and answer it. Needs a transaction.

    Returns:
        None where it belongs to none.
    """
    heard = campaign_keywords.heard()
    if not heard:
        return None
    found = _by_keyword(inbound, message.content, heard) or _following(
        inbound, message.content, heard
    )
    if found is None:
        return None
    at_wrong_time = _wrong_time(found.campaign, inbound.sent_at)
    if at_wrong_time is not None:
        return _turn_away(found.campaign, at_wrong_time, inbound, now)
    return _welcome(found, inbound, now)


# Which campaign


def _by_keyword(
    inbound: InboundMessage, content: contents.Content, heard: Sequence[Heard]
) -> _Found | None:
    if not isinstance(content, _WITH_WORDS):
        return None
    text, at = inbound.text, inbound.sent_at
    alone, more = [], []
    for each in heard:
        if taking_part.is_keyword(text, keys=each.keys):
            alone.append(each.campaign)
        elif _SENT[each.campaign.asks_for](content) and taking_part.begins_with_keyword(
            text, keys=each.keys
        ):
            more.append(each.campaign)
    if not alone and not more:
        return None
    # One that is running, or else the nearest.
    campaign = min(
        alone or more,
        key=lambda row: (_wrong_time(row, at) is not None, abs(at - row.starts_at), row.pk),
    )
    is_words = campaign.asks_for == AsksFor.WORDS
    is_entry = _SENT[campaign.asks_for](content) and not (is_words and alone)
    return _Found(campaign=campaign, is_entry=is_entry, has_keyword=True)


def _following(
    inbound: InboundMessage, content: contents.Content, heard: Sequence[Heard]
) -> _Found | None:
    """See Note [What follows a keyword]."""
    fitting = {
        each.campaign.pk: each.campaign for each in heard if _SENT[each.campaign.asks_for](content)
    }
    if not fitting or _is_about_other(inbound) or conversations.is_with_person(inbound=inbound):
        return None
    latest = (
        Participation.objects.filter(
            contact_id=inbound.contact_id,
            campaign_id__in=fitting,
            keyword_at__isnull=False,
        )
        .order_by("-keyword_at", "-id")
        .first()
    )
    if latest is None:
        return None
    if not taking_part.may_follow(keyword_at=latest.keyword_at, at=inbound.sent_at):
        return None
    return _Found(campaign=fitting[latest.campaign_id], is_entry=True, has_keyword=False)


def _is_about_other(inbound: InboundMessage) -> bool:
    text = inbound.text
    if order_refs.find(text):
        return True
    if inbound.kind == "text" and (
        phrases.is_courtesy(text)
        or phrases.is_greeting(text)
        or keyword_replies.find(text=text, language=inbound.contact.language)
    ):
        return True
    # Who answers another bubble of ours speaks of that one.
    answered = inbound.answers
    return answered is not None and not _is_of_campaign(answered.in_reply_to_id)


def _is_of_campaign(inbound_id: int | None) -> bool:
    return ParticipationMessage.objects.filter(inbound_id=inbound_id).exists()


def _wrong_time(campaign: InteractiveCampaign, at: datetime) -> Step | None:
    if at < campaign.starts_at:
        return Step.NOT_BEGUN
    return Step.OVER if campaign.ends_at is not None and at >= campaign.ends_at else None


def _is_photo(content: contents.Content) -> bool:
    # Who wants all pixels to arrive sends a photo as a document.
    return isinstance(content, contents.Media) and (
        content.kind == "image"
        or (content.kind == "document" and content.mime_type.startswith("image/"))
    )


def _is_file(content: contents.Content) -> bool:
    return isinstance(content, contents.Media) and content.kind != "sticker"


def _is_words(content: contents.Content) -> bool:
    return isinstance(content, contents.Text)


_SENT: dict[str, Callable[[contents.Content], bool]] = {
    AsksFor.PHOTO: _is_photo,
    AsksFor.FILE: _is_file,
    AsksFor.WORDS: _is_words,
}
#: A tap on a button counts as if its words were written.
_WITH_WORDS = (
    contents.Text,
    contents.Media,
    contents.ButtonTap,
    contents.ButtonReply,
    contents.ListReply,
)


# What is done


def _turn_away(
    campaign: InteractiveCampaign, step: Step, inbound: InboundMessage, now: datetime
) -> TakenPart:
    """This will tell, once, that a campaign has not begun or is over."""
    row = _participation(campaign, inbound)
    if row.told_at is not None and _wrong_time(campaign, row.told_at) is step:
        return TakenPart(campaign_id=campaign.pk, step=step, said="told")
    words = campaign.over if step is Step.OVER else campaign.not_begun
    said = _say(words, inbound, now)
    if said == "said":
        row.told_at = inbound.sent_at
        row.save(update_fields=["told_at"])
    else:
        _leave_to_person(inbound, said, now)
    return TakenPart(campaign_id=campaign.pk, step=step, said=said)


def _welcome(found: _Found, inbound: InboundMessage, now: datetime) -> TakenPart:
    """This will count a message, and invite or thank."""
    campaign = found.campaign
    row = _participation(campaign, inbound)
    _count(row, found, inbound)
    if found.is_entry:
        step, said = Step.ENTRY, _thank(row, campaign, inbound, now)
        _keep_from_orders(inbound)
    else:
        step, said = Step.INVITED, _say(campaign.invitation, inbound, now)
        if said != "said":
            _leave_to_person(inbound, said, now)
    row.save()
    return TakenPart(campaign_id=campaign.pk, step=step, said=said)


def _participation(campaign: InteractiveCampaign, inbound: InboundMessage) -> Participation:
    rows = Participation.objects.select_for_update()
    return rows.get_or_create(campaign=campaign, contact_id=inbound.contact_id)[0]


def _count(row: Participation, found: _Found, inbound: InboundMessage) -> None:
    """This will count a message, whatever the order in which messages come."""
    at = inbound.sent_at
    row.messages.create(inbound=inbound, is_entry=found.is_entry, at=at)
    if row.last_at is None or at >= row.last_at:
        moments = [at] if row.last_at is None else [row.last_at, at]
        row.spent_seconds += _seconds(moments)
    else:
        row.spent_seconds = _seconds(list(row.messages.values_list("at", flat=True)))
    if taking_part.begins_sitting(last=row.last_at, at=at):
        row.sitting_began_at = at
    row.first_at = min(row.first_at or at, at)
    row.last_at = max(row.last_at or at, at)
    row.entry_count += found.is_entry
    if found.has_keyword:
        row.keyword_at = max(row.keyword_at or at, at)
    elif found.campaign.asks_for == AsksFor.WORDS:
        row.keyword_at = None  # what is written next may be about anything


def _seconds(moments: Sequence[datetime]) -> int:
    return int(taking_part.time_spent(moments).total_seconds())


def _thank(
    row: Participation, campaign: InteractiveCampaign, inbound: InboundMessage, now: datetime
) -> str:
    since = row.sitting_began_at
    if row.thanked_at is not None and since is not None and row.thanked_at >= since:
        return "thanked"
    said = _say(campaign.thanks, inbound, now)
    if said == "said":
        row.thanked_at = max(inbound.sent_at, since or inbound.sent_at)
    return said


def _say(words: str, inbound: InboundMessage, now: datetime) -> str:
    body = answer_words.fill(words, contact=inbound.contact, now=now)
    return automatic_replies.reply(inbound=inbound, parts=[body], now=now)


def _leave_to_person(inbound: InboundMessage, said: str, now: datetime) -> None:
    """This will see that a question which could not be answered is answered after all."""
    with_person = said == "with_person"
    reason = Enquiry.Reason.WITH_PERSON if with_person else Enquiry.Reason.NOT_UNDERSTOOD
    conversations.call_person(inbound=inbound, reason=reason, now=now)


def _keep_from_orders(inbound: InboundMessage) -> None:
    """This will part an entry from the order whose receipt it was taken for."""
    media = getattr(inbound, "media", None) if inbound.order_ref else None
    if media is None or order_refs.mentioned(inbound.text, known=[inbound.order_ref]):
        return
    inbound_media.set_order(media=media, order_ref="")
    inbound.order_ref = ""
