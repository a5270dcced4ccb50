"""The picture of a QR code, for Meta to fetch."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View

from whatsapp_notify.services import qr_codes


@method_decorator(login_not_required, name="dispatch")
class QrCodeView(View):
    """Answers with the picture; 404 for every address that is not ours, or not any more."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        try:
            picture = qr_codes.picture(token=token, now=timezone.now())
        except qr_codes.NoQrCode as err:
            raise Http404 from err
        response = HttpResponse(picture, content_type="image/png")
        response.headers["Cache-Control"] = "private, no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Robots-Tag"] = "noindex"
        return response
