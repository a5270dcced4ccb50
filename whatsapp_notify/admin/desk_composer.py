"""The box in which an answer is written, with its price; or the choice of a template."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.urls import NoReverseMatch, reverse

from whatsapp_notify.admin import badges, bubble, desk_attachments, desk_words, words
from whatsapp_notify.admin.desk_sight import Sight
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.domain import templates as rules
from whatsapp_notify.domain.chat_content import MAX_BODY, MAX_BUTTON_TITLE, MAX_BUTTONS
from whatsapp_notify.domain.occasions import Order
from whatsapp_notify.domain.templates import ParameterProblems
from whatsapp_notify.models import Conversation, OutboundMedia, Rate, Template
from whatsapp_notify.services import canned_replies, desk_replies, prices, template_picks
from whatsapp_notify.services.answers import MAX_LENGTH

_CATEGORIES: Mapping[str, Rate.Category] = {
    Template.Category.UTILITY: Rate.Category.UTILITY,
    Template.Category.MARKETING: Rate.Category.MARKETING,
}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Draft:
    """What somebody has written and not sent yet."""

    text: str = ""
    #: Of reply buttons, as they were typed, the empty ones too.
    titles: tuple[str, ...] = ()
    #: A file that waits to be sent with it.
    file: OutboundMedia | None = None
    template_id: int | None = None
    topic_id: int | None = None
    #: Values of the template by their keys; None for those that are known.
    values: Mapping[str, str] | None = None
    #: Why it has not been sent.
    problem: str = ""
    tone: Tone = Tone.BAD
    #: What is wrong with single values, by their keys.
    problems: Mapping[str, str] = field(default_factory=dict)


def context(
    sight: Sight, conversation: Conversation, *, draft: Draft, order: Order | None, now: datetime
) -> dict[str, Any]:
    """This will gather what the box shows."""
    contact = conversation.contact
    until = conversation.window_expires_at
    is_open = until is not None and until > now
    shared = {
        "conversation": conversation,
        "draft": draft,
        "act_url": reverse("admin:whatsapp_notify_conversation_act", args=[conversation.pk]),
        "chat_url": reverse("admin:whatsapp_notify_conversation_change", args=[conversation.pk]),
        "token": secrets.token_urlsafe(18),
        "seen_id": desk_replies.newest_by_staff(contact_id=contact.pk),
        "is_erased": contact.is_erased,
        "is_open": is_open,
        "problem_class": _ALERTS.get(draft.tone, "wn-alert-off"),
    }
    if contact.is_erased:
        return {**shared, "kind": "none"}
    if is_open and draft.template_id is None:
        canned = canned_replies.offered(contact=contact, user=sight.user, order=order, now=now)
        return {
            **shared,
            "kind": "text",
            "max_length": MAX_LENGTH,
            "canned": canned,
            **desk_attachments.context(draft.file),
            "buttons": list(_buttons(draft)),
            "has_buttons": any(each.strip() for each in draft.titles),
            "max_title": MAX_BUTTON_TITLE,
            "max_with_buttons": MAX_BODY,
            **_price(sight, conversation, Rate.Category.SERVICE, now),
        }
    # The window has closed meanwhile: what was written is not lost.
    shared["kept"] = "\n".join(filter(None, [draft.text, *desk_replies.clean_titles(draft.titles)]))
    return {**shared, "kind": "template", **_templates(sight, conversation, draft, order, now)}


_ALERTS = {Tone.BAD: "wn-alert-bad", Tone.DOUBT: "wn-alert-doubt", Tone.GOOD: "wn-alert-good"}


def _buttons(draft: Draft) -> Iterator[dict[str, Any]]:
    """This will list the fields for reply buttons, and which of them do not fit."""
    cleaned = [desk_replies.clean_titles([each]) for each in draft.titles]
    for number in range(MAX_BUTTONS):
        title = cleaned[number] if number < len(cleaned) else ()
        is_wrong = any(len(each) > MAX_BUTTON_TITLE for each in title)
        yield {
            "id": f"wn-button-{number + 1}",
            "number": number + 1,
            "value": draft.titles[number] if number < len(draft.titles) else "",
            "is_wrong": is_wrong
            or (bool(title) and _folded(title) in map(_folded, cleaned[:number])),
        }


def _folded(title: tuple[str, ...]) -> str:
    return "".join(title).casefold()


def _price(
    sight: Sight, conversation: Conversation, category: Rate.Category, now: datetime
) -> dict[str, Any]:
    found = prices.of_message(conversation=conversation, category=category, now=now)
    return {"price": desk_words.price(found), "rates_url": _rates_url() if sight.rate else ""}


def _rates_url() -> str:
    try:
        return reverse("admin:whatsapp_notify_rate_changelist")
    except NoReverseMatch:
        return ""


def _templates(
    sight: Sight, conversation: Conversation, draft: Draft, order: Order | None, now: datetime
) -> dict[str, Any]:
    offered = template_picks.offered(contact=conversation.contact)
    chosen = next((row for row in offered if row.pk == draft.template_id), None)
    context: dict[str, Any] = {"templates": offered, "chosen": chosen}
    if chosen is None:
        return context
    values = draft.values
    if values is None:
        values = template_picks.known_values(
            template=chosen, contact=conversation.contact, order=order, now=now
        )
    verdicts = template_picks.verdicts(contact=conversation.contact, template=chosen, now=now)
    topic_id = draft.topic_id or (verdicts[0].topic.pk if verdicts else None)
    return {
        **context,
        **_fields(chosen, values, draft.problems),
        "category": chosen.get_category_display(),
        "verdicts": [
            {
                "topic": each.topic,
                "is_chosen": each.topic.pk == topic_id,
                "badge": badges.badge(desk_words.verdict(each.decision), _tone(each)),
            }
            for each in verdicts
        ],
        "can_send": any(each.is_allowed for each in verdicts),
        **_price(sight, conversation, _CATEGORIES[chosen.category], now),
    }


def _tone(each: template_picks.Verdict) -> Tone:
    if each.leaves_now:
        return Tone.GOOD
    return Tone.WAITING if each.is_allowed else Tone.BAD


def _fields(
    template: Template, values: Mapping[str, str], problems: Mapping[str, str]
) -> dict[str, Any]:
    """This will list the values of a template, and draw it with them as far as they go."""
    try:
        definition = template.definition()
    except ValueError as err:
        return {"fields": [], "bubble": "", "broken": str(err)}
    wanted = rules.placeholders(definition)
    fields = [
        {
            "key": each.key,
            "id": f"wn-value-{number}",
            "label": f"{each.where} {each.label}".strip(),
            "value": values.get(each.key, ""),
            "example": each.example,
            "is_required": each.is_required,
            "problem": problems.get(each.key, ""),
        }
        for number, each in enumerate(wanted)
    ]
    return {"fields": fields, "bubble": _preview(definition, values), "broken": ""}


def _preview(definition: rules.TemplateDefinition, values: Mapping[str, str]) -> str:
    """This will draw the message; samples stand where a value is missing or does not fit."""
    shown = {**rules.sample(definition), **{key: value for key, value in values.items() if value}}
    for attempt in (shown, rules.sample(definition)):
        try:
            return bubble.draw(rules.fill(definition, attempt).preview)
        except ParameterProblems:
            continue
    return ""


def problems_of(err: ParameterProblems) -> Mapping[str, str]:
    """This will say what is wrong with each value, by its key."""
    return {each.key: str(words.PROBLEMS.get(each.code, each.code)) for each in err.problems}
