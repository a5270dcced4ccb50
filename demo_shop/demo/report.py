"""What came of a story: for people, and as one JSON document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from celery import current_app
from django.db import connection
from django.utils import timezone

from demo_shop.demo.story import timelines
from whatsapp_notify.models import DeliveryEvent, Message, SurveyAnswer


@dataclass(frozen=True, kw_only=True)
class Report:
    """The end of a story; holds no personal data."""

    #: In words; empty where all ended as it should.
    missing: Sequence[str]
    seconds: float

    def tell(self, tell: Callable[[str], None]) -> None:
        """This will tell each message's timeline, and the verdict."""
        tell("")
        for message, lines in timelines():
            tell(_headline(message))
            for line in lines:
                tell(f"    {_clock(line)}  {_words(line)}")
        tell("")
        for each in self.missing:
            tell(f"MISSING: {each}")
        verdict = "All ended as it should" if not self.missing else "Not all ended as it should"
        tell(f"{verdict}, after {self.seconds:.0f} seconds.")

    def as_json(self) -> dict[str, Any]:
        """This will return all of it as a document.

        ``messages[]: {id, event, topic, template, language, order_ref, state, reason,
        timeline[]: {at, what, attempt, reason, code}}``
        """
        return {
            "ok": not self.missing,
            "missing": list(self.missing),
            "seconds": round(self.seconds, 1),
            "database": connection.vendor,
            "broker": current_app.connection_for_write().transport.driver_type,
            "survey_scores": list(
                SurveyAnswer.objects.order_by("id").values_list("score", flat=True)
            ),
            "messages": [
                {
                    "id": message.pk,
                    "event": message.event_name,
                    "topic": message.topic.key,
                    "template": message.template_name,
                    "language": message.template_language,
                    "order_ref": message.order_ref,
                    "state": message.state,
                    "reason": message.reason,
                    "timeline": [line.as_dict() for line in lines],
                }
                for message, lines in timelines()
            ],
        }


def _headline(message: Message) -> str:
    what = message.event_name or "answer"
    order = f", order {message.order_ref}" if message.order_ref else ""
    template = f" ({message.template_name}, {message.template_language})"
    reason = f": {message.reason}" if message.reason else ""
    state = message.get_state_display()
    return (
        f"#{message.pk} {what}{order}{template if message.template_name else ''} – {state}{reason}"
    )


def _clock(line: DeliveryEvent) -> str:
    return timezone.localtime(line.recorded_at).strftime("%H:%M:%S.%f")[:-5]


def _words(line: DeliveryEvent) -> str:
    reason = f" ({line.reason})" if line.reason else ""
    code = f", code {line.error_code}" if line.error_code else ""
    return f"{line.get_kind_display()}{reason}{code}"
