"""The end of a wait."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from tests import chat
from tests import factories as make
from tests.factories import NOW
from whatsapp_notify.models import Conversation, Enquiry
from whatsapp_notify.services import conversations

pytestmark = pytest.mark.django_db


@pytest.fixture
def conversation() -> Conversation:
    make.topic("service")
    row = chat.write("A question", by=chat.person(make.contact()))
    conversations.call_person(inbound=row, reason=Enquiry.Reason.NOT_UNDERSTOOD, now=NOW)
    return Conversation.objects.get()


class TestNeedNoAnswer:
    def test_ends_the_wait_and_leaves_the_talk_to_whom_it_was(
        self, conversation: Conversation
    ) -> None:
        user, now = User.objects.create_user("one"), NOW + timedelta(minutes=5)
        conversations.take(conversation=conversation, user=user, now=NOW)

        conversations.need_no_answer(conversation=conversation, user=user, now=now)

        conversation.refresh_from_db()
        enquiry = Enquiry.objects.get()
        assert conversation.waiting_since is None
        assert conversation.closed_at is None
        assert conversation.mode == Conversation.Mode.PERSON
        assert conversation.assigned_to == user
        assert (enquiry.ended_at, enquiry.ended_by, enquiry.outcome) == (now, user, "closed")


class TestWaitingCount:
    def test_counts_who_waits(self, conversation: Conversation) -> None:
        make.open_window(make.contact(), until=NOW)

        assert conversations.waiting_count() == 1


class TestNewestInboundId:
    def test_is_zero_where_nothing_was_written(self) -> None:
        row = make.open_window(make.contact(), until=NOW)

        assert conversations.newest_inbound_id(conversation=row) == 0
