"""Rows that are evidence: they can be added, never changed or deleted."""

from typing import Any, NoReturn

from django.db import models

from whatsapp_notify.exceptions import AppendOnlyError


class AppendOnlyQuerySet(models.QuerySet[Any]):
    """Refuses what would alter evidence; plain inserts and reads pass."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError(AppendOnlyError.__doc__)

    def delete(self) -> NoReturn:
        raise AppendOnlyError(AppendOnlyError.__doc__)

    def bulk_create(self, *args: Any, update_conflicts: bool = False, **kwargs: Any) -> list[Any]:
        if update_conflicts:
            raise AppendOnlyError(AppendOnlyError.__doc__)
        return super().bulk_create(*args, **kwargs)

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError(AppendOnlyError.__doc__)


class AppendOnlyModel(models.Model):
    """Base of evidence rows; the database guards the consent ledger as well."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None and not self._state.adding:
            raise AppendOnlyError(AppendOnlyError.__doc__)
        # Without this, a new object with the id of an old one would write over it.
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError(AppendOnlyError.__doc__)
