"""One transaction for several people, beside others who hold rows of theirs."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, models, transaction

from tests import chat, chat_shop, factories, webhook_bodies
from tests.concurrency import beside, held_by_the_shop, on_postgresql
from tests.factories import NOW
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.models import Contact, Conversation, InboundMessage, UnreadWebhook
from whatsapp_notify.services import arrivals, conversations, errands, inbound, webhooks

pytestmark = [pytest.mark.django_db(transaction=True), on_postgresql]


@pytest.fixture(autouse=True)
def open_shop(settings: Any) -> None:
    chat_shop.open_shop(settings)


def arrive(contact: Contact, words: str) -> None:
    digits = chat.phone_of(contact).lstrip("+")
    element = webhook_bodies.text(words, wamid=f"wamid.{contact.pk}", wa_id=digits)
    arrivals.record(body=webhook_bodies.body(messages=[element]), now=NOW)


def free(model: type[models.Model]) -> int:
    """How many nobody holds."""
    with transaction.atomic():
        rows = model._default_manager.select_for_update(skip_locked=True, no_key=True)
        return len(rows.values_list("pk"))


def until(is_so: Callable[[], bool]) -> bool:
    ends_at = time.monotonic() + 10
    while time.monotonic() < ends_at:
        if is_so():
            return True
    return False


def is_somebody_waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])


class TestDesk:
    @pytest.mark.parametrize("end", [conversations.close, conversations.need_no_answer])
    def test_ends_no_wait_that_begins_at_the_same_moment(self, end: Any) -> None:
        contact = chat_shop.customer()
        seen = chat_shop.write(contact, "agent, please")
        talk, user = chat_shop.conversation(contact), User.objects.create_user("one")
        ends: list[bool] = []

        def click() -> None:
            ends.append(end(conversation=talk, user=user, now=NOW, seen_inbound_id=seen.pk))

        with transaction.atomic():
            chat.write(contents.Media(kind="image", media_id="1"), by=chat.person(contact))
            clicking = threading.Thread(target=beside, args=[click])
            clicking.start()
            assert until(lambda: beside(is_somebody_waiting))
        clicking.join(10)

        talk.refresh_from_db()
        assert ends == [False]
        assert talk.waiting_since is not None
        assert chat_shop.waits(contact) == ["file"]


class TestTransactionOfSeveral:
    def test_f27_one_whose_row_the_shop_holds_keeps_no_other_waiting(self) -> None:
        others = [factories.contact() for _number in range(2)]
        buying = factories.contact()
        for contact in others:
            arrive(contact, "Hello")
        arrive(buying, "STOP")

        def others_are_done() -> bool:
            return factories.webhook_states().count("processed") == 2 and free(Contact) == 2

        with held_by_the_shop(buying):
            reading = threading.Thread(target=beside, args=[lambda: webhooks.process(now=NOW)])
            reading.start()
            assert until(others_are_done)
        reading.join(10)

        assert set(factories.webhook_states()) == {"processed"}
        assert not buying.consent_states.filter(is_granted=True).exists()

    def test_errand_whose_talk_somebody_holds_keeps_no_other_waiting(self) -> None:
        several = [chat_shop.customer() for _number in range(3)]
        for contact in several:
            chat_shop.write(contact, "order A99999")
        talk = Conversation.objects.get(contact=several[2])

        def others_are_done() -> bool:
            return [len(chat_shop.said(each)) for each in several] == [1, 1, 0]

        with held_by_the_shop(talk):
            working = threading.Thread(target=beside, args=[lambda: errands.run(now=NOW)])
            working.start()
            assert until(others_are_done)
        working.join(10)

        assert [len(chat_shop.said(each)) for each in several] == [1, 1, 1]
        assert not InboundMessage.objects.filter(errand_due_at__isnull=False).exists()

    def test_holds_the_webhooks_that_it_reads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real, seen = inbound.receive_all, []

        def receive_all(*args: Any, **asked: Any) -> Any:
            seen.append(beside(lambda: free(UnreadWebhook)))
            return real(*args, **asked)

        monkeypatch.setattr(inbound, "receive_all", receive_all)
        for _number in range(3):
            arrive(factories.contact(), "Hello")

        webhooks.process(now=NOW)

        assert seen == [0]
