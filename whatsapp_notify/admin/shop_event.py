"""What happened in the shop, and what came of it."""

from collections.abc import Mapping

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from whatsapp_notify.admin import badges, base, confirm, words
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.models import ShopEvent
from whatsapp_notify.services import events

_TONES: Mapping[str, Tone] = {
    ShopEvent.State.PENDING: Tone.WAITING,
    ShopEvent.State.PROCESSED: Tone.GOOD,
    ShopEvent.State.IGNORED: Tone.OFF,
    ShopEvent.State.FAILED: Tone.BAD,
}


@admin.register(ShopEvent)
class ShopEventAdmin(base.ReadOnlyAdmin):
    """Events as the shop told them; those that failed can be tried again."""

    list_display = ("when", "event", "subject", "state_badge", "note")
    list_display_links = ("when",)
    list_filter = ("state",)
    search_fields = ("order_ref",)
    search_hint = gettext_lazy("An order number")
    ordering = ("-pk",)
    actions = ("try_again", "drop")
    fields = (
        "event", "state_badge", "note", "subject", "contact_link", "values", "occurred_at",
        "recorded_at", "attempts", "processed_at", "messages_of",
    )  # fmt: skip
    readonly_fields = fields

    def has_resend_permission(self, request: HttpRequest) -> bool:
        """This will tell whether the user may have events processed again."""
        return self.has_own_permission(request, "resend_message")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ShopEvent], search_term: str
    ) -> tuple[QuerySet[ShopEvent], bool]:
        term = search_term.strip()
        # Rows without an order are left out in the words of the partial index.
        return (queryset.exclude(order_ref="").filter(order_ref=term) if term else queryset), False

    @admin.action(description=gettext_lazy("Try again…"), permissions=["resend"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[ShopEvent]) -> HttpResponse | None:
        question = confirm.Question(
            action="try_again",
            title=gettext_lazy("Try again"),
            consequences=(
                gettext_lazy("The events are processed again, as if they had just happened."),
                gettext_lazy("A message that was planned before is not planned twice."),
            ),
            button=lambda n: (
                ngettext("Try %(n)d event again", "Try %(n)d events again", n) % {"n": n}
            ),
            describe=_describe,
            concerns=_has_failed,
        )
        answer = confirm.asked(self, request, queryset, question)
        if isinstance(answer, HttpResponse):
            return answer
        again = events.retry(event_ids=[row.pk for row in answer])
        for row in answer:
            if row.pk in again:
                self.log_change(request, row, _("Tried again."))
        if count := len(again):
            text = ngettext("%(n)d event waits again.", "%(n)d events wait again.", count)
            self.message_user(request, text % {"n": count}, messages.SUCCESS)
        confirm.tell_moved_on(self, request, len(answer) - count)
        return None

    @admin.action(description=gettext_lazy("Drop…"), permissions=["resend"])
    def drop(self, request: HttpRequest, queryset: QuerySet[ShopEvent]) -> HttpResponse | None:
        question = confirm.Question(
            action="drop",
            title=gettext_lazy("Drop"),
            consequences=(
                gettext_lazy("Nobody is written to because of the events."),
                gettext_lazy("What went wrong stays in their notes."),
            ),
            button=lambda n: ngettext("Drop %(n)d event", "Drop %(n)d events", n) % {"n": n},
            describe=_describe,
            is_dangerous=True,
            concerns=_has_failed,
        )
        answer = confirm.asked(self, request, queryset, question)
        if isinstance(answer, HttpResponse):
            return answer
        dropped = events.drop(event_ids=[row.pk for row in answer])
        for row in answer:
            if row.pk in dropped:
                self.log_change(request, row, _("Dropped."))
        if count := len(dropped):
            text = ngettext("%(n)d event was dropped.", "%(n)d events were dropped.", count)
            self.message_user(request, text % {"n": count}, messages.SUCCESS)
        confirm.tell_moved_on(self, request, len(answer) - count)
        return None

    @admin.display(description=gettext_lazy("when"))
    def when(self, event: ShopEvent) -> str:
        return badges.moment(event.occurred_at)

    @admin.display(description=gettext_lazy("event"))
    def event(self, event: ShopEvent) -> str:
        return str(words.event(event.name))

    @admin.display(description=gettext_lazy("about"))
    def subject(self, event: ShopEvent) -> str:
        if event.order_ref:
            return badges.order(event.order_ref, event)
        url = badges.subject_url(event.subject_label, event.subject_pk)
        text = f"{event.subject_label} {event.subject_pk}".strip() or "–"
        return format_html('<a href="{}">{}</a>', url, text) if url else text

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, event: ShopEvent) -> str:
        return badges.badge(event.get_state_display(), _TONES.get(event.state, Tone.OFF))

    @admin.display(description=gettext_lazy("customer"))
    def contact_link(self, event: ShopEvent) -> str:
        return badges.link(event.contact, base.customer(event.contact)) if event.contact else "–"

    @admin.display(description=gettext_lazy("values for templates"))
    def values(self, event: ShopEvent) -> str:
        # Values may be personal; their names say enough to find a fault.
        return ", ".join(sorted(event.data)) or "–"

    @admin.display(description=gettext_lazy("messages"))
    def messages_of(self, event: ShopEvent) -> str:
        rows = event.messages.order_by("pk")[:20]
        links = [format_html("{} {}", badges.link(row), badges.state(row.state)) for row in rows]
        return badges.joined(links)


def _describe(event: ShopEvent) -> str:
    return f"#{event.pk} {words.event(event.name)} {event.order_ref}"


def _has_failed(event: ShopEvent) -> bool:
    return event.state == ShopEvent.State.FAILED
