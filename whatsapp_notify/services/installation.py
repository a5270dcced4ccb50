"""Which deployment this database belongs to."""

import secrets
from datetime import datetime

from django.db import transaction

from whatsapp_notify import conf
from whatsapp_notify.models import Installation


def current(*, now: datetime) -> Installation:
    """This will return the one installation row, and create it at the first use.

    The deployment's name of that moment is the only one that may send from then on.
    """
    found = Installation.objects.order_by("id").first()
    if found is not None:
        return found
    with transaction.atomic():
        Installation.objects.get_or_create(
            pk=1,
            defaults={
                "instance": secrets.token_hex(4),
                "deployment": conf.load().DEPLOYMENT,
                "installed_at": now,
            },
        )
    return Installation.objects.order_by("id").get()


def move(*, now: datetime) -> Installation:
    """This will make the database belong to the deployment named in the settings now.

    It is the answer to the staging lock, for the day on which a shop really moves.
    """
    installation = current(now=now)
    installation.deployment = conf.load().DEPLOYMENT
    # A new instance: callbacks of the old deployment's calls are not ours any more.
    installation.instance = secrets.token_hex(4)
    installation.save(update_fields=["deployment", "instance"])
    return installation
