"""System checks: each names what is wrong with an installation, and the repair.

Importing this package registers them. None of them queries, but those of ``--database``.
"""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Tags, register

from whatsapp_notify.checks import bot, environment, media, settings_dict, watch

TAG = "whatsapp_notify"


@register(TAG)
def check_settings(*, app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """This will report what is wrong in ``WHATSAPP_NOTIFY``."""
    return settings_dict.check()


@register(TAG)
def check_watch(*, app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """This will report the adapter and each entry of ``WATCH`` that cannot work."""
    return watch.check()


@register(TAG)
def check_bot(*, app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """This will report a bot that cannot be asked."""
    return bot.check()


@register(TAG)
def check_media(*, app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """This will report a directory for customers' files that is not safe or not there."""
    return media.check()


@register(TAG)
def check_environment(
    *, app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """This will report settings of Django, Celery and databases that break promises."""
    return environment.check()


@register(TAG, deploy=True)
def check_deployment(
    *, app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """This will report what may stand in a trial, but not in a shop that is open."""
    return environment.check_deployment()


@register(Tags.database)
def check_databases(
    *,
    app_configs: Sequence[AppConfig] | None,
    databases: Sequence[str] | None = None,
    **kwargs: Any,
) -> list[CheckMessage]:
    """This will ask the databases that are named for their own settings."""
    return environment.check_databases(databases or ())
