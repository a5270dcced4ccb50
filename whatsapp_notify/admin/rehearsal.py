"""The page "What would happen if a customer wrote ..."."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from whatsapp_notify.admin import badges, base, bubble, route_words, words
from whatsapp_notify.admin.answer_forms import RehearsalForm
from whatsapp_notify.domain import opening
from whatsapp_notify.models import InboundMessage
from whatsapp_notify.services import opening_hours, rehearsal
from whatsapp_notify.services.rehearsal import Outcome, Situation


class RehearsalPage(base.PageAdmin):
    """Runs the real routing and keeps nothing; see the service ``rehearsal``."""

    def rehearsal_view(self, request: HttpRequest) -> HttpResponse:
        """This will show the box, and on POST what would happen."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        now = timezone.now()
        form = RehearsalForm(request.POST if request.method == "POST" else None)
        outcome = None
        if form.is_bound and form.is_valid():
            outcome = rehearsal.rehearse(situation=Situation(**form.cleaned_data), now=now)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "media": self.media,
            "title": _("What would happen if a customer wrote …"),
            "nav_page": "rehearsal",
            "form": form,
            "outcome": _shown(outcome) if outcome else None,
            "is_open": opening.is_open(opening_hours.current(), now=now),
        }
        return TemplateResponse(
            request, "admin/whatsapp_notify/keywordreply/rehearsal.html", context
        )


def _shown(outcome: Outcome) -> dict[str, Any]:
    row = InboundMessage(handled_as=outcome.handled_as)
    return {
        "handled": badges.badge(row.get_handled_as_display(), route_words.tone(row)),
        "steps": route_words.drawn(outcome.route),
        "replies": [
            {
                "bubble": bubble.draw(reply.preview, label=_("The answer")),
                "reason": words.reason(reply.reason),
                "state": badges.state(reply.state),
            }
            for reply in outcome.replies
        ],
        "called_because": route_words.called_because(outcome.called_because),
        "errand": route_words.errand(outcome.errand),
        "paused_because": route_words.paused_because(outcome.promotions_paused_because),
    }
