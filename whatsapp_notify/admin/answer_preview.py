"""What customers would read, with sample values."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from whatsapp_notify.admin import bubble
from whatsapp_notify.domain import placeholders
from whatsapp_notify.domain.content import Preview, PreviewButton
from whatsapp_notify.domain.occasions import Customer, Order
from whatsapp_notify.models import CannedReply, Contact, KeywordReply
from whatsapp_notify.services import answer_words, keyword_replies


def draw(row: Any) -> SafeString | str:
    """This will draw a reply as a chat bubble; empty where it would say nothing now."""
    body = _body(row)
    if not body:
        return ""
    buttons = keyword_replies.buttons(row) if isinstance(row, KeywordReply) else ()
    preview = Preview(
        body=body,
        buttons=tuple(PreviewButton(kind="quick_reply", label=title) for title in buttons),
    )
    return bubble.draw(preview, label=_("Sample message"))


def _body(row: Any) -> str:
    now = timezone.now()
    contact = Contact(first_name=_("Customer"), language=row.language)
    order = Order(
        ref="A1001",
        customer=Customer(),
        status=_("on its way"),
        estimated_arrival=timezone.localdate(now) + timedelta(days=2),
        url="https://shop.example/orders/A1001",
        tracking_url="https://shop.example/track/TRACK123",
    )
    if not isinstance(row, CannedReply):
        return answer_words.fill(row.body, contact=contact, now=now, order=order)
    known = {**answer_words.values(contact=contact, now=now, order=order), "agent_name": _("You")}
    try:
        return placeholders.substitute(row.body, known)
    except placeholders.UnknownPlaceholder:
        return ""
