"""Each permission opens its own door and no other; being staff opens none."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.admin import factories as make
from whatsapp_notify.models import ConsentState, Contact, Identity, Message, Sender
from whatsapp_notify.services import outbox

PHONE = "+358401234567"
TEXT = "Order text that only some may read"
INBOUND = "Words of the customer that only some may read"
BODY = "raw-body-that-only-some-may-read"

Staff = Callable[..., Client]


@pytest.fixture
def rows(db: None, now: datetime) -> dict[str, Any]:
    topic, contact = make.make_topic(), make.make_contact(PHONE)
    return {
        "contact": contact,
        "consentrecord": make.make_consent(contact, topic, at=now - timedelta(days=1)),
        "message": make.make_message(contact, at=now, body=TEXT, state="unknown"),
        "inboundmessage": make.make_inbound(contact, at=now, text=INBOUND),
        "webhookevent": make.make_webhook(at=now, body=f'{{"a": "{BODY}"}}'.encode()),
        "sender": make.make_sender(),
    }


def page(client: Client, name: str, pk: int | None = None) -> Any:
    if pk is None:
        return client.get(reverse(f"admin:whatsapp_notify_{name}_changelist"))
    return client.get(reverse(f"admin:whatsapp_notify_{name}_change", args=[pk]))


def act(client: Client, name: str, action: str, pk: int, *, confirmed: bool) -> Any:
    data = {"action": action, "_selected_action": [pk]}
    if confirmed:
        data |= {"confirmed": "yes", "shown": f"{pk}:0"}
    return client.post(reverse(f"admin:whatsapp_notify_{name}_changelist"), data)


class TestStaffAlone:
    @pytest.mark.parametrize(
        "name",
        [
            "automation", "consentrecord", "contact", "conversation", "inboundmedia",
            "inboundmessage", "interactivecampaign", "message", "overview", "participation",
            "sender", "shopevent", "survey", "surveyanswer", "template", "topic",
            "unmatchedstatus", "webhookevent",
        ],
    )  # fmt: skip
    def test_opens_no_page(self, name: str, staff: Staff) -> None:
        assert page(staff(), name).status_code == 403


class TestMessageText:
    def test_is_hidden_without_its_permission(self, staff: Staff, rows: dict[str, Any]) -> None:
        client = staff(
            "view_message", "resend_message", "export_message", "view_full_phone", "view_contact"
        )

        html = page(client, "message", rows["message"].pk).content.decode()

        assert TEXT not in html
        assert "You may not see what messages say." in html

    def test_is_shown_with_it(self, staff: Staff, rows: dict[str, Any]) -> None:
        client = staff("view_message", "view_message_text")

        assert TEXT in page(client, "message", rows["message"].pk).content.decode()


class TestInboundText:
    @pytest.mark.parametrize("is_list", [True, False])
    def test_needs_its_permission(self, is_list: bool, staff: Staff, rows: dict[str, Any]) -> None:
        pk = None if is_list else rows["inboundmessage"].pk

        without = page(staff("view_inboundmessage"), "inboundmessage", pk)
        having = page(
            staff("view_inboundmessage", "view_inboundmessage_text"), "inboundmessage", pk
        )

        assert INBOUND not in without.content.decode()
        assert INBOUND in having.content.decode()

    def test_is_hidden_on_the_contact_too(self, staff: Staff, rows: dict[str, Any]) -> None:
        client = staff("view_contact", "view_inboundmessage")

        assert INBOUND not in page(client, "contact", rows["contact"].pk).content.decode()


class TestWholePhone:
    @pytest.mark.parametrize("name", ["message", "consentrecord", "contact"])
    def test_needs_its_permission(self, name: str, staff: Staff, rows: dict[str, Any]) -> None:
        without = page(staff(f"view_{name}"), name, rows[name].pk).content.decode()
        having = page(
            staff(f"view_{name}", "view_full_phone"), name, rows[name].pk
        ).content.decode()

        assert PHONE not in without
        assert PHONE.removeprefix("+") not in without
        assert "+358 40 *** **67" in without
        assert PHONE in having

    @pytest.mark.parametrize("name", ["message", "consentrecord", "contact", "inboundmessage"])
    def test_no_list_shows_it(self, name: str, owner: Client, rows: dict[str, Any]) -> None:
        html = page(owner, name).content.decode()

        assert "+358 40 *** **67" in html
        assert "401234567" not in html


class TestRawWebhook:
    def test_needs_its_permission(self, staff: Staff, rows: dict[str, Any]) -> None:
        pk = rows["webhookevent"].pk

        without = page(staff("view_webhookevent"), "webhookevent", pk).content.decode()
        having = page(
            staff("view_webhookevent", "view_webhook_body"), "webhookevent", pk
        ).content.decode()

        assert BODY not in without
        assert BODY in having


class TestResend:
    @pytest.mark.parametrize("action", ["was_sent", "send_again", "drop"])
    def test_needs_its_permission(self, action: str, staff: Staff, rows: dict[str, Any]) -> None:
        client = staff("view_message", "view_message_text", "export_message", "change_message")

        act(client, "message", action, rows["message"].pk, confirmed=True)

        rows["message"].refresh_from_db()
        assert rows["message"].state == "unknown"

    @pytest.mark.parametrize(
        ("action", "state"),
        [("was_sent", "accepted"), ("send_again", "queued"), ("drop", "failed")],
    )
    def test_asks_first_and_is_kept_in_the_history(
        self, action: str, state: str, staff: Staff, rows: dict[str, Any]
    ) -> None:
        client = staff("view_message", "resend_message")
        message: Message = rows["message"]

        question = act(client, "message", action, message.pk, confirmed=False)
        message.refresh_from_db()
        assert message.state == "unknown"
        assert "What happens" in question.content.decode()
        assert "+358 40 *** **67" in question.content.decode()

        act(client, "message", action, message.pk, confirmed=True)
        message.refresh_from_db()
        assert message.state == state
        assert LogEntry.objects.filter(object_id=str(message.pk)).count() == 1

    def test_works_once_when_pressed_twice(self, staff: Staff, rows: dict[str, Any]) -> None:
        client = staff("view_message", "resend_message")

        for _press in range(3):
            act(client, "message", "send_again", rows["message"].pk, confirmed=True)

        assert rows["message"].timeline.filter(kind="resent").count() == 1

    def test_get_changes_nothing(self, owner: Client, rows: dict[str, Any]) -> None:
        owner.get(
            reverse("admin:whatsapp_notify_message_changelist"),
            {
                "action": "send_again",
                "_selected_action": rows["message"].pk,
                "confirmed": "yes",
                "shown": f"{rows['message'].pk}:0",
            },
        )

        rows["message"].refresh_from_db()
        assert rows["message"].state == "unknown"

    def test_cancels_what_is_queued(
        self, staff: Staff, rows: dict[str, Any], now: datetime
    ) -> None:
        queued = make.make_message(
            rows["contact"], at=now, number=2, state="queued", is_pending=True
        )
        client = staff("view_message", "resend_message")

        act(client, "message", "cancel_queued", queued.pk, confirmed=True)

        queued.refresh_from_db()
        assert queued.state == "cancelled"
        assert not queued.is_pending

    def test_history_tells_only_of_those_that_were_taken_back(
        self, owner: Client, rows: dict[str, Any], now: datetime, monkeypatch: Any
    ) -> None:
        first, second = (
            make.make_message(
                rows["contact"], at=now, number=number, state="queued", is_pending=True
            )
            for number in (2, 3)
        )

        def cancel_late(**given: Any) -> frozenset[int]:
            Message.objects.filter(pk=first.pk).update(state="calling", is_pending=False)
            return cancel(**given)

        cancel = outbox.cancel
        monkeypatch.setattr(outbox, "cancel", cancel_late)
        html = owner.post(
            reverse("admin:whatsapp_notify_message_changelist"),
            {
                "action": "cancel_queued",
                "_selected_action": [first.pk, second.pk],
                "confirmed": "yes",
            },
            follow=True,
        ).content.decode()

        assert LogEntry.objects.get().object_id == str(second.pk)
        assert "1 message was changed." in html
        assert "1 row had moved on meanwhile" in html

    def test_refuses_more_rows_than_it_can_show(
        self, owner: Client, rows: dict[str, Any], now: datetime, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr("whatsapp_notify.admin.confirm.MAX_ROWS", 2)
        for number in range(2, 5):
            make.make_message(rows["contact"], at=now, number=number, state="unknown")
        shown = " ".join(f"{pk}:0" for pk in Message.objects.values_list("pk", flat=True))
        data = {"action": "send_again", "_selected_action": [1], "select_across": "1"}

        owner.post(
            reverse("admin:whatsapp_notify_message_changelist"),
            {**data, "confirmed": "yes", "shown": shown},
        )

        assert not Message.objects.filter(state="queued").exists()


class TestExport:
    @pytest.mark.parametrize("name", ["consentrecord", "message"])
    def test_needs_its_permission(self, name: str, staff: Staff, rows: dict[str, Any]) -> None:
        without = act(staff(f"view_{name}"), name, "export_rows", rows[name].pk, confirmed=False)
        having = act(
            staff(f"view_{name}", f"export_{name}"),
            name, "export_rows", rows[name].pk, confirmed=False,
        )  # fmt: skip

        assert without.get("Content-Disposition") is None
        assert having["Content-Type"] == "text/csv; charset=utf-8"
        assert having["Content-Disposition"].startswith("attachment;")
        content = b"".join(having.streaming_content).decode()
        assert PHONE not in content
        assert "+358 40 *** **67" in content

    def test_shows_whole_phones_to_those_who_may_see_them(
        self, staff: Staff, rows: dict[str, Any]
    ) -> None:
        client = staff("view_consentrecord", "export_consentrecord", "view_full_phone")

        answer = act(
            client, "consentrecord", "export_rows", rows["consentrecord"].pk, confirmed=False
        )

        assert PHONE in b"".join(answer.streaming_content).decode()


class TestRedButton:
    def press(
        self, client: Client, sender: Sender, deed: str = "stop", *, post: bool = True
    ) -> Any:
        url = reverse(f"admin:whatsapp_notify_sender_{deed}", args=[sender.pk])
        page = client.get(url)
        if not post:
            return page
        return client.post(url, {"shown": page.context["shown"]} if page.context else {})

    def test_needs_its_permission(self, staff: Staff, rows: dict[str, Any]) -> None:
        client = staff("view_sender", "change_sender", "resend_message")

        answer = self.press(client, rows["sender"])

        rows["sender"].refresh_from_db()
        assert answer.status_code == 403
        assert not rows["sender"].is_stopped

    def test_get_only_asks(self, staff: Staff, rows: dict[str, Any]) -> None:
        answer = self.press(staff("view_sender", "stop_sender"), rows["sender"], post=False)

        rows["sender"].refresh_from_db()
        assert "Stop all sending" in answer.content.decode()
        assert not rows["sender"].is_stopped

    def test_stops_and_releases(self, staff: Staff, rows: dict[str, Any]) -> None:
        client, sender = staff("view_sender", "stop_sender"), rows["sender"]

        self.press(client, sender)
        sender.refresh_from_db()
        assert sender.is_stopped
        assert sender.stopped_by.startswith("staff-")

        self.press(client, sender, "release")
        sender.refresh_from_db()
        assert not sender.is_stopped
        assert LogEntry.objects.filter(object_id=str(sender.pk)).count() == 2

    def test_resumes_after_repair(self, staff: Staff, rows: dict[str, Any], now: datetime) -> None:
        sender = rows["sender"]
        sender.circuit_opened_at, sender.circuit_code = now, 131042
        sender.save()

        self.press(staff("view_sender", "stop_sender"), sender, "resume")

        sender.refresh_from_db()
        assert sender.circuit_opened_at is None


class TestWithdraw:
    def test_needs_the_permission_to_change_contacts(
        self, staff: Staff, rows: dict[str, Any]
    ) -> None:
        url = reverse("admin:whatsapp_notify_contact_withdraw", args=[rows["contact"].pk])
        topic = rows["consentrecord"].topic_id

        answer = staff("view_contact", "view_consentrecord").post(url, {"topics": [topic]})

        assert answer.status_code == 403
        assert ConsentState.objects.get().is_granted

    def test_records_who_and_in_which_words(self, staff: Staff, rows: dict[str, Any]) -> None:
        url = reverse("admin:whatsapp_notify_contact_withdraw", args=[rows["contact"].pk])
        topic = rows["consentrecord"].topic_id

        staff("view_contact", "change_contact").post(
            url, {"topics": [topic], "wording": "Asked on the phone"}
        )

        state = ConsentState.objects.get()
        assert not state.is_granted
        assert state.record.source == "staff"
        assert state.record.wording == "Asked on the phone"
        assert state.record.recorded_by.startswith("staff-")

    def test_counts_for_all_that_the_person_may_be_and_says_so(
        self, staff: Staff, rows: dict[str, Any]
    ) -> None:
        other = Contact.objects.create()
        known = rows["contact"].identities.get(kind="phone")
        rows["contact"].identities.exclude(pk=known.pk).delete()
        Identity.objects.create(contact=other, kind="wa_id", value=known.value.removeprefix("+"))
        make.make_consent(other, make.make_topic(key="more"), at=timezone.now())
        url = reverse("admin:whatsapp_notify_contact_withdraw", args=[rows["contact"].pk])
        client = staff("view_contact", "change_contact")

        before = client.get(url).content.decode()
        topics = ConsentState.objects.values_list("topic_id", flat=True)
        after = client.post(url, {"topics": list(topics)}, follow=True).content.decode()

        assert "This person is known as 2 contacts. Consent of all is withdrawn." in before
        assert "Consent to 2 topics was withdrawn." in after
        assert "This person is known as 2 contacts. It was withdrawn for all of them." in after
        assert not ConsentState.objects.filter(is_granted=True).exists()

    def test_says_nothing_of_others_where_there_is_one(
        self, staff: Staff, rows: dict[str, Any]
    ) -> None:
        url = reverse("admin:whatsapp_notify_contact_withdraw", args=[rows["contact"].pk])

        assert (
            "is known as" not in staff("view_contact", "change_contact").get(url).content.decode()
        )

    def test_get_changes_nothing(self, owner: Client, rows: dict[str, Any]) -> None:
        owner.get(reverse("admin:whatsapp_notify_contact_withdraw", args=[rows["contact"].pk]))

        assert ConsentState.objects.get().is_granted


class TestEvidence:
    @pytest.mark.parametrize("deed", ["add", "delete"])
    @pytest.mark.parametrize("name", ["consentrecord", "message", "webhookevent"])
    def test_nobody_adds_or_deletes(
        self, name: str, deed: str, owner: Client, rows: dict[str, Any]
    ) -> None:
        args = [] if deed == "add" else [rows[name].pk]

        answer = owner.post(reverse(f"admin:whatsapp_notify_{name}_{deed}", args=args))

        assert answer.status_code == 403

    @pytest.mark.parametrize("name", ["consentrecord", "message", "webhookevent"])
    def test_nobody_changes(self, name: str, owner: Client, rows: dict[str, Any]) -> None:
        url = reverse(f"admin:whatsapp_notify_{name}_change", args=[rows[name].pk])

        assert owner.post(url, {"state": "read"}).status_code == 403
