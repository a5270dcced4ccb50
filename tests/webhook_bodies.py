"""Bodies as Meta posts them."""

import json
from collections.abc import Sequence
from typing import Any

from tests.factories import NOW
from whatsapp_notify.models import Message
from whatsapp_notify.services import installation

#: Seconds since 1970 of ``factories.NOW``.
SECONDS = int(NOW.timestamp())


def status(
    message: Message | None = None,
    word: str = "sent",
    *,
    wamid: str = "",
    seconds: int = 0,
    with_opaque_id: bool = True,
    code: int | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """One element of ``statuses``, about the current call of the message."""
    data: dict[str, Any] = {
        "id": wamid or (message.provider_message_id if message else "") or "wamid.UNKNOWN",
        "status": word,
        "timestamp": str(SECONDS + seconds),
        "recipient_id": "358457300000",
        **fields,
    }
    if message is not None and with_opaque_id:
        instance = installation.current(now=NOW).instance
        data["biz_opaque_callback_data"] = message.opaque_id(instance=instance)
    if code is not None:
        data["errors"] = [{"code": code, "title": "An error"}]
    return data


def body(*, statuses: Sequence[Any] = (), messages: Sequence[Any] = (), **more: Any) -> bytes:
    """One POST with one change."""
    value: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": "358457300001",
            "phone_number_id": "100000000000001",
        },
        **({"statuses": list(statuses)} if statuses else {}),
        **({"messages": list(messages)} if messages else {}),
        **more,
    }
    data = {
        "object": "whatsapp_business_account",
        "entry": [{"id": "200000000000002", "changes": [{"field": "messages", "value": value}]}],
    }
    return json.dumps(data).encode()


def text(words: str, *, wamid: str = "wamid.IN1", wa_id: str = "358457311111") -> dict[str, Any]:
    """One element of ``messages``."""
    return {
        "from": wa_id,
        "id": wamid,
        "timestamp": str(SECONDS),
        "type": "text",
        "text": {"body": words},
    }
