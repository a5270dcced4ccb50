"""Pages of consents, contacts, events, webhooks and templates."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from tests import factories, webhook_bodies
from tests.admin import factories as make
from whatsapp_notify.admin import words
from whatsapp_notify.cloud_api.exceptions import GraphError, GraphUnavailable
from whatsapp_notify.models import (
    Conversation,
    InboundMessage,
    ShopEvent,
    Survey,
    SurveyAnswer,
    Template,
    UnreadWebhook,
    WebhookEvent,
)
from whatsapp_notify.services import events, replay, senders, templates, webhooks
from whatsapp_notify.services.templates import Submission, Synced


def url_of(row: Any) -> str:
    return reverse(f"admin:whatsapp_notify_{row._meta.model_name}_change", args=[row.pk])


def html_of(client: Client, row: Any) -> str:
    return client.get(url_of(row)).content.decode()


def act(
    client: Client, model: Any, action: str, *rows: Any, confirmed: bool = True, page: str = ""
) -> str:
    """What is told once an action was chosen, or confirmed on a page that may be an old one."""
    data = {"action": action, "_selected_action": [row.pk for row in rows]}
    if confirmed:
        data |= {"confirmed": "yes", **dict(re.findall(r'name="(shown)" value="([^"]*)"', page))}
    url = reverse(f"admin:whatsapp_notify_{model._meta.model_name}_changelist")
    return client.post(url, data, follow=True).content.decode()


class TestConsentRecord:
    def test_reads_as_a_proof(self, db: None, owner: Client, now: datetime) -> None:
        inbound = make.make_inbound(make.make_contact("+46701234567"), at=now)
        record = make.make_consent(
            make.make_contact(),
            make.make_topic(name="Order news"),
            at=now,
            wording="Yes, write to me.\nReally.",
            ip_address="192.0.2.7",
            recorded_by="staff-member",
            evidence={"inbound_id": inbound.pk, "order_ref": "A1001"},
        )

        html = html_of(owner, record)

        assert "gave consent on" in html
        assert "Yes, write to me.<br>Really." in html
        assert "192.0.2.7" in html
        assert "staff-member" in html
        assert f'href="{url_of(inbound)}"' in html
        assert "Order A1001" in html

    def test_list_asks_for_the_same_number_of_queries(
        self, db: None, owner: Client, now: datetime, django_assert_max_num_queries: Any
    ) -> None:
        topic = make.make_topic()
        for number in range(50):
            make.make_consent(make.make_contact(f"+35840{1000000 + number}"), topic, at=now)

        with django_assert_max_num_queries(9):
            owner.get("/admin/whatsapp_notify/consentrecord/")


class TestInboundMessage:
    @pytest.mark.parametrize(
        ("understood", "badge", "why"),
        [
            ({"as": "unclear", "rule": "pause"}, "unclear: ask the customer", "pause"),
            (
                {"as": "unclear", "rule": "remove me", "is_held": True},
                "unclear: ask the customer",
                "remove me – one of too many at once",
            ),
            ({"as": "opt_out", "rule": "stop sending"}, "stop", "stop sending"),
        ],
        ids=["unclear", "held", "stop"],
    )
    def test_tells_how_it_was_understood_and_why(
        self,
        understood: dict[str, Any],
        badge: str,
        why: str,
        db: None,
        owner: Client,
        now: datetime,
    ) -> None:
        row = make.make_inbound(
            make.make_contact(),
            at=now,
            handled_as="opt_out" if understood["as"] == "opt_out" else "kept",
            content={"content": {}, "understood": understood},
        )

        page = html_of(owner, row)
        listed = owner.get("/admin/whatsapp_notify/inboundmessage/").content.decode()

        assert badge in page
        assert why in page
        assert badge in listed

    def test_of_an_ordinary_message_names_no_rule(
        self, db: None, owner: Client, now: datetime
    ) -> None:
        html = html_of(owner, make.make_inbound(make.make_contact(), at=now))

        assert "kept for staff" in html
        assert "unclear" not in html


class TestContact:
    def test_shows_each_topic_with_its_history(
        self, db: None, owner: Client, now: datetime
    ) -> None:
        contact, topic = make.make_contact(), make.make_topic(name="Order news")
        make.make_consent(contact, topic, at=now - timedelta(days=2))
        last = make.make_consent(contact, topic, at=now, action="withdraw", source="keyword")

        html = html_of(owner, contact)

        assert "✕ Order news: withdrawn" in html
        assert f"record #{last.pk}" in html
        assert "keyword in the chat" in html
        assert "Withdraw consent…" not in html

    def test_offers_to_withdraw_what_was_given(
        self, db: None, owner: Client, now: datetime
    ) -> None:
        contact = make.make_contact()
        make.make_consent(contact, make.make_topic(), at=now)

        assert "Withdraw consent…" in html_of(owner, contact)

    def test_shows_the_window_and_the_entry_point(
        self, db: None, owner: Client, now: datetime
    ) -> None:
        contact = make.make_contact()
        Conversation.objects.create(
            contact=contact,
            sender=senders.current(),
            window_expires_at=now + timedelta(hours=3),
            entry_point_expires_at=now + timedelta(hours=50),
        )

        html = html_of(owner, contact)

        assert "open, ends" in html
        assert str(words.at(now + timedelta(hours=50))) in html

    def test_list_asks_for_the_same_number_of_queries(
        self, db: None, owner: Client, now: datetime, django_assert_max_num_queries: Any
    ) -> None:
        topic, sender = make.make_topic(), make.make_sender()
        for number in range(50):
            contact = make.make_contact(f"+35840{1000000 + number}")
            make.make_consent(contact, topic, at=now)
            Conversation.objects.create(
                contact=contact, sender=sender, window_expires_at=now + timedelta(hours=3)
            )

        with django_assert_max_num_queries(10):
            html = owner.get("/admin/whatsapp_notify/contact/").content.decode()

        assert "open, ends in 2 hours" in html

    def test_an_erased_contact_is_shown_without_a_name(
        self, db: None, owner: Client, now: datetime
    ) -> None:
        contact = make.make_contact("", first_name="", erased_at=now)

        html = html_of(owner, contact)

        assert (
            f"erased customer #{contact.pk}"
            in owner.get("/admin/whatsapp_notify/contact/").content.decode()
        )
        assert 'name="_save"' not in html


class TestShopEvent:
    def test_failed_ones_can_be_tried_again(self, db: None, owner: Client, now: datetime) -> None:
        failed = make.make_event(1, at=now, state="failed", is_pending=False, note="No adapter")
        done = make.make_event(2, at=now, state="processed", is_pending=False)

        question = act(owner, failed, "try_again", failed, done, confirmed=False)
        act(owner, failed, "try_again", failed, done)

        failed.refresh_from_db()
        done.refresh_from_db()
        assert "1 other row that you chose is left as it is" in question
        assert (failed.state, failed.is_pending) == ("pending", True)
        assert (done.state, done.is_pending) == ("processed", False)

    def test_history_tells_only_of_those_that_are_tried_again(
        self, db: None, owner: Client, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = (make.make_event(n, at=now, state="failed") for n in (1, 2))
        retry = events.retry

        def retry_late(**given: Any) -> frozenset[int]:
            ShopEvent.objects.filter(pk=first.pk).update(state="processed")
            return retry(**given)

        monkeypatch.setattr(events, "retry", retry_late)
        html = act(owner, first, "try_again", first, second)

        assert LogEntry.objects.get().object_id == str(second.pk)
        assert "1 event waits again." in html
        assert "1 row had moved on meanwhile" in html

    def test_values_are_not_shown(self, db: None, owner: Client, now: datetime) -> None:
        event = make.make_event(at=now, data={"gift_for": "Somebody private"})

        html = html_of(owner, event)

        assert "gift_for" in html
        assert "Somebody private" not in html


class TestWebhookEvent:
    @pytest.fixture
    def of_each_state(self, db: None, now: datetime) -> None:
        make.make_webhook(1, at=now)
        make.make_webhook(2, at=now, is_quarantined=True, problem="no list")
        make.make_webhook(3, at=now, problem="no list")
        make.make_webhook(4, at=now, is_unread=True)

    def test_list_tells_what_became_of_each(self, of_each_state: None, owner: Client) -> None:
        html = owner.get(reverse("admin:whatsapp_notify_webhookevent_changelist")).content.decode()

        badges = re.findall(r'class="wn-badge[^"]*">(\w+)<', html)
        assert badges == ["waiting", "dropped", "quarantined", "processed"]

    @pytest.mark.parametrize("state", ["waiting", "dropped", "quarantined", "processed"])
    def test_list_can_be_filtered_by_it(
        self, state: str, of_each_state: None, owner: Client
    ) -> None:
        url = reverse("admin:whatsapp_notify_webhookevent_changelist")
        html = owner.get(url, {"state": state}).content.decode()

        assert re.findall(r'class="wn-badge[^"]*">(\w+)<', html) == [state]

    def test_dropped_one_can_be_read_again(self, db: None, owner: Client, now: datetime) -> None:
        row = make.make_webhook(at=now, body=b"{", problem="no JSON")

        assert "Nothing was missing." in act(owner, row, "read_again", row)

    def test_quarantined_ones_can_be_processed_again(
        self, db: None, owner: Client, now: datetime
    ) -> None:
        poison = make.make_webhook(at=now, is_quarantined=True, problem="entry[0]: not an object")

        question = act(owner, poison, "process_again", poison, confirmed=False)
        act(owner, poison, "process_again", poison)

        poison.refresh_from_db()
        assert "entry[0]: not an object" in question
        assert not poison.is_quarantined
        assert factories.state_of(poison) == "waiting"

    def test_history_tells_only_of_those_that_are_processed_again(
        self, db: None, owner: Client, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = (make.make_webhook(n, at=now, is_quarantined=True) for n in (1, 2))
        retry = webhooks.retry

        def retry_late(**given: Any) -> frozenset[int]:
            webhooks.drop(ids=[first.pk])
            return retry(**given)

        monkeypatch.setattr(webhooks, "retry", retry_late)
        html = act(owner, first, "process_again", first, second)

        assert LogEntry.objects.get().object_id == str(second.pk)
        assert "1 webhook waits again." in html
        assert "1 row had moved on meanwhile" in html

    def test_read_ones_can_be_read_again(self, db: None, owner: Client, now: datetime) -> None:
        body = webhook_bodies.body(messages=[webhook_bodies.text("hello")])
        lost = make.make_webhook(at=now, body=body)
        waiting = make.make_webhook(2, at=now, body=b"{}", is_unread=True)

        question = act(owner, lost, "read_again", lost, waiting, confirmed=False)
        assert not InboundMessage.objects.exists()
        said = act(owner, lost, "read_again", lost, waiting)
        once_more = act(owner, lost, "read_again", lost)

        assert "Read 1 webhook again" in question
        assert "customers&#x27; messages 1" in said
        assert "Nothing was missing." in once_more
        assert InboundMessage.objects.get().text == "hello"
        assert factories.state_of(waiting) == "waiting"

    def test_history_tells_only_of_those_that_are_read_again(
        self, db: None, owner: Client, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = (make.make_webhook(n, at=now) for n in (1, 2))
        read_again = replay.read_again

        def read_late(**given: Any) -> Any:
            UnreadWebhook.objects.create(webhook=first, size=2, received_at=now)
            return read_again(**given)

        monkeypatch.setattr(replay, "read_again", read_late)
        html = act(owner, first, "read_again", first, second)

        assert LogEntry.objects.get().object_id == str(second.pk)
        assert "Nothing was missing." in html
        assert "1 row had moved on meanwhile" in html

    def test_says_nothing_of_what_was_missing_where_none_is_read_again(
        self, db: None, owner: Client, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = make.make_webhook(at=now)
        read_again = replay.read_again

        def read_late(**given: Any) -> Any:
            WebhookEvent.objects.all().delete()
            return read_again(**given)

        monkeypatch.setattr(replay, "read_again", read_late)
        html = act(owner, row, "read_again", row)

        assert not LogEntry.objects.exists()
        assert "Nothing was missing." not in html
        assert "1 row had moved on meanwhile" in html

    @pytest.mark.parametrize("body", [b"\xff\xfe{", b"[" * 20_000, b"", b'{"a": "\xc3\xa4"}'])
    def test_any_body_can_be_shown(
        self, body: bytes, db: None, owner: Client, now: datetime
    ) -> None:
        assert owner.get(url_of(make.make_webhook(at=now, body=body))).status_code == 200


class TestSurvey:
    def test_mean_is_of_answers_that_count(self, db: None, owner: Client, now: datetime) -> None:
        survey = Survey.objects.create(name="Shop", keyword="SHOP")
        contact = make.make_contact()
        for number, (score, is_current) in enumerate([(9, True), (8, True), (6, True), (1, False)]):
            SurveyAnswer.objects.create(
                survey=survey, contact=contact, score=score, is_current=is_current,
                answered_at=now, inbound=make.make_inbound(contact, at=now, number=number),
            )  # fmt: skip

        assert ">7.7<" in owner.get("/admin/whatsapp_notify/survey/").content.decode()


class TestTemplate:
    SYNC = "/admin/whatsapp_notify/template/sync/"

    def test_shows_the_bubble_with_samples(self, db: None, owner: Client) -> None:
        html = html_of(owner, make.make_template())

        assert "Hello Customer, order <strong>A1001</strong> has left." in html
        assert "On its way" in html

    def test_explains_why_it_stopped(self, db: None, owner: Client, now: datetime) -> None:
        html = html_of(owner, make.make_template(stopped_at=now, stopped_code=132001))

        assert "stopped by itself" in html
        assert "(132001)" in html
        assert "What to do:" in html

    def test_resumes_after_repair(self, db: None, owner: Client, now: datetime) -> None:
        template = make.make_template(stopped_at=now, stopped_code=132001)

        page = act(owner, template, "resume", template, confirmed=False)
        told = act(owner, template, "resume", template, page=page)

        template.refresh_from_db()
        assert template.stopped_at is None
        assert "1 template is resumed." in told
        assert LogEntry.objects.count() == 1

    def test_f99_one_that_has_stopped_again_is_not_resumed_unasked(
        self, db: None, owner: Client, now: datetime
    ) -> None:
        before = now - timedelta(hours=3)
        first, second = (
            make.make_template(name, stopped_at=before, stopped_code=132001)
            for name in ("first", "second")
        )
        page = act(owner, first, "resume", first, second, confirmed=False)
        Template.objects.filter(pk=first.pk).update(stopped_at=now, stopped_code=132015)

        told = act(owner, first, "resume", first, second, page=page)

        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.stopped_at, first.stopped_code) == (now, 132015)
        assert second.stopped_at is None
        assert "1 row had moved on meanwhile" in told
        assert LogEntry.objects.get().object_id == str(second.pk)

    def test_history_tells_only_of_those_that_are_resumed(
        self, db: None, owner: Client, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = (make.make_template(name, stopped_at=now) for name in ("one", "two"))
        resume = templates.resume

        def resume_late(**given: Any) -> Any:
            Template.objects.filter(pk=first.pk).update(stopped_at=None)
            return resume(**given)

        monkeypatch.setattr(templates, "resume", resume_late)
        page = act(owner, first, "resume", first, second, confirmed=False)
        html = act(owner, first, "resume", first, second, page=page)

        assert LogEntry.objects.get().object_id == str(second.pk)
        assert "1 template is resumed." in html
        assert "1 row had moved on meanwhile" in html

    def test_sync_is_a_post_of_those_who_may_change(
        self, staff: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls: list[datetime] = []

        def sync(*, now: datetime) -> Synced:
            calls.append(now)
            return Synced(seen=0, changed=0, gone=0)

        monkeypatch.setattr(templates, "sync", sync)
        manager = staff("view_template", "change_template")

        assert staff("view_template").post(self.SYNC).status_code == 403
        assert manager.get(self.SYNC).status_code == 405
        assert not calls
        manager.post(self.SYNC)
        assert len(calls) == 1

    @pytest.mark.parametrize(
        ("fault", "said"),
        [
            (GraphError(code=190, http_status=401), "The access token has expired."),
            (GraphUnavailable(), "Meta could not be reached."),
        ],
    )
    def test_says_why_a_sync_failed(
        self, fault: Exception, said: str, owner: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def sync(*, now: datetime) -> Synced:
            raise fault

        monkeypatch.setattr(templates, "sync", sync)

        assert said in owner.post(self.SYNC, follow=True).content.decode()

    def test_submits_drafts_and_tells_refusals(
        self, owner: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        draft = make.make_template("draft_one", status="DRAFT")
        bad = make.make_template("bad_one", status="REJECTED")
        approved = make.make_template("done_one")

        def submit(*, templates: list[Template], now: datetime) -> list[Submission]:
            return [
                Submission(
                    name=each.name,
                    language=each.language,
                    problem="Too many words" if each.name == "bad_one" else "",
                )
                for each in templates
            ]

        monkeypatch.setattr(templates, "submit", submit)

        html = act(owner, draft, "submit", draft, bad, approved)

        assert "Sent for review: draft_one (en)." in html
        assert "Meta refused bad_one (en): Too many words" in html
        assert LogEntry.objects.filter(object_id=str(draft.pk)).count() == 1
        assert not LogEntry.objects.filter(object_id=str(bad.pk)).exists()

    def test_tells_what_was_sent_before_meta_fell_silent(
        self, owner: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = [make.make_template(name, status="DRAFT") for name in ("one", "two")]

        def submit(*, templates: list[Template], now: datetime) -> Iterator[Submission]:
            yield Submission(name=templates[0].name, language=templates[0].language)
            raise GraphUnavailable("No connection.")

        monkeypatch.setattr(templates, "submit", submit)

        html = act(owner, rows[0], "submit", *rows)

        assert "Sent for review: two (en)." in html
        assert "Sent for review: one (en)." not in html
        assert "Meta could not be reached. Try again in a moment." in html
        assert LogEntry.objects.get().object_id == str(rows[1].pk)
