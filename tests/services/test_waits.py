"""Who answers a customer, and since when the customer waits."""

from typing import Any

import pytest

from tests import chat, factories, shop
from tests.factories import NOW
from whatsapp_notify.models import Conversation, Enquiry
from whatsapp_notify.services import conversations

pytestmark = pytest.mark.django_db

Reason = Enquiry.Reason


class TestCallPerson:
    @pytest.fixture(autouse=True)
    def open_shop(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured()

    def test_begins_a_wait_though_another_ended_since_the_row_was_read(
        self, django_user_model: Any
    ) -> None:
        user = django_user_model.objects.create_user("agent")
        contact = factories.contact()
        inbound = chat.write("Hello, is anybody there?", by=chat.person(contact))
        conversations.call_person(inbound=inbound, reason=Reason.NOT_UNDERSTOOD, now=NOW)
        meanwhile = Conversation.objects.get(contact=contact)
        conversations.close(conversation=meanwhile, user=user, now=NOW)

        conversations.call_person(inbound=inbound, reason=Reason.NOT_UNDERSTOOD, now=NOW)

        row = Conversation.objects.get(contact=contact)
        assert (row.waiting_since, row.closed_at) == (NOW, None)
