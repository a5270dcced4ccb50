"""Parts of the desk's page, drawn alone for its script."""

from datetime import datetime
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects
from django.http import HttpRequest
from django.template.loader import render_to_string

from whatsapp_notify.admin import base, desk_chat, desk_composer, desk_labels, desk_list
from whatsapp_notify.admin.desk_composer import Draft
from whatsapp_notify.admin.desk_sight import Sight
from whatsapp_notify.models import ContactLabel, Conversation
from whatsapp_notify.services import desk_orders

FOLDER = "admin/whatsapp_notify/desk"


def of_list(
    request: HttpRequest, sight: Sight, *, chosen_id: int | None, now: datetime
) -> dict[str, str]:
    """This will draw the rows of the list."""
    context = desk_list.context(request, sight, chosen_id=chosen_id, now=now)
    return {"list": _drawn(request, "rows", list=context), "list_tag": context["tag"]}


def of_chat(
    request: HttpRequest, sight: Sight, conversation: Conversation, *, tag: str, now: datetime
) -> dict[str, Any]:
    """This will draw the chat and what stands over it; the tag was made before it is read."""
    load_contact(conversation)
    chat = desk_chat.history(request, sight, conversation, pages=pages(request))
    state = desk_chat.state(sight, conversation, now=now)
    labels = desk_labels.context(sight, conversation)
    return {
        "items": chat["items"],
        "state": _drawn(request, "state", state=state),
        "labels": _drawn(request, "labels", labels=labels),
        "is_open": state["window"]["is_open"],
        "chat_tag": tag,
    }


def of_composer(
    request: HttpRequest, sight: Sight, conversation: Conversation, *, draft: Draft, now: datetime
) -> dict[str, str]:
    """This will draw the box, with what has not been sent."""
    found = desk_orders.of_contact(conversation.contact)
    composer = desk_composer.context(sight, conversation, draft=draft, order=found.newest, now=now)
    return {"composer": _drawn(request, "composer", composer=composer)}


def load_contact(conversation: Conversation) -> None:
    """This will load ids and labels of the contact, once for all that look at them."""
    labels = ContactLabel.objects.select_related("label").order_by("label__name", "id")
    prefetch_related_objects(
        [conversation],
        base.current_identities("contact__identities"),
        Prefetch("contact__labels", queryset=labels),
    )


def pages(request: HttpRequest) -> int:
    """This will read from the address how many pages of the chat are shown."""
    return desk_list.number(request.GET.get("more")) or 1


def _drawn(request: HttpRequest, part: str, **context: Any) -> str:
    shared = {
        "list_query": desk_list.query(request),
        "list_parameters": desk_list.parameters(request),
    }
    return render_to_string(f"{FOLDER}/{part}.html", {**shared, **context}, request=request)
