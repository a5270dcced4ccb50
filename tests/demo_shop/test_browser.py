"""The shop in a real browser: accessible, and no wider than a phone."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page

from demo_shop.models import Order
from demo_shop.seed import CUSTOMER_PASSWORD, seed

_CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(_CHROMIUM is None, reason="no Chromium on this machine"),
]

_POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'"


@pytest.fixture(params=[375, 1280], ids=["phone", "desk"])
def page(request: pytest.FixtureRequest, browser: Browser, live_server: Any) -> Iterator[Page]:
    seed(now=datetime(2026, 11, 20, 12, tzinfo=UTC))
    context = browser.new_context(
        base_url=live_server.url, viewport={"width": request.param, "height": 800}
    )
    yield context.new_page()
    context.close()


def _faults(page: Page, heading: str) -> list[str]:
    """This will return what an axe run and a look at the width find wrong on the page awaited."""
    page.get_by_role("heading", name=heading).first.wait_for()
    page.wait_for_load_state()
    faults = [rule["id"] for rule in Axe().run(page).response["violations"]]
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        faults.append("wider than the window")
    return [f"{page.url}: {fault}" for fault in faults]


class TestShop:
    def test_serves_a_guest_from_the_first_page_to_the_last(self, page: Page) -> None:
        faults: list[str] = []
        page.goto("/")
        faults += _faults(page, "Made for slow mornings outdoors")

        page.get_by_role("link", name="Kajo storm lantern").click()
        page.get_by_label("Quantity").fill("2")
        faults += _faults(page, "Kajo storm lantern")
        page.get_by_role("button", name="Add to cart").click()
        faults += _faults(page, "Cart")
        page.get_by_role("link", name="To the checkout").click()
        page.get_by_role("button", name="Place the order").click()
        page.get_by_role("alert").wait_for()
        faults += _faults(page, "Checkout")
        page.get_by_label("First name").fill("Guest")
        page.get_by_label("E-mail").fill("guest@example.com")
        page.get_by_label("Mobile phone").fill("045 739 00107")
        page.get_by_role("button", name="Place the order").click()
        faults += _faults(page, "Thank you, Guest!")
        page.get_by_role("link", name="See the order").click()
        faults += _faults(page, "Order A")

        assert faults == []
        assert Order.objects.order_by("id").last().first_name == "Guest"

    def test_serves_a_customer(self, page: Page) -> None:
        faults: list[str] = []
        page.goto("/account/register/")
        faults += _faults(page, "Become a customer")

        page.goto("/account/login/")
        faults += _faults(page, "Welcome back")
        page.get_by_label("E-mail").fill("customer.six@example.com")
        page.get_by_label("Password").fill(CUSTOMER_PASSWORD)
        page.get_by_role("button", name="Log in").click()
        faults += _faults(page, "Hello, Customer Six")
        page.get_by_role("link", name="Shipped").click()
        page.get_by_role("link", name="Follow the parcel").click()
        faults += _faults(page, "Your parcel")

        assert faults == []

    def test_serves_the_staff(self, page: Page, live_server: Any) -> None:
        client = Client()
        client.force_login(User.objects.create_superuser("staff"))
        session = client.cookies["sessionid"].value
        page.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        faults: list[str] = []
        order = Order.objects.get(status=Order.Status.PAID)

        page.goto("/admin/demo_shop/order/")
        faults += _faults(page, "Select order to change")
        page.get_by_role("link", name=order.number).click()
        faults += _faults(page, "Change order")
        page.get_by_role("button", name="Mark as shipped").click()
        page.get_by_role("button", name="Out for delivery").wait_for()
        faults += _faults(page, "Next step")

        assert faults == []
        order.refresh_from_db()
        assert order.status == Order.Status.SHIPPED

    def test_obeys_a_strict_content_security_policy(self, page: Page) -> None:
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text))
        # Every page gets the policy that a careful shop would send.
        page.route(
            "**/*",
            lambda route: route.fulfill(
                response=(answer := route.fetch()),
                headers={**answer.headers, "content-security-policy": _POLICY},
            ),
        )

        for address in ("/", "/product/kajo-storm-lantern/", "/account/register/"):
            page.goto(address, wait_until="networkidle")

        assert [text for text in refused if "Content Security Policy" in text] == []
