"""Webhooks as they came, and statuses that wait for their message."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class WebhookEvent(models.Model):
    """The raw bytes of one signed POST; stored first, read later, kept for replay."""

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        PROCESSED = "processed", _("processed")
        QUARANTINED = "quarantined", _("quarantined")

    #: SHA-256 of the body: a repeated POST is one row.
    digest = models.BinaryField(max_length=32, editable=False)
    body = models.BinaryField(editable=False)
    received_at = models.DateTimeField(_("received at"))
    state = models.CharField(
        _("state"), max_length=12, choices=State.choices, default=State.PENDING
    )
    is_pending = models.BooleanField(default=True, editable=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    #: What could not be read, in words, without personal data.
    problem = models.CharField(_("problem"), max_length=300, blank=True)
    processed_at = models.DateTimeField(_("processed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        permissions = [("view_webhook_body", _("Can see raw webhooks"))]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["digest"], name="wn_webhookevent_digest_uniq"),
        ]
        indexes: ClassVar = [
            # By attempts first: PostgreSQL, which takes half of the rows for waiting ones while it
            # has not counted them, else reads all of them to find the few that are fresh.
            models.Index(
                fields=["attempts", "id"],
                name="wn_webhookevent_waiting_idx",
                condition=models.Q(is_pending=True),
            ),
            models.Index(
                fields=["-id"],
                name="wn_webhookevent_poison_idx",
                condition=models.Q(state="quarantined"),
            ),
            models.Index(fields=["received_at"], name="wn_webhookevent_received_idx"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.state}"

    def __repr__(self) -> str:
        return f"<WebhookEvent #{self.pk} {self.state}>"

    @property
    def is_dropped(self) -> bool:
        """Whether staff let it rest unread: what has been read has no problem."""
        return self.state == self.State.PROCESSED and bool(self.problem)


class WebhookBatch(models.Model):
    """Webhooks that a process has taken up together; gone as soon as they have been read.

    One that stays tells of a process that died over them. Counting an attempt on each webhook
    instead would write each row twice.
    """

    #: Ids of the first and the last webhook; what is pending between them belongs to it.
    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField()
    taken_at = models.DateTimeField()

    class Meta:
        verbose_name = _("batch of webhooks")
        verbose_name_plural = _("batches of webhooks")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["first_id"], name="wn_webhookbatch_first_uniq"),
        ]

    def __str__(self) -> str:
        return f"#{self.first_id} to #{self.last_id}"


class UnmatchedStatus(models.Model):
    """A status about a message that we do not know, or do not know yet.

    Kept for longer than Meta repeats webhooks, and matched when the message turns up.
    """

    provider_message_id = models.CharField(_("id at WhatsApp"), max_length=200)
    status = models.CharField(_("status"), max_length=20)
    at = models.DateTimeField(_("at"))
    #: Error code and pricing as far as needed to apply it later.
    payload = models.JSONField(default=dict)
    received_at = models.DateTimeField(_("received at"))
    matched_at = models.DateTimeField(_("matched at"), null=True, blank=True)

    class Meta:
        verbose_name = _("unmatched status")
        verbose_name_plural = _("unmatched statuses")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["provider_message_id", "status"], name="wn_unmatchedstatus_uniq"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["received_at"], name="wn_unmatched_received_idx"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.status}"

    def __repr__(self) -> str:
        return f"<UnmatchedStatus #{self.pk} {self.status}>"
