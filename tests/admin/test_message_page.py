"""The page of one message tells its whole life."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.admin import factories as make
from whatsapp_notify.domain.policy import CHECK_NAMES
from whatsapp_notify.models import Message


def html_of(client: Client, message: Message) -> str:
    url = reverse("admin:whatsapp_notify_message_change", args=[message.pk])
    return client.get(url).content.decode()


@pytest.fixture
def sent(db: None, now: datetime) -> Message:
    topic, contact = make.make_topic(), make.make_contact()
    record = make.make_consent(contact, topic, at=now - timedelta(days=3))
    seen = {"record": record.pk, "since": record.occurred_at.isoformat(), "source": "checkout"}
    message = make.make_message(
        contact,
        at=now,
        topic=topic,
        order_ref="A1001",
        template_name="order_shipped",
        trace_id="TRACE",
        attempt=2,
        pricing={"billable": True, "category": "utility", "pricing_model": "PMP"},
        checks=[[name, "passed", seen if name == "consent" else {}] for name in CHECK_NAMES],
        event=make.make_event(at=now, order_ref="A1001"),
        automation=make.make_automation(topic),
        sender=make.make_sender(),
    )
    make.make_line(message, "planned", at=now)
    make.make_line(message, "accepted", at=now + timedelta(seconds=1), attempt=2)
    make.make_line(message, "resent", at=now + timedelta(seconds=2), actor="staff-member")
    make.make_inbound(contact, at=now, answers=message)
    return message


class TestSentMessage:
    @pytest.mark.parametrize(
        "said",
        [
            "Order <strong>A1001</strong> has left.",
            "accepted by WhatsApp",
            "sent again by staff",
            "by staff-member",
            "at the checkout (record #",
            "TRACE",
            "billed (utility, PMP)",
            "order shipped",
            "Customer&#x27;s answer",
        ],
    )
    def test_tells(self, said: str, owner: Client, sent: Message) -> None:
        assert said in html_of(owner, sent)

    def test_links_to_the_consent_record(self, owner: Client, sent: Message) -> None:
        (record,) = sent.contact.consent_records.all()
        url = reverse("admin:whatsapp_notify_consentrecord_change", args=[record.pk])

        assert f'<a href="{url}">Show the record</a>' in html_of(owner, sent)

    def test_lists_each_check(self, owner: Client, sent: Message) -> None:
        assert html_of(owner, sent).count('class="wn-check-passed"') == len(CHECK_NAMES)

    @pytest.mark.parametrize(
        ("form", "said"),
        [
            ("text", "<dd>text, inside the service window</dd>"),
            ("template", "<dd>template, outside the service window</dd>"),
            (None, ""),
        ],
    )
    def test_says_in_which_form_a_question_left(
        self, owner: Client, sent: Message, form: str | None, said: str
    ) -> None:
        if form:
            sent.checks = [["service_window", "passed", {"open_until": None, "form": form}]]
            sent.save()

        html = html_of(owner, sent)

        assert said in html
        assert ("<dt>Sent as</dt>" in html) is (form is not None)

    def test_says_no_form_of_what_has_not_left(self, owner: Client, sent: Message) -> None:
        sent.checks = [["service_window", "passed", {"open_until": None, "form": "text"}]]
        sent.attempt = 0
        sent.save()

        assert "<dt>Sent as</dt>" not in html_of(owner, sent)

    def test_offers_nothing_to_decide(self, owner: Client, sent: Message) -> None:
        assert 'value="send_again"' not in html_of(owner, sent)


class TestTroubledMessage:
    def make(self, now: datetime, **fields: Any) -> Message:
        return make.make_message(make.make_contact(), at=now, **fields)

    def test_explains_metas_code(self, db: None, owner: Client, now: datetime) -> None:
        message = self.make(now, state="failed", error_code=131026, needs_attention=True)

        html = html_of(owner, message)

        assert "Meta&#x27;s code 131026:" in html or "Meta's code 131026:" in html
        assert "What to do:" in html

    @pytest.mark.parametrize(
        ("state", "offered"),
        [
            ("in_doubt", {"was_sent", "send_again", "drop"}),
            ("unknown", {"was_sent", "send_again", "drop"}),
            ("failed", {"send_again", "seen"}),
            ("queued", {"cancel_queued"}),
            ("delivered", set()),
            ("blocked", set()),
        ],
    )
    def test_offers_what_its_state_allows(
        self, state: str, offered: set[str], db: None, owner: Client, now: datetime
    ) -> None:
        message = self.make(
            now, state=state, is_pending=state == "queued", needs_attention=state == "failed"
        )

        html = html_of(owner, message)

        deeds = ("was_sent", "send_again", "drop", "seen", "cancel_queued")
        assert {deed for deed in deeds if f'value="{deed}"' in html} == offered

    def test_tells_why_it_was_not_sent(self, db: None, owner: Client, now: datetime) -> None:
        checks = [["consent", "blocked", {"basis": "consent", "topic": "sale"}]]

        html = html_of(owner, self.make(now, state="blocked", reason="consent", checks=checks))

        assert "Never given for the topic “sale”." in html
        assert "Nothing left the shop." in html
