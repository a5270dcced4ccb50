"""From an order to a phone and back, as a person sees it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.looking import WatchedPage

#: From the order to the bubble; a busy machine takes long.
ARRIVES_MS = 30_000

#: Heading of the overview's app, then each list that the demo has filled.
ADMIN_PAGES = (
    "/admin/whatsapp_notify/",
    "/admin/whatsapp_notify/message/",
    "/admin/whatsapp_notify/consentrecord/",
    "/admin/whatsapp_notify/contact/",
    "/admin/whatsapp_notify/inboundmessage/",
    "/admin/whatsapp_notify/surveyanswer/",
    "/admin/whatsapp_notify/automation/",
    "/admin/whatsapp_notify/template/",
    "/admin/whatsapp_notify/shopevent/",
    "/admin/whatsapp_notify/webhookevent/",
    "/admin/whatsapp_notify/sender/",
)


class TestCustomer:
    def test_buys_and_gets_an_answer_on_the_phone(self, desk: BrowserContext) -> None:
        watched = WatchedPage(desk)
        page = watched.page

        page.goto("/product/kajo-storm-lantern/")
        page.get_by_role("button", name="Add to cart").click()
        page.get_by_role("link", name="To the checkout").click()
        page.get_by_label("First name").fill("Guest")
        page.get_by_label("E-mail").fill("guest@example.com")
        page.get_by_label("Mobile phone").fill("045 739 00110")
        page.get_by_label("We write to you in").select_option("en")
        for box in page.get_by_role("checkbox").all():
            expect(box).not_to_be_checked()
            expect(page.locator(f"label[for={box.get_attribute('id')}]")).to_contain_text(
                "Pihlaja & Puro"
            )
        page.get_by_label("Order and delivery news").check()
        watched.look()
        page.get_by_role("button", name="Place the order").click()
        heading = page.get_by_role("heading", name="Thank you, Guest!")
        heading.wait_for()
        text = page.get_by_role("main").inner_text()
        number = re.search(r"\bA\d{4}\b", text)
        assert number is not None

        page.goto("/simulator/")
        # The latest chat is shown first; whose it is depends on what else goes on.
        page.get_by_role("navigation", name="Chats").get_by_text("0110").click(timeout=ARRIVES_MS)
        chat = page.get_by_role("log")
        expect(chat).to_contain_text(number[0], timeout=ARRIVES_MS)
        watched.look()
        page.get_by_label("Message", exact=True).fill("STOP")
        page.get_by_role("button", name="Send", exact=True).click()
        expect(chat).to_contain_text("You will get no more messages", timeout=ARRIVES_MS)
        watched.look()

        assert "\n".join(watched.faults) == ""


class TestStaff:
    @pytest.mark.parametrize("address", ADMIN_PAGES)
    def test_sees_a_page_that_is_full_and_sound(self, staff: BrowserContext, address: str) -> None:
        watched = WatchedPage(staff)

        answer = watched.page.goto(address)

        assert answer is not None
        assert answer.status == 200
        watched.look()
        assert "\n".join(watched.faults) == ""
        if address != ADMIN_PAGES[0]:
            rows = watched.page.locator("#result_list tbody tr")
            assert rows.count() > 0

    def test_answers_what_needs_attention(self, staff: BrowserContext) -> None:
        watched = WatchedPage(staff)
        page = watched.page
        page.goto("/admin/whatsapp_notify/overview/")
        page.get_by_role("navigation", name="WhatsApp").get_by_text("Needs attention").click()
        failed = page.get_by_role("region", name="Failed, not seen yet")
        expect(failed.get_by_text("What to do:")).to_be_visible()
        watched.look()
        first = failed.get_by_role("button", name=re.compile("^Seen: #")).first
        name = first.get_attribute("aria-label")
        assert name is not None

        first.click()

        expect(page.get_by_text("1 message was changed.")).to_be_visible()
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)
        watched.look()
        again = page.get_by_role("button", name=re.compile("perhaps twice.*: #")).first
        again.click()
        expect(page.get_by_text("may get it twice")).to_be_visible()
        watched.look()
        page.get_by_role("link", name="Back, change nothing").click()
        expect(again).to_be_visible()
        assert "\n".join(watched.faults) == ""

    @pytest.mark.parametrize("staff", [1280], indirect=True, ids=["desk"])
    @pytest.mark.parametrize(
        ("state", "words"),
        [
            ("delivered", "Consent"),
            ("blocked", "Consent"),
            ("failed", "131026"),
            ("in_doubt", "doubt"),
        ],
    )
    def test_reads_why_a_message_is_as_it_is(
        self, staff: BrowserContext, state: str, words: str
    ) -> None:
        assert _faults_of_message(staff, state=state, words=words) == ""

    @pytest.mark.parametrize("staff", [375], indirect=True, ids=["phone"])
    def test_reads_why_on_a_phone_too(self, staff: BrowserContext) -> None:
        assert _faults_of_message(staff, state="read", words="Consent") == ""


def _faults_of_message(staff: BrowserContext, *, state: str, words: str) -> str:
    """This will open the oldest message in a state from the log, and return what is wrong."""
    watched = WatchedPage(staff)
    page = watched.page
    page.goto(f"/admin/whatsapp_notify/message/?state__exact={state}")
    page.locator("#result_list tbody tr th a").last.click()
    page.get_by_role("heading", name="Why?").wait_for()
    expect(page.get_by_role("main")).to_contain_text(words)
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    watched.look()
    return "\n".join(watched.faults)
