"""Message templates as Meta holds them."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.cloud_api import templates as wire
from whatsapp_notify.domain.templates import TemplateDefinition


class Template(models.Model):
    """One template in one language; a copy of what Meta holds, brought by a sync."""

    class Status(models.TextChoices):
        DRAFT = "DRAFT", _("not submitted")
        APPROVED = "APPROVED", _("approved")
        PENDING = "PENDING", _("in review")
        REJECTED = "REJECTED", _("rejected")
        PAUSED = "PAUSED", _("paused")
        DISABLED = "DISABLED", _("disabled")
        IN_APPEAL = "IN_APPEAL", _("in appeal")
        PENDING_DELETION = "PENDING_DELETION", _("being deleted")
        DELETED = "DELETED", _("deleted")
        LIMIT_EXCEEDED = "LIMIT_EXCEEDED", _("too many templates")
        ARCHIVED = "ARCHIVED", _("archived")
        LOCKED = "LOCKED", _("locked")

    class Category(models.TextChoices):
        UTILITY = "UTILITY", _("utility")
        MARKETING = "MARKETING", _("marketing")
        AUTHENTICATION = "AUTHENTICATION", _("authentication")

    name = models.CharField(_("name"), max_length=512)
    language = models.CharField(
        _("language"), max_length=15, help_text=_("As approved: en_US is not en.")
    )
    category = models.CharField(
        _("category"),
        max_length=20,
        choices=Category.choices,
        help_text=_("Meta's own, as of now: Meta may change it, and with it the price."),
    )
    status = models.CharField(
        _("status"), max_length=20, choices=Status.choices, default=Status.DRAFT
    )
    #: Meta's list of components, as it came.
    components = models.JSONField(_("components"), default=list)
    parameter_format = models.CharField(max_length=12, default="positional")
    quality = models.CharField(_("quality"), max_length=10, blank=True)
    rejected_reason = models.CharField(_("reason of rejection"), max_length=200, blank=True)
    meta_id = models.CharField(_("id at Meta"), max_length=40, blank=True)
    stopped_at = models.DateTimeField(
        _("stopped at"),
        null=True,
        blank=True,
        help_text=_("Sending with this template stopped by itself because Meta refused it."),
    )
    stopped_code = models.IntegerField(_("Meta's code"), null=True, blank=True)
    #: When a person, or Meta by approving it, said at last that it may be sent again.
    resumed_at = models.DateTimeField(null=True, editable=False)
    synced_at = models.DateTimeField(_("last seen at Meta"), null=True, blank=True)
    #: Of the latest news of its status, by Meta's clock: webhooks come in any order.
    told_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("template")
        verbose_name_plural = _("templates")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "language"], name="wn_template_uniq"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"

    # Queries

    def definition(self) -> TemplateDefinition:
        """This will read the components into what the domain can fill."""
        return wire.parse(
            {
                "name": self.name,
                "language": self.language,
                "category": self.category,
                "status": self.status,
                "parameter_format": self.parameter_format,
                "components": self.components,
            }
        )

    # Mutators

    def stop(self, *, code: int | None, now: datetime) -> None:
        """This will keep the template from being sent until it is repaired. Does not save."""
        self.stopped_at = now
        self.stopped_code = code

    def resume(self, *, now: datetime) -> None:
        """This will let the template be sent again, after the repair. Does not save."""
        for column, value in self.resumed(now=now).items():
            setattr(self, column, value)

    @staticmethod
    def resumed(*, now: datetime) -> dict[str, Any]:
        """This will return what is written of one that may be sent again, after the repair."""
        return {"stopped_at": None, "stopped_code": None, "resumed_at": now}

    # Properties

    @property
    def is_sendable(self) -> bool:
        return self.status == self.Status.APPROVED and self.stopped_at is None
