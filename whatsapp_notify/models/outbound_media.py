"""Files that the staff send."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.models import private_files
from whatsapp_notify.models.conversation import Conversation
from whatsapp_notify.models.message import Message


def _random_name(instance: "OutboundMedia", filename: str) -> str:
    return private_files.random_name()


class OutboundMedia(models.Model):
    """One file, from the moment that somebody chose it to its deletion.

    # Note [Each file has a row]
    The row is there before the first byte has its name, and knows when the file goes: soon,
    until a message has taken it. So nothing on the disk is forgotten, whoever dies when.
    """

    conversation = models.ForeignKey(
        Conversation, verbose_name=_("conversation"), on_delete=models.CASCADE, related_name="+"
    )
    #: What it was sent with; None while it waits in somebody's form.
    message = models.OneToOneField(
        Message,
        verbose_name=_("message"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="media",
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("written by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    #: "image" or "document".
    kind = models.CharField(_("kind"), max_length=10)
    detected_type = models.CharField(_("type as found"), max_length=100)
    filename = models.CharField(_("name of the file"), max_length=255, blank=True)
    sha256 = models.CharField(max_length=64, editable=False)
    size = models.PositiveBigIntegerField(_("size in bytes"))
    file = models.FileField(
        _("file"), upload_to=_random_name, storage=private_files.storage, blank=True, max_length=100
    )
    #: The provider's id, once it has been uploaded; empty before.
    media_id = models.CharField(max_length=200, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"))
    delete_at = models.DateTimeField(_("to be deleted at"), null=True, blank=True)

    class Meta:
        verbose_name = _("file of the staff")
        verbose_name_plural = _("files of the staff")
        # Seen and sent at the desk, which has permissions of its own.
        default_permissions = ()
        indexes: ClassVar = [
            models.Index(
                fields=["delete_at"],
                name="wn_outboundmedia_delete_idx",
                condition=models.Q(delete_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.kind}"
