"""The shop's bot, where it has one."""

from collections.abc import Mapping

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error
from django.utils.translation import gettext as _

from whatsapp_notify import conf
from whatsapp_notify.exceptions import ConfigurationError
from whatsapp_notify.services import bots


def check() -> list[CheckMessage]:
    """This will try to import the bot that ``BOT`` names."""
    given = getattr(django_settings, conf.NAME, {})
    # Another type than text is reported as such.
    path = given.get("BOT") if isinstance(given, Mapping) else None
    if not path or not isinstance(path, str):
        return []
    try:
        bots.load()
    except ConfigurationError as err:
        return [
            Error(
                str(err),
                hint=_(
                    "Name a function that takes a whatsapp_notify.shop.BotTurn by its dotted "
                    'path, such as "shop.bot.answer", or leave BOT out.'
                ),
                id="whatsapp_notify.E041",
            )
        ]
    return []
