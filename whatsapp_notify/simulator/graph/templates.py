"""``/{WABA_ID}/message_templates``: list with filters and cursors, create, delete."""

import base64
import binascii
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse

from whatsapp_notify.simulator import message_templates
from whatsapp_notify.simulator.errors import GraphError, missing
from whatsapp_notify.simulator.models import SimulatedTemplate

from .fields import chosen
from .gateway import GraphView, json_object, success

DEFAULT_LIMIT: Final = 25
MOST_PER_PAGE: Final = 1000

#: Parameter of the list and the lookup that it means.
_FILTERS: Final = {
    "status": "status__iexact",
    "category": "category__iexact",
    "language": "language",
    "name": "name__icontains",
    "quality_score": "quality_score__iexact",
}


class TemplatesView(GraphView):
    """The templates of the account."""

    def get(self, request: HttpRequest, node_id: str) -> HttpResponse:
        """List a page of templates."""
        self.require_account(node_id)
        after = request.GET.get("after")
        rows = _filtered(request).order_by("id")
        if after:
            rows = rows.filter(pk__gt=_position(after))
        limit = _limit(request)
        found = list(rows[: limit + 1])
        page = found[:limit]
        return JsonResponse(
            {
                "data": [_node(request, template) for template in page],
                "paging": _paging(request, page, has_more=len(found) > limit),
            }
        )

    def post(self, request: HttpRequest, node_id: str) -> HttpResponse:
        """Create a template."""
        self.require_account(node_id)
        template = message_templates.create(json_object(request))
        return JsonResponse(
            {
                "id": template.graph_id,
                "status": template.status,
                "category": template.category,
            }
        )

    def delete(self, request: HttpRequest, node_id: str) -> HttpResponse:
        """Delete a template by its name."""
        self.require_account(node_id)
        name = request.GET.get("name", "")
        if not name:
            raise missing("name")
        message_templates.delete(name=name, graph_id=request.GET.get("hsm_id", ""))
        return success()


def _node(request: HttpRequest, template: SimulatedTemplate) -> dict[str, Any]:
    node = message_templates.as_node(template)
    return chosen(request, node, default=message_templates.DEFAULT_FIELDS)


def _filtered(request: HttpRequest) -> QuerySet[SimulatedTemplate]:
    lookups = {
        lookup: request.GET[name] for name, lookup in _FILTERS.items() if request.GET.get(name)
    }
    return SimulatedTemplate.objects.filter(**lookups)


def _limit(request: HttpRequest) -> int:
    text = request.GET.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_PER_PAGE):
        raise GraphError(100, details="Param limit is not valid.")
    return int(text)


def _cursor(template: SimulatedTemplate) -> str:
    return base64.urlsafe_b64encode(f"template:{template.pk}".encode()).decode()


def _position(cursor: str) -> int:
    try:
        prefix, _, number = base64.urlsafe_b64decode(cursor.encode()).decode().partition(":")
    except (binascii.Error, UnicodeError) as err:
        raise GraphError(131059) from err
    if prefix != "template" or not (number.isascii() and number.isdigit()):
        raise GraphError(131059)
    return int(number)


def _paging(
    request: HttpRequest, page: list[SimulatedTemplate], *, has_more: bool
) -> dict[str, Any]:
    if not page:
        return {}
    cursors = {"before": _cursor(page[0]), "after": _cursor(page[-1])}
    if not has_more:
        return {"cursors": cursors}
    query = request.GET.copy()
    query["after"] = cursors["after"]
    address = request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
    return {"cursors": cursors, "next": address}
