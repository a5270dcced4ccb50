"""Promotions that rest for one customer, until a person or the customer lets them go on."""

from datetime import datetime

from django.db.models import F

from whatsapp_notify.models import Contact


def pause(*, contact: Contact, reason: Contact.PauseReason, now: datetime) -> None:
    """This will let no promotion leave to the customer any more. Needs a transaction.

    What has been planned waits, and expires in its time. The first reason stays.
    """
    Contact.objects.filter(pk=contact.pk, promotions_paused_at=None).update(
        promotions_paused_at=now,
        promotions_paused_reason=reason,
        # A call that was claimed before goes back to the queue: see Note [The last look].
        consent_revision=F("consent_revision") + 1,
    )


def lift(*, contact: Contact) -> None:
    """This will let promotions go on; consent decides as before."""
    Contact.objects.filter(pk=contact.pk).update(
        promotions_paused_at=None, promotions_paused_reason=""
    )
    contact.promotions_paused_at, contact.promotions_paused_reason = None, ""
