"""The webhook before Django, for a shop that an event loop serves.

Django has one thread for all that is not asynchronous: webhooks would stand in line there with
the shop's pages. In the shop's ``asgi.py``::

    application = WebhookFirst(get_asgi_application())

Everything else goes to Django as before, also Meta's verification of the address.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from django.utils import timezone

from whatsapp_notify.webhooks import address, receiving

Scope = MutableMapping[str, Any]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]


class WebhookFirst:
    """Answers the POSTs of webhooks itself, with the same code as the view."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: receiving.Receive, send: Send) -> None:
        is_ours = (
            scope["type"] == "http"
            and scope["method"] == "POST"
            and scope["path"] == address.path()
        )
        if not is_ours:
            await self._application(scope, receive, send)
            return
        try:
            status = await _receive(scope, receive)
        except receiving.BrokenOff:
            return  # nobody is there to be answered
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


async def _receive(scope: Scope, receive: receiving.Receive) -> int:
    headers = dict(scope["headers"])
    return await receiving.areceive(
        receive=receive,
        announced=headers.get(b"content-length", b"").decode("latin-1"),
        header=headers.get(b"x-hub-signature-256", b"").decode("latin-1"),
        now=timezone.now(),
    )
