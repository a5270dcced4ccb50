"""What every Graph address shares: the token, the version, the headers, the error bodies."""

import json
import re
import secrets
from typing import Any, Final

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.crypto import constant_time_compare
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from whatsapp_notify.cloud_api.signature import sign
from whatsapp_notify.simulator import conf
from whatsapp_notify.simulator.errors import GraphError, no_such_object

_VERSION: Final = re.compile(r"v\d{1,2}\.0")

#: Largest JSON body that is read, in bytes.
MAX_BODY_BYTES: Final = 1024 * 1024


@method_decorator(
    [csrf_exempt, transaction.non_atomic_requests, login_not_required], name="dispatch"
)
class GraphView(View):
    """One Graph address. Subclasses return dicts or responses, and raise GraphError."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Check the caller, answer, and dress the answer as Graph does."""
        if not conf.is_enabled():
            raise Http404
        self.settings = conf.get_settings()
        trace_id = secrets.token_urlsafe(17)
        version = str(kwargs.pop("version", "v25.0"))
        try:
            if not _VERSION.fullmatch(version):
                raise GraphError(2500, message=f"Unknown path components: /{version}")
            self._check_token(request)
            answer = super().dispatch(request, *args, **kwargs)
        except GraphError as error:
            answer = JsonResponse(error.body(trace_id=trace_id), status=error.http_status)
            if error.code == 190:
                answer["WWW-Authenticate"] = 'OAuth "Facebook Platform" "invalid_token"'
        return self._dress(answer, version=version, trace_id=trace_id)

    def http_method_not_allowed(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Refuse a method in Graph's words. Raises: GraphError 100/33."""
        raise no_such_object(
            method=request.method or "", node_id=str(kwargs.get("node_id", "unknown"))
        )

    def _check_token(self, request: HttpRequest) -> None:
        token = bearer_token(request)
        expected = self.settings.access_token
        if not expected or not constant_time_compare(token, expected):
            raise GraphError(190, message="Invalid OAuth access token - Cannot parse access token")
        proof = request.GET.get("appsecret_proof")
        if proof is not None and not self._is_proof(proof, token=token):
            raise GraphError(
                100,
                message="Invalid appsecret_proof provided in the API argument",
                error_type="GraphMethodException",
            )

    def _is_proof(self, proof: str, *, token: str) -> bool:
        secret = self.settings.app_secret
        if not secret:
            return False
        return constant_time_compare(proof, sign(token.encode(), secret).removeprefix("sha256="))

    def _dress(self, answer: HttpResponseBase, *, version: str, trace_id: str) -> HttpResponseBase:
        account = self.settings.business_account_id
        usage = {
            "type": "whatsapp",
            "call_count": 1,
            "total_cputime": 1,
            "total_time": 1,
            "estimated_time_to_regain_access": 0,
        }
        answer["facebook-api-version"] = version
        answer["x-fb-trace-id"] = trace_id
        answer["x-business-use-case-usage"] = json.dumps({account: [usage]})
        answer["x-app-usage"] = json.dumps({"call_count": 0, "total_cputime": 0, "total_time": 0})
        return answer

    def require_number(self, node_id: str) -> None:
        """Check that an id is that of the business number. Raises: GraphError 100/33."""
        if node_id != self.settings.phone_number_id:
            raise no_such_object(method=self.request.method or "", node_id=node_id)

    def require_account(self, node_id: str) -> None:
        """Check that an id is that of the business account. Raises: GraphError 100/33."""
        if node_id != self.settings.business_account_id:
            raise no_such_object(method=self.request.method or "", node_id=node_id)


def bearer_token(request: HttpRequest) -> str:
    """This will return the token of the Authorization header, or nothing.

    Tokens in the query are not taken: addresses end in logs.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def json_object(request: HttpRequest) -> dict[str, Any]:
    """This will return the body as a dict. Raises: GraphError 100 when it is none."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and int(length) > MAX_BODY_BYTES:
        raise GraphError(100, details="The body is too large.")
    try:
        value = json.loads(request.body, parse_constant=_refuse_constant)
        text = json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as err:
        # ValueError covers half characters too: they have no UTF-8.
        raise GraphError(100, details="The body is not valid JSON.") from err
    if b"\\u0000" in text:
        raise GraphError(100, details="The body holds a NUL character.")
    if not isinstance(value, dict):
        raise GraphError(100, details="The body must be a JSON object.")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON.")


def success() -> JsonResponse:
    """This will return ``{"success": true}``."""
    return JsonResponse({"success": True})
