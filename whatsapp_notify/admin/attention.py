"""The page "Needs attention": all that waits for a person, with the answers beside it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from whatsapp_notify.admin import (
    badges,
    base,
    confirm,
    message_actions,
    sender,
    template,
    words,
)
from whatsapp_notify.admin.attention_words import TEXTS, Answer
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import Message, Sender, ShopEvent, Template, WebhookEvent
from whatsapp_notify.services import attention, health, settlement
from whatsapp_notify.services.attention import Group, Kind
from whatsapp_notify.services.health import Item, Level

_Actions = Mapping[str, Callable[..., HttpResponse | None]]

_MODELS: Mapping[str, type[Model]] = {
    each._meta.model_name: each
    for each in (Message, Sender, ShopEvent, Template, WebhookEvent)
    if each._meta.model_name
}


class AttentionPages(base.ReadOnlyAdmin):
    """Shows what waits, and passes answers on to the actions of the list that holds the rows.

    So whatever is answered here obeys the permissions, asks the questions and leaves the
    traces that it has in the list itself.
    """

    def attention_urls(self) -> list[URLPattern]:
        """This will return the addresses of the page and of its answers."""
        wrap = self.admin_site.admin_view
        name = "whatsapp_notify_overview_attention"
        return [
            path("attention/", wrap(self.attention_view), name=name),
            path("attention/<slug:kind>/", wrap(self.answer_view), name=f"{name}_answer"),
        ]

    def attention_view(self, request: HttpRequest) -> HttpResponse:
        """This will show the page; it changes nothing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = timezone.now()
        found = attention.attention()
        machinery = [item for item in health.machinery(now=now) if item.state is not Level.OK]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "media": self.media,
            "title": _("Needs attention"),
            "nav_page": "attention",
            "groups": [self._shown(request, group, now) for group in found.groups],
            "machinery": [(item.sentence, _extent(item)) for item in machinery],
            "parked": found.parked_statuses,
            "checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/whatsapp_notify/attention.html", context)

    def answer_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """This will carry out an answer on POST, after a question where there is one."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if kind not in set(Kind):
            raise Http404
        here = reverse("admin:whatsapp_notify_overview_attention")
        if request.method != "POST":
            return HttpResponseRedirect(here)
        page, actions = self._actions(request, Kind(kind))
        action = request.POST.get("action", "")
        if action not in actions:
            raise PermissionDenied
        rows = page.get_queryset(request).filter(pk__in=_chosen(request, Kind(kind)))
        answer = actions[action](page, request, rows)
        if isinstance(answer, TemplateResponse) and answer.context_data is not None:
            answer.context_data["back_url"] = here
        return answer or HttpResponseRedirect(here)

    def _actions(self, request: HttpRequest, kind: Kind) -> tuple[admin.ModelAdmin, _Actions]:
        """This will find whose rows they are, and what the user may answer."""
        page = self.admin_site.get_model_admin(_MODELS[TEXTS[kind].model])
        if not page.has_view_permission(request):
            return page, {}
        allowed: Mapping[str, Any] = page.get_actions(request)
        names = {answer.action for answer in TEXTS[kind].answers}
        return page, {name: allowed[name][0] for name in names & allowed.keys()}

    def _shown(self, request: HttpRequest, group: Group, now: datetime) -> dict[str, Any]:
        text = TEXTS[group.kind]
        page, actions = self._actions(request, group.kind)
        may_see = page.has_view_permission(request)
        answers = [answer for answer in text.answers if answer.action in actions]
        url = reverse(f"admin:whatsapp_notify_{text.model}_changelist")
        return {
            "kind": str(group.kind),
            "text": text,
            "count": f"{group.count}+" if group.is_more and group.count else str(group.count),
            "oldest": words.ago(group.oldest_at, now=now) if group.oldest_at else "",
            "rows": list(_rows(group, answers)) if may_see else [],
            "list_url": f"{url}?{text.query}" if may_see else "",
            "answer_url": reverse(
                "admin:whatsapp_notify_overview_attention_answer", args=[str(group.kind)]
            ),
            "answers": answers if group.count > 1 else [],
            "at_once": min(group.count, confirm.MAX_ROWS),
            "is_all": group.count <= confirm.MAX_ROWS,
        }


def _chosen(request: HttpRequest, kind: Kind) -> list[int]:
    # A whole group is asked about first; the question then names its rows one by one.
    if "everything" in request.POST and "confirmed" not in request.POST:
        return attention.ids_of(kind=kind, at_most=confirm.MAX_ROWS)
    try:
        return [int(each) for each in request.POST.getlist(ACTION_CHECKBOX_NAME)]
    except ValueError as err:
        raise BadRequest("Rows are named by their numbers.") from err


def _extent(item: Item) -> str:
    if item.value is None:
        return _("never seen")
    if item.name == "deployment_lock":
        return ""
    if item.name.endswith("_seconds"):
        return words.span(timedelta(seconds=item.value))
    return str(item.value)


def _rows(group: Group, answers: Sequence[Answer]) -> Any:
    for row in _load(group):
        fitting = [each for each in answers if _fits(row, each)]
        yield {
            "pk": row.pk,
            "shown": message_actions.as_shown(row) if isinstance(row, Message) else "",
            "what": _DESCRIBERS[group.kind](row),
            "at_once": [each for each in fitting if not each.asks],
            "asking": [each for each in fitting if each.asks],
        }


def _fits(row: Any, answer: Answer) -> bool:
    if isinstance(row, Message):
        return settlement.allows(row, settlement.Verdict(answer.action))
    return answer.action != "resume" or bool(row.stopped_at)


def _load(group: Group) -> list[Any]:
    rows: Any = _MODELS[TEXTS[group.kind].model]._default_manager.filter(pk__in=group.ids)
    match TEXTS[group.kind].model:
        case "message":
            # What has moved on since it was counted belongs to another group, with other answers.
            rows = (
                rows.filter(attention.MESSAGES[group.kind], needs_attention=True)
                .defer("content", "preview", "checks", "pricing")
                .select_related("contact")
                .prefetch_related(base.current_identities("contact__identities"))
            )
        case "webhookevent":
            rows = rows.defer("body", "digest")
        case "template":
            rows = rows.defer("components")
    by_id = {row.pk: row for row in rows}
    return [by_id[pk] for pk in group.ids if pk in by_id]


def _message(row: Message) -> SafeString:
    what = row.template_name or _("free text")
    order = f" · {row.order_ref}" if row.order_ref else ""
    link = badges.link(row, f"#{row.pk}")
    head = format_html("{} {} · {}{}", link, base.customer(row.contact), what, order)
    return _two_lines(head, *_why(row))


def _why(row: Message) -> tuple[object, object]:
    if row.error_code is not None:
        return words.error(row.error_code)
    # In doubt or unknown, the group says what to do.
    remedy = words.remedy(row.reason) if row.state == State.FAILED else ""
    return f"{words.reason(row.reason)}." if remedy else words.reason(row.reason), remedy


def _event(row: ShopEvent) -> SafeString:
    link = badges.link(row, f"#{row.pk}")
    return _two_lines(format_html("{} {} {}", link, words.event(row.name), row.order_ref), row.note)


def _webhook(row: WebhookEvent) -> SafeString:
    head = format_html("{} {}", badges.link(row, f"#{row.pk}"), words.at(row.received_at))
    return _two_lines(head, row.problem)


def _template(row: Template) -> SafeString:
    head = format_html("{} {}", badges.link(row), template.status_badge(row))
    if row.stopped_code is not None:
        return _two_lines(head, *words.error(row.stopped_code))
    return _two_lines(head, row.rejected_reason)


def _sender(row: Sender) -> SafeString:
    head = format_html("{} {}", badges.link(row), sender.status_badge(row))
    if row.circuit_opened_at is not None:
        return _two_lines(head, *words.error(row.circuit_code))
    return _two_lines(head)


def _two_lines(head: SafeString, *details: object) -> SafeString:
    detail = " ".join(str(each) for each in details if each)
    if not detail:
        return head
    return format_html('{}<br><span class="wn-quiet">{}</span>', head, detail)


_DESCRIBERS: Mapping[Kind, Callable[[Any], SafeString]] = {
    Kind.SENDERS: _sender,
    Kind.IN_DOUBT: _message,
    Kind.UNKNOWN: _message,
    Kind.UNREADABLE: _message,
    Kind.FAILED: _message,
    Kind.WEBHOOKS: _webhook,
    Kind.EVENTS: _event,
    Kind.TEMPLATES: _template,
}
