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
    "/admin/whatsapp_notify/inboundmedia/",
    "/admin/whatsapp_notify/surveyanswer/",
    "/admin/whatsapp_notify/automation/",
    "/admin/whatsapp_notify/template/",
    "/admin/whatsapp_notify/shopevent/",
    "/admin/whatsapp_notify/webhookevent/",
    "/admin/whatsapp_notify/sender/",
    "/admin/whatsapp_notify/keywordreply/",
    "/admin/whatsapp_notify/automaticreply/",
    "/admin/whatsapp_notify/cannedreply/",
    "/admin/whatsapp_notify/label/",
    "/admin/whatsapp_notify/interactivecampaign/",
    "/admin/whatsapp_notify/participation/",
)
#: Lists that a new shop has not filled, and forms.
OTHER_PAGES = (
    "/admin/whatsapp_notify/openinghours/",
    "/admin/whatsapp_notify/openinghours/add/",
    "/admin/whatsapp_notify/holiday/",
    "/admin/whatsapp_notify/lead/",
    "/admin/whatsapp_notify/rate/",
    "/admin/whatsapp_notify/rate/add/",
    "/admin/whatsapp_notify/label/add/",
    "/admin/whatsapp_notify/keywordreply/add/",
    "/admin/whatsapp_notify/interactivecampaign/add/",
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

    @pytest.mark.parametrize("address", OTHER_PAGES)
    def test_sees_a_page_that_is_sound(self, staff: BrowserContext, address: str) -> None:
        watched = WatchedPage(staff)

        answer = watched.page.goto(address)

        assert answer is not None
        assert answer.status == 200
        watched.look()
        assert "\n".join(watched.faults) == ""

    @pytest.mark.parametrize(
        "model",
        ["keywordreply", "automaticreply", "contact", "inboundmessage", "participation"],
    )
    def test_opens_a_row_that_is_sound(self, staff: BrowserContext, model: str) -> None:
        watched = WatchedPage(staff)
        watched.page.goto(f"/admin/whatsapp_notify/{model}/")

        watched.page.locator("#result_list tbody tr").first.get_by_role("link").first.click()

        watched.page.wait_for_url("**/change/*")
        watched.look()
        assert "\n".join(watched.faults) == ""

    def test_tries_what_an_answer_does(self, staff: BrowserContext) -> None:
        watched = WatchedPage(staff)
        page = watched.page
        page.goto("/admin/whatsapp_notify/keywordreply/")
        page.get_by_role("navigation", name="Answers").get_by_text("Try it").click()
        page.get_by_label("The customer writes").fill("Help, please!")
        page.get_by_label("Language of the customer").fill("en")
        watched.look()

        page.get_by_role("button", name="What would happen?").click()

        answer = page.get_by_role("region", name="What would happen")
        expect(answer).to_contain_text("Write the number of your order")
        expect(page.get_by_role("region", name="Why")).to_contain_text("Keyword reply acted")
        watched.look()
        assert "\n".join(watched.faults) == ""

    def test_labels_a_customer(self, staff: BrowserContext) -> None:
        watched = WatchedPage(staff)
        page = watched.page
        page.goto("/admin/whatsapp_notify/contact/")
        page.locator("#result_list tbody tr").last.get_by_role("link").first.click()
        labels = page.get_by_role("region", name="Labels")
        labels.get_by_label("Add a label:").select_option("Paid")

        labels.get_by_role("button", name="Add").click()

        remove = labels.get_by_role("button", name="Remove the label Paid")
        expect(remove).to_be_visible()
        watched.look()
        remove.click()
        expect(remove).to_have_count(0)
        page.get_by_role("button", name="Pause promotions").click()
        page.get_by_role("button", name="Let promotions go on").click()
        expect(page.get_by_role("button", name="Pause promotions")).to_be_visible()
        assert "\n".join(watched.faults) == ""

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

    def test_sees_the_picture_that_a_customer_has_sent(self, staff: BrowserContext) -> None:
        watched = WatchedPage(staff)
        page = watched.page
        page.goto("/admin/whatsapp_notify/inboundmedia/")
        for _wait in range(ARRIVES_MS // 1000):
            if page.locator("#result_list").get_by_text("kept", exact=True).count():
                break
            page.wait_for_timeout(1000)
            page.reload()
        page.locator("#result_list tbody tr th a").last.click()
        picture = page.get_by_role("img", name="Picture from the customer")
        expect(picture).to_be_visible()
        expect(page.get_by_label("Order number")).to_have_value(re.compile(r"A\d{4}"))
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
        watched.look()

        page.get_by_role("button", name="Join to this order").click()
        expect(page.get_by_text("The order was saved.")).to_be_visible()
        page.locator(".field-message a").click()
        expect(picture).to_be_visible()
        watched.look()
        assert "\n".join(watched.faults) == ""

    def test_sees_the_photos_of_a_campaign(self, staff: BrowserContext) -> None:
        watched = WatchedPage(staff)
        page = watched.page
        page.goto("/admin/whatsapp_notify/interactivecampaign/")
        page.get_by_role("link", name="Photos of trips").click()
        entries = page.get_by_role("region", name="Latest entries")
        for _wait in range(ARRIVES_MS // 1000):
            if entries.get_by_role("img").count() == 3:
                break
            page.wait_for_timeout(1000)
            page.reload()

        expect(entries.get_by_role("img", name="Picture from the customer")).to_have_count(3)
        expect(entries).to_contain_text("RETKI Nuuksiossa")
        expect(page.get_by_role("region", name="Participants")).to_contain_text("2 participants")
        watched.look()
        page.get_by_role("link", name="All participants, and their export").click()
        expect(page.locator("#result_list tbody tr")).to_have_count(2)
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


class TestDesk:
    @pytest.mark.parametrize("staff", [1280], indirect=True, ids=["desk"])
    def test_answers_a_customer_who_reads_it_on_the_phone(self, staff: BrowserContext) -> None:
        phone, desk = staff.new_page(), WatchedPage(staff)
        phone.goto("/simulator/")
        chats = phone.get_by_role("navigation", name="Chats")
        chats.get_by_text("Customer Six").click(timeout=ARRIVES_MS)
        question = "Can the blanket be had in another colour?"
        phone.get_by_label("Message", exact=True).fill(question)
        phone.get_by_role("button", name="Send", exact=True).click()

        page = desk.page
        page.goto("/admin/whatsapp_notify/conversation/")
        page.get_by_role("link", name=question).click(timeout=ARRIVES_MS)
        expect(page.get_by_role("region", name="Orders")).to_contain_text("A1")
        desk.look()
        page.get_by_label("Your answer").fill("In green, from Monday on.")
        page.keyboard.press("Control+Enter")
        expect(page.get_by_role("log")).to_contain_text("In green, from Monday on.")

        expect(phone.get_by_role("log")).to_contain_text(
            "In green, from Monday on.", timeout=ARRIVES_MS
        )
        assert "\n".join(desk.faults) == ""


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
