"""The chat in the order of time."""

from datetime import timedelta
from typing import Any

import pytest

from tests import factories as make
from tests.admin import factories as rows
from tests.factories import NOW
from whatsapp_notify.models import (
    Contact,
    ContactLabel,
    Conversation,
    InboundMessage,
    Label,
    Message,
)
from whatsapp_notify.services import chat_history

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact() -> Contact:
    return make.contact(consents=())


def inbound(contact: Contact, minute: int) -> InboundMessage:
    at = NOW + timedelta(minutes=minute)
    return rows.make_inbound(contact, at=at, number=contact.pk * 1000 + minute)


def message(contact: Contact, minute: int, **fields: Any) -> Message:
    at = NOW + timedelta(minutes=minute)
    return rows.make_message(contact, at=at, number=contact.pk * 1000 + minute, **fields)


def read(contact: Contact, *, pages: int = 1, text: bool = True) -> chat_history.History:
    return chat_history.of_contact(
        contact_id=contact.pk, pages=pages, with_inbound_text=text, with_message_text=text
    )


def order(history: chat_history.History) -> list[str]:
    return [
        f"in {entry.inbound.pk}" if entry.inbound else f"out {entry.message.pk}"  # type: ignore[union-attr]
        for entry in history.entries
    ]


class TestOfContact:
    def test_puts_both_sides_in_order(self, contact: Contact) -> None:
        first, second = inbound(contact, 1), message(contact, 2)
        third = inbound(contact, 3)
        inbound(make.contact(consents=()), 2)

        assert order(read(contact)) == [f"in {first.pk}", f"out {second.pk}", f"in {third.pk}"]

    def test_puts_what_is_planned_where_it_will_leave(self, contact: Contact) -> None:
        planned = message(
            contact, 1, state="queued", is_pending=True, due_at=NOW + timedelta(hours=5)
        )
        later = inbound(contact, 3)

        assert order(read(contact)) == [f"in {later.pk}", f"out {planned.pk}"]

    def test_shows_the_latest_of_both_and_more_on_demand(
        self, contact: Contact, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(chat_history, "PAGE", 3)
        for minute in range(4):
            inbound(contact, minute)
        for minute in range(4, 8):
            message(contact, minute)

        first, second, third = (read(contact, pages=pages) for pages in (1, 2, 3))

        assert [len(each.entries) for each in (first, second, third)] == [3, 6, 8]
        assert [each.has_older for each in (first, second, third)] == [True, True, False]
        assert all(entry.message for entry in first.entries)
        assert order(second)[3:] == order(first)

    @pytest.mark.parametrize("text", [True, False])
    def test_asks_the_same_number_of_queries(
        self, text: bool, contact: Contact, django_assert_num_queries: Any
    ) -> None:
        for minute in range(10):
            message(contact, minute, in_reply_to=inbound(contact, 100 + minute))

        with django_assert_num_queries(2):
            found = read(contact, text=text)
            for entry in found.entries:
                if entry.message is not None:
                    assert entry.message.author is None
                    assert entry.message.automation is None

    def test_leaves_words_in_the_database_that_may_not_be_seen(self, contact: Contact) -> None:
        message(contact, 1)
        inbound(contact, 2)

        ours, theirs = read(contact, text=False).entries

        assert "preview" in ours.message.get_deferred_fields()  # type: ignore[union-attr]
        assert {"text", "content"} <= theirs.inbound.get_deferred_fields()  # type: ignore[union-attr]


class TestTag:
    @pytest.fixture
    def conversation(self, contact: Contact) -> Conversation:
        return make.open_window(contact, until=NOW + timedelta(hours=3))

    def test_stays_while_nothing_happens(
        self, conversation: Conversation, django_assert_num_queries: Any
    ) -> None:
        inbound(conversation.contact, 1)
        before = chat_history.tag(conversation)

        with django_assert_num_queries(3):
            assert chat_history.tag(conversation) == before

    def test_changes_with_each_piece_of_news(self, conversation: Conversation) -> None:
        contact = conversation.contact
        tags = [chat_history.tag(conversation)]

        row = message(contact, 1)
        tags.append(chat_history.tag(conversation))
        Message.objects.filter(pk=row.pk).update(state="read")
        tags.append(chat_history.tag(conversation))
        inbound(contact, 2)
        tags.append(chat_history.tag(conversation))
        conversation.mode = Conversation.Mode.PERSON
        tags.append(chat_history.tag(conversation))
        label = Label.objects.create(name="VIP")
        ContactLabel.objects.create(contact=contact, label=label, set_at=NOW)
        tags.append(chat_history.tag(conversation))

        assert len(set(tags)) == 6
