"""Files that customers send."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.models import private_files
from whatsapp_notify.models.inbound import InboundMessage


def _random_name(instance: "InboundMedia", filename: str) -> str:
    return private_files.random_name()


class InboundMedia(models.Model):
    """One file of one message, from the news of it to its deletion."""

    class State(models.TextChoices):
        DUE = "due", _("to be fetched")
        KEPT = "kept", _("kept")
        REFUSED = "refused", _("refused")
        FAILED = "failed", _("could not be fetched")
        DELETED = "deleted", _("deleted when its time was over")

    inbound = models.OneToOneField(
        InboundMessage,
        verbose_name=_("inbound message"),
        on_delete=models.CASCADE,
        related_name="media",
    )
    #: Meta's id, valid for 7 days.
    media_id = models.CharField(max_length=200, editable=False)
    #: "image", "video", "audio", "document" or "sticker".
    kind = models.CharField(_("kind"), max_length=10)
    declared_type = models.CharField(_("type as told"), max_length=100, blank=True)
    detected_type = models.CharField(_("type as found"), max_length=100, blank=True)
    filename = models.CharField(_("name given by the customer"), max_length=255, blank=True)
    sha256 = models.CharField(_("hash as told"), max_length=64, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.DUE)
    #: Why it was refused or could not be fetched.
    reason = models.CharField(_("reason"), max_length=40, blank=True)
    file = models.FileField(
        _("file"), upload_to=_random_name, storage=private_files.storage, blank=True, max_length=100
    )
    size = models.PositiveBigIntegerField(_("size in bytes"), null=True, blank=True)
    order_ref = models.CharField(_("order"), max_length=64, blank=True)
    tries = models.PositiveSmallIntegerField(default=0, editable=False)
    #: When to fetch it; None once that is decided.
    due_at = models.DateTimeField(null=True, editable=False)
    fetched_at = models.DateTimeField(_("fetched at"), null=True, blank=True)
    delete_at = models.DateTimeField(_("to be deleted at"), null=True, blank=True)

    class Meta:
        verbose_name = _("file of a customer")
        verbose_name_plural = _("files of customers")
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"],
                name="wn_inboundmedia_due_idx",
                condition=models.Q(due_at__isnull=False),
            ),
            models.Index(
                fields=["delete_at"],
                name="wn_inboundmedia_delete_idx",
                condition=models.Q(delete_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.kind}"
