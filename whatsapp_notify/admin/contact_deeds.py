"""What the staff does to a contact: labels, and the rest of promotions."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from whatsapp_notify.admin import base, label, lead, words
from whatsapp_notify.models import Contact, ContactLabel, Label, Lead
from whatsapp_notify.services import labels, promotion_pauses

_SHOWN_LEADS = 3


class ContactDeeds(base.PageAdmin):
    """Small deeds on the page of a contact; each is a POST and needs the right to change it."""

    def deed_urls(self) -> list[URLPattern]:
        """This will return the addresses of the deeds."""
        deeds: dict[str, Callable[[HttpRequest, Contact], str]] = {
            "add_label": self._add_label,
            "remove_label": self._remove_label,
            "pause": self._pause,
            "lift": self._lift,
        }
        return [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(self.deed_view),
                {"deed": deed},
                name=f"whatsapp_notify_contact_{name}",
            )
            for name, deed in deeds.items()
        ]

    def deed_view(
        self, request: HttpRequest, object_id: str, deed: Callable[[HttpRequest, Contact], str]
    ) -> HttpResponse:
        """This will do it on POST, and lead back to the contact."""
        contact = self.get_object(request, unquote(object_id))
        if contact is None:
            raise Http404
        if not self.has_change_permission(request, contact):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if done := deed(request, contact):
            self.log_change(request, contact, done)
            self.message_user(request, done, messages.SUCCESS)
        here = reverse("admin:whatsapp_notify_contact_change", args=[contact.pk])
        return HttpResponseRedirect(here)

    def _add_label(self, request: HttpRequest, contact: Contact) -> str:
        chosen = _label(request)
        is_new = labels.add(
            contact=contact,
            label=chosen,
            actor=request.user.get_username(),
            now=timezone.now(),
        )
        return _("Label “%(label)s” added.") % {"label": chosen} if is_new else ""

    def _remove_label(self, request: HttpRequest, contact: Contact) -> str:
        chosen = _label(request)
        was_there = labels.remove(contact=contact, label=chosen)
        return _("Label “%(label)s” removed.") % {"label": chosen} if was_there else ""

    def _pause(self, request: HttpRequest, contact: Contact) -> str:
        with transaction.atomic():
            promotion_pauses.pause(
                contact=contact, reason=Contact.PauseReason.STAFF, now=timezone.now()
            )
        return _("Promotions to this customer rest.")

    def _lift(self, request: HttpRequest, contact: Contact) -> str:
        promotion_pauses.lift(contact=contact)
        return _("Promotions to this customer go on, as far as consent allows.")


def context(contact: Contact) -> dict[str, Any]:
    """This will gather labels, the rest of promotions and where the customer came from."""
    carried = ContactLabel.objects.filter(contact=contact).select_related("label")
    rows = list(carried.order_by("label__name", "pk"))
    others = Label.objects.filter(is_active=True).exclude(pk__in=[row.label_id for row in rows])
    leads = Lead.objects.filter(contact=contact).order_by("-came_at", "-pk")[:_SHOWN_LEADS]
    return {
        "carried_labels": [
            {
                "pk": row.label_id,
                "name": row.label.name,
                "badge": label.badge(row.label),
                "origin": _origin(row),
            }
            for row in rows
        ],
        "other_labels": list(others.order_by("name", "pk")),
        "leads": [{"kind": lead.kind_words(each), "row": each} for each in leads],
    }


def _origin(row: ContactLabel) -> str:
    """This will say who set a label, when, and for which order."""
    parts = [str(words.event(row.actor)), words.at(row.set_at), row.order_ref]
    return " · ".join(filter(None, parts))


def _label(request: HttpRequest) -> Label:
    pk = request.POST.get("label", "")
    found = Label.objects.filter(pk=int(pk)).first() if pk.isascii() and pk.isdigit() else None
    if found is None:
        raise Http404
    return found
