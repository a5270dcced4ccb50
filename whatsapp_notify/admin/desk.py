"""The reply desk: whose turn it is, the chat with one customer, and what the shop knows of them.

Everything works as plain pages and forms. With its script the page asks for news every few
seconds, sends without being loaded again, and warns of a colleague at the same conversation.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import transaction
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _

from whatsapp_notify.admin import (
    base,
    desk_attachments,
    desk_chat,
    desk_composer,
    desk_deed,
    desk_deeds,
    desk_labels,
    desk_list,
    desk_parts,
    desk_side,
    desk_sight,
    private_search,
)
from whatsapp_notify.admin.desk_composer import Draft
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.models import Conversation
from whatsapp_notify.services import chat_history, desk_orders, presence
from whatsapp_notify.services import desk_list as lists

logger = logging.getLogger(__name__)

_NAME = "whatsapp_notify_conversation"
_LEVELS: Mapping[Tone, int] = {
    Tone.GOOD: messages.SUCCESS,
    Tone.WAITING: messages.INFO,
    Tone.DOUBT: messages.WARNING,
    Tone.BAD: messages.ERROR,
}


@admin.register(Conversation)
class DeskAdmin(base.ReadOnlyAdmin):
    """Pages of its own instead of a list and a form."""

    class Media:
        css = {"all": ["whatsapp_notify/desk.css"]}
        js = ["whatsapp_notify/desk.js"]

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("", wrap(self.changelist_view), name=f"{_NAME}_changelist"),
            path("news/", wrap(self.news_view), name=f"{_NAME}_list_news"),
            path("<int:pk>/change/", wrap(self.chat_view), name=f"{_NAME}_change"),
            path("<int:pk>/act/", wrap(self.act_view), name=f"{_NAME}_act"),
            path("<int:pk>/files/<int:file_pk>/", wrap(self.file_view), name=f"{_NAME}_file"),
            path("<int:pk>/news/", wrap(self.news_view), name=f"{_NAME}_news"),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: Mapping[str, Any] | None = None
    ) -> HttpResponse:
        """This will show the list alone; a search is posted to it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST" and private_search.BUTTON in request.POST:
            return private_search.remember(request)
        now, sight = timezone.now(), desk_sight.of(request)
        return self._page(
            request,
            title=_("Reply desk"),
            list=desk_list.context(request, sight, chosen_id=None, now=now),
            news_url=reverse(f"admin:{_NAME}_list_news") + desk_list.query(request),
        )

    def chat_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """This will show one conversation beside the list."""
        now = timezone.now()
        conversation = self._conversation(request, pk)
        presence.forget(user=request.user, now=now)
        draft = Draft(template_id=desk_list.number(request.GET.get("template")))
        return self._chat_page(request, conversation, draft=draft, now=now)

    # Outside of the shop's own transaction, if it has one around each request: a file is handed
    # to WhatsApp here.
    @method_decorator(transaction.non_atomic_requests)
    def act_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """This will do what a button stands for, and show what came of it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        now = timezone.now()
        conversation = self._conversation(request, pk)
        if not desk_sight.of(request).can_reply:
            raise PermissionDenied
        name, _dash, detail = request.POST.get("do", "").partition("-")
        if name not in desk_deeds.NAMES:
            raise BadRequest("There is no such button.")
        deed = desk_deed.Deed(
            conversation=conversation,
            user=request.user,
            form=request.POST,
            files=request.FILES,
            now=now,
            detail=detail,
        )
        answer = desk_deeds.do(name, deed)
        if answer.history:
            self.log_change(request, conversation, answer.history)
        conversation = self._conversation(request, pk)
        if request.headers.get("X-Requested-With") == "fetch":
            return self._fetched(request, conversation, answer, deed=name, now=now)
        if answer.told:
            self.message_user(request, answer.told, _LEVELS[answer.tone])
        if answer.draft is not None:
            return self._chat_page(request, conversation, draft=answer.draft, now=now)
        url = reverse(desk_list.CHAT_URL, args=[pk]) + desk_list.query(request)
        return HttpResponseRedirect(url)

    def file_view(self, request: HttpRequest, pk: int, file_pk: int) -> FileResponse:
        """This will hand a file that was sent to those who may read what we write."""
        conversation = self._conversation(request, pk)
        if request.method not in {"GET", "HEAD"} or not desk_sight.of(request).message_text:
            raise PermissionDenied
        answer = desk_attachments.answer(request, conversation, pk=file_pk)
        logger.info(
            "A file of the staff was opened",
            extra={"media_id": file_pk, "user_id": request.user.pk},
        )
        return answer

    def news_view(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        """This will tell what has changed since the page was drawn; 204 for nothing.

        A POST, for it also notes who looks at the conversation.
        """
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        now, sight = timezone.now(), desk_sight.of(request)
        conversation = None if pk is None else self._conversation(request, pk)
        if not self.has_view_permission(request):
            raise PermissionDenied
        news: dict[str, Any] = {}
        if lists.tag(desk_list.wanted(request)) != request.POST.get("list_tag"):
            news |= desk_parts.of_list(request, sight, chosen_id=pk, now=now)
        if conversation is not None:
            tag = chat_history.tag(conversation)
            if tag != request.POST.get("chat_tag"):
                news |= desk_parts.of_chat(request, sight, conversation, tag=tag, now=now)
            told = self._meet(request, conversation, now=now)
            if told != request.POST.get("presence", ""):
                news["presence"] = told
        return JsonResponse(news) if news else HttpResponse(status=204)

    def _conversation(self, request: HttpRequest, pk: int) -> Conversation:
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = Conversation.objects.select_related("contact", "assigned_to")
        conversation = rows.filter(pk=pk).first()
        if conversation is None:
            raise Http404
        return conversation

    def _meet(self, request: HttpRequest, conversation: Conversation, *, now: datetime) -> str:
        colleagues = presence.meet(
            conversation_id=conversation.pk,
            user=request.user,
            is_writing=request.POST.get("writing") == "1",
            now=now,
        )
        return desk_chat.presence(colleagues)

    def _page(self, request: HttpRequest, **context: Any) -> TemplateResponse:
        request.current_app = self.admin_site.name
        shared = {
            **self.admin_site.each_context(request),
            # The desk needs the width.
            "is_nav_sidebar_enabled": False,
            "opts": self.model._meta,
            "media": self.media,
        }
        return TemplateResponse(request, f"{desk_parts.FOLDER}/page.html", {**shared, **context})

    def _chat_page(
        self, request: HttpRequest, conversation: Conversation, *, draft: Draft, now: datetime
    ) -> TemplateResponse:
        sight = desk_sight.of(request)
        desk_parts.load_contact(conversation)
        # Before the chat is read: what comes in between is then news.
        chat_tag = chat_history.tag(conversation)
        found = desk_orders.of_contact(conversation.contact)
        composer = desk_composer.context(
            sight, conversation, draft=draft, order=found.newest, now=now
        )
        news_url = reverse(f"admin:{_NAME}_news", args=[conversation.pk])
        query = desk_list.query(request, more=request.GET.get("more", ""))
        return self._page(
            request,
            title=_("Reply desk"),
            conversation=conversation,
            list=desk_list.context(request, sight, chosen_id=conversation.pk, now=now),
            chat=desk_chat.history(request, sight, conversation, pages=desk_parts.pages(request)),
            chat_tag=chat_tag,
            state=desk_chat.state(sight, conversation, now=now),
            presence=self._meet(request, conversation, now=now),
            composer=composer if sight.can_reply else None,
            side=desk_side.context(sight, conversation, found=found),
            labels=desk_labels.context(sight, conversation),
            back_url=reverse(desk_list.LIST_URL) + desk_list.query(request),
            list_query=desk_list.query(request),
            list_parameters=desk_list.parameters(request),
            news_url=news_url + query,
        )

    def _fetched(
        self,
        request: HttpRequest,
        conversation: Conversation,
        answer: desk_deed.Answer,
        *,
        deed: str,
        now: datetime,
    ) -> JsonResponse:
        """This will answer the page's script: what changed, and the box where it did."""
        sight = desk_sight.of(request)
        tag = chat_history.tag(conversation)
        news = {
            "told": answer.told,
            "tone": str(answer.tone),
            **desk_parts.of_list(request, sight, chosen_id=conversation.pk, now=now),
            **desk_parts.of_chat(request, sight, conversation, tag=tag, now=now),
        }
        if deed in _WRITES:
            draft = answer.draft or Draft()
            news |= desk_parts.of_composer(request, sight, conversation, draft=draft, now=now)
        return JsonResponse(news)


#: Deeds after which the box is drawn anew.
_WRITES = frozenset({"send", "canned", "preview", "send_template"})
