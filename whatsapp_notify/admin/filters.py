"""Filters for long lists: none of them asks the database for its choices."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.admin import words
from whatsapp_notify.domain.statuses import PROVIDER_ORDER


class DateFilter(admin.ListFilter):
    """Today, the last days, or from one day to another; one range on an indexed column."""

    title = _("date")
    template = "admin/whatsapp_notify/date_filter.html"
    field = "created_at"

    PRESETS = ((1, _("Today")), (7, _("Last 7 days")), (30, _("Last 30 days")))

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, Any],
        model: type[Model],
        model_admin: admin.ModelAdmin,
    ) -> None:
        super().__init__(request, params, model, model_admin)
        for name in self.expected_parameters():
            if name in params:
                values = params.pop(name)
                self.used_parameters[name] = values[-1] if isinstance(values, list) else values

    def expected_parameters(self) -> list[str | None]:
        return ["last_days", "from_date", "to_date"]

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        start, end = self._range()
        if start is not None:
            queryset = queryset.filter(**{f"{self.field}__gte": start})
        if end is not None:
            queryset = queryset.filter(**{f"{self.field}__lt": end})
        return queryset

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        chosen = self.used_parameters
        names = [name for name in self.expected_parameters() if name]
        yield {
            "selected": not any(chosen.values()),
            "query_string": changelist.get_query_string(remove=names),
            "display": _("Any date"),
        }
        for days, label in self.PRESETS:
            yield {
                "selected": chosen.get("last_days") == str(days),
                "query_string": changelist.get_query_string(
                    {"last_days": days}, ["from_date", "to_date", "p"]
                ),
                "display": label,
            }
        yield {
            "is_form": True,
            "from_date": chosen.get("from_date", ""),
            "to_date": chosen.get("to_date", ""),
            "is_custom": bool(chosen.get("from_date") or chosen.get("to_date")),
            "others": [
                (name, value)
                for name, values in changelist.filter_params.items()
                if name not in names
                for value in values
            ],
            "query": changelist.query,
        }

    def _range(self) -> tuple[datetime | None, datetime | None]:
        chosen = {name: str(value) for name, value in self.used_parameters.items() if value}
        today = timezone.localdate()
        try:
            if chosen.get("last_days"):
                days = int(chosen["last_days"])
                return _midnight(today - timedelta(days=days - 1)), None
            first, last = chosen.get("from_date"), chosen.get("to_date")
            return (
                _midnight(date.fromisoformat(first)) if first else None,
                _midnight(date.fromisoformat(last) + timedelta(days=1)) if last else None,
            )
        except (ValueError, OverflowError) as err:
            # Django shows the whole list again, and says that the filter was not understood.
            raise IncorrectLookupParameters(err) from err


def date_filter(field: str, title: words.Words | None = None) -> type[DateFilter]:
    """This will make a date filter for a field."""
    return type("DateFilter", (DateFilter,), {"field": field, "title": title or DateFilter.title})


#: Rows that a filter without an index looks at, where no dates are chosen.
NEWEST = 50_000


class StateFilter(admin.ChoicesFieldListFilter):
    """By state, which stands in no index: among the newest rows, or among dates."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found = super().queryset(request, queryset)
        if found is None or not self.used_parameters:
            return queryset
        return among_newest(request, found)


class StatusFilter(admin.SimpleListFilter):
    """By what a provider may report."""

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(str(state), str(words.state(state))) for state in PROVIDER_ORDER]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return among_newest(request, queryset.filter(status=chosen)) if chosen else queryset


class ReasonFilter(admin.SimpleListFilter):
    """By the reasons that have words."""

    title = _("reason")
    parameter_name = "reason"
    template = "admin/whatsapp_notify/closed_filter.html"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        # Several codes may share their words: the words are the choice.
        choices: dict[str, str] = {}
        for code, label in words.REASONS.items():
            choices.setdefault(str(label), code)
        return sorted(((code, label) for label, code in choices.items()), key=lambda item: item[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if not chosen:
            return queryset
        label = str(words.reason(chosen))
        same = [code for code, each in words.REASONS.items() if str(each) == label]
        return among_newest(request, queryset.filter(reason__in=same or [chosen]))


class AttentionFilter(admin.SimpleListFilter):
    """Only what a person should look at; one click, one index."""

    title = _("needs attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("yes", str(_("Needs attention")))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(needs_attention=True) if self.value() == "yes" else queryset


def has_dates(request: HttpRequest) -> bool:
    """This will tell whether the list is narrowed to dates."""
    return bool({"last_days", "from_date", "to_date"} & request.GET.keys())


def among_newest(request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
    """This will keep a filter without an index from reading a table of a million rows."""
    if has_dates(request) or request.GET.get(AttentionFilter.parameter_name):
        return queryset
    last = queryset.model._default_manager.order_by("-pk").values_list("pk", flat=True).first()
    return queryset.filter(pk__gt=(last or 0) - NEWEST)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
