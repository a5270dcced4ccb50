"""What staff may do with messages: settle doubts, send again, take back, export."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from whatsapp_notify.admin import base, confirm, csv_answer, words
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.exceptions import StateChanged
from whatsapp_notify.models import Message
from whatsapp_notify.services import export, outbox, settlement

Verdict = settlement.Verdict


class MessageActions(base.PageAdmin):
    """The actions of the delivery log; each asks first and leaves a line in the history."""

    def has_resend_permission(self, request: HttpRequest) -> bool:
        """This will tell whether the user may send again and settle doubts."""
        return self.has_own_permission(request, "resend_message")

    def has_export_permission(self, request: HttpRequest) -> bool:
        """This will tell whether the user may export the log."""
        return self.has_own_permission(request, "export_message")

    @admin.action(description=gettext_lazy("It was sent…"), permissions=["resend"])
    def was_sent(self, request: HttpRequest, queryset: QuerySet[Message]) -> HttpResponse | None:
        question = confirm.Question(
            action="was_sent",
            title=gettext_lazy("It was sent"),
            consequences=(
                gettext_lazy("The messages count as accepted by WhatsApp."),
                gettext_lazy("They are not sent again. Later news of WhatsApp still count."),
            ),
            button=lambda n: (
                ngettext("Yes, %(n)d message was sent", "Yes, %(n)d messages were sent", n)
                % {"n": n}
            ),
            describe=_describe,
            concerns=_allows(Verdict.WAS_SENT),
            as_shown=as_shown,
        )
        return self._settle(request, queryset, question, Verdict.WAS_SENT)

    @admin.action(description=gettext_lazy("Send again…"), permissions=["resend"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Message]) -> HttpResponse | None:
        question = confirm.Question(
            action="send_again",
            title=gettext_lazy("Send again"),
            consequences=(
                gettext_lazy(
                    "A customer whose message is in doubt may get it twice: WhatsApp did not "
                    "say whether it took the first one."
                ),
                gettext_lazy("All checks are made again: without consent nothing leaves."),
                gettext_lazy("It is of use again for as long as it was when it was planned."),
            ),
            button=lambda n: (
                ngettext("Send %(n)d message again", "Send %(n)d messages again", n) % {"n": n}
            ),
            describe=_describe,
            is_dangerous=True,
            concerns=_allows(Verdict.SEND_AGAIN),
            as_shown=as_shown,
        )
        return self._settle(request, queryset, question, Verdict.SEND_AGAIN)

    @admin.action(description=gettext_lazy("Drop…"), permissions=["resend"])
    def drop(self, request: HttpRequest, queryset: QuerySet[Message]) -> HttpResponse | None:
        question = confirm.Question(
            action="drop",
            title=gettext_lazy("Drop"),
            consequences=(
                gettext_lazy("The messages count as failed and are not sent again."),
                gettext_lazy("They no longer ask for attention."),
            ),
            button=lambda n: ngettext("Drop %(n)d message", "Drop %(n)d messages", n) % {"n": n},
            describe=_describe,
            concerns=_allows(Verdict.DROP),
            as_shown=as_shown,
        )
        return self._settle(request, queryset, question, Verdict.DROP)

    @admin.action(description=gettext_lazy("Seen…"), permissions=["resend"])
    def seen(self, request: HttpRequest, queryset: QuerySet[Message]) -> HttpResponse | None:
        question = confirm.Question(
            action="seen",
            title=gettext_lazy("Seen"),
            consequences=(
                gettext_lazy(
                    "The messages stay failed and can be sent again later, unless their values do "
                    "not fit the template any more."
                ),
                gettext_lazy("They no longer ask for attention."),
            ),
            button=lambda n: (
                ngettext("%(n)d message has been seen", "%(n)d messages have been seen", n)
                % {"n": n}
            ),
            describe=_describe,
            concerns=_allows(Verdict.SEEN),
            as_shown=as_shown,
        )
        return self._settle(request, queryset, question, Verdict.SEEN)

    @admin.action(description=gettext_lazy("Cancel queued messages…"), permissions=["resend"])
    def cancel_queued(
        self, request: HttpRequest, queryset: QuerySet[Message]
    ) -> HttpResponse | None:
        question = confirm.Question(
            action="cancel_queued",
            title=gettext_lazy("Cancel queued messages"),
            consequences=(
                gettext_lazy("The messages are taken back before they leave, for good."),
            ),
            button=lambda n: (
                ngettext("Cancel %(n)d message", "Cancel %(n)d messages", n) % {"n": n}
            ),
            describe=_describe,
            is_dangerous=True,
            concerns=lambda message: message.state == State.QUEUED,
        )
        answer = confirm.asked(self, request, _with_contacts(queryset), question)
        if isinstance(answer, HttpResponse):
            return answer
        cancelled = outbox.cancel(
            message_ids=[message.pk for message in answer],
            actor=request.user.get_username(),
            now=timezone.now(),
        )
        for message in answer:
            if message.pk in cancelled:
                self.log_change(request, message, _("Cancelled."))
        self._report(request, done=len(cancelled), moved_on=len(answer) - len(cancelled))
        return None

    @admin.action(description=gettext_lazy("Export as CSV"), permissions=["export"])
    def export_rows(
        self, request: HttpRequest, queryset: QuerySet[Message]
    ) -> StreamingHttpResponse:
        lines = export.messages(rows=queryset, full_phones=base.can_see_phones(request))
        return csv_answer.stream(lines, name="delivery-log")

    def _settle(
        self,
        request: HttpRequest,
        queryset: QuerySet[Message],
        question: confirm.Question,
        verdict: Verdict,
    ) -> HttpResponse | None:
        answer = confirm.asked(self, request, _with_contacts(queryset), question)
        if isinstance(answer, HttpResponse):
            return answer
        done = 0
        for message in answer:
            try:
                settlement.settle(
                    message_id=message.pk,
                    verdict=verdict,
                    expected_attempt=message.attempt,  # the one shown: the form has named it
                    actor=request.user.get_username(),
                    now=timezone.now(),
                )
            except StateChanged:
                continue
            done += 1
            self.log_change(request, message, f"{question.title}.")
        self._report(request, done=done, moved_on=len(answer) - done)
        return None

    def _report(self, request: HttpRequest, *, done: int, moved_on: int) -> None:
        if done:
            text = ngettext("%(n)d message was changed.", "%(n)d messages were changed.", done)
            self.message_user(request, text % {"n": done}, messages.SUCCESS)
        confirm.tell_moved_on(self, request, moved_on)


def as_shown(message: Message) -> str:
    """This will name a message and its latest call, for a form that settles it."""
    return f"{message.pk}:{message.attempt}"


def _allows(verdict: Verdict) -> Callable[[Any], bool]:
    return lambda message: settlement.allows(message, verdict)


def _with_contacts(rows: QuerySet[Message]) -> QuerySet[Message]:
    return (
        rows.select_related("contact")
        .prefetch_related(None)
        .prefetch_related(base.current_identities("contact__identities"))
    )


def _describe(message: Message) -> str:
    order = f" · {message.order_ref}" if message.order_ref else ""
    name = message.template_name or _("free text")
    state = words.state(message.state)
    return f"{base.customer(message.contact)} · {name}{order} · {state}"
