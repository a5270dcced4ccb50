"""``POST /{PHONE_NUMBER_ID}/messages`` and ``/marketing_messages``."""

import time
from collections.abc import Iterator
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from whatsapp_notify.simulator import accepting, customers, outgoing
from whatsapp_notify.simulator.errors import GraphError, missing
from whatsapp_notify.simulator.fates import Fate

from .gateway import GraphView, json_object, success

#: What proxies write when Graph cannot be reached.
BAD_GATEWAY_PAGE: Final = (
    "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>"
    "<body><h1>502 Bad Gateway</h1><p>The server returned an invalid response.</p></body></html>"
)


class MessagesView(GraphView):
    """Sends, read receipts and the typing sign."""

    #: Set for the Marketing Messages API, which takes marketing templates only.
    marketing_only = False

    def post(self, request: HttpRequest, node_id: str) -> HttpResponseBase:
        """Take a message, or mark one of the customer's as read."""
        self.require_number(node_id)
        payload = json_object(request)
        if "status" in payload:
            return self._mark_read(payload)
        message = outgoing.read(payload, settings=self.settings, marketing_only=self.marketing_only)
        try:
            acceptance = accepting.accept(message, settings=self.settings, now=timezone.now())
        except accepting.BadGateway:
            return HttpResponse(BAD_GATEWAY_PAGE, status=502, content_type="text/html")
        return self._answer(acceptance)

    def _answer(self, acceptance: accepting.Acceptance) -> HttpResponseBase:
        if acceptance.fate == Fate.SERVER_ERROR:
            raise GraphError(131000)
        if acceptance.fate == Fate.NO_ANSWER:
            return _silence(self.settings.no_answer_seconds)
        return JsonResponse(acceptance.answer)

    def _mark_read(self, payload: dict[str, Any]) -> HttpResponse:
        if payload["status"] != "read":
            raise GraphError(100, details="Param status must be one of {READ}.")
        wamid = payload.get("message_id")
        if not isinstance(wamid, str) or not wamid:
            raise missing("message_id")
        typing = isinstance(payload.get("typing_indicator"), dict)
        if not customers.business_read(wamid=wamid, typing=typing, now=timezone.now()):
            raise GraphError(100, details="Param message_id is not a message of this number.")
        return success()


def _silence(seconds: float) -> StreamingHttpResponse:
    """This will return a response that promises a body and never sends one.

    The message is in the ledger by then: the caller cannot know.
    """

    def nothing() -> Iterator[bytes]:
        time.sleep(seconds)
        yield b""

    response = StreamingHttpResponse(nothing(), content_type="application/json")
    response["Content-Length"] = "512"
    return response
