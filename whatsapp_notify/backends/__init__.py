"""Channels: values in, values out. A backend sends and reports; it knows no rows."""

from functools import lru_cache
from typing import Any

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from whatsapp_notify import conf
from whatsapp_notify.backends.base import Backend


@lru_cache(maxsize=1)
def load() -> Backend:
    """This will return the configured backend, one a process, with its connections kept."""
    return _configured()()


def takes_files() -> bool:
    """This will tell whether the configured backend takes files, without making one."""
    return bool(getattr(_configured(), "takes_files", False))


def _configured() -> type[Backend]:
    backend: type[Backend] = import_string(conf.load().BACKEND)
    return backend


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == conf.NAME:
        if load.cache_info().currsize:
            load().close()
        load.cache_clear()


setting_changed.connect(_forget, dispatch_uid="whatsapp_notify.backends")
