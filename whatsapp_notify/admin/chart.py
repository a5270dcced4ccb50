"""A bar chart of the days, drawn on the server: shapes and classes, no style, no script."""

from collections.abc import Mapping, Sequence

from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from whatsapp_notify.admin.words import Words
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.services.overview import Day, Tally

#: Class -> name and states, from the bottom of a bar to its top.
GROUPS: Mapping[str, tuple[Words, frozenset[State]]] = {
    "good": (gettext_lazy("delivered"), frozenset({State.DELIVERED, State.READ})),
    "way": (
        gettext_lazy("under way"),
        frozenset({State.QUEUED, State.CALLING, State.ACCEPTED, State.HELD, State.SENT}),
    ),
    "bad": (
        gettext_lazy("failed or in doubt"),
        frozenset({State.FAILED, State.IN_DOUBT, State.UNKNOWN}),
    ),
    "off": (
        gettext_lazy("not sent"),
        frozenset({State.BLOCKED, State.EXPIRED, State.CANCELLED}),
    ),
}

_WIDTH, _HEIGHT, _FOOT, _HEAD = 640, 200, 24, 18
_BAR_SHARE = 0.6


def group_counts(tally: Tally) -> list[int]:
    """This will count a day's messages by group, in the order of ``GROUPS``."""
    return [tally.count(states) for _name, states in GROUPS.values()]


def draw(days: Sequence[Day]) -> SafeString | str:
    """This will draw one stacked bar a day; empty where there is nothing to draw."""
    most = max((day.tally.total for day in days), default=0)
    if not most:
        return ""
    slot = _WIDTH / len(days)
    bars = []
    for number, day in enumerate(days):
        left = number * slot + slot * (1 - _BAR_SHARE) / 2
        bars.append(
            {
                "x": _px(left),
                "middle": _px(left + slot * _BAR_SHARE / 2),
                "label": date_format(day.day, "D j"),
                "total": day.tally.total,
                "total_y": _px(_HEIGHT - _FOOT - _scaled(day.tally.total, most) - 5),
                "pieces": _pieces(day.tally, most),
            }
        )
    return render_to_string(
        "admin/whatsapp_notify/chart.html",
        {
            "bars": bars,
            "width": str(_WIDTH),
            "height": str(_HEIGHT),
            "bar_width": _px(slot * _BAR_SHARE),
            "base": _px(_HEIGHT - _FOOT),
            "label_y": _px(_HEIGHT - 6),
            "groups": [(name, words) for name, (words, _states) in GROUPS.items()],
        },
    )


def _pieces(tally: Tally, most: int) -> list[dict[str, object]]:
    pieces: list[dict[str, object]] = []
    top = float(_HEIGHT - _FOOT)
    for name, count in zip(GROUPS, group_counts(tally), strict=True):
        height = _scaled(count, most)
        top -= height
        if count:
            pieces.append({"name": name, "y": _px(top), "height": _px(height)})
    return pieces


def _scaled(count: int, most: int) -> float:
    return count / most * (_HEIGHT - _FOOT - _HEAD)


def _px(length: float) -> str:
    """This will write a length for SVG, which knows no decimal comma."""
    return f"{length:.1f}"
