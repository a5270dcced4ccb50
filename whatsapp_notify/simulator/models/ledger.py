"""What Graph has accepted: the truth that a test of "never twice" is measured against."""

from typing import Any, NoReturn

from django.db import models
from django.utils.translation import gettext_lazy as _


class LedgerIsAppendOnly(Exception):
    """Rows of the ledger are evidence: they can be added, but neither changed nor deleted."""


class LedgerQuerySet(models.QuerySet["AcceptedMessage"]):
    """Rows that can be read and added only."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Refuse. Raises: LedgerIsAppendOnly."""
        raise LedgerIsAppendOnly

    def delete(self) -> NoReturn:
        """Refuse. Raises: LedgerIsAppendOnly."""
        raise LedgerIsAppendOnly


class AcceptedMessage(models.Model):
    """One send call that Graph has accepted, whatever it then answered. Append-only."""

    wamid = models.CharField(max_length=200, unique=True)
    #: ``biz_opaque_callback_data`` of the call.
    opaque_callback_data = models.CharField(max_length=512, blank=True, db_index=True)
    #: ``to`` or ``recipient`` exactly as the call spelt it.
    recipient = models.CharField(max_length=150)
    wa_id = models.CharField(max_length=15, db_index=True)
    payload = models.JSONField()
    accepted_at = models.DateTimeField()

    objects = LedgerQuerySet.as_manager()

    class Meta:
        verbose_name = _("accepted message")
        verbose_name_plural = _("accepted messages")

    def __str__(self) -> str:
        return f"#{self.pk} accepted"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row; refuse to change one. Raises: LedgerIsAppendOnly."""
        if not self._state.adding:
            raise LedgerIsAppendOnly
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse. Raises: LedgerIsAppendOnly."""
        raise LedgerIsAppendOnly
