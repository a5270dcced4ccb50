"""Templates: ours in the starter set, Meta's by a sync."""

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Any

from django.db import transaction

from whatsapp_notify import signals
from whatsapp_notify.backends.cloud_api import graph_client
from whatsapp_notify.cloud_api import templates as wire
from whatsapp_notify.cloud_api.client import GraphClient
from whatsapp_notify.cloud_api.exceptions import GraphError
from whatsapp_notify.models import Message, Template
from whatsapp_notify.services import doorbells, misfits

logger = logging.getLogger(__name__)

#: Columns that a sync takes from Meta.
_SYNCED = (
    "category", "status", "components", "parameter_format", "quality", "rejected_reason", "meta_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What a sync found."""

    seen: int
    changed: int
    #: Templates that Meta has no more.
    gone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What Meta said to one template; ``problem`` is empty when it was taken."""

    name: str
    language: str
    problem: str = ""


def starter() -> list[dict[str, Any]]:
    """This will return the templates that come with the package, as Graph writes them."""
    source = resources.files("whatsapp_notify") / "starter" / "templates.json"
    data: list[dict[str, Any]] = json.loads(source.read_text(encoding="utf-8"))
    return data


def submit(
    *, templates: Iterable[Template], now: datetime, client: GraphClient | None = None
) -> Iterator[Submission]:
    """This will hand drafts and rejected templates to Meta for review, one call each.

    Never inside a transaction. What Meta refuses is told, and the others go on. Each is handed over
    when the one before has been written down and told, so that silence hides none that was taken.

    Raises:
        GraphUnavailable: Graph did not answer; nothing is lost, try again.
    """
    client = client or graph_client()
    for template in templates:
        try:
            answer = client.create_template(definition=wire.serialize(template.definition()))
        except GraphError as err:
            yield Submission(name=template.name, language=template.language, problem=err.detail)
            continue
        template.status = str(answer.get("status", Template.Status.PENDING))[:20]
        template.category = str(answer.get("category", template.category))[:20]
        template.meta_id = str(answer.get("id", ""))[:40]
        template.synced_at = now
        template.save(update_fields=["status", "category", "meta_id", "synced_at"])
        yield Submission(name=template.name, language=template.language)


def sync(*, now: datetime, client: GraphClient | None = None) -> Synced:
    """This will copy all templates of the business account from Meta.

    Never inside a transaction. One that Meta has no more is marked deleted, not removed: the
    log refers to it. One that Meta says is approved is no longer stopped. Waiting messages
    whose values do not fit a changed template have failed, for Meta would refuse each of them
    and stop the template for the others.

    Raises:
        GraphError: Meta refused, for instance because of the token.
        GraphUnavailable: Graph did not answer.
    """
    client = client or graph_client()
    listed = list(client.list_templates())
    # First, and apart: messages are held before templates. What is woken below is new enough.
    _end_misfits(listed, now)
    changed = 0
    with transaction.atomic():
        rows = Template.objects.select_for_update().order_by("pk")
        known = {(row.name, row.language): row for row in rows}
        for data in listed:
            row = known.pop((data["name"], data["language"]), None)
            changed += _take_over(row or Template(name=data["name"]), data, now)
        gone = [
            row
            for row in known.values()
            if row.status not in {Template.Status.DRAFT, Template.Status.DELETED}
        ]
        for row in gone:
            row.status = Template.Status.DELETED
            row.save(update_fields=["status"])
    return Synced(seen=len(listed), changed=changed, gone=len(gone))


def resume(*, stopped: Iterable[Template], now: datetime) -> frozenset[int]:
    """This will let templates be sent again that Meta's answers had stopped.

    Args:
        stopped: The rows as the person saw them; one that has stopped again since stays stopped.

    Returns:
        The ids of those that were stopped and are not any more.
    """
    # One by one: who stops several holds them in another order.
    resumed = [template for template in stopped if _resume(template, now)]
    for template in resumed:
        wake_waiting(name=template.name, language=template.language, now=now)
    return frozenset(template.pk for template in resumed)


def wake_waiting(*, name: str, language: str, now: datetime) -> int:
    """This will have the messages that wait for a template looked at now."""
    count = Message.objects.filter(
        is_pending=True,
        reason="template",
        template_name=name,
        template_language=language,
        due_at__gt=now,
    ).update(due_at=now)
    if count:
        doorbells.ring(signals.messages_due, sender=Message)
    return count


def _resume(template: Template, now: datetime) -> bool:
    as_seen = Template.objects.filter(pk=template.pk, stopped_at=template.stopped_at)
    stopped = as_seen.filter(stopped_at__isnull=False)
    return bool(stopped.update(**Template.resumed(now=now)))


def _end_misfits(listed: Iterable[dict[str, Any]], now: datetime) -> None:
    known = {(row.name, row.language): row for row in Template.objects.all()}
    for data in listed:
        row = known.get((data["name"], data["language"]))
        if row is None:
            continue
        before = row.components, row.parameter_format
        _take_words(row, data)
        if before != (row.components, row.parameter_format):
            misfits.end(template=row, now=now)


def _take_words(row: Template, data: dict[str, Any]) -> None:
    row.components = data.get("components", [])
    row.parameter_format = str(data.get("parameter_format") or "positional").lower()[:12]


def _take_over(row: Template, data: dict[str, Any], now: datetime) -> bool:
    before = {column: getattr(row, column) for column in _SYNCED}
    was_sendable = row.is_sendable
    row.language = data["language"]
    row.category = data.get("category", "")[:20]
    row.status = data.get("status", "")[:20]
    _take_words(row, data)
    row.quality = str((data.get("quality_score") or {}).get("score", ""))[:10]
    rejected = data.get("rejected_reason") or ""
    row.rejected_reason = "" if rejected == "NONE" else rejected[:200]
    row.meta_id = str(data.get("id", ""))[:40]
    is_new = row.pk is None
    if row.status == Template.Status.APPROVED and not was_sendable:
        row.resume(now=now)
    row.synced_at = now
    row.save()
    if row.is_sendable and not was_sendable:
        wake_waiting(name=row.name, language=row.language, now=now)
    return is_new or before != {column: getattr(row, column) for column in _SYNCED}
