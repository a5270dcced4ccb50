"""What Meta says about the sending number."""

import logging
from datetime import datetime
from typing import Any

from whatsapp_notify import signals
from whatsapp_notify.backends.cloud_api import graph_client
from whatsapp_notify.cloud_api.client import GraphClient
from whatsapp_notify.models import Sender
from whatsapp_notify.services import doorbells, senders

logger = logging.getLogger(__name__)


def refresh(*, now: datetime, client: GraphClient | None = None) -> Sender:
    """This will read name, number, quality and limit of the sending number from Graph.

    One call, never inside a transaction. A number that turns red rings ``attention_needed``.

    Raises:
        GraphError: Meta refused, for instance because of the token.
        GraphUnavailable: Graph did not answer.
    """
    sender = senders.current()
    data = (client or graph_client()).phone_number()
    quality = _text(data, "quality_rating", 10)
    if quality == "RED" and sender.quality != "RED":
        doorbells.ring(signals.attention_needed, reason="quality", detail="quality is RED")
    sender.quality = quality
    sender.verified_name = _text(data, "verified_name", 200)
    sender.display_phone = _text(data, "display_phone_number", 30)
    limit = _text(data, "whatsapp_business_manager_messaging_limit", 20)
    sender.messaging_limit = limit or sender.messaging_limit
    sender.health_checked_at = now
    sender.save(
        update_fields=[
            "quality", "verified_name", "display_phone", "messaging_limit", "health_checked_at",
        ]
    )  # fmt: skip
    return sender


def subscribe(*, client: GraphClient | None = None) -> None:
    """This will have Meta send the account's webhooks to this app; without it none ever comes.

    One call, safe to repeat.

    Raises:
        GraphError: Meta refused.
        GraphUnavailable: Graph did not answer.
    """
    (client or graph_client()).subscribe_app()


def _text(data: dict[str, Any], key: str, length: int) -> str:
    value = data.get(key)
    return value[:length] if isinstance(value, str) else ""
