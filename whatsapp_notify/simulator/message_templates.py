"""Message templates of the account: create, list, edit, delete.

A name that ends in ``_pending``, ``_rejected``, ``_paused`` or ``_disabled`` gets that status;
every other template is approved at once.
Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview,
.../template-management and .../components, read 2026-11
"""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from . import identities, outbox, webhooks
from .conf import get_settings
from .errors import GraphError
from .models import SimulatedTemplate
from .shapes import objects
from .template_sends import PLACEHOLDER

_NAME: Final = re.compile(r"[a-z0-9_]{1,512}")

DEFAULT_FIELDS: Final = (
    "name", "parameter_format", "components", "language", "status", "category"
)  # fmt: skip

#: Ending of a name and the status that it gives.
STATUS_BY_SUFFIX: Final[Mapping[str, SimulatedTemplate.Status]] = {
    "_pending": SimulatedTemplate.Status.PENDING,
    "_rejected": SimulatedTemplate.Status.REJECTED,
    "_paused": SimulatedTemplate.Status.PAUSED,
    "_disabled": SimulatedTemplate.Status.DISABLED,
}

#: Statuses in which a template may be edited.
EDITABLE: Final = frozenset({"APPROVED", "REJECTED", "PAUSED"})

_LIMITS: Final[Mapping[str, tuple[int, int]]] = {
    # component: (most characters, subcode when longer)
    "HEADER": (60, 2388047),
    "BODY": (1024, 2388040),
    "FOOTER": (60, 2388073),
}
_MOST_BUTTONS: Final = 10
_MOST_URL_BUTTONS: Final = 2
_LABEL_LIMIT: Final = 25


def as_node(template: SimulatedTemplate) -> dict[str, Any]:
    """This will return all fields of a template."""
    return {
        "id": template.graph_id,
        "name": template.name,
        "language": template.language,
        "category": template.category,
        "status": template.status,
        "parameter_format": template.parameter_format,
        "components": template.components,
        "quality_score": {
            "score": template.quality_score,
            "date": int(template.created_at.timestamp()),
        },
        "rejected_reason": template.rejected_reason,
        "health_status": {"can_send_message": "AVAILABLE", "entities": []},
    }


def create(values: Mapping[str, Any]) -> SimulatedTemplate:
    """This will create a template and, once decided, tell the shop its status.

    Raises: GraphError 100 with the subcode that Meta documents, or 131008.
    """
    name, language = values.get("name"), values.get("language")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _refused(2388075, "name must be lower-case letters, digits and underscores.")
    if not isinstance(language, str) or not re.fullmatch(r"[a-z]{2,3}(_[A-Z]{2,4})?", language):
        raise _refused(2388003, "language is not supported.")
    template = SimulatedTemplate(
        graph_id=identities.new_graph_id(),
        name=name,
        language=language,
        category=_category(values.get("category")),
        status=_status_of(name),
        parameter_format=_parameter_format(values.get("parameter_format")),
        components=_components(values.get("components")),
        rejected_reason="INVALID_FORMAT" if name.endswith("_rejected") else "NONE",
        created_at=timezone.now(),
    )
    _add(template)
    return template


def _add(template: SimulatedTemplate) -> None:
    try:
        with transaction.atomic():
            template.save()
            if template.status != SimulatedTemplate.Status.PENDING:
                now = timezone.now()
                body = webhooks.template_status(settings=get_settings(), template=template, at=now)
                outbox.schedule(label="template status", body=body, now=now)
    except IntegrityError as err:
        raise _refused(2388024, "Content in this language already exists.") from err


def edit(template: SimulatedTemplate, *, values: Mapping[str, Any]) -> None:
    """This will replace all components, and the category unless approved.

    Raises: GraphError 100.
    """
    if template.status not in EDITABLE:
        raise _refused(2388003, f"A template that is {template.status} cannot be edited.")
    if "components" in values:
        template.components = _components(values["components"])
    if "category" in values and template.status != SimulatedTemplate.Status.APPROVED:
        template.category = _category(values["category"])
    if template.status == SimulatedTemplate.Status.REJECTED:
        template.status = SimulatedTemplate.Status.APPROVED
        template.rejected_reason = "NONE"
    template.save()


