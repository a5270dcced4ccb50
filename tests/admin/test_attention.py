"""The page "Needs attention": what it shows, to whom, and what its buttons do."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests import factories
from tests.admin import factories as make
from whatsapp_notify.models import (
    Contact,
    Heartbeat,
    Message,
    ShopEvent,
    Template,
    UnmatchedStatus,
    WebhookEvent,
)
from whatsapp_notify.services import attention
from whatsapp_notify.services.attention import Kind

PAGE = "/admin/whatsapp_notify/overview/attention/"
LIST = "/admin/whatsapp_notify/message/"
PHONE = "+358401234567"

Staff = Callable[..., Client]


@pytest.fixture
def at_work(db: None, now: datetime) -> None:
    """Nothing that runs is missing."""
    for name in ("worker", "beat", "webhook"):
        Heartbeat.objects.create(name=name, at=now)


@pytest.fixture
def contact(db: None) -> Contact:
    return make.make_contact(PHONE)


def message(contact: Contact, now: datetime, *, number: int = 1, **fields: Any) -> Message:
    fields = {"state": "unknown", "needs_attention": True, "called_at": now, **fields}
    return make.make_message(contact, at=now, number=number, **fields)


def answer(client: Client, kind: str, action: str, *pks: int, **more: str) -> Any:
    shown = " ".join(f"{row.pk}:{row.attempt}" for row in Message.objects.filter(pk__in=pks))
    data: dict[str, Any] = {"action": action, "_selected_action": pks, "shown": shown, **more}
    return client.post(f"{PAGE}{kind}/", data)


def press(client: Client, html: str, label: str) -> Any:
    """A click on a button of a page that may be an old one."""
    before, after = re.split(rf'<button [^>]*(?:aria-label="{label}"|>{label}<)', html, maxsplit=1)
    button = html[len(before) : len(html) - len(after)]
    tag, fields = before.rsplit("<form", 1)[1].split(">", 1)
    url = re.search(r'action="([^"]*)"', tag)
    data: dict[str, list[str]] = {}
    for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', fields):
        data.setdefault(name, []).append(value)
    if found := re.search(r'name="action" value="(\w+)"', button):
        data["action"] = [found[1]]
    return client.post(url[1] if url else LIST, data)


def html_of(client: Client) -> str:
    found = client.get(PAGE)
    assert found.status_code == 200
    return found.content.decode()


class TestPage:
    def test_says_so_when_nothing_waits(self, owner: Client, at_work: None) -> None:
        html = html_of(owner)

        assert "Nothing needs you." in html
        assert "<h2" not in html.split('id="content-main"')[1]

    def test_is_linked_from_the_overview_and_from_the_navigation(self, owner: Client) -> None:
        assert owner.get("/admin/whatsapp_notify/overview/").content.decode().count(PAGE) == 2
        assert PAGE in owner.get("/admin/whatsapp_notify/message/").content.decode()

    def test_shows_each_group_with_count_age_meaning_and_remedy(
        self, owner: Client, at_work: None, contact: Contact, now: datetime
    ) -> None:
        message(contact, now - timedelta(hours=3), number=1, state="in_doubt", reason="timed_out")
        message(contact, now - timedelta(days=3), number=2)
        message(contact, now, number=3, state="failed", reason="unreadable")
        message(contact, now, number=4, state="failed", error_code=131026)
        make.make_webhook(at=now, is_quarantined=True, problem="entry[0]: no list")
        make.make_event(at=now, state="failed", note="No phone is known.")
        make.make_template(stopped_at=now, stopped_code=132015)
        make.make_sender(circuit_opened_at=now, circuit_code=190)

        html = html_of(owner)

        assert [html.count(f'id="wn-{kind}"') for kind in Kind] == [1] * len(Kind)
        assert html.count("What to do:") == len(Kind)
        assert "The oldest: 3 hours ago." in html
        assert "The oldest: 3 days ago." in html
        assert "entry[0]: no list" in html
        assert "No phone is known." in html
        assert "The access token has expired." in html
        assert "Nothing needs you." not in html

    def test_says_what_to_look_at_where_no_answer_of_metas_came(
        self, owner: Client, at_work: None, now: datetime
    ) -> None:
        sender = make.make_sender(circuit_opened_at=now, circuit_code=None)

        page = owner.get(f"/admin/whatsapp_notify/sender/{sender.pk}/change/").content.decode()

        assert "Sending has stopped because Meta did not answer." in page
        for html in (page, html_of(owner)):
            assert "Meta could not be reached, or something else answered in its place." in html

    def test_names_customers_by_masked_numbers_only(
        self, owner: Client, contact: Contact, now: datetime
    ) -> None:
        message(contact, now)

        html = html_of(owner)

        assert "+358 40 *** **67" in html
        assert "401234567" not in html

    def test_tells_what_does_not_run(self, owner: Client, now: datetime) -> None:
        Heartbeat.objects.create(name="worker", at=now - timedelta(minutes=14))
        Heartbeat.objects.create(name="beat", at=now)

        html = html_of(owner)

        assert "The worker gives no sign of life." in html
        assert "(14 minutes)" in html
        assert "The scheduler gives no sign of life." not in html

    def test_mentions_parked_statuses_without_alarm(
        self, owner: Client, at_work: None, now: datetime
    ) -> None:
        UnmatchedStatus.objects.create(
            provider_message_id="wamid.1", status="sent", at=now, received_at=now
        )

        html = html_of(owner)

        assert "1 status about a message that is not known here" in html
        assert "Nothing needs you." in html
        assert "wamid.1" not in html

    def test_resumes_only_templates_that_stopped_by_themselves(
        self, owner: Client, at_work: None, now: datetime
    ) -> None:
        make.make_template("paused", status="PAUSED", synced_at=now)
        assert html_of(owner).count('value="resume"') == 0

        make.make_template("stopped", stopped_at=now)
        # Its own button, and the one for all.
        assert html_of(owner).count('value="resume"') == 2

    def test_needs_no_inline_script_or_style(
        self, owner: Client, contact: Contact, now: datetime
    ) -> None:
        message(contact, now)

        html = html_of(owner)

        assert " style=" not in html
        assert "<style" not in html
        assert "<script>" not in html
        assert " onclick=" not in html

    def test_asks_as_often_for_many_rows_as_for_two(
        self, owner: Client, contact: Contact, now: datetime
    ) -> None:
        def add(numbers: range) -> None:
            for number in numbers:
                for state in ("in_doubt", "unknown", "failed"):
                    one = make.make_contact("")
                    message(one, now, number=number * 3 + len(state) % 3, state=state)
                make.make_webhook(number, at=now, is_quarantined=True)
                make.make_event(number, at=now, state="failed")

        def count() -> int:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                html_of(owner)
            return len(queries)

        make.make_sender(stopped_at=now)
        make.make_template(stopped_at=now)
        add(range(1, 3))
        html_of(owner)
        with_two = count()
        add(range(3, 12))

        assert count() == with_two
        assert with_two <= 40


class TestPermissions:
    def test_needs_the_permission_of_the_overview(self, staff: Staff) -> None:
        client = staff("view_message", "resend_message")

        assert client.get(PAGE).status_code == 403
        assert answer(client, "unknown", "drop", 1).status_code == 403

    def test_counts_but_does_not_show_rows_that_the_user_may_not_see(
        self, staff: Staff, contact: Contact, now: datetime
    ) -> None:
        row = message(contact, now)

        html = html_of(staff("view_overview", "resend_message"))

        assert 'id="wn-unknown"' in html
        assert f"#{row.pk}" not in html
        assert 'name="action"' not in html

    def test_offers_no_answer_to_those_who_may_only_look(
        self, staff: Staff, contact: Contact, now: datetime
    ) -> None:
        row = message(contact, now)
        make.make_webhook(at=now, is_quarantined=True)
        make.make_event(at=now, state="failed")
        make.make_template(stopped_at=now)

        html = html_of(
            staff(
                "view_overview", "view_message", "view_webhookevent", "view_shopevent",
                "view_template",
            )
        )  # fmt: skip

        assert f"#{row.pk}" in html
        assert 'name="action"' not in html

    @pytest.mark.parametrize("action", ["was_sent", "send_again", "drop"])
    @pytest.mark.parametrize(
        "permissions",
        [
            ("view_overview", "view_message", "change_webhookevent"),
            ("view_overview", "resend_message"),
        ],
    )
    def test_refuses_an_answer_without_its_own(
        self,
        permissions: tuple[str, ...],
        action: str,
        staff: Staff,
        contact: Contact,
        now: datetime,
    ) -> None:
        row = message(contact, now)

        found = answer(staff(*permissions), "unknown", action, row.pk, confirmed="yes")

        row.refresh_from_db()
        assert found.status_code == 403
        assert row.state == "unknown"

    @pytest.mark.parametrize("action", ["export_rows", "cancel_queued", "delete_selected", ""])
    def test_knows_no_other_action(
        self, action: str, owner: Client, contact: Contact, now: datetime
    ) -> None:
        row = message(contact, now)

        assert answer(owner, "unknown", action, row.pk, confirmed="yes").status_code == 403

    def test_refuses_a_post_from_elsewhere(self, contact: Contact, now: datetime) -> None:
        from django.contrib.auth.models import User

        client = Client(enforce_csrf_checks=True)
        client.force_login(User.objects.create_superuser("owner"))
        row = message(contact, now)

        found = answer(client, "unknown", "drop", row.pk, confirmed="yes")

        row.refresh_from_db()
        assert found.status_code == 403
        assert row.state == "unknown"

    def test_get_changes_nothing(self, owner: Client, contact: Contact, now: datetime) -> None:
        row = message(contact, now)

        found = owner.get(
            f"{PAGE}unknown/", {"action": "drop", "_selected_action": row.pk, "confirmed": "yes"}
        )

        row.refresh_from_db()
        assert (found.status_code, found.headers["Location"]) == (302, PAGE)
        assert row.state == "unknown"


class TestAnswer:
    @pytest.mark.parametrize(
        ("kind", "state", "action", "leads_to"),
        [
            ("in_doubt", "in_doubt", "was_sent", "accepted"),
            ("in_doubt", "in_doubt", "drop", "failed"),
            ("unknown", "unknown", "was_sent", "accepted"),
            ("unknown", "unknown", "drop", "failed"),
            ("failed", "failed", "seen", "failed"),
            ("failed", "failed", "send_again", "queued"),
        ],
    )
    def test_about_one_message_is_one_click_and_leaves_its_traces(
        self,
        kind: str,
        state: str,
        action: str,
        leads_to: str,
        staff: Staff,
        contact: Contact,
        now: datetime,
    ) -> None:
        client = staff("view_overview", "view_message", "resend_message")
        row = message(contact, now, state=state)
        assert f'value="{action}"' in html_of(client)

        found = answer(client, kind, action, row.pk, confirmed="yes")

        row.refresh_from_db()
        assert (found.status_code, found.headers["Location"]) == (302, PAGE)
        assert (row.state, row.needs_attention) == (leads_to, False)
        assert row.timeline.get().actor.startswith("staff-")
        assert LogEntry.objects.get().object_id == str(row.pk)
        assert f'id="wn-{kind}"' not in html_of(client)

    @pytest.mark.parametrize("action", ["was_sent", "drop", "send_again"])
    def test_given_twice_has_one_effect(
        self, action: str, owner: Client, contact: Contact, now: datetime
    ) -> None:
        row = message(contact, now)

        for _click in range(2):
            answer(owner, "unknown", action, row.pk, confirmed="yes")

        assert row.timeline.count() == 1
        assert LogEntry.objects.count() == 1
        assert "1 row had moved on meanwhile" in html_of(owner)

    def test_seen_given_twice_has_one_effect(
        self, owner: Client, contact: Contact, now: datetime
    ) -> None:
        row = message(contact, now, state="failed")

        for _click in range(2):
            answer(owner, "failed", "seen", row.pk, confirmed="yes")

        assert row.timeline.count() == 1
        assert LogEntry.objects.count() == 1

    def test_f50_to_what_does_not_fit_its_template_is_not_to_send_it_again(
        self, owner: Client, contact: Contact, now: datetime
    ) -> None:
        row = message(contact, now, state="failed", reason="parameters")

        html = html_of(owner)
        answer(owner, "failed", "send_again", row.pk, confirmed="yes")

        row.refresh_from_db()
        assert row.state == "failed"
        assert f'aria-label="Seen: #{row.pk}"' in html
        assert f'aria-label="Send again: #{row.pk}"' not in html
        assert "It cannot be sent again. Repair the automation" in html

    @pytest.mark.parametrize("state", ["in_doubt", "unknown"])
    def test_that_may_bring_a_second_copy_is_asked_about(
        self, state: str, owner: Client, contact: Contact, now: datetime
    ) -> None:
        row = message(contact, now, state=state)
        form = html_of(owner).split('value="send_again"')[0].rsplit("<form", 1)[1]
        assert "confirmed" not in form

        question = answer(owner, state, "send_again", row.pk).content.decode()

        row.refresh_from_db()
        assert row.state == state
        assert "may get it twice" in question
        assert f'href="{PAGE}"' in question

    def test_about_a_whole_group_is_asked_about_and_given_row_by_row(
        self, owner: Client, contact: Contact, now: datetime
    ) -> None:
        failed = [message(contact, now, number=n, state="failed") for n in range(3)]
        other = message(contact, now, number=9)

        question = owner.post(f"{PAGE}failed/", {"action": "seen", "everything": "yes"})
        assert Message.objects.filter(needs_attention=True).count() == 4
        html = question.content.decode()
        assert [f'value="{row.pk}"' in html for row in [*failed, other]] == [True] * 3 + [False]
        answer(owner, "failed", "seen", *[row.pk for row in failed], confirmed="yes")

        assert list(Message.objects.filter(needs_attention=True)) == [other]

    def test_about_more_than_one_page_can_ask_takes_the_oldest(
        self, owner: Client, contact: Contact, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("whatsapp_notify.admin.confirm.MAX_ROWS", 2)
        rows = [message(contact, now, number=n, state="failed") for n in range(4)]

        html = owner.post(f"{PAGE}failed/", {"action": "seen", "everything": "yes"}).content

        chosen = [f'name="_selected_action" value="{row.pk}"'.encode() in html for row in rows]
        assert chosen == [True, True, False, False]

    def test_everything_and_confirmed_at_once_does_nothing(
        self, owner: Client, contact: Contact, now: datetime
    ) -> None:
        row = message(contact, now, state="failed")

        owner.post(
            f"{PAGE}failed/",
            {
                "action": "send_again",
                "everything": "yes",
                "confirmed": "yes",
                "shown": f"{row.pk}:{row.attempt}",
            },
        )

        row.refresh_from_db()
        assert row.state == "failed"

    def test_about_no_number_is_refused(self, owner: Client, db: None) -> None:
        found = owner.post(f"{PAGE}failed/", {"action": "seen", "_selected_action": "1 OR 1"})

        assert found.status_code == 400

    @pytest.mark.parametrize("kind", ["nothing", "messages", "senders-x"])
    def test_about_no_group_is_not_found(self, kind: str, owner: Client, db: None) -> None:
        assert answer(owner, kind, "drop", 1).status_code == 404

    @pytest.mark.parametrize(
        ("action", "state"), [("process_again", "waiting"), ("drop", "processed")]
    )
    def test_about_a_webhook(self, action: str, state: str, staff: Staff, now: datetime) -> None:
        row = make.make_webhook(at=now, is_quarantined=True, problem="no list")
        client = staff("view_overview", "view_webhookevent", "change_webhookevent")

        for _click in range(2):
            answer(client, "webhooks", action, row.pk, confirmed="yes")

        row.refresh_from_db()
        assert factories.state_of(row) == state
        assert row.is_dropped is (action == "drop")
        assert LogEntry.objects.get().object_id == str(row.pk)

    @pytest.mark.parametrize(
        ("action", "state", "is_pending"),
        [("try_again", "pending", True), ("drop", "ignored", False)],
    )
    def test_about_an_event(
        self, action: str, state: str, is_pending: bool, staff: Staff, now: datetime
    ) -> None:
        row = make.make_event(at=now, state="failed", is_pending=False, note="No phone.")
        client = staff("view_overview", "view_shopevent", "resend_message")

        for _click in range(2):
            answer(client, "events", action, row.pk, confirmed="yes")

        row.refresh_from_db()
        assert (row.state, row.is_pending) == (state, is_pending)
        assert LogEntry.objects.get().object_id == str(row.pk)

    def test_about_a_template(self, staff: Staff, now: datetime) -> None:
        row = make.make_template(stopped_at=now)
        client = staff("view_overview", "view_template", "change_template")

        question = answer(client, "templates", "resume", row.pk)
        assert "What happens" in question.content.decode()
        shown = question.context["shown"]
        answer(client, "templates", "resume", row.pk, confirmed="yes", shown=shown)

        assert Template.objects.get().stopped_at is None

    def test_dropping_a_webhook_is_asked_about(self, owner: Client, now: datetime) -> None:
        row = make.make_webhook(at=now, is_quarantined=True)

        answer(owner, "webhooks", "drop", row.pk)

        assert WebhookEvent.objects.get().is_quarantined

    def test_leaves_an_event_alone_that_has_moved_on(self, owner: Client, now: datetime) -> None:
        row = make.make_event(at=now, state="processed")

        answer(owner, "events", "drop", row.pk, confirmed="yes")

        assert ShopEvent.objects.get().state == "processed"
        assert not LogEntry.objects.exists()


class TestOldPage:
    """Somebody else has answered meanwhile, and the message has been called once more."""

    def called_again(self, row: Message) -> None:
        Message.objects.filter(pk=row.pk).update(state="in_doubt", attempt=row.attempt + 1)

    @pytest.mark.parametrize("reason", ["gave_up", "unreadable"])
    def test_f99_sends_no_second_copy_about_which_nobody_was_asked(
        self, reason: str, owner: Client, contact: Contact, now: datetime
    ) -> None:
        row = message(contact, now, state="failed", reason=reason, attempt=1)
        page = html_of(owner)
        self.called_again(row)

        press(owner, page, f"Send again: #{row.pk}")

        row.refresh_from_db()
        assert (row.state, row.attempt) == ("in_doubt", 2)
        assert not row.timeline.exists()
        assert not LogEntry.objects.exists()
        assert "1 row had moved on meanwhile" in html_of(owner)

    def test_f99_a_call_while_the_page_is_made_is_not_offered_unasked(
        self, owner: Client, contact: Contact, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = message(contact, now, state="failed", attempt=1)
        found = attention.attention()
        self.called_again(row)
        monkeypatch.setattr(attention, "attention", lambda: found)

        assert 'value="send_again"' not in html_of(owner)

    @pytest.mark.parametrize("label", ["It was sent", "Drop"])
    def test_says_nothing_about_a_later_call(
        self, label: str, owner: Client, contact: Contact, now: datetime
    ) -> None:
        row = message(contact, now, state="in_doubt", attempt=1)
        page = html_of(owner)
        self.called_again(row)

        press(owner, page, f"{label}: #{row.pk}")

        row.refresh_from_db()
        assert (row.state, row.needs_attention) == ("in_doubt", True)

    @pytest.mark.parametrize("url", [f"{PAGE}in_doubt/", LIST])
    def test_f99_a_yes_is_a_yes_to_the_calls_that_were_shown(
        self, url: str, owner: Client, contact: Contact, now: datetime
    ) -> None:
        rows = [message(contact, now, number=n, state="in_doubt", attempt=n) for n in (1, 2, 3)]
        chosen = {"action": "send_again", "_selected_action": [row.pk for row in rows]}
        question = owner.post(url, chosen).content.decode()
        self.called_again(rows[1])

        press(owner, question, "Send 3 messages again")

        found = Message.objects.order_by("pk").values_list("state", "attempt")
        assert list(found) == [("queued", 1), ("in_doubt", 3), ("queued", 3)]
        assert LogEntry.objects.count() == 2
        assert "1 row had moved on meanwhile" in html_of(owner)

    def test_f99_a_yes_to_what_was_not_shown_is_none(
        self, owner: Client, contact: Contact, now: datetime
    ) -> None:
        row = message(contact, now, state="in_doubt", attempt=1)

        for shown in ({}, {"shown": ""}, {"shown": f"{row.pk}"}, {"shown": f"{row.pk}:10 1:1:1"}):
            owner.post(
                f"{PAGE}in_doubt/",
                {"action": "drop", "_selected_action": row.pk, "confirmed": "yes", **shown},
            )

        row.refresh_from_db()
        assert row.state == "in_doubt"

    def test_answers_what_it_shows(self, owner: Client, contact: Contact, now: datetime) -> None:
        row = message(contact, now, state="failed", attempt=1)

        press(owner, html_of(owner), f"Send again: #{row.pk}")

        row.refresh_from_db()
        assert row.state == "queued"
        assert LogEntry.objects.get().object_id == str(row.pk)


class TestSpeed:
    def test_reads_an_index_and_not_the_table(
        self, db: None, django_assert_max_num_queries: Any
    ) -> None:
        if connection.vendor != "sqlite":
            pytest.skip("SQLite explains what it reads, whatever the table holds")

        with CaptureQueriesContext(connection) as queries:
            attention.attention()

        big = ("whatsapp_notify_message", "whatsapp_notify_webhookevent")
        for query in queries:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
                plan = [row[3] for row in cursor.fetchall()]
            for step in plan:
                if step.startswith("SCAN") and any(step.split()[1] == table for table in big):
                    assert "USING INDEX wn_" in step or "USING COVERING INDEX wn_" in step, step
