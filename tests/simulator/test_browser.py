"""The phone page in a real browser: messages appear by themselves, axe finds nothing."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from tests.simulator.conftest import SETTINGS, Caller
from tests.simulator.test_answers import LIST, NUMBER_WANTED, PLACE_WANTED
from whatsapp_notify.simulator import control
from whatsapp_notify.simulator.models import ChatMessage, OutboxWebhook, SimulatedCustomer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def browser_page(browser: Any) -> Iterator[Any]:
    """A page that collects what the browser complains about."""
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on(
        "console",
        lambda line: page.complaints.append(line.text) if line.type == "error" else None,
    )
    yield page
    page.close()


@pytest.fixture
def customer(graph: Caller) -> SimulatedCustomer:
    return control.customer("+358457390100", name="Customer One")


class TestPhone:
    def test_shows_and_answers_messages_without_reloading(
        self, live_server: Any, browser_page: Any, graph: Caller, customer: SimulatedCustomer
    ) -> None:
        page = browser_page
        page.goto(f"{live_server.url}/simulator/")
        page.evaluate("window.stayed = true")
        graph.send_template()
        ChatMessage.objects.update(sent_at=timezone.now(), delivered_at=timezone.now())

        page.get_by_role("button", name="Change the day").click(timeout=8000)
        page.get_by_label("Message", exact=True).fill("On Monday *please*")
        page.keyboard.press("Enter")
        page.locator(".bubble--mine strong", has_text="please").wait_for(timeout=8000)
        page.get_by_role("button", name="Stop marketing in WhatsApp").click()
        page.get_by_text("Marketing stopped").wait_for(timeout=8000)

        labels = set(OutboxWebhook.objects.values_list("label", flat=True))
        assert {"button", "text", "read", "stop"} <= labels
        assert page.evaluate("window.stayed") is True
        assert page.complaints == []

    def test_sends_a_cart(
        self,
        live_server: Any,
        browser_page: Any,
        customer: SimulatedCustomer,
        simulator_settings: Any,
    ) -> None:
        path = "tests.simulator.test_catalog.goods"
        simulator_settings.WHATSAPP_SIMULATOR = {**SETTINGS, "CATALOG": path}
        page = browser_page
        page.goto(f"{live_server.url}/simulator/")
        page.evaluate("window.stayed = true")

        page.get_by_text("Send a cart", exact=True).click()
        page.get_by_role("button", name="Send the cart").click()
        page.get_by_role("alert").get_by_text("Put something into the cart").wait_for(timeout=8000)
        page.get_by_label("Mug <3").fill("2")
        page.get_by_label("Note to the shop").fill("As a gift")
        page.get_by_role("button", name="Send the cart").click()
        page.locator(".bubble--mine", has_text="Cart, 2 items").wait_for(timeout=8000)

        # The form is empty again, and stays open for the next cart.
        assert page.get_by_label("Mug <3").input_value() == ""
        assert page.evaluate("window.stayed") is True

    def test_answers_a_list_a_place_and_a_quote(
        self, live_server: Any, browser_page: Any, graph: Caller, customer: SimulatedCustomer
    ) -> None:
        page = browser_page
        control.reply(customer, "Hello")
        for interactive in (LIST, PLACE_WANTED):
            graph.send(type="interactive", interactive=interactive)
        ChatMessage.objects.update(sent_at=timezone.now(), delivered_at=timezone.now())
        page.goto(f"{live_server.url}/simulator/")

        page.get_by_text("Choose", exact=True).click()
        page.get_by_role("button", name="A person").click()
        page.locator(".bubble--mine", has_text="A person").wait_for(timeout=8000)
        page.locator(".answers").get_by_role("button", name="Send location").click()
        page.locator(".bubble--mine .place").wait_for(timeout=8000)
        bubble = page.locator(".bubble--theirs", has_text="Where are you?")
        bubble.hover()
        bubble.get_by_label("React", exact=True).click()
        bubble.get_by_role("link", name="Quote in a message").click()
        page.get_by_label("Message", exact=True).fill("At home")
        page.keyboard.press("Enter")
        page.locator(".bubble--mine", has_text="At home").wait_for(timeout=8000)
        page.locator(".composer__quote").wait_for(state="detached", timeout=8000)

        answer = ChatMessage.objects.get(pieces__body="At home")
        assert answer.context_wamid == ChatMessage.objects.get(pieces__body="Where are you?").wamid
        labels = set(OutboxWebhook.objects.values_list("label", flat=True))
        assert {"interactive", "location", "text"} <= labels
        assert page.complaints == []

    def test_sends_a_file_and_says_why_another_is_refused(
        self, live_server: Any, browser_page: Any, customer: SimulatedCustomer
    ) -> None:
        page = browser_page
        page.goto(f"{live_server.url}/simulator/")

        page.get_by_text("Send a file of your own").click()
        field = page.get_by_label("Photo, video, sound or document")
        field.set_input_files({"name": "a.html", "mimeType": "text/html", "buffer": b"x"})
        page.get_by_role("button", name="Send the file").click()
        page.get_by_role("alert").get_by_text("no files of the type text/html").wait_for()
        field.set_input_files({"name": "a.pdf", "mimeType": "application/pdf", "buffer": b"x"})
        page.get_by_role("button", name="Send the file").click()
        page.locator(".bubble--mine .file__name", has_text="a.pdf").wait_for(timeout=8000)

        assert page.get_by_role("alert").count() == 0
        # The browser itself tells of the answer 400.
        assert [line for line in page.complaints if "400" not in line] == []

    @pytest.mark.parametrize("width", [1280, 375])
    def test_is_accessible_and_fits(
        self,
        live_server: Any,
        browser_page: Any,
        graph: Caller,
        customer: SimulatedCustomer,
        width: int,
        simulator_settings: Any,
    ) -> None:
        from axe_playwright_python.sync_playwright import Axe

        path = "tests.simulator.test_catalog.goods"
        simulator_settings.WHATSAPP_SIMULATOR = {**SETTINGS, "CATALOG": path}

        graph.send_template()
        ChatMessage.objects.update(sent_at=timezone.now(), delivered_at=timezone.now())
        control.send_photo(customer, "Look")
        control.send_location(customer, 60.17, 24.95)
        control.send_voice(customer)
        control.send_document(customer)
        graph.send(text={"body": "Thank you"})
        for interactive in (LIST, PLACE_WANTED, NUMBER_WANTED):
            graph.send(type="interactive", interactive=interactive)
        control.change_number(customer)
        ChatMessage.objects.update(sent_at=timezone.now(), delivered_at=timezone.now())
        quoted = ChatMessage.objects.get(pieces__body="Thank you")
        context = browser_page.context.browser.new_context(bypass_csp=True)
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": 812})

        chat = f"/simulator/customers/{customer.pk}/?quote={quoted.pk}"
        for address in ("/simulator/", chat, "/simulator/numbers/"):
            page.goto(live_server.url + address)
            page.wait_for_timeout(500)
            page.evaluate(
                "document.querySelectorAll('details').forEach((each) => each.open = true)"
            )
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
            assert page.evaluate("document.documentElement.scrollWidth") <= width
