"""Messages of several people in one transaction: as if each had been alone, and cheaper."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import chat, factories, shop, webhook_bodies
from tests.factories import NOW
from whatsapp_notify.management.bench import bodies
from whatsapp_notify.models import (
    AutomaticReply,
    Contact,
    Identity,
    InboundMessage,
    KeywordReply,
    Message,
    Participation,
)
from whatsapp_notify.services import (
    arrivals,
    automatic_replies,
    inbound,
    opt_out_breaker,
    outbox,
    webhooks,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def words(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = shop.configured(
        PHONE_NUMBER_ID="100000000000001", DEFAULT_LANGUAGE="en"
    )
    for key in ("service", "orders", "offers"):
        factories.topic(key)
    AutomaticReply.objects.create(kind="greeting", language="en", body="Hello!")
    KeywordReply.objects.create(phrases="returns", language="en", body="30 days.")


_wamids = iter(range(1, 10_000))


def arrive(contact: Contact, text: str, *, wamid: str = "") -> str:
    """The webhook of one message is stored, not yet read."""
    wamid = wamid or f"wamid.TOGETHER{next(_wamids)}"
    digits = chat.phone_of(contact).lstrip("+")
    body = bodies.text(wamid=wamid, digits=digits, at=NOW.timestamp(), words=text)
    arrivals.record(body=body, now=NOW)
    return wamid


def speak(ids: dict[str, str], text: str = "Hello") -> None:
    """As ``arrive``, by somebody's ids at WhatsApp."""
    element = webhook_bodies.text(text, wamid=f"wamid.TOGETHER{next(_wamids)}") | ids
    arrivals.record(body=webhook_bodies.body(messages=[element]), now=NOW)


def read() -> None:
    webhooks.process(now=NOW + timedelta(seconds=1))


def said() -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    rows = Message.objects.filter(key__startswith="answer:").order_by("id")
    for row in rows:
        found.setdefault(row.contact_id, []).append(row.content["body"])
    return found


class TestGroup:
    def test_each_is_answered_as_if_alone(self) -> None:
        several = [factories.contact() for _number in range(5)]
        for contact in several:
            arrive(contact, "returns")

        read()

        assert said() == {contact.pk: ["Hello!\n\n30 days."] for contact in several}
        assert KeywordReply.objects.get().used_count == 5
        assert set(factories.webhook_states()) == {"processed"}

    def test_campaigns_are_read_once_for_all_who_take_part(self) -> None:
        factories.interactive_campaign()
        several = [factories.contact() for _number in range(5)]
        for contact in several:
            arrive(contact, "summer")

        with CaptureQueriesContext(connection) as seen:
            read()

        invited = "Hello!\n\nSend us a photo, Customer!"
        assert said() == {contact.pk: [invited] for contact in several}
        assert Participation.objects.count() == 5
        table = 'FROM "whatsapp_notify_interactivecampaign"'
        assert len([each for each in seen if table in each["sql"]]) == 1

    def test_what_they_cause_is_written_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sizes: list[int] = []
        real = outbox.insert_rows

        def spy(**asked: Any) -> int:
            sizes.append(len(asked["rows"]))
            return real(**asked)

        monkeypatch.setattr(outbox, "insert_rows", spy)
        monkeypatch.setattr(webhooks, "_TOGETHER", 25)
        for _number in range(30):
            arrive(factories.contact(), "returns")

        read()

        assert sizes == [25, 5]

    def test_another_message_costs_few_statements(self) -> None:
        def statements(count: int) -> int:
            several = [factories.contact() for _number in range(count)]
            for _lap in range(2):
                for contact in several:
                    arrive(contact, "Thanks!")
                with CaptureQueriesContext(
                    connection,
                ) as queries:
                    read()
            return len(queries)

        assert (statements(20) - statements(10)) / 10 < 0.5

    def test_two_messages_of_one_person_are_done_in_turn(self) -> None:
        contact = factories.contact()
        for text in ("returns", "Thanks!", "returns"):
            arrive(contact, text)

        read()

        assert said() == {contact.pk: ["Hello!\n\n30 days.", "30 days."]}
        assert list(InboundMessage.objects.order_by("id").values_list("text", flat=True)) == [
            "returns", "Thanks!", "returns",
        ]  # fmt: skip

    def test_stop_among_others_stops_and_is_confirmed(self) -> None:
        stopping, other = factories.contact(), factories.contact()
        arrive(other, "returns")
        arrive(stopping, "STOP")

        read()

        assert not stopping.consent_states.filter(is_granted=True).exists()
        assert other.consent_states.filter(is_granted=True).exists()
        assert len(said()[stopping.pk]) == 1

    def test_contacts_are_held_in_the_order_of_their_ids(self) -> None:
        stopping, found_again = factories.contact(), factories.contact(unreachable_since=NOW)
        arrive(found_again, "Thanks!")
        arrive(stopping, "STOP")

        with CaptureQueriesContext(connection) as seen:
            read()

        statements = [each["sql"] for each in seen]
        [cleared] = [n for n, sql in enumerate(statements) if '"unreachable_since" = NULL' in sql]
        [stopped] = [
            n
            for n, sql in enumerate(statements)
            if sql.startswith('INSERT INTO "whatsapp_notify_consentrecord')
        ]
        assert stopped < cleared

    def test_f76_more_sentences_that_end_messages_than_is_natural_are_held_back(self) -> None:
        several = [factories.contact() for _number in range(opt_out_breaker.LEAST + 5)]
        for contact in several:
            arrive(contact, "Please take me off your list")

        read()

        rows = InboundMessage.objects.values_list("handled_as", flat=True)
        assert Counter(rows) == {"opt_out": opt_out_breaker.LEAST, "person": 5}


