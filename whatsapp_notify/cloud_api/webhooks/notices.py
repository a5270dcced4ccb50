"""News of templates, numbers and the account; they have no id of their own."""

import dataclasses
from dataclasses import dataclass
from datetime import datetime

from whatsapp_notify.cloud_api.webhooks.reading import JsonObject, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What all have in common."""

    business_account_id: str
    #: Empty where the news is not of one number.
    phone_number_id: str = ""
    display_phone_number: str = ""
    #: Meta's name of the subscription; its own pages mislabel some.
    field: str
    #: ``entry.time``; None where Meta sent none.
    happened_at: datetime | None = None
    #: ``value`` as it came.
    raw: JsonObject = dataclasses.field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateStatusChange(Notice):
    """A template was approved, rejected, paused, disabled, ..."""

    #: "APPROVED", "REJECTED", "PAUSED", ... or a new word.
    event: str
    template_id: str
    name: str
    #: Written as in the API: ``en_US``.
    language: str
    category: str = ""
    #: Empty for none.
    reason: str = ""
    recommendation: str = ""
    disable_date: str = ""
    #: "FIRST_PAUSE", "SECOND_PAUSE", ...
    title: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateQualityChange(Notice):
    template_id: str
    name: str
    language: str
    previous_quality: str = ""
    new_quality: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateComponentsChange(Notice):
    """The words of a template were changed."""

    template_id: str
    name: str
    language: str
    body: str = ""
    header: str = ""
    footer: str = ""
    buttons: tuple[JsonObject, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateCategoryChange(Notice):
    """The category, and with it price and rules, has changed or is about to."""

    template_id: str
    name: str
    language: str
    previous_category: str = ""
    #: While the change is still to come, this is the category of today.
    new_category: str
    #: What it will be; empty once it has happened.
    correct_category: str = ""
    effective_at: datetime | None = None

    @property
    def is_upcoming(self) -> bool:
        """Whether Meta only announces the change."""
        return bool(self.correct_category)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneNumberQualityChange(Notice):
    """Throughput or messaging limit of a number has changed."""

    event: str
    old_limit: str = ""
    #: "TIER_2K" and the like.
    limit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneNumberNameChange(Notice):
    decision: str
    requested_name: str = ""
    rejection_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessCapabilityChange(Notice):
    #: A number or a word such as "TIER_2K", as Meta wrote it; "-1" is no limit.
    limit: str = ""
    max_numbers_per_business: int | None = None
    max_numbers_per_account: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """One thing that the account may not do for a while."""

    kind: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountUpdate(Notice):
    """A violation, restriction, ban, price tier or partnership of the account."""

    event: str
    violation_type: str = ""
    #: "DISABLE", "REINSTATE", "SCHEDULE_FOR_DISABLE".
    ban_state: str = ""
    ban_date: str = ""
    restrictions: tuple[Restriction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountAlert(Notice):
    #: "CRITICAL", "WARNING" or "INFORMATIONAL".
    severity: str
    alert_type: str
    alert_status: str = ""
    description: str = ""
    entity_type: str = ""
    entity_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountReview(Notice):
    #: "APPROVED", "REJECTED", "PENDING" or "DEFERRED".
    decision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityNotice(Notice):
    #: "PIN_CHANGED", "PIN_RESET_REQUEST" or "PIN_REQUEST_SUCCESS".
    event: str
    #: Who asked for it, at the shop: personal, so not shown by itself.
    requester: str = dataclasses.field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsernameChange(Notice):
    """The user name of the business has changed."""

    #: "approved", "reserved" or "deleted".
    status: str
    username: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueErrorNotice(Notice):
    """Errors that belong to no message and no status."""

    errors: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownChange(Notice):
    """A subscription that is new to us, or not for us; kept as it came."""
