"""Webhooks as they came, and statuses that wait for their message."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class WebhookEvent(models.Model):
    """The raw bytes of one signed POST; stored first, read later, kept for replay.

    Written once: one that waits to be read has an ``UnreadWebhook`` beside it, which goes when it
    has been read. To mark it here instead would write the bytes a second time, and an entry into
    each of the indexes.
    """

    #: SHA-256 of the body: a repeated POST is one row.
    digest = models.BinaryField(max_length=32, editable=False)
    body = models.BinaryField(editable=False)
    received_at = models.DateTimeField(_("received at"))
    #: Whether staff are to look at what could not be read.
    is_quarantined = models.BooleanField(_("quarantined"), default=False)
    #: What could not be read, in words, without personal data.
    problem = models.CharField(_("problem"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        permissions = [("view_webhook_body", _("Can see raw webhooks"))]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["digest"], name="wn_webhookevent_digest_uniq"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["-id"],
                name="wn_webhookevent_poison_idx",
                condition=models.Q(is_quarantined=True),
            ),
            models.Index(
                fields=["-id"],
                name="wn_webhookevent_dropped_idx",
                condition=models.Q(is_quarantined=False) & ~models.Q(problem=""),
            ),
            models.Index(fields=["received_at"], name="wn_webhookevent_received_idx"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    def __repr__(self) -> str:
        return f"<WebhookEvent #{self.pk}>"

    @property
    def is_dropped(self) -> bool:
        """Whether staff let it rest unread: what has been read has no problem."""
        return bool(self.problem) and not self.is_quarantined


class UnreadWebhook(models.Model):
    """A webhook that waits to be read; gone as soon as it has been, whatever became of it."""

    #: Without a constraint, for which PostgreSQL would look up and lock each webhook that comes,
    #: and Django read each one that it deletes. One whose webhook is gone goes when it is its turn.
    webhook = models.OneToOneField(
        WebhookEvent,
        on_delete=models.DO_NOTHING,
        primary_key=True,
        related_name="unread",
        db_constraint=False,
    )
    #: Both are the webhook's: to join the two, PostgreSQL, which has rarely counted more than an
    #: empty table here, may read all webhooks from the first. Bytes of the body.
    size = models.PositiveIntegerField()
    received_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    #: When it was last taken up for itself; None for one that nobody has broken off.
    tried_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("unread webhook")
        verbose_name_plural = _("unread webhooks")
        indexes: ClassVar = [
            # Of all that wait, hardly ever one; asked for with each batch.
            models.Index(
                fields=["tried_at"],
                name="wn_unreadwebhook_tried_idx",
                condition=models.Q(attempts__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @classmethod
    def of_webhook(cls) -> models.Exists:
        """This will tell in a query of webhooks whether each of them waits."""
        return models.Exists(cls.objects.filter(pk=models.OuterRef("pk")))


class WebhookBatch(models.Model):
    """Webhooks that a process has taken up together; gone as soon as they have been read.

    One that stays tells of a process that died over them. Counting an attempt on each webhook
    instead would write each row twice.
    """

    #: Ids of the first and the last webhook; what waits between them belongs to it.
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
