"""The shop's own WhatsApp numbers, their health and their brakes."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class Sender(models.Model):
    """One sending number. Secrets stay in the settings, never here."""

    phone_number_id = models.CharField(
        _("phone number id"), max_length=40, help_text=_("Meta's id of the number.")
    )
    business_account_id = models.CharField(_("business account id"), max_length=40, blank=True)
    display_phone = models.CharField(_("number"), max_length=30, blank=True)
    verified_name = models.CharField(_("verified name"), max_length=200, blank=True)
    quality = models.CharField(_("quality"), max_length=10, blank=True)
    messaging_limit = models.CharField(
        _("messaging limit"),
        max_length=20,
        blank=True,
        help_text=_("Customers per 24 hours whom the business may write to first."),
    )
    #: The red button, pressed by a person.
    stopped_at = models.DateTimeField(_("stopped at"), null=True, blank=True)
    stopped_by = models.CharField(_("stopped by"), max_length=150, blank=True)
    #: The circuit, opened by Meta's answers (bad token, locked account, unpaid bill).
    circuit_opened_at = models.DateTimeField(
        _("stopped by Meta's answer at"), null=True, blank=True
    )
    circuit_code = models.IntegerField(_("Meta's code"), null=True, blank=True)
    #: When the circuit lets one message through to see whether all is well again.
    circuit_probe_at = models.DateTimeField(_("next try at"), null=True, blank=True)
    #: When a person, or Meta by lifting a ban, said at last that all is well.
    resumed_at = models.DateTimeField(null=True, editable=False)
    #: When the call began whose acceptance closed the circuit at last.
    calmed_at = models.DateTimeField(null=True, editable=False)
    #: Everybody waits until then, because Meta said "too fast".
    slow_until = models.DateTimeField(_("slowed down until"), null=True, blank=True)
    slow_count = models.PositiveSmallIntegerField(default=0)
    #: Pacing: tokens are leased in batches; the next free moment of the number.
    paced_until = models.DateTimeField(null=True, editable=False)
    health_checked_at = models.DateTimeField(_("health read at"), null=True, blank=True)
    #: Of the latest news of a ban, by Meta's clock: webhooks come in any order.
    ban_told_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("sender")
        verbose_name_plural = _("senders")
        permissions = [("stop_sender", _("Can press and release the red button"))]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["phone_number_id"], name="wn_sender_phone_number_uniq"),
        ]

    def __str__(self) -> str:
        return self.verified_name or self.display_phone or self.phone_number_id

    @property
    def is_stopped(self) -> bool:
        """Whether a person has pressed the red button."""
        return self.stopped_at is not None
