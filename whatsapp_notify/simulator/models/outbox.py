"""Webhooks that wait for the courier."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .chat import SimulatedCustomer


class OutboxWebhookQuerySet(models.QuerySet["OutboxWebhook"]):
    """Webhooks by what the courier may do with them."""

    def waiting(self) -> "OutboxWebhookQuerySet":
        """Neither taken by the shop nor given up."""
        return self.filter(delivered_at=None, gave_up_at=None)

    def claimable(self, *, now: datetime) -> "OutboxWebhookQuerySet":
        """Waiting, and in no courier's hands."""
        return self.waiting().filter(Q(claimed_until=None) | Q(claimed_until__lte=now))


class OutboxWebhook(models.Model):
    """One body for the shop's webhook address, posted until the shop answers 200."""

    customer = models.ForeignKey(
        SimulatedCustomer, null=True, on_delete=models.CASCADE, related_name="webhooks"
    )
    #: What it tells, for the phone page: "sent", "text", "stop", ...
    label = models.CharField(max_length=40)
    body = models.TextField()
    due_at = models.DateTimeField()
    #: May share a body with other batched ones.
    batched = models.BooleanField(default=False)
    claimed_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)
    delivered_at = models.DateTimeField(null=True)
    gave_up_at = models.DateTimeField(null=True)

    objects = OutboxWebhookQuerySet.as_manager()

    class Meta:
        verbose_name = _("outbox webhook")
        verbose_name_plural = _("outbox webhooks")
        indexes = [
            models.Index(
                fields=["due_at", "id"],
                name="ws_webhook_due_idx",
                condition=Q(delivered_at=None, gave_up_at=None),
            )
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.label}"
