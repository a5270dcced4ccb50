"""Where customers came from who wrote by an ad."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.models.contact import Contact
from whatsapp_notify.models.inbound import InboundMessage


class Lead(models.Model):
    """A message that began at a click-to-WhatsApp ad or post."""

    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="leads"
    )
    inbound = models.OneToOneField(
        InboundMessage,
        verbose_name=_("inbound message"),
        on_delete=models.CASCADE,
        related_name="lead",
    )
    #: "ad" or "post".
    source_type = models.CharField(_("kind of source"), max_length=20, blank=True)
    source_id = models.CharField(_("id of the source"), max_length=100, blank=True)
    source_url = models.CharField(_("address of the source"), max_length=1000, blank=True)
    headline = models.CharField(_("headline"), max_length=300, blank=True)
    #: Meta's id of the click, for reports of conversions.
    click_id = models.CharField(_("id of the click"), max_length=300, blank=True)
    came_at = models.DateTimeField(_("came at"))

    class Meta:
        verbose_name = _("lead")
        verbose_name_plural = _("leads")
        indexes: ClassVar = [models.Index(fields=["-came_at"], name="wn_lead_came_idx")]

    def __str__(self) -> str:
        return f"#{self.pk} {self.source_type}"
