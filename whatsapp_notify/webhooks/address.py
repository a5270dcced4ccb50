"""Where among the shop's addresses the webhook is."""

import logging
from functools import lru_cache

from django.core.signals import setting_changed
from django.urls import NoReverseMatch, get_script_prefix, reverse

logger = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def path() -> str:
    """This will return the path of the webhook within the shop; empty where it is forgotten.

    Without the prefix under which a server may have mounted the shop.
    """
    try:
        return "/" + reverse("whatsapp_notify:webhook").removeprefix(get_script_prefix())
    except NoReverseMatch:
        # The shop must not stand still because of that.
        logger.error("WebhookFirst finds no webhook among the shop's addresses")
        return ""


def _forget(*, setting: str, **kwargs: object) -> None:
    if setting == "ROOT_URLCONF":
        path.cache_clear()


setting_changed.connect(_forget, dispatch_uid="whatsapp_notify.webhooks.address")
