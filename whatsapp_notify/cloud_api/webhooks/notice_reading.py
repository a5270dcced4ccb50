"""From ``changes[]: {field, value}`` to a notice."""

from collections.abc import Callable
from typing import Any

from whatsapp_notify.cloud_api.webhooks import notices
from whatsapp_notify.cloud_api.webhooks.reading import (
    JsonObject,
    child,
    language,
    number,
    objects,
    optional_moment,
    required,
    text,
)

_Base = dict[str, Any]


def read_notice(value: JsonObject, *, base: _Base) -> notices.Notice:
    """This will read the value of any field that is not about messages.

    ``base`` holds what all notices have in common. A field that we do not know becomes an
    ``UnknownChange``.

    Raises:
        Malformed: The field is known and its value lacks what makes it useful.
    """
    reader = _reader(base["field"], value)
    return reader(value, base) if reader else notices.UnknownChange(**base)


def _reader(field: str, value: JsonObject) -> Callable[[JsonObject, _Base], notices.Notice] | None:
    # Meta's reference of the quality update prints the field of the status update, so what
    # is inside counts for more than the label.
    if field.startswith("message_template_"):
        if "new_quality_score" in value:
            return _template_quality
        if "event" in value:
            return _template_status
    return _READERS.get(field)


def _template(value: JsonObject) -> _Base:
    return {
        "template_id": required(value, "message_template_id"),
        "name": text(value, "message_template_name", "name"),
        "language": language(value, "message_template_language", "language"),
    }


def _template_status(value: JsonObject, base: _Base) -> notices.Notice:
    rejection = child(value, "rejection_info")
    other = child(value, "other_info")
    reason = text(value, "reason")
    return notices.TemplateStatusChange(
        **base,
        **_template(value),
        event=required(value, "event").upper(),
        category=text(value, "message_template_category"),
        reason="" if reason == "NONE" else reason or text(rejection, "reason"),
        recommendation=text(rejection, "recommendation"),
        disable_date=text(child(value, "disable_info"), "disable_date"),
        title=text(other, "title"),
        description=text(other, "description"),
    )


def _template_quality(value: JsonObject, base: _Base) -> notices.Notice:
    return notices.TemplateQualityChange(
        **base,
        **_template(value),
        previous_quality=text(value, "previous_quality_score"),
        new_quality=required(value, "new_quality_score"),
    )


def _template_components(value: JsonObject, base: _Base) -> notices.Notice:
    return notices.TemplateComponentsChange(
        **base,
        **_template(value),
        body=text(value, "message_template_element"),
        header=text(value, "message_template_title"),
        footer=text(value, "message_template_footer"),
        buttons=tuple(objects(value.get("message_template_buttons"))),
    )


def _template_category(value: JsonObject, base: _Base) -> notices.Notice:
    return notices.TemplateCategoryChange(
        **base,
        **_template(value),
        previous_category=text(value, "previous_category"),
        new_category=required(value, "new_category"),
        correct_category=text(value, "correct_category"),
        effective_at=optional_moment(value, "category_update_timestamp"),
    )


def _number_quality(value: JsonObject, base: _Base) -> notices.Notice:
    return notices.PhoneNumberQualityChange(
        **base,
        event=required(value, "event"),
        old_limit=text(value, "old_limit"),
        limit=text(value, "max_daily_conversations_per_business", "current_limit"),
    )


def _number_name(value: JsonObject, base: _Base) -> notices.Notice:
    return notices.PhoneNumberNameChange(
        **base,
        decision=required(value, "decision"),
        requested_name=text(value, "requested_verified_name"),
        rejection_reason=text(value, "rejection_reason"),
    )


def _capability(value: JsonObject, base: _Base) -> notices.Notice:
    return notices.BusinessCapabilityChange(
        **base,
        limit=text(
            value, "max_daily_conversations_per_business", "max_daily_conversation_per_phone"
        ),
        max_numbers_per_business=number(value, "max_phone_numbers_per_business"),
        max_numbers_per_account=number(value, "max_phone_numbers_per_waba"),
    )


def _account_update(value: JsonObject, base: _Base) -> notices.Notice:
    ban = child(value, "ban_info")
    return notices.AccountUpdate(
        **base,
        event=required(value, "event"),
        violation_type=text(child(value, "violation_info"), "violation_type"),
        ban_state=text(ban, "waba_ban_state"),
        ban_date=text(ban, "waba_ban_date"),
        restrictions=tuple(
            notices.Restriction(
                kind=text(item, "restriction_type"), expires_at=optional_moment(item, "expiration")
            )
            for item in objects(value.get("restriction_info"))
        ),
    )


def _account_alert(value: JsonObject, base: _Base) -> notices.Notice:
    # Older payloads carry the alert without the object around it.
    alert = child(value, "alert_info") or value
    return notices.AccountAlert(
        **base,
        severity=text(alert, "alert_severity"),
        alert_type=required(alert, "alert_type"),
        alert_status=text(alert, "alert_status"),
        description=text(alert, "alert_description"),
        entity_type=text(value, "entity_type"),
        entity_id=text(value, "entity_id"),
    )


def _account_review(value: JsonObject, base: _Base) -> notices.Notice:
    return notices.AccountReview(**base, decision=required(value, "decision"))


def _security(value: JsonObject, base: _Base) -> notices.Notice:
    return notices.SecurityNotice(
        **base, event=required(value, "event"), requester=text(value, "requester")
    )


def _username(value: JsonObject, base: _Base) -> notices.Notice:
    return notices.UsernameChange(
        **base, status=required(value, "status"), username=text(value, "username")
    )


_READERS: dict[str, Callable[[JsonObject, _Base], notices.Notice]] = {
    "message_template_status_update": _template_status,
    "message_template_quality_update": _template_quality,
    "message_template_components_update": _template_components,
    "template_category_update": _template_category,
    "phone_number_quality_update": _number_quality,
    "phone_number_name_update": _number_name,
    "business_capability_update": _capability,
    "account_update": _account_update,
    "account_alerts": _account_alert,
    "account_review_update": _account_review,
    "security": _security,
    "business_username_update": _username,
}
