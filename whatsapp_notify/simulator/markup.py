"""WhatsApp's formatting as safe HTML: ``*bold*``, ``_italics_``, ``~strike~``, code, links.

Source: https://faq.whatsapp.com/539178204879377, read 2026-11
"""

import re
from collections.abc import Callable
from typing import Final

from django.utils.html import escape
from django.utils.safestring import SafeString

#: Characters that stand for a piece of finished HTML while the rest is worked on.
_OPEN, _CLOSE = "\ue000", "\ue001"

_URL: Final = re.compile(r"https?://[^\s<>\"'\ue000\ue001]{1,2000}")
_URL_TAIL: Final = ".,:;!?*_~)"
_CODE: Final = re.compile(r"```(.{1,4096}?)```|`([^`\n]{1,500})`", re.DOTALL)
_KEPT: Final = re.compile(f"{_OPEN}(\\d+){_CLOSE}")

#: Sign and the tag it becomes. A sign counts at the edge of a word only.
_SIGNS: Final = tuple(
    (re.compile(rf"(?<![\w{sign}]){sign}(?=\S)([^\n{sign}]{{1,1000}})(?<=\S){sign}(?!\w)"), tag)
    for sign, tag in ((r"\*", "strong"), ("_", "em"), ("~", "s"))
)


def as_html(text: str) -> SafeString:
    """This will return a message text as HTML; everything is escaped before anything is added."""
    kept: list[str] = []

    def keep(html: str) -> str:
        kept.append(html)
        return f"{_OPEN}{len(kept) - 1}{_CLOSE}"

    plain = text.replace(_OPEN, "").replace(_CLOSE, "")
    plain = _CODE.sub(lambda match: keep(_code(match)), plain)
    plain = _URL.sub(lambda match: _link(match.group(), keep), plain)
    html = str(escape(plain))
    for pattern, tag in _SIGNS:
        html = pattern.sub(rf"<{tag}>\1</{tag}>", html)
    html = html.replace("\n", "<br>")
    # Nothing in ``html`` or ``kept`` has come past ``escape`` unescaped.
    return SafeString(_KEPT.sub(lambda match: kept[int(match.group(1))], html))


def as_line(text: str, *, limit: int = 60) -> str:
    """This will return the plain beginning of a text, for lists."""
    line = re.sub(r"[*_~`]|\s+", lambda match: " " if match.group().isspace() else "", text)
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _code(match: re.Match[str]) -> str:
    inner = match.group(1) if match.group(1) is not None else match.group(2)
    return f"<code>{escape(inner)}</code>"


def _link(url: str, keep: Callable[[str], str]) -> str:
    address = url.rstrip(_URL_TAIL)
    tail = url[len(address) :]
    shown = escape(address)
    anchor = f'<a href="{shown}" target="_blank" rel="noopener noreferrer">{shown}</a>'
    return keep(anchor) + tail
