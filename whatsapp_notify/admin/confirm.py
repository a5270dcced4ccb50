"""The page between an action and its effect: how many, who, and what will happen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import ngettext

from whatsapp_notify.admin.words import Words

#: Rows that one confirmation may hold; Django refuses forms of more than 1,000 fields.
MAX_ROWS = 500
_SAMPLE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the page asks."""

    action: str
    title: Words
    #: What happens next, one sentence each.
    consequences: Sequence[Words]
    #: Label of the button; takes the number of rows: "Send 12 messages again".
    button: Callable[[int], str]
    #: How a row is written in the sample.
    describe: Callable[[Any], str]
    is_dangerous: bool = False
    #: Whether a row is in a state in which the action does something.
    concerns: Callable[[Any], bool] = lambda row: True
    #: A word without blanks for the row as it is shown; a yes is none to a row that has another
    #: word by then.
    as_shown: Callable[[Any], str] | None = None


def asked(
    page: admin.ModelAdmin, request: HttpRequest, rows: QuerySet[Any], question: Question
) -> HttpResponse | list[Any]:
    """This will show the page, or return the rows once somebody has confirmed them.

    Only rows that the action concerns are shown and returned; they are named one by one in
    the form, so that what is confirmed is what was shown. A form that is a yes by itself, without
    a page before it, names them in ``shown`` as well where the question has ``as_shown``.
    """
    chosen = list(rows.order_by("-pk")[: MAX_ROWS + 1])
    if len(chosen) > MAX_ROWS:
        page.message_user(
            request,
            ngettext(
                "More than %(n)d row is chosen. Narrow the list with a filter first.",
                "More than %(n)d rows are chosen. Narrow the list with a filter first.",
                MAX_ROWS,
            )
            % {"n": MAX_ROWS},
            messages.ERROR,
        )
        return []
    concerned = [row for row in chosen if question.concerns(row)]
    if request.POST.get("confirmed") == "yes":
        if question.as_shown:
            shown = set(request.POST.get("shown", "").split())
            concerned = [row for row in concerned if question.as_shown(row) in shown]
        tell_moved_on(page, request, len(chosen) - len(concerned))
        return concerned
    return _page(page, request, question, concerned, left_out=len(chosen) - len(concerned))


def tell_moved_on(page: admin.ModelAdmin, request: HttpRequest, count: int) -> None:
    """This will say how many of the chosen rows somebody else was quicker with, if any."""
    if count:
        text = ngettext(
            "%(n)d row had moved on meanwhile and was left as it is.",
            "%(n)d rows had moved on meanwhile and were left as they are.",
            count,
        )
        page.message_user(request, text % {"n": count}, messages.WARNING)


def _page(
    page: admin.ModelAdmin,
    request: HttpRequest,
    question: Question,
    rows: Sequence[Any],
    *,
    left_out: int,
) -> TemplateResponse:
    request.current_app = page.admin_site.name
    return TemplateResponse(
        request,
        "admin/whatsapp_notify/confirm.html",
        {
            **page.admin_site.each_context(request),
            "opts": page.model._meta,
            "media": page.media,
            "title": question.title,
            "question": question,
            "button": question.button(len(rows)) if rows else "",
            "rows": rows,
            # One field for all: the form holds one for each row already.
            "shown": " ".join(question.as_shown(row) for row in rows) if question.as_shown else "",
            "sample": [question.describe(row) for row in rows[:_SAMPLE]],
            "more": max(len(rows) - _SAMPLE, 0),
            "left_out": left_out,
            "checkbox_name": ACTION_CHECKBOX_NAME,
        },
    )
