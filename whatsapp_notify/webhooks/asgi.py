"""The webhook before Django, for a shop that an event loop serves.

Django has one thread for all that is not asynchronous: webhooks would stand in line there with
the shop's pages. In the shop's ``asgi.py``::

    django_application = get_asgi_application()

    from whatsapp_notify.webhooks.asgi import WebhookFirst  # once Django is set up

    application = WebhookFirst(django_application)

Everything else goes to Django as before, also Meta's verification of the address.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from django.conf import settings
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
            scope["type"] == "http" and scope["method"] == "POST" and _path(scope) == address.path()
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


def _path(scope: Scope) -> str:
    """This will return the path within the shop, as Django reckons it."""
    root_path = settings.FORCE_SCRIPT_NAME or scope.get("root_path") or ""
    return str(scope["path"]).removeprefix(root_path)


async def _receive(scope: Scope, receive: receiving.Receive) -> int:
    headers = dict(scope["headers"])
    return await receiving.areceive(
        receive=receive,
        announced=headers.get(b"content-length", b"").decode("latin-1"),
        header=headers.get(b"x-hub-signature-256", b"").decode("latin-1"),
        now=timezone.now(),
    )
