"""Signals of the shop become events; signals of ours wake the queue."""

from typing import Any

from django.core.signals import setting_changed

from whatsapp_notify import conf
from whatsapp_notify.receivers import queue, shop


def connect() -> None:
    """This will connect the shop's signals to our events, and our signals to our tasks.

    Makes no query. Called again, it replaces what it connected before.
    """
    shop.connect()
    queue.connect()


def _reconnect(*, setting: str, **kwargs: Any) -> None:
    if setting == conf.NAME:
        connect()


setting_changed.connect(_reconnect, dispatch_uid="whatsapp_notify.receivers")
