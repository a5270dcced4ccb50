"""Bars in a row, drawn on the server: shapes and classes, no style, no script."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from whatsapp_notify.admin.words import Words

_WIDTH, _HEIGHT, _FOOT, _HEAD = 640, 208, 24, 26
_BAR_SHARE = 0.6
#: Width of a letter on a phone, where letters are larger, and of the gap between two words.
_LETTER, _GAP = 11, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    #: None leaves a gap: nothing is known, which is not the same as nothing.
    value: float | None
    label: str
    #: The value as it stands above the bar.
    text: str = ""
    #: "good", "way", "bad" or "off".
    fill: str = "way"


def draw(bars: Sequence[Bar], *, name: str, title: Words, most: float = 0) -> SafeString | str:
    """This will draw the bars from zero up; empty where there is nothing to draw.

    ``name`` tells the charts of a page apart, ``title`` says in words what is drawn. ``most``
    is the value of a full bar, where that is not the highest one.
    """
    most = most or max((bar.value or 0 for bar in bars), default=0)
    if not most or all(bar.value is None for bar in bars):
        return ""
    slot = _WIDTH / len(bars)
    # Words must not run into each other: labels are left out in between, values all or none.
    step = math.ceil(_width(bar.label for bar in bars) / slot)
    has_texts = _width(bar.text for bar in bars) <= slot
    drawn = []
    for number, bar in enumerate(bars):
        height = (bar.value or 0) / most * (_HEIGHT - _FOOT - _HEAD)
        left = number * slot + slot * (1 - _BAR_SHARE) / 2
        drawn.append(
            {
                "x": _px(left),
                "middle": _px(left + slot * _BAR_SHARE / 2),
                "y": _px(_HEIGHT - _FOOT - height),
                "height": _px(height),
                "text_y": _px(_HEIGHT - _FOOT - height - 5),
                "text": bar.text if has_texts and bar.value is not None else "",
                "label_x": _px(_within(left + slot * _BAR_SHARE / 2, bar.label)),
                "label": bar.label if number % step == 0 else "",
                "fill": bar.fill,
            }
        )
    return render_to_string(
        "admin/whatsapp_notify/bar_chart.html",
        {
            "bars": drawn,
            "name": name,
            "title": title,
            "width": str(_WIDTH),
            "height": str(_HEIGHT),
            "bar_width": _px(slot * _BAR_SHARE),
            "base": _px(_HEIGHT - _FOOT),
            "label_y": _px(_HEIGHT - 6),
        },
    )


def _within(middle: float, text: str) -> float:
    """This will move the middle of a word so that the word is not cut off at either side."""
    half = _width([text]) / 2
    return min(max(middle, half), _WIDTH - half)


def _width(texts: Iterable[str]) -> int:
    return max(map(len, texts)) * _LETTER + _GAP


def _px(length: float) -> str:
    """This will write a length for SVG, which knows no decimal comma."""
    return f"{length:.1f}"
