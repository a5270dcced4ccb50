"""The choice of a period above the figures of a page."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.admin.words import Words

PERIODS: Mapping[int, Words] = {
    30: _("the last 30 days"),
    90: _("the last 90 days"),
    365: _("the last 365 days"),
}
_DEFAULT = 90


def chosen(request: HttpRequest) -> int:
    """This will read the period from the address; the usual one where that makes no sense."""
    asked = request.GET.get("days", "")
    return next((days for days in PERIODS if str(days) == asked), _DEFAULT)


def choices(days: int) -> list[dict[str, Any]]:
    """This will return what a field of choices offers."""
    return [
        {"value": str(each), "label": label, "is_chosen": each == days}
        for each, label in PERIODS.items()
    ]
