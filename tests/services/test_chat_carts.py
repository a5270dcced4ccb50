"""A cart of the chat becomes a draft order, once."""

import dataclasses
from decimal import Decimal
from typing import Any

import pytest

from demo_shop.models import Order
from tests import chat, chat_shop, shop
from tests.chat_shop import last_step, said, waits, write
from tests.factories import NOW
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.models import AutomaticReply, Contact, InboundMessage
from whatsapp_notify.services import conversations, errands
from whatsapp_notify.shop import Cart, CartLine
from whatsapp_notify.shop import Order as ShopOrder

pytestmark = pytest.mark.django_db

ITEM = contents.OrderItem(
    product_retailer_id="usva-mug", quantity=2, item_price="24.9", currency="EUR"
)


@pytest.fixture(autouse=True)
def open_shop(settings: Any) -> None:
    chat_shop.open_shop(settings)


@pytest.fixture
def contact() -> Contact:
    return chat_shop.customer()


def cart_of(contact: Contact, *items: contents.OrderItem, text: str = "") -> InboundMessage:
    row = write(contact, contents.Order(catalog_id="1", text=text, items=items))
    errands.run(now=NOW)
    return row


def told() -> Cart:
    """The cart that the shop was given."""
    (cart,) = [value for kind, value in chat_shop.asked if kind == "cart"]
    assert isinstance(cart, Cart)
    return cart


class TestCart:
    def test_becomes_a_draft_order_that_the_customer_is_told_of(self, contact: Contact) -> None:
        row = cart_of(contact, ITEM, text="As a present, please")

        order = Order.objects.get()
        assert said(contact) == [
            (
                f"Thank you, we have your order {order.number}. "
                f"See it here: https://shop.example/orders/{order.number}"
            )
        ]
        row.refresh_from_db()
        assert (row.order_ref, row.errand, row.errand_due_at) == (order.number, "", None)
        assert waits(contact) == ["cart"]
        assert last_step(row) == [
            "cart", "acted", {"lines": 1, "is_drafted": True, "reply": "said"},
        ]  # fmt: skip

    def test_tells_the_shop_who_wants_what(self) -> None:
        user = shop.user()
        contact = chat_shop.customer(user=user, first_name="Customer", language="sv")

        row = cart_of(contact, ITEM, text="As a present, please")

        cart = told()
        assert cart.key == f"inbound:{row.pk}"
        assert cart.note == "As a present, please"
        assert cart.lines == (
            CartLine(product="usva-mug", quantity=2, price=Decimal("24.9"), currency="EUR"),
        )
        assert cart.customer.phone == chat.phone_of(contact)
        assert (cart.customer.user_id, cart.customer.language) == (user.pk, "sv")

    @pytest.mark.parametrize(
        "price", ["", "free", "NaN", "Infinity", "-1", "1e400", "1000000000", "24,9", "1 2"]
    )
    def test_has_no_price_where_it_is_none(self, contact: Contact, price: str) -> None:
        cart_of(contact, dataclasses.replace(ITEM, item_price=price))

        assert told().lines[0].price is None

    @pytest.mark.parametrize(
        ("told_price", "price"), [("18.900000000000002", "18.9"), ("1e-99999", "0")]
    )
    def test_drops_the_noise_of_a_binary_fraction(
        self, contact: Contact, told_price: str, price: str
    ) -> None:
        cart_of(contact, dataclasses.replace(ITEM, item_price=told_price))

        assert told().lines[0].price == Decimal(price)

    @pytest.mark.parametrize("price", ["0", "24.90", "999999999.99"])
    def test_keeps_prices_to_the_cent(self, contact: Contact, price: str) -> None:
        cart_of(contact, dataclasses.replace(ITEM, item_price=price))

        assert told().lines[0].price == Decimal(price)

    def test_is_bounded_in_pieces_and_lines(self, contact: Contact) -> None:
        huge = dataclasses.replace(ITEM, quantity=10**12)
        none, negative = (dataclasses.replace(ITEM, quantity=pieces) for pieces in (0, -3))

        cart_of(contact, none, huge, negative, *[ITEM] * 200)

        lines = told().lines
        assert [line.quantity for line in lines[:2]] == [999, 2]
        assert len(lines) == 98

    @pytest.mark.parametrize("items", [(), (dataclasses.replace(ITEM, quantity=0),)])
    def test_with_nothing_in_it_is_for_a_person(self, contact: Contact, items: Any) -> None:
        cart_of(contact, *items)

        assert chat_shop.asked == []
        assert said(contact) == [chat_shop.WORDS["handed_over"]]
        assert waits(contact) == ["cart"]


class TestDraft:
    def test_is_made_once_for_a_message(self, contact: Contact) -> None:
        cart_of(contact, ITEM)
        errands.run(now=NOW)

        assert Order.objects.count() == 1

    def test_is_undone_with_the_try_that_broke(
        self, contact: Contact, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(conversations, "call_person", chat_shop.raises)
            cart_of(contact, ITEM)
            assert Order.objects.count() == 0

        errands.run(now=NOW + errands.PAUSES[1])

        assert Order.objects.count() == 1
        assert len(said(contact)) == 1

    def test_is_looked_at_by_staff_where_a_person_leads_the_talk(self, contact: Contact) -> None:
        conversations.take(conversation=chat_shop.conversation(contact), user=shop.user(), now=NOW)

        cart_of(contact, ITEM)

        assert (said(contact), waits(contact)) == ([], ["cart"])
        assert Order.objects.count() == 1

    def test_without_words_of_the_shop_is_answered_by_a_person(self, contact: Contact) -> None:
        AutomaticReply.objects.filter(kind="cart_taken").delete()

        cart_of(contact, ITEM)

        assert said(contact) == [chat_shop.WORDS["handed_over"]]

    def test_without_a_page_is_told_without_it(self, contact: Contact) -> None:
        chat_shop.let("cart", lambda cart: ShopOrder(ref="D-1001", customer=cart.customer))

        cart_of(contact, ITEM)

        assert said(contact) == ["Thank you, we have your order D-1001."]


class TestShopThatTakesNone:
    def test_has_a_person_called(self, contact: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(chat_shop.ChatAdapter, "create_draft_order", lambda self, cart: None)

        row = cart_of(contact, ITEM)

        assert said(contact) == [chat_shop.WORDS["handed_over"]]
        assert waits(contact) == ["cart"]
        assert last_step(row)[2]["is_drafted"] is False

    @pytest.mark.parametrize("answer", [chat_shop.raises, lambda cart: "A1001"])
    def test_has_a_person_called_where_it_breaks_for_good(
        self, contact: Contact, answer: Any
    ) -> None:
        chat_shop.let("cart", answer)

        cart_of(contact, ITEM)
        assert waits(contact) == []
        for pause in errands.PAUSES.values():
            errands.run(now=NOW + 2 * pause)

        assert waits(contact) == ["cart"]
        assert said(contact) == [chat_shop.WORDS["handed_over"]]
