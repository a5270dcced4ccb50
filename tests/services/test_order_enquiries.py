"""Where is my order: told to its customer, and nothing to anybody else."""

from datetime import date, timedelta
from typing import Any

import pytest

from demo_shop.models import Order
from tests import chat, chat_shop, factories, shop
from tests.chat_shop import last_step, said, waits, write
from tests.factories import NOW
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.models import AutomaticReply, Contact, Identity, InboundMessage, Message
from whatsapp_notify.services import conversations, errands, identities

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
UNKNOWN = chat_shop.WORDS["order_unknown"]
LIMIT = chat_shop.WORDS["order_limit"]
HANDED_OVER = chat_shop.WORDS["handed_over"]


@pytest.fixture(autouse=True)
def open_shop(settings: Any) -> None:
    chat_shop.open_shop(settings)


@pytest.fixture
def contact() -> Contact:
    return chat_shop.customer()


def order_of(contact: Contact, **fields: Any) -> Order:
    return shop.order(
        **{
            "phone": chat.phone_of(contact),
            "status": "shipped",
            "estimated_arrival": date(2026, 11, 26),
            **fields,
        }
    )


def ask(contact: Contact, text: str, **fields: Any) -> InboundMessage:
    row = write(contact, text, **fields)
    assert errands.run(now=row.received_at) == 1
    row.refresh_from_db()
    return row


class TestOwnOrder:
    def test_is_told_by_the_number_of_the_chat(self, contact: Contact) -> None:
        order = order_of(contact)

        row = ask(contact, f"Where is my order {order.number}?")

        assert said(contact) == [f"Order {order.number}: Shipped. It comes on 26 November 2026."]
        assert row.order_ref == order.number
        assert (row.errand, row.errand_due_at, row.handled_as) == ("", None, "order")
        assert last_step(row) == ["order", "acted", {"numbers": 1, "told": 1, "reply": "said"}]
        assert waits(contact) == []

    def test_is_told_where_the_shop_keeps_the_number_in_national_form(self) -> None:
        contact = chat_shop.customer(phone="+358457390101")
        order = order_of(contact, phone="045 739 0101")

        ask(contact, order.number)

        assert order.number in said(contact)[0]

    def test_is_told_by_the_account_where_the_number_is_hidden(self) -> None:
        user = shop.user()
        contact = chat_shop.customer(phone="", user=user)
        Identity.objects.filter(contact=contact).delete()
        user_id = chat.user_id()
        Identity.objects.create(contact=contact, kind=Identity.Kind.USER_ID, value=user_id)
        order = shop.order(user=user, phone="", status="paid")

        ask(contact, order.number, by=chat.person(user_id=user_id))

        assert said(contact) == [f"Order {order.number}: Paid."]

    def test_is_not_told_by_a_number_that_the_contact_had_once(self, contact: Contact) -> None:
        former = factories.phone()
        Identity.objects.create(
            contact=contact, kind=Identity.Kind.PHONE, value=former, ended_at=NOW
        )
        order = shop.order(phone=former, status="shipped")

        ask(contact, order.number)

        assert said(contact) == [UNKNOWN]

    def test_two_of_them_are_told_in_one_message(self, contact: Contact) -> None:
        first, second = order_of(contact), order_of(contact, estimated_arrival=None)

        ask(contact, f"orders {first.number} and {second.number}")

        (answer,) = said(contact)
        assert answer.split("\n\n") == [
            f"Order {first.number}: Shipped. It comes on 26 November 2026.",
            f"Order {second.number}: Shipped.",
        ]

    def test_is_told_once_where_the_number_is_written_twice(self, contact: Contact) -> None:
        order = order_of(contact)

        ask(contact, f"order {order.number}, {order.number.lower()}")

        assert said(contact)[0].count("Shipped") == 1


