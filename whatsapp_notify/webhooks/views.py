"""The webhook: size cap, signature over the raw bytes, one INSERT, 200."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from whatsapp_notify import conf
from whatsapp_notify.cloud_api import signature
from whatsapp_notify.webhooks import receiving


@method_decorator(
    [csrf_exempt, login_not_required, transaction.non_atomic_requests], name="dispatch"
)
class WebhookView(View):
    """Answers Meta: 200 once the bytes are committed, and nothing else is.

    A body that is signed is kept whatever it holds; making sense of it is done later, apart.
    400 for a body that broke off, 401 for a wrong signature, 413 for too many bytes, 503
    while no secret is set or the database does not take it.
    """

    http_method_names = ["get", "post"]

    def get(self, request: HttpRequest) -> HttpResponse:
        challenge = signature.challenge(
            query=request.GET, verify_token=conf.load().VERIFY_TOKEN or ""
        )
        if challenge is None:
            return _answer(403)
        return _answer(200, challenge)

    def post(self, request: HttpRequest) -> HttpResponse:
        stream: Any = request
        if not request.META.get("CONTENT_LENGTH") and request.META.get("wsgi.input_terminated"):
            # Sent in chunks. Django reads no body without its length; such a server ends it itself.
            stream = request.META["wsgi.input"]
        try:
            status = receiving.receive(
                stream=stream,
                announced=request.META.get("CONTENT_LENGTH") or "",
                header=request.headers.get("X-Hub-Signature-256"),
                now=timezone.now(),
            )
        except receiving.BrokenOff:
            return _answer(400)
        return _answer(status)


def _answer(status: int, text: str = "") -> HttpResponse:
    response = HttpResponse(text, status=status, content_type="text/plain")
    # Without it some servers send the empty body in chunks, in a packet of its own.
    response.headers["Content-Length"] = str(len(response.content))
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
