"""What Meta says about the sending number."""

from typing import Any, cast

import pytest

from tests.factories import NOW
from whatsapp_notify import signals
from whatsapp_notify.cloud_api.client import GraphClient
from whatsapp_notify.services import sender_health, senders

pytestmark = pytest.mark.django_db

ANSWER = {
    "verified_name": "Pihlaja & Puro",
    "display_phone_number": "+358 45 7390000",
    "quality_rating": "GREEN",
    "whatsapp_business_manager_messaging_limit": "TIER_2K",
}


def client(answer: dict[str, Any]) -> GraphClient:
    class Graph:
        def phone_number(self) -> dict[str, Any]:
            return answer

    return cast(GraphClient, Graph())


class TestRefresh:
    def test_keeps_what_meta_says(self) -> None:
        sender_health.refresh(now=NOW, client=client(ANSWER))

        sender = senders.current()
        assert str(sender) == "Pihlaja & Puro"
        assert (sender.quality, sender.messaging_limit) == ("GREEN", "TIER_2K")
        assert sender.health_checked_at == NOW

    def test_keeps_the_limit_where_meta_does_not_tell_it(self) -> None:
        sender_health.refresh(now=NOW, client=client(ANSWER))

        sender_health.refresh(now=NOW, client=client({"quality_rating": "GREEN"}))

        assert senders.current().messaging_limit == "TIER_2K"

    def test_survives_values_of_another_kind(self) -> None:
        sender_health.refresh(now=NOW, client=client({"quality_rating": {"score": 1}}))

        assert senders.current().quality == ""

    def test_a_red_number_is_announced_once(self, django_capture_on_commit_callbacks: Any) -> None:
        heard: list[str] = []

        def hear(reason: str, **kwargs: Any) -> None:
            heard.append(reason)

        signals.attention_needed.connect(hear)
        for _each in range(2):
            with django_capture_on_commit_callbacks(execute=True):
                sender_health.refresh(now=NOW, client=client({"quality_rating": "RED"}))
        signals.attention_needed.disconnect(hear)

        assert heard == ["quality"]
