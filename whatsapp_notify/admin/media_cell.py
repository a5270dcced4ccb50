"""A file of a customer on a page: the picture or a link, or in words why there is none."""

from collections.abc import Mapping

from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from whatsapp_notify.admin import badges, words
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.domain import file_types
from whatsapp_notify.models import InboundMedia

State = InboundMedia.State

_TONES: Mapping[str, Tone] = {
    State.DUE: Tone.WAITING,
    State.KEPT: Tone.GOOD,
    State.REFUSED: Tone.DOUBT,
    State.FAILED: Tone.BAD,
    State.DELETED: Tone.OFF,
}
_ASK = gettext_lazy("Ask the customer to send it again, as a photo or a PDF.")

#: Reason -> what happened, what to do.
REASONS: Mapping[str, tuple[words.Words, words.Words]] = {
    "not_kept": (
        gettext_lazy("Not kept, because MEDIA_DIRECTORY is empty."),
        gettext_lazy(
            "Name a directory in the settings. Meta has the file for seven days: fetch it again "
            "by then."
        ),
    ),
    "too_large": (gettext_lazy("Larger than WhatsApp allows for its kind."), _ASK),
    "type": (
        gettext_lazy("A kind of file that is not kept, such as a page, a program or an archive."),
        _ASK,
    ),
    "lie": (
        gettext_lazy("It is something else than it says it is."),
        gettext_lazy("Be careful: somebody may try to slip something in."),
    ),
    "empty": (gettext_lazy("The file is empty."), _ASK),
    "damaged": (gettext_lazy("It came otherwise than it was sent, several times."), _ASK),
    "expired": (
        gettext_lazy("It could not be fetched within the seven days that Meta keeps it."),
        _ASK,
    ),
    "gone": (gettext_lazy("Meta does not have the file, or does not give it to us."), _ASK),
    "host": (
        gettext_lazy("Meta named an address that is none of Meta's, so it was not fetched."),
        gettext_lazy("Look for a newer version of this app, and fetch it again."),
    ),
    "no_answer": (gettext_lazy("Meta gave no answer."), gettext_lazy("It is tried again.")),
    "meta": (
        gettext_lazy("Meta did not give it now."),
        gettext_lazy("It is tried again. If that lasts, look at the sender's page."),
    ),
    "disk": (
        gettext_lazy("It could not be written to the disk."),
        gettext_lazy("It is tried again. See that MEDIA_DIRECTORY exists and has space."),
    ),
}


def state_badge(media: InboundMedia) -> SafeString:
    """This will draw the state of a file."""
    return badges.badge(media.get_state_display(), _TONES.get(media.state, Tone.OFF))


def reason(media: InboundMedia) -> str:
    """This will say why a file is not here, and what to do; "" where there is nothing to say."""
    if not media.reason:
        return ""
    what, to_do = REASONS.get(media.reason, (media.reason, ""))
    return f"{what} {to_do}".strip()


def file_url(media: InboundMedia) -> str:
    """This will return the address at which those who may can see the file."""
    return reverse("admin:whatsapp_notify_inboundmedia_file", args=[media.pk])


def size(media: InboundMedia) -> str:
    """This will write how large a file is."""
    return "–" if media.size is None else filesizeformat(media.size)


def draw(media: InboundMedia, *, can_see: bool) -> SafeString:
    """This will draw a file for those who may see it, else only what became of it."""
    said = reason(media)
    state = format_html('<div class="wn-file">{} {}</div>', state_badge(media), said)
    if media.state != State.KEPT:
        return state
    if not can_see:
        return format_html(
            '{}<div class="wn-file">{}</div>', state, _("You may not see what customers send.")
        )
    return format_html('{}<div class="wn-file">{}</div>', _view(media), _link(media))


def cell(media: InboundMedia, *, can_see: bool) -> SafeString:
    """This will draw a file on the page of something else, with a link to its own page."""
    details = badges.link(media, _("About this file"))
    return format_html('{}<div class="wn-file">{}</div>', draw(media, can_see=can_see), details)


def _view(media: InboundMedia) -> SafeString:
    url = file_url(media)
    if media.detected_type in file_types.INLINE:
        return format_html(
            '<a href="{}"><img class="wn-shot" loading="lazy" src="{}" alt="{}"></a>',
            url, url, _("Picture from the customer, in full size"),
        )  # fmt: skip
    if media.detected_type.startswith("audio/"):
        return format_html(
            '<audio class="wn-sound" controls preload="none" src="{}" aria-label="{}"></audio>',
            url, _("Sound from the customer"),
        )  # fmt: skip
    return SafeString("")


def _link(media: InboundMedia) -> SafeString:
    kind = file_types.EXTENSIONS.get(media.detected_type, "").upper()
    return format_html(
        '<a href="{}">{}</a> {}', file_url(media), _("Open the file"),
        f"({kind}, {size(media)})",
    )  # fmt: skip
