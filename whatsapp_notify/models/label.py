"""Labels of customers, set by events or by the staff."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.models.contact import Contact


class Label(models.Model):
    """One label, and the events that set and remove it by themselves."""

    class Tone(models.TextChoices):
        GOOD = "good", _("green")
        WAITING = "waiting", _("blue")
        DOUBT = "doubt", _("yellow")
        BAD = "bad", _("red")
        OFF = "off", _("grey")

    name = models.CharField(_("name"), max_length=40, unique=True)
    tone = models.CharField(_("colour"), max_length=10, choices=Tone.choices, default=Tone.OFF)
    set_by = models.CharField(
        _("set by events"),
        max_length=200,
        blank=True,
        help_text=_("Events of the shop, separated by commas, such as order.confirmed."),
    )
    removed_by = models.CharField(
        _("removed by events"),
        max_length=200,
        blank=True,
        help_text=_("Events of the shop, separated by commas, such as order.delivered."),
    )
    is_active = models.BooleanField(_("on"), default=True)

    class Meta:
        verbose_name = _("label")
        verbose_name_plural = _("labels")

    def __str__(self) -> str:
        return self.name


class ContactLabel(models.Model):
    """A label that a contact carries now."""

    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="labels"
    )
    label = models.ForeignKey(
        Label, verbose_name=_("label"), on_delete=models.CASCADE, related_name="contact_labels"
    )
    order_ref = models.CharField(_("order"), max_length=64, blank=True)
    set_at = models.DateTimeField(_("set at"))
    #: The name of the event, or of the member of the staff.
    actor = models.CharField(_("set by"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("label of a contact")
        verbose_name_plural = _("labels of contacts")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["contact", "label"], name="wn_contactlabel_uniq"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} label #{self.label_id}"