class TestPeople:
    def test_who_lost_a_number_to_another_is_known_by_what_they_write_with(self) -> None:
        moved = factories.contact(phone="+358457311111")
        Identity.objects.create(contact=moved, kind="user_id", value="FI.1")
        Identity.objects.create(contact=moved, kind="wa_id", value="358457322222")
        speak({"from": "358457311111", "from_user_id": "FI.2"})
        speak({"from": "358457322222", "from_user_id": "FI.1"})

        read()

        assert chat.value_of(moved, "wa_id") == "358457322222"
        assert chat.value_of(moved, "phone") == "+358457322222"

    def test_of_two_spellings_of_one_number_are_read_in_turn(self) -> None:
        speak({"from": "5511987654321", "from_user_id": "BR.1"}, "STOP")
        speak({"from": "551187654321", "from_user_id": "BR.2"}, "START")

        read()

        [stopped, started] = InboundMessage.objects.order_by("id")
        assert not stopped.contact.consent_states.filter(is_granted=True).exists()
        assert not started.contact.consent_records.filter(action="withdraw").exists()
        assert started.contact.consent_states.filter(is_granted=True).exists()


class TestPoison:
    @pytest.fixture
    def broken_for(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
        def arm(text: str) -> None:
            real = automatic_replies.reply

            def reply(**asked: Any) -> str:
                if asked["inbound"].text == text:
                    raise RuntimeError("poison")
                return real(**asked)

            monkeypatch.setattr(automatic_replies, "reply", reply)

        return arm

    def test_one_that_breaks_breaks_no_other(self, broken_for: Callable[[str], None]) -> None:
        broken_for("poison please")
        several = [factories.contact() for _number in range(4)]
        poisonous = factories.contact()
        for contact in several[:2]:
            arrive(contact, "returns")
        arrive(poisonous, "poison please")
        for contact in several[2:]:
            arrive(contact, "returns")

        read()

        assert said() == {contact.pk: ["Hello!\n\n30 days."] for contact in several}
        assert KeywordReply.objects.get().used_count == 4
        assert factories.webhook_states() == ["processed"] * 2 + ["quarantined"] + ["processed"] * 2

    def test_what_breaks_at_the_end_is_undone_and_done_one_by_one(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = outbox.insert_rows

        def insert(**asked: Any) -> int:
            if len(asked["rows"]) > 1:
                raise RuntimeError("too many")
            return real(**asked)

        monkeypatch.setattr(outbox, "insert_rows", insert)
        several = [factories.contact() for _number in range(3)]
        for contact in several:
            arrive(contact, "returns")

        read()

        assert said() == {contact.pk: ["Hello!\n\n30 days."] for contact in several}
        assert InboundMessage.objects.count() == 3
        assert KeywordReply.objects.get().used_count == 3

    def test_f53_one_that_another_process_has_kept_meanwhile_is_left_out(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        several = [factories.contact() for _number in range(3)]
        wamids = [arrive(contact, "returns") for contact in several]
        real = inbound._sender_of
        is_first = iter([True])

        def slow(phone_number_id: str) -> Any:
            # Between the look and the INSERT of the first one, in the group and alone.
            if next(is_first, False):
                chat.write("returns", by=chat.person(several[1]), provider_message_id=wamids[1])
            return real(phone_number_id)

        monkeypatch.setattr(inbound, "_sender_of", slow)

        read()

        assert InboundMessage.objects.count() == 3
        assert all(len(each) == 1 for each in said().values())
