"""Contacts: one person, what they agreed to, and what was written."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from whatsapp_notify.admin import (
    badges,
    base,
    contact_deeds,
    contact_page,
    label,
    search,
    words,
)
from whatsapp_notify.admin.contact_deeds import ContactDeeds
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.models import (
    ConsentRecord,
    ConsentState,
    Contact,
    ContactLabel,
    Label,
    Topic,
)
from whatsapp_notify.services import consent, contacts


class WithdrawForm(forms.Form):
    """What the customer asked staff to stop."""

    topics = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Stop these"),
        queryset=Topic.objects.none(),
        widget=forms.CheckboxSelectMultiple,
    )
    wording = forms.CharField(
        label=gettext_lazy("In the customer's words"),
        help_text=gettext_lazy(
            "How the customer asked for it: on the phone, by e-mail, in the shop."
        ),
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        max_length=1000,
        required=False,
    )


class ConditionFilter(admin.SimpleListFilter):
    """Contacts to whom something special applies."""

    title = gettext_lazy("condition")
    parameter_name = "condition"

    _FIELDS: Mapping[str, tuple[str, words.Words]] = {
        "unreachable": ("unreachable_since", gettext_lazy("not reachable")),
        "stopped": ("marketing_stopped_at", gettext_lazy("stopped marketing at WhatsApp")),
        "paused": ("promotions_paused_at", gettext_lazy("promotions paused")),
        "erased": ("erased_at", gettext_lazy("erased")),
    }

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(code, str(label)) for code, (_field, label) in self._FIELDS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in self._FIELDS:
            return queryset
        field, _label = self._FIELDS[str(self.value())]
        return queryset.filter(**{f"{field}__isnull": False})


class LabelFilter(admin.SimpleListFilter):
    """Contacts that carry a label; a shop has tens of labels."""

    title = gettext_lazy("label")
    parameter_name = "label"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [
            (str(pk), name) for pk, name in Label.objects.order_by("name").values_list("pk", "name")
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None or not (value.isascii() and value.isdigit()):
            return queryset
        # A subquery: a join would list the contact of two rows twice.
        return queryset.filter(
            pk__in=ContactLabel.objects.filter(label_id=int(value)).values("contact_id")
        )


@admin.register(Contact)
class ContactAdmin(ContactDeeds, base.PageAdmin):
    """Customers whom the shop may write to."""

    change_form_template = "admin/whatsapp_notify/contact/detail.html"
    list_display = ("person", "labels", "language", "window", "consents")
    list_display_links = ("person",)
    list_filter = (ConditionFilter, LabelFilter)
    search_fields = ("first_name",)
    search_hint = gettext_lazy("A phone number such as 040 1234567 or +358 40…, or a first name")
    ordering = ("-pk",)
    raw_id_fields = ("user",)
    actions = None
    readonly_fields = (
        "service_window",
        "entry_point",
        "marketing_stopped_at",
        "unreachable_since",
        "erased_at",
        "created_at",
    )
    fields = (
        "first_name",
        "language",
        "time_zone",
        "birth_date",
        "user",
        "service_window",
        "entry_point",
        "marketing_stopped_at",
        "unreachable_since",
        "erased_at",
        "created_at",
    )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Contacts come to be with their proof of consent, never by hand.
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Erasure has its own way, which keeps the proof without the person.
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and obj.is_erased:
            return False
        return super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Contact, form: Any, change: bool) -> None:
        # Only what was edited: an opt-out at this moment writes other columns of the row.
        obj.save(update_fields=[*form.changed_data, "birth_month_day"])

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contact]:
        states = ConsentState.objects.select_related("topic").order_by("topic_id")
        return (
            super()
            .get_queryset(request)
            .prefetch_related(
                base.current_identities(),
                Prefetch("consent_states", queryset=states),
                "labels__label",
                "conversations",
            )
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Contact], search_term: str
    ) -> tuple[QuerySet[Contact], bool]:
        return search.of_customers(queryset, search_term, way=""), False

    def get_urls(self) -> list[URLPattern]:
        withdraw = path(
            "<path:object_id>/withdraw/",
            self.admin_site.admin_view(self.withdraw_view),
            name="whatsapp_notify_contact_withdraw",
        )
        return [withdraw, *self.deed_urls(), *super().get_urls()]

    def page_context(self, request: HttpRequest, row: Contact) -> dict[str, Any]:
        can_change = self.has_change_permission(request, row)
        return {
            **contact_page.context(request, row),
            **contact_deeds.context(row),
            "can_withdraw": can_change,
            "can_change": can_change,
        }

    def withdraw_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """This will ask what to withdraw, and record it on POST."""
        contact = self.get_object(request, unquote(object_id))
        if contact is None:
            raise Http404
        if not self.has_change_permission(request, contact):
            raise PermissionDenied
        people = contacts.all_of_contact(contact=contact)
        states = ConsentState.objects.filter(contact__in=people, is_granted=True)
        granted = Topic.objects.filter(pk__in=states.values("topic_id")).order_by("id")
        form = WithdrawForm(request.POST or None, initial={"topics": granted})
        form.fields["topics"].queryset = granted  # type: ignore[attr-defined]
        if request.method == "POST" and form.is_valid():
            return self._withdraw(request, contact, people, form)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "media": self.media,
            "title": _("Withdraw consent"),
            "original": contact,
            "customer": base.customer(contact),
            "form": form,
            "has_topics": granted.exists(),
            "several": _("This person is known as %(n)d contacts. Consent of all is withdrawn.")
            % {"n": len(people)}
            if len(people) > 1
            else "",
        }
        return TemplateResponse(request, "admin/whatsapp_notify/contact/withdraw.html", context)

    def _withdraw(
        self,
        request: HttpRequest,
        contact: Contact,
        people: Sequence[Contact],
        form: WithdrawForm,
    ) -> HttpResponse:
        now = timezone.now()
        topics = list(form.cleaned_data["topics"])
        with transaction.atomic():
            consent.withdraw_from_all(
                people=people,
                topics=topics,
                proof=consent.Proof(
                    source=ConsentRecord.Source.STAFF,
                    wording=form.cleaned_data["wording"],
                    recorded_by=request.user.get_username(),
                ),
                occurred_at=now,
                now=now,
            )
            for each in people:
                self.log_change(request, each, _("Consent withdrawn."))
        text = ngettext(
            "Consent to %(n)d topic was withdrawn. Nothing more is sent about it.",
            "Consent to %(n)d topics was withdrawn. Nothing more is sent about them.",
            len(topics),
        )
        self.message_user(request, text % {"n": len(topics)}, messages.SUCCESS)
        if len(people) > 1:
            reached = _("This person is known as %(n)d contacts. It was withdrawn for all of them.")
            self.message_user(request, reached % {"n": len(people)}, messages.SUCCESS)
        return HttpResponseRedirect(
            reverse("admin:whatsapp_notify_contact_change", args=[contact.pk])
        )

    @admin.display(description=gettext_lazy("customer"))
    def person(self, contact: Contact) -> str:
        return base.customer_cell(contact)

    @admin.display(description=gettext_lazy("service window"))
    def window(self, contact: Contact) -> str:
        return window_badge(contact)

    @admin.display(description=gettext_lazy("consents"))
    def consents(self, contact: Contact) -> str:
        states = contact.consent_states.all()
        if not states:
            return "–"
        return format_html_join(
            " ", "{}", ((contact_page.consent_badge(state),) for state in states)
        )

    @admin.display(description=gettext_lazy("labels"))
    def labels(self, contact: Contact) -> str:
        drawn = [(label.badge(row.label),) for row in contact.labels.all()]
        return format_html_join(" ", "{}", drawn) if drawn else "–"

    @admin.display(description=gettext_lazy("Service window"))
    def service_window(self, contact: Contact) -> str:
        return window_badge(contact)

    @admin.display(description=gettext_lazy("free entry point until"))
    def entry_point(self, contact: Contact) -> str:
        ends = [each.entry_point_expires_at for each in contact.conversations.all()]
        end = max((moment for moment in ends if moment), default=None)
        return words.at(end) if end else "–"


def window_badge(contact: Contact) -> str:
    """This will draw until when free text may be written; conversations are loaded."""
    now = timezone.now()
    ends = [each.window_expires_at for each in contact.conversations.all()]
    end = max((moment for moment in ends if moment and moment > now), default=None)
    if end is None:
        return badges.badge(_("closed"), Tone.OFF)
    return badges.badge(_("open, ends %(when)s") % {"when": words.ago(end, now=now)}, Tone.GOOD)
