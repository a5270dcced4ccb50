"""A message as the customer sees it: WhatsApp's marks become tags, all else is escaped."""

import re

from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.domain.content import Preview

#: Longer text is shown without marks; no message of WhatsApp's is that long.
_MAX_LENGTH = 8192

#: A mark binds to the words inside it and stands apart from the words around it.
#: Source: https://faq.whatsapp.com/539178204879377, read 2026-11.
_MARKED = re.compile(
    r"(?<![\w`])```(?P<block>[^`]+)```(?![\w`])"
    r"|(?<![\w`])`(?P<code>[^`\n]+)`(?![\w`])"
    r"|(?<![\w*])\*(?=\S)(?P<bold>[^*\n]*[^*\s])\*(?![\w*])"
    r"|(?<![\w_])_(?=\S)(?P<italic>[^_\n]*[^_\s])_(?![\w_])"
    r"|(?<![\w~])~(?=\S)(?P<strike>[^~\n]*[^~\s])~(?![\w~])"
)
_TAGS = {
    "block": "<code>{}</code>",
    "code": "<code>{}</code>",
    "bold": "<strong>{}</strong>",
    "italic": "<em>{}</em>",
    "strike": "<s>{}</s>",
}
_MEDIA = {
    "image": ("🖼", _("Picture")),
    "video": ("▶", _("Video")),
    "audio": ("🎧", _("Audio")),
    "document": ("📄", _("Document")),
    "location": ("📍", _("Place on the map")),
}
_SIGNS = {
    "url": "↗",
    "phone_number": "☎",
    "quick_reply": "↩",
    "reply": "↩",
    "list": "☰",
    "row": "·",
    "location": "📍",
    "copy_code": "⧉",
    "catalog": "☰",
    "mpm": "☰",
    "flow": "☰",
}


def draw(preview: Preview, *, label: str | Promise = "") -> SafeString:
    """This will draw the chat bubble; ``label`` tells screen readers what it is."""
    return render_to_string(
        "admin/whatsapp_notify/bubble.html", {"bubble": context(preview), "label": label}
    )


def marked(text: str) -> SafeString:
    """This will turn ``*bold*``, ``_italic_``, ``~strike~`` and code into tags, escaped."""
    if len(text) > _MAX_LENGTH:
        return format_html("{}", text)
    return _pieces(text)


def _pieces(text: str) -> SafeString:
    pieces: list[tuple[str | SafeString]] = []
    end = 0
    for match in _MARKED.finditer(text):
        pieces += [(text[end : match.start()],), (_tagged(match),)]
        end = match.end()
    return format_html_join("", "{}", [*pieces, (text[end:],)])


def _tagged(match: re.Match[str]) -> SafeString:
    kind = str(match.lastgroup)
    inside = match.group(kind)
    # Code is shown as it stands; other marks may hold more marks, each shorter than itself.
    return format_html(_TAGS[kind], inside if kind in {"block", "code"} else _pieces(inside))


def context(preview: Preview) -> dict[str, object]:
    """This will return what the templates of a bubble draw."""
    return {
        "header": preview.header,
        "media": _MEDIA.get(preview.header_media),
        "body": marked(preview.body),
        "footer": preview.footer,
        "buttons": [
            {"sign": _SIGNS.get(button.kind, ""), "label": button.label, "value": button.value}
            for button in preview.buttons
        ],
        "cards": [context(card) for card in preview.cards],
    }
