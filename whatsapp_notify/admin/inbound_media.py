"""Files that customers sent: what became of each, and the only door through which they are seen."""

import logging
import re
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from whatsapp_notify.admin import badges, base, file_answer, media_cell
from whatsapp_notify.models import InboundMedia, InboundMessage
from whatsapp_notify.services import inbound_media, media_files

logger = logging.getLogger(__name__)

_ORDER_REF = re.compile(
    r"[^\s\x00-\x1f\x7f-\x9f](?:[^\x00-\x1f\x7f-\x9f]{0,62}[^\s\x00-\x1f\x7f-\x9f])?"
)


class OrderForm(forms.Form):
    """The order that a file belongs to."""

    order_ref = forms.CharField(
        label=gettext_lazy("Order number"),
        help_text=gettext_lazy("Leave it empty where the file belongs to no order."),
        max_length=64,
        required=False,
    )

    def clean_order_ref(self) -> str:
        ref: str = self.cleaned_data["order_ref"]
        if ref and not _ORDER_REF.fullmatch(ref):
            raise forms.ValidationError(_("This is no order number."))
        return ref


@admin.register(InboundMedia)
class InboundMediaAdmin(base.ReadOnlyAdmin):
    """What customers sent as files."""

    change_form_template = "admin/whatsapp_notify/inboundmedia/detail.html"
    list_display = ("when", "customer", "kind", "state_badge", "size_words", "order_ref")
    list_display_links = ("when",)
    list_filter = ("state", "kind")
    search_fields = ("order_ref",)
    search_hint = gettext_lazy("An order number")
    ordering = ("-pk",)
    actions = None
    fields = (
        "customer", "message", "kind", "declared_type", "detected_type", "size_words", "order_ref",
        "fetched_at", "delete_at",
    )  # fmt: skip
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboundMedia]:
        # See Note [Lists load relations apart]. The words are shown with the message.
        messages_of = InboundMessage.objects.defer("content", "text")
        return (
            super()
            .get_queryset(request)
            .prefetch_related(
                Prefetch("inbound", queryset=messages_of),
                "inbound__contact",
                base.current_identities("inbound__contact__identities"),
            )
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[InboundMedia], search_term: str
    ) -> tuple[QuerySet[InboundMedia], bool]:
        term = search_term.strip()
        return (queryset.filter(order_ref=term) if term else queryset), False

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"whatsapp_notify_inboundmedia_{name}",
            )
            for name, view in (
                ("file", require_safe(self.file_view)),
                ("order", require_POST(self.order_view)),
                ("again", require_POST(self.again_view)),
            )
        ]
        return [*own, *super().get_urls()]

    def page_context(self, request: HttpRequest, row: InboundMedia) -> dict[str, Any]:
        can_change = self.has_own_permission(request, "change_inboundmedia")
        can_see = self.has_own_permission(request, "view_inboundmessage_text")
        now = timezone.now()
        return {
            "media_row": row,
            "file": media_cell.draw(row, can_see=can_see),
            "name_given": row.filename if can_see else "",
            "can_change_media": can_change,
            "order_form": OrderForm(initial={"order_ref": row.order_ref}),
            "can_fetch": can_change and inbound_media.can_fetch_again(media=row, now=now),
        }

    def file_view(self, request: HttpRequest, object_id: str) -> FileResponse:
        """This will hand the file, or a part, to those who may read what customers write."""
        if not self.has_own_permission(request, "view_inboundmessage_text"):
            raise PermissionDenied
        media = self._get(request, object_id)
        if media.state != InboundMedia.State.KEPT or not media_files.are_kept():
            raise Http404
        file = file_answer.opened(str(media.file.name))
        logger.info(
            "A file of a customer was opened",
            extra={"media_id": media.pk, "user_id": request.user.pk},
        )
        return file_answer.of(
            request, file, found=media.detected_type, stem=f"customer-file-{media.pk}"
        )

    def order_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """This will join the file to an order."""
        media = self._to_change(request, object_id)
        form = OrderForm(request.POST)
        if form.is_valid():
            inbound_media.set_order(media=media, order_ref=form.cleaned_data["order_ref"])
            self.log_change(request, media, _("Joined to an order."))
            self.message_user(request, _("The order was saved."), messages.SUCCESS)
        else:
            for problems in form.errors.values():
                self.message_user(request, " ".join(map(str, problems)), messages.ERROR)
        return self._back(media)

    def again_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """This will have a file fetched that could not be had before."""
        media = self._to_change(request, object_id)
        if inbound_media.fetch_again(media=media, now=timezone.now()):
            self.log_change(request, media, _("To be fetched again."))
            self.message_user(request, _("The file is fetched now."), messages.SUCCESS)
        else:
            self.message_user(request, _("It cannot be fetched any more."), messages.WARNING)
        return self._back(media)

    def _get(self, request: HttpRequest, object_id: str) -> InboundMedia:
        media = self.get_object(request, unquote(object_id))
        if media is None:
            raise Http404
        return media

    def _to_change(self, request: HttpRequest, object_id: str) -> InboundMedia:
        if not self.has_own_permission(request, "change_inboundmedia"):
            raise PermissionDenied
        return self._get(request, object_id)

    def _back(self, media: InboundMedia) -> HttpResponse:
        return HttpResponseRedirect(
            reverse("admin:whatsapp_notify_inboundmedia_change", args=[media.pk])
        )

    @admin.display(description=gettext_lazy("when"), ordering="pk")
    def when(self, media: InboundMedia) -> str:
        return badges.moment(media.inbound.sent_at)

    @admin.display(description=gettext_lazy("customer"))
    def customer(self, media: InboundMedia) -> str:
        contact = media.inbound.contact
        return badges.link(contact, base.customer_cell(contact))

    @admin.display(description=gettext_lazy("inbound message"))
    def message(self, media: InboundMedia) -> str:
        return badges.link(media.inbound)

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, media: InboundMedia) -> str:
        return media_cell.state_badge(media)

    @admin.display(description=gettext_lazy("size"), ordering="size")
    def size_words(self, media: InboundMedia) -> str:
        return media_cell.size(media)
