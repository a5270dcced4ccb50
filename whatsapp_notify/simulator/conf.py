"""The one settings dict, ``settings.WHATSAPP_SIMULATOR``, read anew each time."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from django.conf import settings as django_settings

SETTING_NAME = "WHATSAPP_SIMULATOR"

#: Seconds from acceptance to each status of a message, when nothing is said.
DEFAULT_STATUS_DELAYS_SECONDS = {"sent": 0.3, "delivered": 0.9, "read": 2.5}


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """What the simulator knows about the shop, and how slow its network is."""

    #: Where the courier posts webhooks; blank keeps them waiting.
    webhook_url: str = ""
    #: Signs webhooks; blank signs nothing, so nothing is posted.
    app_secret: str = ""
    #: The only bearer token that Graph and the control address take; blank takes none.
    access_token: str = ""
    phone_number_id: str = "106540352242922"
    business_account_id: str = "102290129340398"
    display_phone_number: str = "+358 45 739 0190"
    business_name: str = "Simulated shop"
    #: Seconds from acceptance to "sent", "delivered" and, where a fate reads alone, "read".
    status_delays_seconds: Mapping[str, float] = field(
        default_factory=lambda: DEFAULT_STATUS_DELAYS_SECONDS
    )
    #: Seconds for which a message held for quality assessment waits.
    held_seconds: float = 5.0
    #: Seconds for which the fate "no answer" leaves the caller without one.
    no_answer_seconds: float = 35.0
    #: Seconds by which the fate "delayed" keeps webhooks back.
    delayed_seconds: float = 20.0
    #: Seconds for which a pair of numbers stays limited (131056).
    pair_limit_seconds: float = 6.0
    #: Dotted path of a function that returns the catalog.CatalogProducts of the shop; blank: none.
    catalog: str = ""
    #: The simulator answers although DEBUG is off: for a public demo only.
    allow_without_debug: bool = False

    @property
    def business_digits(self) -> str:
        """The business number as webhooks write it: digits only."""
        return "".join(letter for letter in self.display_phone_number if letter.isdigit())

    def delay_seconds(self, status: str) -> float:
        """This will return the seconds from acceptance to a status."""
        return float(self.status_delays_seconds.get(status, DEFAULT_STATUS_DELAYS_SECONDS[status]))


#: Keys of the settings dict.
KNOWN_KEYS = frozenset(each.name.upper() for each in fields(SimulatorSettings))


def raw_settings() -> dict[str, Any]:
    """This will return the settings dict as the shop wrote it, or an empty one.

    Raises: nothing; a value that is no dict counts as empty, and the system check says so.
    """
    value = getattr(django_settings, SETTING_NAME, None)
    return value if isinstance(value, dict) else {}


def get_settings() -> SimulatorSettings:
    """This will return the settings of this moment; unknown keys are left to the system check.

    Raises: nothing.
    """
    known = {key.lower(): value for key, value in raw_settings().items() if key in KNOWN_KEYS}
    return SimulatorSettings(**known)


def is_enabled() -> bool:
    """This will tell whether the simulator may answer: only with DEBUG, or where allowed."""
    return bool(django_settings.DEBUG) or get_settings().allow_without_debug
