"""A ticket as a QR code: an event says its text, a template shows the picture.

# Note [No picture is kept]
The text stays in the event, where erasure and retention find it. The address names the event
and its own end, signed; neither it nor a log shows the text. The picture is drawn when Meta
fetches it.
"""

from datetime import datetime, timedelta

from django.core import signing
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from whatsapp_notify import conf
from whatsapp_notify.domain import png
from whatsapp_notify.exceptions import WhatsAppNotifyError
from whatsapp_notify.models import ShopEvent

#: Where an event holds the text: ``record_event("ticket.issued", data={"qr": "T-123"})``.
TEXT = "qr"
#: A longer text makes a picture that many phones cannot read.
MAX_LENGTH = 300
#: Meta may fetch the picture a little after the last moment at which the message could leave.
_GRACE = timedelta(hours=1)
_SALT = "whatsapp_notify.qr_code"
#: Dots to each side of a square of the code, and squares of white around it.
_SCALE, _BORDER = 12, 4


class NoQrCode(WhatsAppNotifyError):
    """There is no such QR code, or it cannot be made. ``why`` says what to do about it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def address(*, event: ShopEvent, until: datetime) -> str:
    """This will return where the picture for an event can be fetched until a moment.

    Raises:
        NoQrCode: PUBLIC_URL is empty, the package for it is missing, or the text is too long.
    """
    public_url = conf.load().PUBLIC_URL
    if not public_url:
        raise NoQrCode(_("set PUBLIC_URL, so that Meta finds the picture"))
    _squares(_text(event))
    ends_at = int((until + _GRACE).timestamp())
    token = signing.Signer(salt=_SALT).sign_object([event.pk, ends_at])
    try:
        path = reverse("whatsapp_notify:qr_code", args=[token])
    except NoReverseMatch as err:
        raise NoQrCode(_("include whatsapp_notify.urls in the addresses of the shop")) from err
    return public_url.rstrip("/") + path


def picture(*, token: str, now: datetime) -> bytes:
    """This will draw the picture that an address leads to, as PNG.

    Raises:
        NoQrCode: The address is not ours or has ended, or its event or customer is gone.
    """
    try:
        event_id, ends_at = signing.Signer(salt=_SALT).unsign_object(token)
    except (signing.BadSignature, ValueError) as err:
        raise NoQrCode("signature") from err
    if now.timestamp() >= ends_at:
        raise NoQrCode("ended")
    event = ShopEvent.objects.select_related("contact").filter(pk=event_id).first()
    if event is None or (event.contact is not None and event.contact.is_erased):
        raise NoQrCode("gone")
    return png.draw(_squares(_text(event)), scale=_SCALE)


def _text(event: ShopEvent) -> str:
    text = str(event.data.get(TEXT, ""))
    if not 0 < len(text) <= MAX_LENGTH:
        raise NoQrCode(_("a text has 1 to %(most)d characters") % {"most": MAX_LENGTH})
    return text


def _squares(text: str) -> list[list[bool]]:
    """This will return the rows of the code from above, True for black, with its border."""
    try:
        import segno
    except ImportError as err:
        raise NoQrCode("pip install whatsapp-notify[qr]") from err
    code = segno.make(text, error="m", micro=False)
    return [[bool(each) for each in row] for row in code.matrix_iter(border=_BORDER)]
