"""Template tags for a shop's own pages."""

from typing import Any

from django import template

from whatsapp_notify.forms import WhatsAppConsentMixin

register = template.Library()


@register.inclusion_tag("whatsapp_notify/consent_boxes.html")
def whatsapp_consent_boxes(form: WhatsAppConsentMixin) -> dict[str, Any]:
    """This will draw the consent boxes of a form that has ``WhatsAppConsentMixin``.

    Usage: ``{% load whatsapp_notify %} {% whatsapp_consent_boxes form %}``. The boxes stand in
    a fieldset of their own, unticked; style ``.whatsapp-consent`` as you like.
    """
    return {"fields": form.whatsapp_consent_fields()}
