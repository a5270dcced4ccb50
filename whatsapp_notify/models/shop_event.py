"""What happened in the shop, recorded in the shop's own transaction."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.models.contact import Contact


class ShopEvent(models.Model):
    """One event. The receiver adds the row; all thinking is done later, by a task."""

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        PROCESSED = "processed", _("processed")
        IGNORED = "ignored", _("no automation")
        FAILED = "failed", _("failed")

    name = models.CharField(_("event"), max_length=60)
    #: One row per key: the same thing told twice is one event.
    key = models.CharField(_("key"), max_length=200)
    #: "app_label.model" and primary key of what it happened to; empty for events by call.
    subject_label = models.CharField(max_length=100, blank=True)
    subject_pk = models.CharField(max_length=64, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("shop user"),
    )
    contact = models.ForeignKey(
        Contact,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="shop_events",
        verbose_name=_("contact"),
    )
    order_ref = models.CharField(_("order"), max_length=64, blank=True)
    #: Values for templates, given by the caller: {"discount": "15"}.
    data = models.JSONField(_("data"), default=dict, blank=True)
    occurred_at = models.DateTimeField(_("occurred at"))
    recorded_at = models.DateTimeField(_("recorded at"), auto_now_add=True)
    state = models.CharField(
        _("state"), max_length=10, choices=State.choices, default=State.PENDING
    )
    is_pending = models.BooleanField(default=True, editable=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    #: What went wrong or why nothing was sent, in words, without personal data.
    note = models.CharField(_("note"), max_length=300, blank=True)
    processed_at = models.DateTimeField(_("processed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("shop event")
        verbose_name_plural = _("shop events")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key"], name="wn_shopevent_key_uniq"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["id"],
                name="wn_shopevent_pending_idx",
                condition=models.Q(is_pending=True),
            ),
            models.Index(
                fields=["order_ref", "name"],
                name="wn_shopevent_order_idx",
                condition=~models.Q(order_ref=""),
            ),
            models.Index(
                fields=["subject_label", "subject_pk", "name"], name="wn_shopevent_subject_idx"
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.name}"
