"""The business account, its number and profile, as Graph's nodes.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/phone-numbers
and .../business-profiles, read 2026-11
"""

from collections.abc import Mapping
from typing import Any, Final

from django.utils import timezone

from .conf import SimulatorSettings
from .errors import GraphError, invalid
from .models import BusinessAccount

PHONE_NUMBER_DEFAULTS: Final = (
    "verified_name",
    "code_verification_status",
    "display_phone_number",
    "quality_rating",
    "platform_type",
    "throughput",
)
ACCOUNT_DEFAULTS: Final = ("name", "timezone_id", "message_template_namespace")

#: Fields of the profile and their most characters.
PROFILE_LIMITS: Final[Mapping[str, int]] = {
    "about": 139,
    "address": 256,
    "description": 512,
    "email": 128,
    "vertical": 40,
    "profile_picture_handle": 2000,
}
MOST_WEBSITES: Final = 2
WEBSITE_LIMIT: Final = 256

#: Most characters of an override of the webhook address.
CALLBACK_LIMIT: Final = 200


def phone_number(*, settings: SimulatorSettings) -> dict[str, Any]:
    """This will return all fields of the business number."""
    account = BusinessAccount.get_current()
    return {
        "id": settings.phone_number_id,
        "verified_name": settings.business_name,
        "display_phone_number": settings.display_phone_number,
        "quality_rating": account.quality_rating,
        "status": "CONNECTED",
        "name_status": "APPROVED",
        "code_verification_status": "VERIFIED",
        "platform_type": "CLOUD_API",
        "account_mode": "SANDBOX",
        "is_official_business_account": True,
        "throughput": {"level": "STANDARD"},
        "webhook_configuration": {"application": settings.webhook_url},
        "messaging_limit_tier": account.messaging_limit,
        "whatsapp_business_manager_messaging_limit": account.messaging_limit,
        "health_status": _health(settings=settings),
    }


def business_account(*, settings: SimulatorSettings) -> dict[str, Any]:
    """This will return all fields of the business account."""
    account = BusinessAccount.get_current()
    return {
        "id": settings.business_account_id,
        "name": settings.business_name,
        "currency": "EUR",
        "timezone_id": "1",
        "message_template_namespace": "simulator",
        "account_review_status": "APPROVED",
        "business_verification_status": "verified",
        "whatsapp_business_manager_messaging_limit": account.messaging_limit,
        "health_status": _health(settings=settings),
    }


def _health(*, settings: SimulatorSettings) -> dict[str, Any]:
    entities = (
        ("PHONE_NUMBER", settings.phone_number_id),
        ("WABA", settings.business_account_id),
        ("BUSINESS", "2729063490586005"),
        ("APP", "67884224343534"),
    )
    return {
        "can_send_message": "AVAILABLE",
        "entities": [
            {"entity_type": kind, "id": entity_id, "can_send_message": "AVAILABLE"}
            for kind, entity_id in entities
        ],
    }


def profile() -> dict[str, Any]:
    """This will return the business profile, without what was never set."""
    return {"messaging_product": "whatsapp", **BusinessAccount.get_current().profile}


def set_profile(values: Mapping[str, Any]) -> None:
    """This will change the fields that are given. Raises: GraphError 100 or 131009."""
    if values.get("messaging_product") != "whatsapp":
        raise GraphError(100, details="The parameter messaging_product is required.")
    checked: dict[str, Any] = {}
    for name, limit in PROFILE_LIMITS.items():
        if name in values:
            checked[name] = _limited(values[name], name=name, limit=limit)
    if checked.get("about") == "":
        raise invalid("about", "must have 1 to 139 characters.")
    if "websites" in values:
        checked["websites"] = _websites(values["websites"])
    current = BusinessAccount.get_current()
    current.profile = {**current.profile, **checked}
    current.save()


def _limited(value: Any, *, name: str, limit: int) -> str:
    if not isinstance(value, str) or len(value) > limit:
        raise invalid(name, f"must be a string of at most {limit} characters.")
    return value


def _websites(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > MOST_WEBSITES:
        raise invalid("websites", f"must be an array of at most {MOST_WEBSITES}.")
    return [_limited(each, name="websites", limit=WEBSITE_LIMIT) for each in value]


def subscribe(values: Mapping[str, Any]) -> None:
    """This will subscribe the app to webhooks. Raises: GraphError 131009.

    Webhooks go to WEBHOOK_URL of the settings all the same: one machine, one shop.
    """
    _limited(values.get("override_callback_uri", ""), name="override_callback_uri",
             limit=CALLBACK_LIMIT)  # fmt: skip
    current = BusinessAccount.get_current()
    current.subscribed_at = timezone.now()
    current.save()


def subscriptions() -> dict[str, Any]:
    """This will return the apps that get webhooks."""
    if BusinessAccount.get_current().subscribed_at is None:
        return {"data": []}
    app = {"name": "Simulator", "id": "67884224343534", "link": "https://www.facebook.com/games/"}
    return {"data": [{"whatsapp_business_api_data": app}]}
