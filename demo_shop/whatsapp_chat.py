"""What the plugin may ask this shop when customers write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.db.models import Model, Q
from django.utils import translation

from demo_shop.cart import CartLine
from demo_shop.models import Language, Order, Product
from demo_shop.ordering import draft_order
from demo_shop.whatsapp import DemoShopAdapter
from whatsapp_notify import shop


class DemoChatAdapter(DemoShopAdapter):
    """Adds to the adapter what "Where is my order?", carts of the chat and the bot need."""

    def get_order(self, subject: Model) -> shop.Order | None:
        order = super().get_order(subject)
        if order is None or not isinstance(subject, Order):
            return order
        with translation.override(subject.language):
            order = replace(order, status=str(subject.get_status_display()).lower())
        # A guest who ordered in the chat has no session that opens the page.
        return replace(order, url="") if subject.cart_key and not subject.user_id else order

    def get_order_by_ref(self, ref: str) -> shop.Order | None:
        # People leave out the letter: "1001" for "A1001".
        row = Order.objects.filter(number__in=[ref.upper(), f"A{ref}"]).order_by("id").first()
        return self.get_order(row) if row else None

    def get_orders_of(self, customer: shop.Customer) -> Sequence[shop.Order]:
        whose = Q(user_id=customer.user_id) if customer.user_id is not None else Q(pk=None)
        if customer.phone:
            whose |= Q(phone=customer.phone)
        rows = Order.objects.filter(whose).order_by("-placed_at", "-id")[:10]
        return [order for row in rows if (order := self.get_order(row))]

    def create_draft_order(self, cart: shop.Cart) -> shop.Order | None:
        products = Product.objects.filter(is_published=True).in_bulk(
            {line.product for line in cart.lines}, field_name="slug"
        )
        if not all(line.product in products for line in cart.lines):
            return None  # a person asks what was meant
        lines = [CartLine(products[line.product], line.quantity) for line in cart.lines]
        language = cart.customer.language
        order = draft_order(
            cart_key=cart.key,
            user_id=cart.customer.user_id,
            first_name=cart.customer.first_name,
            phone=cart.customer.phone,
            language=language if language in Language else Language.FINNISH,
            lines=lines,
        )
        return self.get_order(order)
