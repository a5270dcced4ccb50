"""Messages that wait with values for a template as it was, and it has changed since."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from whatsapp_notify import signals
from whatsapp_notify.domain.content import TemplateContent, from_json
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.domain.template_definition import TemplateDefinition
from whatsapp_notify.domain.template_fit import fits
from whatsapp_notify.models import DeliveryEvent, Message, Template
from whatsapp_notify.models.set_based import update_rows
from whatsapp_notify.services import doorbells, timeline

#: Why such a message has failed; with the values that it keeps it can never leave.
REASON = "parameters"


def end(*, template: Template, now: datetime) -> int:
    """This will fail what waits for a template, unsaved or saved, and does not fit it.

    Meta would refuse each such message, and stop the template for those that fit.

    Returns:
        How many have failed.
    """
    definition = template.definition()
    waiting = Message.objects.filter(
        is_pending=True, template_name=template.name, template_language=template.language
    )
    with transaction.atomic():
        held = waiting.select_for_update(no_key=True).order_by("id")
        misfits = [message for message in held if not _fits(definition, message)]
        _fail(misfits, now)
        if misfits:
            detail = f"{template.name} {template.language}: {len(misfits)} messages do not fit"
            doorbells.ring(signals.attention_needed, reason="template", detail=detail)
    return len(misfits)


def _fits(definition: TemplateDefinition, message: Message) -> bool:
    try:
        content = from_json(message.content)
    except ValueError:
        return True  # what cannot even be read is put aside when it is claimed
    return isinstance(content, TemplateContent) and fits(definition, content)


def _fail(messages: Sequence[Message], now: datetime) -> None:
    update_rows(
        model=Message,
        rows=[
            {
                "id": message.pk,
                "state": str(State.FAILED),
                "reason": REASON,
                "is_pending": False,
                "needs_attention": True,
                "failed_at": now,
                # Of an earlier call; it stays in the timeline, and this is not Meta's answer.
                "error_code": None,
                "error_detail": "",
            }
            for message in messages
        ],
    )
    timeline.write(
        [
            timeline.line(
                message_id=message.pk,
                kind=DeliveryEvent.Kind.FAILED,
                at=now,
                now=now,
                attempt=message.attempt,
                reason=REASON,
            )
            for message in messages
        ]
    )
