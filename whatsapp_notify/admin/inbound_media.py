"""Files of customers: a list, and the only way by which they are shown."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.admin import badges, base, words
from whatsapp_notify.admin.filters import date_filter
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.domain import file_types
from whatsapp_notify.models import InboundMedia

_TONES = {
    InboundMedia.State.DUE: Tone.WAITING,
    InboundMedia.State.KEPT: Tone.GOOD,
    InboundMedia.State.REFUSED: Tone.DOUBT,
    InboundMedia.State.FAILED: Tone.BAD,
    InboundMedia.State.DELETED: Tone.OFF,
}
_REASONS: dict[str, words.Words] = {
    "not_kept": _("Files are not kept: the setting MEDIA_DIRECTORY is empty."),
    "too_large": _("It is larger than files of its kind may be."),
    "type": _("Files of this type are not kept."),
    "type_lies": _("It is not what it says it is."),
    "hash": _("It is not the file that WhatsApp told of."),
    "expired": _("WhatsApp does not have it any more: files of customers are there for 7 days."),
    "unavailable": _("WhatsApp did not give it, however often it was asked."),
}


@admin.register(InboundMedia)
class InboundMediaAdmin(base.ReadOnlyAdmin):
    """What customers sent, whether it is kept, and until when."""

    list_display = ("when", "customer", "kind", "state_badge", "bytes", "order_ref", "delete_at")
    list_display_links = ("when",)
    list_filter = ("state", "kind", date_filter("inbound__received_at", _("received")))
    search_fields = ("order_ref",)
    search_hint = _("An order number")
    ordering = ("-pk",)
    actions = None
    fields = (
        "customer", "kind", "picture", "state_badge", "why", "declared_type", "detected_type",
        "bytes", "order_ref", "fetched_at", "delete_at",
    )  # fmt: skip
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboundMedia]:
        rows = super().get_queryset(request).select_related("inbound__contact")
        return rows.prefetch_related(base.current_identities("inbound__contact__identities"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.file_view)
        name = "whatsapp_notify_inboundmedia_file"
        return [path("<int:pk>/file/", view, name=name), *super().get_urls()]

    def file_view(self, request: HttpRequest, pk: int) -> HttpResponse | FileResponse:
        """This will stream a file that is kept; pictures may be shown, all else is a download."""
        if not (
            self.has_view_permission(request)
            and request.user.has_perm("whatsapp_notify.view_inboundmessage_text")
        ):
            raise PermissionDenied
        row = InboundMedia.objects.filter(pk=pk, state=InboundMedia.State.KEPT).first()
        if row is None:
            raise Http404
        try:
            file = row.file.open("rb")
        except FileNotFoundError as err:
            raise Http404 from err
        is_picture = row.detected_type in file_types.SHOWN_INLINE
        response = FileResponse(
            file,
            as_attachment=not is_picture,
            filename=f"file-{row.pk}{_ENDINGS.get(row.detected_type, '.bin')}",
            content_type=row.detected_type if is_picture else "application/octet-stream",
        )
        response["X-Content-Type-Options"] = "nosniff"
        response["Content-Security-Policy"] = "sandbox; default-src 'none'"
        response["Cache-Control"] = "private, no-store"
        return response

    @admin.display(description=_("when"), ordering="pk")
    def when(self, media: InboundMedia) -> str:
        return badges.moment(media.inbound.received_at)

    @admin.display(description=_("customer"))
    def customer(self, media: InboundMedia) -> str:
        contact = media.inbound.contact
        return badges.link(contact, base.customer_cell(contact))

    @admin.display(description=_("state"), ordering="state")
    def state_badge(self, media: InboundMedia) -> str:
        return badges.badge(media.get_state_display(), _TONES[InboundMedia.State(media.state)])

    @admin.display(description=_("why"))
    def why(self, media: InboundMedia) -> str:
        return str(_REASONS.get(media.reason, media.reason)) or "–"

    @admin.display(description=_("size"), ordering="size")
    def bytes(self, media: InboundMedia) -> str:
        return "–" if media.size is None else filesizeformat(media.size)

    @admin.display(description=_("file"))
    def picture(self, media: InboundMedia) -> str:
        return preview(media)


_ENDINGS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "video/mp4": ".mp4",
    "video/3gpp": ".3gp",
    "audio/ogg": ".ogg",
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "audio/aac": ".aac",
    "audio/amr": ".amr",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
}


def preview(media: InboundMedia | None) -> SafeString | str:
    """This will show a picture, or a link to what is none; in words why there is no file."""
    if media is None:
        return "–"
    if media.state != InboundMedia.State.KEPT:
        why = str(_REASONS.get(media.reason, ""))
        return f"{media.get_state_display()}. {why}".strip()
    url = file_url(media)
    if media.detected_type in file_types.SHOWN_INLINE:
        return format_html(
            '<a href="{url}"><img class="wn-file" src="{url}" alt="{alt}"></a>',
            url=url,
            alt=_("Picture of the customer"),
        )
    return format_html('<a href="{}">{}</a>', url, _("Download the file"))


def file_url(media: InboundMedia) -> str:
    """This will return the address of a file in the admin; empty where that has no such page."""
    try:
        return reverse("admin:whatsapp_notify_inboundmedia_file", args=[media.pk])
    except NoReverseMatch:
        return ""
