"""Smaller edges: profile, subscriptions, numbers of the account, token inspection."""

from datetime import timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from whatsapp_notify.simulator import account
from whatsapp_notify.simulator.errors import missing

from .fields import chosen
from .gateway import GraphView, json_object, success

SCOPES: Final = ("whatsapp_business_management", "whatsapp_business_messaging")


class ProfileView(GraphView):
    """``/{PHONE_NUMBER_ID}/whatsapp_business_profile``."""

    def get(self, request: HttpRequest, node_id: str) -> HttpResponse:
        """Read the profile."""
        self.require_number(node_id)
        return JsonResponse({"data": [account.profile()]})

    def post(self, request: HttpRequest, node_id: str) -> HttpResponse:
        """Change the fields given."""
        self.require_number(node_id)
        account.set_profile(json_object(request))
        return success()


class SubscribedAppsView(GraphView):
    """``/{WABA_ID}/subscribed_apps``."""

    def get(self, request: HttpRequest, node_id: str) -> HttpResponse:
        """List subscribed apps."""
        self.require_account(node_id)
        return JsonResponse(account.subscriptions())

    def post(self, request: HttpRequest, node_id: str) -> HttpResponse:
        """Subscribe; the body may be empty."""
        self.require_account(node_id)
        account.subscribe(json_object(request) if request.body else {})
        return success()


class PhoneNumbersView(GraphView):
    """``/{WABA_ID}/phone_numbers``."""

    def get(self, request: HttpRequest, node_id: str) -> HttpResponse:
        """List the one number."""
        self.require_account(node_id)
        node = account.phone_number(settings=self.settings)
        number = chosen(request, node, default=account.PHONE_NUMBER_DEFAULTS)
        return JsonResponse({"data": [number]})


class DebugTokenView(GraphView):
    """``/debug_token?input_token=``."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Tell whether a token is good, and what for."""
        token = request.GET.get("input_token", "")
        if not token:
            raise missing("input_token")
        return JsonResponse({"data": self._inspection(token)})

    def _inspection(self, token: str) -> dict[str, Any]:
        if token != self.settings.access_token:
            error = {"code": 190, "message": "Invalid OAuth access token."}
            return {"error": error, "is_valid": False, "scopes": []}
        now = timezone.now()
        return {
            "app_id": "67884224343534",
            "type": "SYSTEM_USER",
            "application": "Simulator",
            "data_access_expires_at": 0,
            "expires_at": int((now + timedelta(days=60)).timestamp()),
            "is_valid": True,
            "issued_at": int(now.timestamp()),
            "scopes": list(SCOPES),
            "granular_scopes": [
                {"scope": scope, "target_ids": [self.settings.business_account_id]}
                for scope in SCOPES
            ],
        }
