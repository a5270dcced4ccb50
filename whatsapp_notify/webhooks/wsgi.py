"""The webhook before Django's middleware, for a shop whose number sends hundreds a second.

A webhook needs neither sessions nor languages: what a shop's middleware costs is more than all
that is done with one. In the shop's ``wsgi.py``::

    django_application = get_wsgi_application()

    from whatsapp_notify.webhooks.wsgi import WebhookFirst  # once Django is set up

    application = WebhookFirst(django_application)

Everything else goes to Django as before, also Meta's verification of the address.
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from django.core.handlers.wsgi import LimitedStream
from django.db import close_old_connections
from django.utils import timezone

from whatsapp_notify.webhooks import address, receiving

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class WebhookFirst:
    """Answers the POSTs of webhooks itself, with the same code as the view."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if environ.get("REQUEST_METHOD") != "POST" or path != address.path():
            return self._application(environ, start_response)
        status = HTTPStatus(_receive(environ))
        headers = [("Content-Type", "text/plain"), ("Content-Length", "0")]
        start_response(f"{status.value} {status.phrase}", headers)
        return [b""]


def _receive(environ: dict[str, Any]) -> int:
    announced = environ.get("CONTENT_LENGTH") or ""
    stream = environ["wsgi.input"]
    if announced or not environ.get("wsgi.input_terminated"):
        # Reading on would wait for ever: the connection stays open.
        stream = LimitedStream(stream, receiving.size(announced))
    # What Django's handler does around each request, whatever comes of it.
    close_old_connections()
    try:
        return receiving.receive(
            stream=stream,
            announced=announced,
            header=environ.get("HTTP_X_HUB_SIGNATURE_256"),
            now=timezone.now(),
        )
    except receiving.BrokenOff:
        return HTTPStatus.BAD_REQUEST
    finally:
        close_old_connections()
