"""What the demo shop tells to those who write to it."""

from decimal import Decimal
from typing import Any

import pytest

from demo_shop import fulfilment
from demo_shop.models import CustomerProfile, Order, Product
from demo_shop.whatsapp_chat import DemoChatAdapter
from tests import chat, chat_shop, factories, shop
from tests.factories import NOW
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.models import ShopEvent
from whatsapp_notify.services import errands
from whatsapp_notify.shop import Cart, CartLine, Customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def mug() -> Product:
    return Product.objects.create(
        name="Usva enamel mug", slug="usva-enamel-mug", price=Decimal("18.90"), description="A mug."
    )


def cart(*lines: CartLine, key: str = "inbound:1", **customer: Any) -> Cart:
    return Cart(
        key=key,
        customer=Customer(**{"phone": "+358457390101", "first_name": "Customer", **customer}),
        lines=lines,
    )


def line(product: str = "usva-enamel-mug", quantity: int = 2) -> CartLine:
    return CartLine(product=product, quantity=quantity, price=Decimal("1.00"), currency="EUR")


class TestOrderByRef:
    @pytest.mark.parametrize("written", ["{}", "{lower}", "{digits}"])
    def test_is_found_as_people_write_it(self, written: str) -> None:
        row = shop.order()
        number = row.number

        order = DemoChatAdapter().get_order_by_ref(
            written.format(number, lower=number.lower(), digits=number[1:])
        )

        assert order is not None
        assert order.ref == number

    def test_is_none_where_there_is_no_such_order(self) -> None:
        shop.order()

        assert DemoChatAdapter().get_order_by_ref("A99999") is None

    @pytest.mark.parametrize(
        ("language", "status"),
        [("en", "shipped"), ("fi", "lähetetty"), ("sv", "skickad"), ("ru", "отправлено")],
    )
    def test_tells_its_status_in_the_customers_language(self, language: str, status: str) -> None:
        row = shop.order(status="shipped", language=language)

        order = DemoChatAdapter().get_order(row)

        assert order is not None
        assert order.status == status


class TestOrdersOf:
    def test_are_those_of_the_account_and_of_the_phone_the_latest_first(self) -> None:
        user = shop.user()
        first = shop.order(user=user, phone="045 739 00102")
        second = shop.order(phone="+358457390101")
        shop.order(user=shop.user())

        orders = DemoChatAdapter().get_orders_of(Customer(user_id=user.pk, phone="+358457390101"))

        assert [each.ref for each in orders] == [second.number, first.number]

    def test_are_none_of_somebody_without_either(self) -> None:
        shop.order(phone="")

        assert DemoChatAdapter().get_orders_of(Customer()) == []


class TestDraftOrder:
    def test_has_the_lines_of_the_cart_at_the_prices_of_the_shop(self, mug: Product) -> None:
        user = shop.user()

        order = DemoChatAdapter().create_draft_order(cart(line(), user_id=user.pk, language="en"))

        row = Order.objects.get()
        assert order is not None
        assert (order.ref, order.status) == (row.number, "draft")
        assert (row.status, row.total, row.language) == ("draft", Decimal("37.80"), "en")
        assert (row.user, row.phone, row.first_name) == (user, "+358457390101", "Customer")
        assert [(each.product, each.quantity) for each in row.lines.all()] == [(mug, 2)]

    @pytest.mark.usefixtures("mug")
    def test_is_the_same_for_the_same_cart(self) -> None:
        adapter = DemoChatAdapter()

        first, again = (adapter.create_draft_order(cart(line())) for _each in range(2))
        other = adapter.create_draft_order(cart(line(), key="inbound:2"))

        assert first == again != other
        assert Order.objects.get(number=first.ref).lines.count() == 1  # type: ignore[union-attr]

    @pytest.mark.usefixtures("mug")
    def test_is_none_where_a_product_is_not_known(self) -> None:
        assert DemoChatAdapter().create_draft_order(cart(line(), line("gone"))) is None
        assert not Order.objects.exists()

    @pytest.mark.usefixtures("mug")
    def test_of_a_guest_names_no_page_that_the_guest_may_not_see(self) -> None:
        order = DemoChatAdapter().create_draft_order(cart(line()))

        assert order is not None
        assert order.url == ""

    @pytest.mark.usefixtures("mug")
    def test_is_confirmed_when_staff_accepts_it_and_not_before(self) -> None:
        DemoChatAdapter().create_draft_order(cart(line()))
        assert not ShopEvent.objects.exists()

        fulfilment.take_step(
            step=fulfilment.STEPS_BY_KEY["accept"],
            order_id=Order.objects.get().pk,
            today=NOW.date(),
        )

        assert ShopEvent.objects.get().name == "order.confirmed"


class TestChat:
    @pytest.fixture(autouse=True)
    def open_shop(self, settings: Any) -> None:
        chat_shop.open_shop(
            settings,
            ADAPTER="demo_shop.whatsapp_chat.DemoChatAdapter",
            BOT="demo_shop.bot.answer",
        )

    def test_tells_where_an_order_is(self) -> None:
        contact = chat_shop.customer(phone="+358457390101")
        order = shop.order(phone="045 739 0101", status="shipped")

        chat_shop.write(contact, f"Where is my order {order.number[1:]}?")
        errands.run(now=NOW)

        assert chat_shop.said(contact) == [f"Order {order.number}: shipped."]

    @pytest.mark.usefixtures("mug")
    def test_takes_a_cart(self) -> None:
        contact = chat_shop.customer()
        item = contents.OrderItem(
            product_retailer_id="usva-enamel-mug", quantity=1, item_price="18.9", currency="EUR"
        )

        chat_shop.write(contact, contents.Order(catalog_id="1", items=(item,)))
        errands.run(now=NOW)

        number = Order.objects.get().number
        assert chat_shop.said(contact) == [f"Thank you, we have your order {number}."]
        assert chat_shop.waits(contact) == ["cart"]

    def test_knows_the_orders_of_a_profile(self) -> None:
        user = shop.user()
        profile = CustomerProfile.objects.create(user=user, phone="+358457390101")
        order = shop.order(user=user, phone="")
        contact = factories.contact(user=user, phone=profile.phone)
        customer = Customer(user_id=contact.user_id, phone=chat.phone_of(contact))

        (known,) = DemoChatAdapter().get_orders_of(customer)

        assert known.ref == order.number