class TestWhatIsNotKnownOfTheOrder:
    def test_is_left_out(self, contact: Contact) -> None:
        order = order_of(contact, estimated_arrival=None)

        ask(contact, order.number)

        assert said(contact) == [f"Order {order.number}: Shipped."]

    def test_leaves_what_is_known_to_be_said_bare(self, contact: Contact) -> None:
        AutomaticReply.objects.filter(kind="order_status").update(
            body="{order_ref} is {order_status} and comes on {estimated_arrival}"
        )
        order = order_of(contact, estimated_arrival=None)

        ask(contact, order.number)

        (answer,) = said(contact)
        assert answer.startswith(f"{order.number}: Shipped\n")
        assert "None" not in answer

    def test_calls_a_person_where_it_is_everything(
        self, contact: Contact, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order = order_of(contact, estimated_arrival=None)
        monkeypatch.setattr(chat_shop.ChatAdapter, "get_order", lambda self, row: _bare(row))

        ask(contact, order.number)

        assert said(contact) == [HANDED_OVER]
        assert waits(contact) == ["order"]


class TestOrderOfSomebodyElse:
    def traces(self, contact: Contact, text: str) -> Any:
        row = ask(contact, text)
        message = Message.objects.get(contact=contact)
        return (
            message.content,
            message.order_ref,
            message.due_at,
            message.expires_at,
            row.order_ref,
            row.route[-1],
            row.errand_tries,
            waits(contact),
            [kind for kind, _value in chat_shop.asked],
        )

    def test_looks_in_all_like_one_that_does_not_exist(self) -> None:
        order = shop.order(status="shipped", user=shop.user())

        foreign = self.traces(chat_shop.customer(), f"order {order.number}")
        chat_shop.asked.clear()
        missing = self.traces(chat_shop.customer(), "order A99999")

        assert foreign == missing
        assert foreign[0]["body"] == UNKNOWN

    def test_without_account_and_number_is_nobodys(self) -> None:
        contact = chat_shop.customer(phone="")
        user_id = chat.user_id()
        Identity.objects.create(contact=contact, kind=Identity.Kind.USER_ID, value=user_id)
        order = shop.order(phone="", status="shipped")

        ask(contact, order.number, by=chat.person(user_id=user_id))

        assert said(contact) == [UNKNOWN]


class TestShopWithoutWords:
    @pytest.mark.parametrize(("kind", "is_own"), [("order_status", True), ("order_unknown", False)])
    def test_calls_a_person(self, contact: Contact, kind: str, is_own: bool) -> None:
        AutomaticReply.objects.filter(kind=kind).update(is_active=False)
        order = order_of(contact) if is_own else shop.order()

        ask(contact, order.number)

        assert said(contact) == [HANDED_OVER]
        assert waits(contact) == ["order"]


class TestLimit:
    @pytest.fixture(autouse=True)
    def two_an_hour(self, settings: Any, open_shop: None) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "ORDER_LOOKUPS_PER_HOUR": 2}

    def test_is_told_once_and_a_person_called(self, contact: Contact) -> None:
        order = order_of(contact)
        for minute in range(5):
            ask(contact, order.number, at=NOW + minute * MINUTE)

        found = f"Order {order.number}: Shipped. It comes on 26 November 2026."
        assert said(contact) == [found, found, f"{LIMIT}\n\n{HANDED_OVER}"]
        assert waits(contact) == ["order"]
        assert [kind for kind, _ref in chat_shop.asked] == ["by_ref", "by_ref"]

    def test_counts_numbers_and_not_messages(self, contact: Contact) -> None:
        row = ask(contact, "order 1001 1002 1003")

        assert chat_shop.asked == []
        assert last_step(row)[2]["why"] == "limit"

    def test_is_over_after_an_hour(self, contact: Contact) -> None:
        order = order_of(contact)
        for minute in (0, 1, 62):
            ask(contact, order.number, at=NOW + minute * MINUTE)

        assert len(said(contact)) == 3
        assert LIMIT not in "".join(said(contact))

    def test_is_each_customers_own(self, contact: Contact) -> None:
        for each in (contact, chat_shop.customer(), chat_shop.customer()):
            ask(each, "order 1001")

            assert said(each) == [UNKNOWN]


class TestTalkWithAPerson:
    def test_that_has_begun_meanwhile_gets_no_answer_beside_it(self, contact: Contact) -> None:
        row = write(contact, order_of(contact).number)
        conversations.take(conversation=chat_shop.conversation(contact), user=shop.user(), now=NOW)

        errands.run(now=NOW)

        assert said(contact) == []
        assert waits(contact) == ["order"]
        assert last_step(row)[2]["reply"] == "with_person"


def _bare(row: Order) -> Any:
    order = shop.OrderAdapter().get_order(row)
    return chat_shop.dataclasses.replace(order, url="", tracking_url="", estimated_arrival=None)


def test_who_has_stopped_since_is_told_nothing_more(contact: Contact) -> None:
    order = order_of(contact)
    row = write(contact, f"Where is my order {order.number}?")
    write(contact, "STOP", at=NOW + timedelta(seconds=2))
    before = said(contact)

    errands.run(now=NOW + timedelta(seconds=3))

    row.refresh_from_db()
    assert said(contact) == before
    assert waits(contact) == ["order"]
    assert last_step(row)[2]["reply"] == "opted_out"


@pytest.mark.parametrize("is_hidden", [False, True])
def test_a_number_that_the_account_took_later_is_not_proved_by_an_old_message(
    contact: Contact, is_hidden: bool
) -> None:
    told = factories.queued(contact, provider_message_id="wamid.OLD", called_at=NOW)
    own = chat.phone_of(contact).removeprefix("+")
    later = NOW + timedelta(days=1)
    identities.end(contact=contact, kinds=identities.OF_THE_CHAT, now=later)
    identities.own(contact=contact, kind=Identity.Kind.PHONE, value="+358401112233", now=later)
    order = shop.order(phone="+358401112233", status="shipped")

    by = wire.Person(user_id=chat.user_id(), wa_id="" if is_hidden else own)
    row = write(contact, f"order {order.number}", by=by, answers=told, at=later)
    errands.run(now=later)

    row.refresh_from_db()
    assert row.contact_id == contact.pk
    assert row.order_ref == ""
    assert said(contact) == [UNKNOWN]
