"""The reply desk as two members of the staff see it, at a desk and with a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, expect

from tests import chat, files
from tests import factories as make
from tests.browser.looking import WatchedPage
from whatsapp_notify.backends import locmem
from whatsapp_notify.domain.receipts import NotUploaded
from whatsapp_notify.models import (
    CannedReply,
    ContactLabel,
    Conversation,
    Enquiry,
    Label,
    Message,
    Rate,
)
from whatsapp_notify.services import conversations

pytestmark = pytest.mark.django_db(transaction=True)

DESK = "/admin/whatsapp_notify/conversation/"
#: The page asks every three seconds.
NEWS_MS = 12_000

Enter = Callable[..., WatchedPage]


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def waiting(now: datetime) -> Conversation:
    """A customer whose question waits for a person."""
    make.topic("service")
    contact = make.contact(now=now, first_name="Customer One", language="en")
    row = chat.write("Does it fit *two*?", by=chat.person(contact), at=now - timedelta(minutes=9))
    conversations.call_person(inbound=row, reason=Enquiry.Reason.NOT_UNDERSTOOD, now=now)
    label = Label.objects.create(name="new customer", tone="good")
    ContactLabel.objects.create(contact=contact, label=label, set_at=now)
    CannedReply.objects.create(
        title="Thanks", shortcut="thanks", body="Thank you, {first_name}! {agent_name}"
    )
    Rate.objects.create(
        country="FI", category="service", currency="EUR", amount=Decimal("0.0212"),
        effective_from=date(2026, 10, 1),
    )  # fmt: skip
    return Conversation.objects.get(contact=contact)


@pytest.fixture
def late(now: datetime) -> Conversation:
    """A customer who wrote two days ago: only a template may be sent."""
    contact = make.contact(now=now, first_name="Customer Two", language="en")
    make.template()
    chat.write("Thanks a lot", by=chat.person(contact), at=now - timedelta(days=2))
    return Conversation.objects.get(contact=contact)


@pytest.fixture
def enter(browser: Browser, live_server: Any) -> Iterator[Enter]:
    """Lets a member of the staff in, in a browser of their own."""
    contexts: list[BrowserContext] = []

    def let_in(name: str, *, width: int = 1400) -> WatchedPage:
        user = User.objects.create_superuser(name.lower(), first_name=name)
        client = Client()
        client.force_login(user)
        context = browser.new_context(
            base_url=live_server.url, viewport={"width": width, "height": 900}, locale="en"
        )
        name = settings.SESSION_COOKIE_NAME
        value = client.cookies[name].value
        context.add_cookies([{"name": name, "value": value, "url": live_server.url}])
        contexts.append(context)
        return WatchedPage(context)

    yield let_in
    for context in contexts:
        context.close()


class TestDesk:
    def test_warns_two_of_each_other_and_sends_once_asked(
        self, enter: Enter, waiting: Conversation
    ) -> None:
        one, two = enter("One"), enter("Two")
        one.page.goto(DESK)
        expect(one.page.get_by_text("Costs 0.0212")).to_have_count(0)
        one.page.get_by_role("link", name="Customer One").click()
        one.look()
        two.page.goto(one.page.url)
        expect(two.page.get_by_role("status").first).to_contain_text("One is looking")
        expect(one.page.get_by_text("Two is looking at")).to_be_visible(timeout=NEWS_MS)
        expect(one.page.get_by_text("Costs 0.0212")).to_be_visible()

        two.page.get_by_label("Your answer").fill("Yes, it does.")
        expect(one.page.get_by_text("Two is writing an answer")).to_be_visible(timeout=NEWS_MS)
        one.page.get_by_label("Your answer").fill("It fits two.")
        two.page.keyboard.press("Control+Enter")
        expect(two.page.get_by_text("Sent.", exact=True)).to_be_visible()
        expect(two.page.get_by_role("log")).to_contain_text("Yes, it does.")
        expect(two.page.get_by_label("Your answer")).to_have_value("")
        expect(one.page.get_by_role("log")).to_contain_text("Yes, it does.", timeout=NEWS_MS)

        one.page.get_by_role("button", name="Send", exact=False).first.click()
        expect(one.page.get_by_role("alert")).to_contain_text("Two has answered meanwhile")
        expect(one.page.get_by_label("Your answer")).to_have_value("It fits two.")
        one.look()
        one.page.get_by_role("button", name="Send", exact=False).first.click()
        expect(one.page.get_by_role("log")).to_contain_text("It fits two.")
        one.look()
        two.look()

        assert Message.objects.filter(author__isnull=False).count() == 2
        assert one.faults + two.faults == []

    def test_shows_what_a_customer_writes_without_loading_again(
        self, enter: Enter, waiting: Conversation, now: datetime
    ) -> None:
        staff = enter("One")
        staff.page.goto(f"{DESK}{waiting.pk}/change/")
        staff.page.evaluate("window.stayed = true")

        chat.write("Are you there?", by=chat.person(waiting.contact), at=now)

        expect(staff.page.get_by_role("log")).to_contain_text("Are you there?", timeout=NEWS_MS)
        expect(staff.page.locator("#wn-rows")).to_contain_text("Are you there?")
        bubble = staff.page.locator(".wn-said", has_text="It does.")
        staff.page.get_by_label("Your answer").fill("It does.")
        staff.page.keyboard.press("Control+Enter")
        expect(bubble).to_contain_text("queued")
        bubble.evaluate("node => { node.isTheSame = true; }")
        Message.objects.update(state="read", is_pending=False)
        expect(bubble).to_contain_text("read", timeout=NEWS_MS)
        assert bubble.evaluate("node => node.isTheSame") is True
        assert staff.page.evaluate("window.stayed") is True
        assert staff.faults == []

    def test_is_worked_by_keys(
        self, enter: Enter, waiting: Conversation, late: Conversation
    ) -> None:
        staff = enter("One")
        page = staff.page
        page.goto(DESK)
        # Who has waited for two days stands before who has waited for minutes.
        page.keyboard.press("j")
        expect(page.get_by_role("link", name="Customer Two")).to_be_focused()
        page.keyboard.press("j")
        expect(page.get_by_role("link", name="Customer One")).to_be_focused()
        page.keyboard.press("k")
        expect(page.get_by_role("link", name="Customer Two")).to_be_focused()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Customer One").wait_for()

        page.keyboard.press("/")
        box = page.get_by_label("Your answer")
        expect(box).to_be_focused()
        page.keyboard.type("th")
        expect(page.locator("#wn-canned")).to_have_attribute("open", "")
        staff.look()
        page.keyboard.press("Enter")
        expect(box).to_have_value("Thank you, Customer One! One")
        page.keyboard.press("Escape")
        expect(page.get_by_role("link", name="Customer One")).to_be_focused()
        assert staff.faults == []

    @pytest.mark.parametrize("width", [1400, 375], ids=["desk", "phone"])
    def test_offers_a_template_once_the_window_is_closed(
        self, width: int, enter: Enter, late: Conversation
    ) -> None:
        staff = enter("One", width=width)
        page = staff.page
        page.goto(DESK)
        staff.look()
        page.get_by_role("link", name="Customer Two").click()
        expect(page.get_by_text("The service window is closed")).to_be_visible()
        staff.look()
        page.get_by_role("button", name="Show").click()
        page.get_by_label("body 1").fill("Customer")
        expect(page.get_by_text("would be sent at once")).to_be_visible()
        staff.look()
        page.get_by_role("button", name="Send the template").click()
        expect(page.get_by_role("log")).to_contain_text("Hello Customer, your order is on its way.")
        staff.look()
        assert staff.faults == []

    def test_fits_a_phone(self, enter: Enter, waiting: Conversation) -> None:
        staff = enter("One", width=375)
        page = staff.page
        page.goto(DESK)
        page.get_by_role("link", name="Customer One").click()
        expect(page.locator("#wn-rows")).to_be_hidden()
        staff.look()
        page.get_by_role("button", name="Take over").click()
        expect(page.get_by_role("button", name="Give back to automatic answers")).to_be_visible()
        staff.look()
        page.get_by_role("link", name="All conversations").click()
        expect(page.locator("#wn-rows")).to_contain_text("yours")
        assert staff.faults == []

    @pytest.mark.parametrize("width", [1280, 375], ids=["desk", "phone"])
    def test_labels_are_set_and_taken_off_by_keys(
        self, width: int, enter: Enter, waiting: Conversation
    ) -> None:
        Label.objects.create(name="VIP", tone="waiting", removed_by="order.delivered")
        staff = enter("One", width=width)
        page = staff.page
        page.goto(f"{DESK}{waiting.pk}/change/")
        labels = page.get_by_role("region", name="Labels")
        choice = labels.get_by_label("Add a label:")
        choice.select_option("VIP")
        # As on a phone, where a button that is tapped takes no focus.
        choice.focus()
        labels.get_by_role("button", name="Add", exact=True).evaluate("node => node.click()")
        expect(labels).to_contain_text(" by one.")
        expect(page.locator("#wn-state")).to_contain_text("VIP")
        staff.look()

        labels.get_by_role("button", name="Remove the label VIP").press("Enter")
        expect(labels.get_by_role("button", name="Remove the label VIP")).to_have_count(0)
        expect(page.get_by_text("Label “VIP” removed.")).to_be_visible()
        # Whoever works with the keyboard is still there.
        expect(labels).to_be_focused()
        assert list(ContactLabel.objects.values_list("label__name", flat=True)) == ["new customer"]
        assert staff.faults == []

    @pytest.mark.parametrize("width", [1280, 375], ids=["desk", "phone"])
    def test_sends_buttons_and_keeps_those_that_do_not_fit(
        self, width: int, enter: Enter, waiting: Conversation
    ) -> None:
        staff = enter("One", width=width)
        page = staff.page
        page.goto(f"{DESK}{waiting.pk}/change/")
        page.get_by_label("Your answer").fill("Which size?")
        expect(page.locator("#wn-count")).to_have_text("11 / 4096")
        page.locator("summary", has_text="Reply buttons").press("Enter")
        page.get_by_label("Button 1").fill("Longer than WhatsApp takes")
        expect(page.locator("#wn-count")).to_have_text("11 / 1024")
        page.get_by_label("Button 2").fill("M")
        page.keyboard.press("Enter")
        assert not Message.objects.filter(author__isnull=False).exists()
        page.keyboard.press("Control+Enter")
        expect(page.get_by_role("alert")).to_contain_text("a button may have 20")
        expect(page.get_by_label("Your answer")).to_have_value("Which size?")
        expect(page.get_by_label("Button 2")).to_have_value("M")
        staff.look()

        page.get_by_label("Button 1").fill("S")
        page.get_by_role("button", name="Send", exact=False).first.click()
        expect(page.get_by_text("Sent.", exact=True)).to_be_visible()
        expect(page.get_by_role("log").get_by_role("listitem")).to_have_text(["↩ S", "↩ M"])
        staff.look()
        assert staff.faults == []

    @pytest.mark.parametrize("width", [1280, 375], ids=["desk", "phone"])
    def test_sends_a_file_and_keeps_it_while_whatsapp_is_away(
        self, width: int, enter: Enter, waiting: Conversation, tmp_path: Path, settings: Any
    ) -> None:
        settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MEDIA_DIRECTORY": str(tmp_path)}
        answers = [NotUploaded(), None]
        locmem.answer_upload_with(lambda content: answers.pop(0))
        staff = enter("One", width=width)
        page = staff.page
        page.goto(f"{DESK}{waiting.pk}/change/")
        page.get_by_label("Your answer").fill("Your invoice")
        page.locator("summary", has_text="File").press("Enter")
        page.get_by_label("Choose a file").set_input_files(
            {"name": "invoice.pdf", "mimeType": "application/pdf", "buffer": files.PDF}
        )
        expect(page.locator("#wn-count")).to_have_text("12 / 1024")
        page.get_by_label("Your answer").press("Control+Enter")
        expect(page.get_by_role("alert")).to_contain_text("WhatsApp gave no answer")
        expect(page.get_by_label("Your answer")).to_have_value("Your invoice")
        expect(page.get_by_label("Send invoice.pdf (PDF, ")).to_be_checked()
        expect(page.locator("#wn-count")).to_have_text("12 / 1024")
        staff.look()

        page.get_by_role("button", name="Send", exact=False).first.click()
        expect(page.get_by_text("Sent.", exact=True)).to_be_visible()
        log = page.get_by_role("log")
        expect(log.get_by_role("link", name="Open the file (PDF, ")).to_be_visible()
        expect(log).to_contain_text("Your invoice")
        expect(page.get_by_label("Send invoice.pdf")).to_have_count(0)
        staff.look()
        assert Message.objects.get(author__isnull=False).content["kind"] == "media"
        assert staff.faults == []

    def test_says_that_there_is_no_place_for_files(
        self, enter: Enter, waiting: Conversation
    ) -> None:
        staff = enter("One", width=375)
        staff.page.goto(f"{DESK}{waiting.pk}/change/")
        staff.page.locator("summary", has_text="File").click()
        expect(staff.page.get_by_text("Files cannot be sent yet")).to_be_visible()
        staff.look()
        assert staff.faults == []
