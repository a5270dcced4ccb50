"""Sending numbers: their health, the red button, the circuit."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from whatsapp_notify.admin import badges, base, words
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.domain import sentences
from whatsapp_notify.exceptions import StateChanged
from whatsapp_notify.models import Message, Sender
from whatsapp_notify.services import senders

#: What can be done -> title, consequences, label of the button.
_DEEDS: Mapping[str, tuple[words.Words, tuple[words.Words, ...], words.Words]] = {
    "stop": (
        gettext_lazy("Stop all sending"),
        (
            gettext_lazy("No message leaves from this number until somebody releases the button."),
            gettext_lazy("Orders, consents and customers' messages are recorded as before."),
            gettext_lazy("What waits too long expires and is not sent later."),
        ),
        gettext_lazy("Stop all sending"),
    ),
    "release": (
        gettext_lazy("Release the red button"),
        (
            gettext_lazy("Waiting messages leave within seconds, each after all its checks."),
            gettext_lazy("Messages that have expired meanwhile are not sent."),
        ),
        gettext_lazy("Release and send"),
    ),
    "resume": (
        gettext_lazy("Resume after repair"),
        (
            gettext_lazy("Do this once what Meta complained about has been repaired."),
            gettext_lazy("Waiting messages leave; if Meta refuses again, sending stops again."),
        ),
        gettext_lazy("Resume sending"),
    ),
}


@admin.register(Sender)
class SenderAdmin(base.ReadOnlyAdmin):
    """The shop's own numbers; secrets stay in the settings."""

    change_form_template = "admin/whatsapp_notify/sender/detail.html"
    list_display = ("__str__", "display_phone", "status", "quality_badge", "messaging_limit")
    ordering = ("pk",)
    actions = None
    fields = (
        "verified_name",
        "display_phone",
        "phone_number_id",
        "business_account_id",
        "quality_badge",
        "messaging_limit",
        "slow_until",
        "health_checked_at",
    )
    readonly_fields = ("quality_badge",)

    def has_stop_permission(self, request: HttpRequest) -> bool:
        """This will tell whether the user may press and release the red button."""
        return self.has_own_permission(request, "stop_sender")

    def get_urls(self) -> list[URLPattern]:
        deeds = [
            path(
                f"<path:object_id>/{deed}/",
                self.admin_site.admin_view(self.deed_view),
                {"deed": deed},
                name=f"whatsapp_notify_sender_{deed}",
            )
            for deed in _DEEDS
        ]
        return [*deeds, *super().get_urls()]

    def page_context(self, request: HttpRequest, row: Sender) -> dict[str, Any]:
        can_stop = self.has_stop_permission(request)
        return {"sender": row, "circuit": circuit_words(row), "can_stop": can_stop}

    def deed_view(self, request: HttpRequest, object_id: str, deed: str) -> HttpResponse:
        """This will ask before it stops, releases or resumes, and do so on POST.

        A yes is one to the stop that the page has shown; about a later one it asks again.
        """
        sender = self.get_object(request, unquote(object_id))
        if sender is None:
            raise Http404
        if not self.has_stop_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return self._do(request, sender, deed)
        title, consequences, button = _DEEDS[deed]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "media": self.media,
            "title": title,
            "original": sender,
            "consequences": consequences,
            "button": button,
            "is_dangerous": deed == "stop",
            "is_pressed": deed == "release" and sender.is_stopped,
            "circuit": circuit_words(sender) if deed == "resume" else None,
            "shown": _as_shown(sender, deed),
            "waiting": Message.objects.filter(is_pending=True, sender=sender).count(),
        }
        return TemplateResponse(request, "admin/whatsapp_notify/sender/deed.html", context)

    def _do(self, request: HttpRequest, sender: Sender, deed: str) -> HttpResponse:
        try:
            done = _carry_out(request, sender, deed)
        except StateChanged:
            return self._ask_again(request, senders.get(sender_id=sender.pk), deed)
        self.log_change(request, sender, done)
        self.message_user(request, done, messages.SUCCESS)
        return self._leave(request, sender)

    def _ask_again(self, request: HttpRequest, sender: Sender, deed: str) -> HttpResponse:
        """This will say why nothing was done, and ask about what stops the number now."""
        self.message_user(request, _why_not(sender, deed), messages.WARNING)
        if not _as_shown(sender, deed):
            return self._leave(request, sender)
        return HttpResponseRedirect(
            reverse(f"admin:whatsapp_notify_sender_{deed}", args=[sender.pk])
        )

    def _leave(self, request: HttpRequest, sender: Sender) -> HttpResponse:
        if not self.has_view_permission(request, sender):
            return HttpResponseRedirect(reverse("admin:index"))
        return HttpResponseRedirect(
            reverse("admin:whatsapp_notify_sender_change", args=[sender.pk])
        )

    @admin.display(description=gettext_lazy("state"))
    def status(self, sender: Sender) -> str:
        return status_badge(sender)

    @admin.display(description=gettext_lazy("quality"))
    def quality_badge(self, sender: Sender) -> str:
        return badges.quality(sender.quality)