def delete(*, name: str, graph_id: str = "") -> None:
    """This will delete a template in all languages, or in one when its id is given too.

    Raises: GraphError 100 when there is none, or a disabled one is named.
    """
    rows = SimulatedTemplate.objects.filter(name=name)
    if graph_id:
        rows = rows.filter(graph_id=graph_id)
    if not rows.exists():
        raise _refused(2593002, "Message template not found.")
    if rows.filter(status=SimulatedTemplate.Status.DISABLED).exists():
        raise _refused(2388003, "A disabled template cannot be deleted.")
    rows.delete()


def _status_of(name: str) -> SimulatedTemplate.Status:
    found = (status for suffix, status in STATUS_BY_SUFFIX.items() if name.endswith(suffix))
    return next(found, SimulatedTemplate.Status.APPROVED)


def _category(value: Any) -> str:
    category = str(value or "").upper()
    if category not in SimulatedTemplate.Category.values:
        raise _refused(2388003, "category must be one of {AUTHENTICATION, MARKETING, UTILITY}.")
    return category


def _parameter_format(value: Any) -> str:
    chosen = str(value or "positional").upper()
    if chosen not in {"POSITIONAL", "NAMED"}:
        raise _refused(2388003, "parameter_format must be one of {NAMED, POSITIONAL}.")
    return chosen


def _components(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
        raise GraphError(131008, details="The parameter components is required.")
    kinds = [str(part.get("type", "")).upper() for part in value]
    if len(set(kinds)) != len(kinds):
        raise _refused(2388072, "A component may come only once.")
    parts = dict(zip(kinds, value, strict=True))
    if "BODY" not in parts:
        raise _refused(2388072, "The body is missing.")
    for kind, (limit, subcode) in _LIMITS.items():
        if len(str(parts.get(kind, {}).get("text", ""))) > limit:
            raise _refused(subcode, f"{kind} must be at most {limit} characters.")
    _check_body(parts["BODY"])
    _check_buttons(parts.get("BUTTONS", {}).get("buttons"))
    _check_cards(parts.get("CAROUSEL", {}).get("cards"))
    return [{**part, "type": kind} for kind, part in zip(kinds, value, strict=True)]


def _check_body(body: Mapping[str, Any]) -> None:
    text = str(body.get("text", "")).strip()
    holders = list(PLACEHOLDER.finditer(text))
    if not holders:
        return
    if holders[0].start() == 0 or holders[-1].end() == len(text):
        raise _refused(2388299, "Variables can't be at the start or end of the template.")
    if any(one.end() == other.start() for one, other in pairwise(holders)):
        raise _refused(2388072, "Variables can't stand side by side.")
    if not body.get("example"):
        raise _refused(2388043, "The body has variables, so an example is expected.")


def _check_cards(value: Any) -> None:
    for card in objects(value, name="cards"):
        for part in objects(card.get("components"), name="components"):
            _check_buttons(part.get("buttons"))


def _check_buttons(value: Any) -> None:
    buttons = objects(value, name="buttons")
    if len(buttons) > _MOST_BUTTONS:
        raise _refused(2388072, f"A template has at most {_MOST_BUTTONS} buttons.")
    kinds = [str(button.get("type", "")).upper() for button in buttons]
    if kinds.count("URL") > _MOST_URL_BUTTONS:
        raise _refused(2388072, f"A template has at most {_MOST_URL_BUTTONS} URL buttons.")
    if any(len(str(button.get("text", ""))) > _LABEL_LIMIT for button in buttons):
        raise _refused(2388072, f"A button's text is at most {_LABEL_LIMIT} characters.")
    quick = [kind == "QUICK_REPLY" for kind in kinds]
    changes = sum(one != other for one, other in pairwise(quick))
    if changes > 1:
        raise _refused(2388072, "Quick replies must stand together.")


def _refused(subcode: int, details: str) -> GraphError:
    return GraphError(100, details=details, subcode=subcode)
