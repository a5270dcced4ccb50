"""What all pages of the admin share."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.admin import private_search, words
from whatsapp_notify.admin.paging import CappedPaginator
from whatsapp_notify.models import Contact, Identity


def is_list(request: HttpRequest) -> bool:
    """This will tell whether the request is for a list and its actions.

    # Note [Lists load relations apart]
    Long lists prefetch what they show beside the row. A join with a small table lets the
    planner, once it knows the statistics, begin with that table and sort a million rows.
    """
    match = request.resolver_match
    return match is not None and str(match.url_name).endswith("_changelist")


class PageAdmin(admin.ModelAdmin):
    """A page with our style and navigation, and lists that stay quick."""

    #: What can be searched for, shown below the search box. Django's own ``search_help_text``
    #: takes the box its label away from screen readers.
    search_hint: words.Words = ""
    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 200
    save_on_top = False

    def changelist_view(
        self, request: HttpRequest, extra_context: Mapping[str, Any] | None = None
    ) -> HttpResponse:
        if request.method == "POST" and private_search.BUTTON in request.POST:
            return private_search.remember(request)
        title = capfirst(str(self.opts.verbose_name_plural))
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """This will return what the page of one row shows beside Django's own form."""
        return {}

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Mapping[str, Any] | None = None,
    ) -> HttpResponse:
        extra = dict(extra_context or {})
        row = self.get_object(request, unquote(object_id))
        if row is not None and self.has_view_permission(request, row):
            extra |= self.page_context(request, row)
        return super().change_view(request, object_id, form_url, extra)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return private_search.PrivateChangeList

    class Media:
        css = {"all": ["whatsapp_notify/admin.css"]}

    def has_own_permission(self, request: HttpRequest, codename: str) -> bool:
        """This will tell whether the user holds one of our own permissions."""
        return bool(request.user.has_perm(f"whatsapp_notify.{codename}"))


class ReadOnlyAdmin(PageAdmin):
    """Rows that the machinery writes: people read them, and act through actions only."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def current_identities(path: str = "identities") -> Prefetch:
    """This will load the ids by which contacts are known now, in one query a page."""
    current = Identity.objects.filter(ended_at__isnull=True).order_by("id")
    return Prefetch(path, queryset=current)


def phone_of(contact: Contact, *, is_full: bool = False) -> str:
    """This will write the contact's number, masked unless ``is_full``; identities are loaded."""
    kinds = Identity.Kind
    by_kind = {each.kind: each for each in contact.identities.all() if each.ended_at is None}
    for kind in (kinds.PHONE, kinds.WA_ID, kinds.USER_ID, kinds.PARENT_USER_ID):
        if identity := by_kind.get(kind):
            return identity.value if is_full else identity.masked_value
    return str(_("no number"))


def customer(contact: Contact, *, is_full: bool = False) -> str:
    """This will write a contact as name and number."""
    if contact.is_erased:
        return str(_("erased customer #%(id)d")) % {"id": contact.pk}
    phone = phone_of(contact, is_full=is_full)
    return f"{contact.first_name} {phone}" if contact.first_name else phone


def customer_cell(contact: Contact) -> SafeString | str:
    """This will write a contact for a list: the name, and the masked number below it."""
    if contact.is_erased or not contact.first_name:
        return format_html('<span class="wn-nowrap">{}</span>', customer(contact))
    return format_html(
        '{}<br><span class="wn-quiet wn-nowrap">{}</span>', contact.first_name, phone_of(contact)
    )


def can_see_phones(request: HttpRequest) -> bool:
    """This will tell whether the user may see whole phone numbers."""
    return bool(request.user.has_perm("whatsapp_notify.view_full_phone"))
