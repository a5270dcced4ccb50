"""The one settings dict, ``WHATSAPP_NOTIFY``, typed and with its defaults.

The comment beside each field is the manual: the settings table of the README is held
against it by a test. Unknown keys and wrong types are reported by ``manage.py check``.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed

NAME = "WHATSAPP_NOTIFY"


@dataclass(frozen=True, kw_only=True, repr=False)
class Settings:
    #: Dotted path of the shop adapter that translates users and orders.
    ADAPTER: str = ""
    #: Name of the business as customers know it; shown beside every consent box.
    BUSINESS_NAME: str = ""
    #: What to watch in the shop: models and signals that become events.
    WATCH: Sequence[Mapping[str, Any]] = ()
    #: Dotted path of the backend that sends; locmem and console are for tests and trials.
    BACKEND: str = "whatsapp_notify.backends.cloud_api.CloudApiBackend"
    #: Base address of the Graph API, without the version.
    GRAPH_URL: str = "https://graph.facebook.com"
    #: Version of the Graph API.
    GRAPH_VERSION: str = "v26.0"
    #: System user access token; scopes whatsapp_business_messaging and _management.
    ACCESS_TOKEN: str = ""
    #: App secret that signs webhooks; a list of two while it is being rotated.
    APP_SECRET: str | Sequence[str] = ""
    #: Own word that Meta repeats when the webhook address is registered.
    VERIFY_TOKEN: str = ""
    #: Id (not the digits) of the sending number.
    PHONE_NUMBER_ID: str = ""
    #: Id of the WhatsApp Business Account, owner of the templates.
    BUSINESS_ACCOUNT_ID: str = ""
    #: Name of this deployment; sending stops when it differs from the one the database was
    #: first used with, so that a copied production database cannot send.
    DEPLOYMENT: str = ""
    #: Country (two letters) in which national phone numbers are read.
    DEFAULT_REGION: str = "FI"
    #: Language of customers who have none, and of templates that lack theirs.
    DEFAULT_LANGUAGE: str = "en"
    #: Time zone of customers who have none; empty for Django's TIME_ZONE.
    TIME_ZONE: str = ""
    #: Local hours in which promotions and surveys wait: [from, until], "HH:MM"; empty for none.
    QUIET_HOURS: Sequence[str] = ("21:00", "08:00")
    #: Most promotions to one person in CAP_DAYS days; 0 for no cap.
    CAP_PROMOTIONS: int = 4
    #: Days over which CAP_PROMOTIONS counts.
    CAP_DAYS: int = 7
    #: Countries (two letters) to which no promotion may go; Meta blocks marketing to +1.
    BLOCKED_MARKETING_COUNTRIES: Sequence[str] = ("US",)
    #: Local time of birthday greetings, "HH:MM".
    BIRTHDAY_TIME: str = "09:00"
    #: Days after which a birthday that was missed is not greeted any more.
    BIRTHDAY_CATCH_UP_DAYS: int = 2
    #: Day on which people born on 29 February are greeted in other years: "feb28" or "mar1".
    LEAP_DAY_RULE: str = "feb28"
    #: Discount in per cent named in birthday greetings.
    BIRTHDAY_DISCOUNT_PERCENT: int = 10
    #: Page that welcome and birthday messages link to.
    BENEFIT_URL: str = ""
    #: The shop's own address, https://shop.example; Meta fetches QR codes there.
    PUBLIC_URL: str = ""
    #: Most messages per second; Meta grants 80 by default, 20 with coexistence.
    MESSAGES_PER_SECOND: int = 80
    #: Calls to Graph at the same time in one process.
    CONCURRENCY: int = 64
    #: Tasks that send at the same time, each with CONCURRENCY calls; more workers do other work.
    SENDING_TASKS: int = 1
    #: Seconds to connect to Graph.
    CONNECT_TIMEOUT_SECONDS: float = 5.0
    #: Seconds that one call may take in all; afterwards its outcome is in doubt.
    CALL_DEADLINE_SECONDS: float = 20.0
    #: Days that raw webhooks are kept; Meta repeats for up to seven.
    WEBHOOK_RETENTION_DAYS: int = 30
    #: Dotted path of the bot that answers first; empty for none.
    BOT: str = ""
    #: Seconds that the bot may take for one answer; afterwards a person is called.
    BOT_DEADLINE_SECONDS: float = 10.0
    #: Most automatic replies to one customer within an hour; 0 for none at all.
    AUTOMATIC_REPLIES_PER_HOUR: int = 12
    #: Most order numbers that one customer may ask about within an hour.
    ORDER_LOOKUPS_PER_HOUR: int = 5
    #: Directory for files from and to customers, never served by the web server; empty keeps none.
    MEDIA_DIRECTORY: str = ""
    #: Days that files from and to customers are kept.
    MEDIA_RETENTION_DAYS: int = 180
    #: Hours for which the reconcile scan looks back for events that signals did not tell.
    RECONCILE_HOURS: int = 72
    #: Register the periodic tasks in django-celery-beat after each migrate.
    CREATE_SCHEDULES: bool = True

    def __repr__(self) -> str:
        return f"<{NAME}>"

    @property
    def app_secrets(self) -> tuple[str, ...]:
        """All secrets that may sign a webhook now, without blank ones."""
        secrets = [self.APP_SECRET] if isinstance(self.APP_SECRET, str) else self.APP_SECRET
        return tuple(secret for secret in secrets or () if secret and secret.strip())

    @property
    def time_zone(self) -> str:
        return self.TIME_ZONE or settings.TIME_ZONE

    @property
    def quiet_hours(self) -> tuple[time, time] | None:
        if not self.QUIET_HOURS:
            return None
        start, end = self.QUIET_HOURS
        return time.fromisoformat(start), time.fromisoformat(end)

    @property
    def birthday_time(self) -> time:
        return time.fromisoformat(self.BIRTHDAY_TIME)


FIELDS: tuple["dataclasses.Field[Any]", ...] = dataclasses.fields(Settings)
KEYS = frozenset(each.name for each in FIELDS)
#: Without these nothing can be sent or received.
REQUIRED = (
    "ADAPTER",
    "BUSINESS_NAME",
    "ACCESS_TOKEN",
    "APP_SECRET",
    "VERIFY_TOKEN",
    "PHONE_NUMBER_ID",
    "BUSINESS_ACCOUNT_ID",
)


@lru_cache(maxsize=1)
def load() -> Settings:
    """This will read the settings dict; unknown keys are left to the system checks."""
    given = getattr(settings, NAME, {})
    if not isinstance(given, Mapping):
        given = {}  # the system check tells; Django must come up for it
    return Settings(**{key: value for key, value in given.items() if key in KEYS})


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting in {NAME, "TIME_ZONE"}:
        load.cache_clear()


setting_changed.connect(_forget, dispatch_uid="whatsapp_notify.conf")