def _carry_out(request: HttpRequest, sender: Sender, deed: str) -> str:
    if request.POST.get("shown", "") != _as_shown(sender, deed):
        raise StateChanged(StateChanged.__doc__)
    actor, now = request.user.get_username(), timezone.now()
    match deed:
        case "stop":
            senders.stop(sender=sender, actor=actor, now=now)
            return _("Sending is stopped.")
        case "release":
            senders.release(sender=sender, actor=actor, now=now)
            return _("The red button is released.")
        case _:
            senders.resume(sender=sender, actor=actor, now=now)
            return _("Sending goes on.")


def _as_shown(sender: Sender, deed: str) -> str:
    """This will name what a deed ends, for the form that confirms it; "" where that is nothing."""
    if deed == "release" and sender.stopped_at is not None:
        return sender.stopped_at.isoformat()
    if deed == "resume" and sender.circuit_opened_at is not None:
        return f"{sender.circuit_opened_at.isoformat()}:{sender.circuit_code}"
    return ""


def _why_not(sender: Sender, deed: str) -> str:
    """This will say what has become of a stop that somebody wanted to end, or to begin."""
    if deed == "stop":
        pressed = _("Sending is stopped already: %(who)s has pressed the red button, on %(at)s.")
        return _by_whom(pressed, sender)
    is_over = not _as_shown(sender, deed)
    if deed == "resume":
        if is_over:
            return _("Sending had gone on meanwhile; nothing was changed.")
        return _("Not resumed: meanwhile sending has stopped once more, or for another reason.")
    if is_over:
        return _("The red button had been released meanwhile; nothing was changed.")
    pressed = _("Not released: %(who)s has pressed the red button again meanwhile, on %(at)s.")
    return _by_whom(pressed, sender)


def _by_whom(told: str, sender: Sender) -> str:
    who, at = sender.stopped_by, words.at(sender.stopped_at)
    return sentences.with_one_stop(told % {"who": who, "at": at})


def status_badge(sender: Sender) -> str:
    """This will draw whether the number sends."""
    if sender.is_stopped:
        return badges.badge(_("stopped by %(who)s") % {"who": sender.stopped_by}, Tone.BAD)
    if sender.circuit_opened_at is not None:
        return badges.badge(_("stopped by Meta's answer"), Tone.BAD)
    if sender.slow_until is not None and sender.slow_until > timezone.now():
        return badges.badge(_("slowed down"), Tone.DOUBT)
    return badges.badge(_("sends"), Tone.GOOD)


def circuit_words(sender: Sender) -> dict[str, Any] | None:
    """This will say why Meta's answers stopped the number; None where they did not."""
    if sender.circuit_opened_at is None:
        return None
    code = sender.circuit_code
    meaning, remedy = words.error(code)
    return {
        "since": sender.circuit_opened_at,
        "code": code,
        "meaning": meaning,
        "remedy": remedy,
        "probe_at": sender.circuit_probe_at,
    }
