"""The business's side at Meta: templates, profile, media, and errors it is told to raise."""

from datetime import datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class SimulatedTemplate(models.Model):
    """A message template of the business account, in one language."""

    class Status(models.TextChoices):
        """Meta's words; only an approved template can be sent."""

        APPROVED = "APPROVED"
        PENDING = "PENDING"
        REJECTED = "REJECTED"
        PAUSED = "PAUSED"
        DISABLED = "DISABLED"
        ARCHIVED = "ARCHIVED"

    class Category(models.TextChoices):
        """Meta's price classes of templates."""

        MARKETING = "MARKETING"
        UTILITY = "UTILITY"
        AUTHENTICATION = "AUTHENTICATION"

    #: Id in Graph: digits.
    graph_id = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=512)
    language = models.CharField(max_length=15)
    category = models.CharField(max_length=20, choices=Category.choices)
    status = models.CharField(max_length=20, choices=Status.choices)
    #: ``positional`` or ``named``, in Meta's upper case.
    parameter_format = models.CharField(max_length=10, default="POSITIONAL")
    components = models.JSONField()
    quality_score = models.CharField(max_length=10, default="UNKNOWN")
    rejected_reason = models.CharField(max_length=40, default="NONE")
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("simulated template")
        verbose_name_plural = _("simulated templates")
        constraints = [
            models.UniqueConstraint(fields=["name", "language"], name="ws_template_name_uniq")
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.language}) {self.status}"

    def component(self, kind: str) -> dict[str, Any] | None:
        """This will return the component of a kind ("HEADER", "BODY", ...), if there is one."""
        found = (part for part in self.components if str(part.get("type")).upper() == kind)
        return next(found, None)


class BusinessAccount(models.Model):
    """The one business account: its profile and the standing of its number."""

    #: Always 1: there is one account.
    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    profile = models.JSONField(default=dict)
    quality_rating = models.CharField(max_length=10, default="GREEN")
    messaging_limit = models.CharField(max_length=20, default="TIER_2K")
    subscribed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("business account")
        verbose_name_plural = _("business accounts")
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="ws_account_single_ck")
        ]

    def __str__(self) -> str:
        return "Business account"

    @classmethod
    def get_current(cls) -> "BusinessAccount":
        """This will return the account, with Meta's defaults when nothing was changed yet."""
        return cls.objects.filter(pk=1).first() or cls()


class StoredMediaQuerySet(models.QuerySet["StoredMedia"]):
    """Files as Graph finds them."""

    def known(self, *, now: datetime) -> "StoredMediaQuerySet":
        """Files whose ids still work; the phone shows the others too."""
        return self.filter(models.Q(expires_at=None) | models.Q(expires_at__gt=now))


class StoredMedia(models.Model):
    """A file uploaded by the business or sent by a customer."""

    graph_id = models.CharField(max_length=20, unique=True)
    mime_type = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64)
    file_size = models.PositiveIntegerField()
    filename = models.CharField(max_length=240, blank=True)
    data = models.BinaryField()
    created_at = models.DateTimeField()
    #: From when on Graph no longer knows the id.
    expires_at = models.DateTimeField(null=True)
    #: Downloads that will find their address expired.
    failing_downloads = models.PositiveSmallIntegerField(default=0)

    objects = StoredMediaQuerySet.as_manager()

    class Meta:
        verbose_name = _("stored media")
        verbose_name_plural = _("stored media")

    def __str__(self) -> str:
        return f"#{self.pk} {self.mime_type}"


class ScriptedError(models.Model):
    """An error that the next calls will meet, whoever they are for."""

    code = models.PositiveIntegerField()
    remaining_calls = models.PositiveIntegerField(default=1)
    #: Accept the call and tell the error by webhook, instead of refusing the call.
    by_webhook = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("scripted error")
        verbose_name_plural = _("scripted errors")

    def __str__(self) -> str:
        return f"#{self.pk} {self.code} x{self.remaining_calls}"
