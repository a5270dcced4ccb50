"""Who may call the API, how often, and how much at once."""

from rest_framework.pagination import CursorPagination
from rest_framework.permissions import BasePermission, DjangoModelPermissions
from rest_framework.request import Request
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView


class ModelPermissions(DjangoModelPermissions):
    """Django's own permissions of the model; reading needs "view", which DRF leaves open."""

    perms_map = {
        **DjangoModelPermissions.perms_map,
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
    }


class CanViewOverview(BasePermission):
    """The permission that also opens the overview in the admin."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return bool(request.user and request.user.has_perm("whatsapp_notify.view_overview"))


class Throttle(UserRateThrottle):
    """A rate for each API user.

    ``REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]["whatsapp_notify"]`` changes it; None lifts it.
    """

    scope = "whatsapp_notify"
    default_rate = "600/min"

    def get_rate(self) -> str | None:
        rate: str | None = self.THROTTLE_RATES.get(self.scope, self.default_rate)
        return rate


class NewestFirst(CursorPagination):
    """Pages that stay right while rows are added; ``?limit=`` up to 500."""

    page_size = 100
    page_size_query_param = "limit"
    max_page_size = 500
    ordering = ("-occurred_at", "-id")
