"""Template tags for the pages of the admin."""

from typing import Any

from django import template
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.domain import sentences
from whatsapp_notify.services import conversations

register = template.Library()

register.filter("one_stop", sentences.with_one_stop)

#: Pages about answers: name of the model, permission, name of the address, label.
_ANSWERS: tuple[tuple[str, str, str, str | Promise], ...] = (
    ("keywordreply", "view", "changelist", _("Keyword replies")),
    ("keywordreply", "change", "rehearsal", _("Try it")),
    ("automaticreply", "view", "changelist", _("Automatic replies")),
    ("cannedreply", "view", "changelist", _("Canned replies")),
    ("openinghours", "view", "changelist", _("Opening hours")),
    ("holiday", "view", "changelist", _("Holidays")),
    ("label", "view", "changelist", _("Labels")),
    ("inboundmedia", "view", "changelist", _("Files")),
    ("lead", "view", "changelist", _("Leads")),
    ("rate", "view", "changelist", _("Prices")),
)


@register.simple_tag(takes_context=True)
def answers_pages(context: Any) -> dict[str, Any]:
    """This will return the pages about answers that the user may see, and whether this is one.

    Usage: ``{% answers_pages as answers %}``, then ``answers.pages`` with ``url``, ``label`` and
    ``is_current``, and ``answers.is_current``.
    """
    opts, user = context.get("opts"), context["request"].user
    here = getattr(opts, "model_name", "")
    page = "rehearsal" if context.get("nav_page") == "rehearsal" else "changelist"
    pages = [
        {
            "url": reverse(f"admin:whatsapp_notify_{model}_{name}"),
            "label": label,
            "is_current": (model, name) == (here, page),
        }
        for model, permission, name, label in _ANSWERS
        if _may(user, permission, model)
    ]
    return {"pages": pages, "is_current": here in {model for model, *_rest in _ANSWERS}}


@register.simple_tag
def waiting_count() -> int:
    """This will count the customers who wait for a person: one look at a small index."""
    return conversations.waiting_count()


def _may(user: Any, permission: str, model: str) -> bool:
    # Who may change may view.
    wanted = {permission, "change"}
    return any(user.has_perm(f"whatsapp_notify.{each}_{model}") for each in wanted)
