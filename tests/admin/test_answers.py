"""Pages of the shop's own words."""

from datetime import datetime
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests import factories
from whatsapp_notify.models import (
    AutomaticReply,
    CannedReply,
    Contact,
    InboundMessage,
    KeywordReply,
    OpeningHours,
)

pytestmark = pytest.mark.django_db

LIST = "/admin/whatsapp_notify/keywordreply/"


def reply(phrases: str = "returns", **fields: Any) -> KeywordReply:
    return KeywordReply.objects.create(
        phrases=phrases, **{"language": "en", "body": "Within 30 days.", **fields}
    )


def save(client: Client, **fields: Any) -> str:
    """Fill in the form of a new keyword reply; returns the page that follows."""
    data = {"phrases": "returns", "language": "en", "body": "Within 30 days.", "buttons": ""}
    answer = client.post(f"{LIST}add/", {**data, "is_active": "on", **fields}, follow=True)
    return answer.content.decode()


def act(client: Client, action: str, *rows: Any) -> str:
    url = reverse(f"admin:whatsapp_notify_{rows[0]._meta.model_name}_changelist")
    data = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(url, data, follow=True).content.decode()


class TestKeywordReplyForm:
    def test_saves_what_is_right_and_tidies_it(self, owner: Client) -> None:
        save(owner, phrases=" returns \n\nreturns\nsend back", buttons=" Help |Person ")

        row = KeywordReply.objects.get()
        assert (row.phrases, row.buttons) == ("returns\nsend back", "Help | Person")

    @pytest.mark.parametrize(
        ("fields", "told"),
        [
            ({"phrases": " \n "}, "This field is required."),
            ({"phrases": "returns\nthank you"}, "“thank you” is no more than a courtesy"),
            ({"phrases": "STOP"}, "“STOP” ends or begins our messages"),
            ({"phrases": "start"}, "“start” ends or begins our messages"),
            ({"phrases": "stop?"}, "“stop?” may ask for an end"),
            ({"phrases": "word " * 30}, "is too long: a keyword has at most 120 characters"),
            ({"body": "Hi {name}, {order.total}"}, "Not known here: {name}, {order.total}."),
            ({"body": "x" * 4097}, "at most 4096 characters"),
            ({"body": "x" * 1025, "buttons": "Help"}, "With buttons the answer may have 1,024"),
            ({"body": "In […] days."}, "Write your own words in the place of each “[…]”"),
            ({"buttons": "a|b|c|d"}, "At most three buttons; these are 4."),
            ({"buttons": "x" * 21}, "has 21 characters; a button may have 20."),
            ({"buttons": "Help|help"}, "Two buttons have the same words."),
            ({"language": "Finnish!"}, "This is no code of a language."),
        ],
    )
    def test_refuses(self, fields: dict[str, str], told: str, owner: Client) -> None:
        html = save(owner, **fields)

        assert told in html
        assert not KeywordReply.objects.exists()

    def test_refuses_what_another_reply_answers(self, owner: Client) -> None:
        other = reply("Send back!\nreturns")

        html = save(owner, phrases="ours\nsend back")

        assert f"“send back” is answered by “Send back!” (#{other.pk}) already." in html
        assert list(KeywordReply.objects.all()) == [other]

    @pytest.mark.parametrize("fields", [{"language": "fi"}, {"is_active": ""}])
    def test_lets_two_share_a_phrase_where_only_one_can_answer(
        self, fields: dict[str, str], owner: Client
    ) -> None:
        reply()

        save(owner, **fields)

        assert KeywordReply.objects.count() == 2

    def test_lets_a_reply_keep_its_own_phrases(self, owner: Client) -> None:
        row = reply()

        owner.post(
            f"{LIST}{row.pk}/change/",
            {"phrases": "returns", "language": "en", "body": "Ours.", "is_active": "on"},
        )

        row.refresh_from_db()
        assert row.body == "Ours."

    def test_a_draft_may_wait_for_the_shops_words(self, owner: Client) -> None:
        save(owner, body="In […] days.", is_active="")

        assert not KeywordReply.objects.get().is_active

    def test_warns_of_hours_that_are_not_told(self, owner: Client) -> None:
        warning = "No opening hours are told yet."

        assert warning in save(owner, body="{opening_hours}")
        OpeningHours.objects.create(weekday=0, opens="09:00", closes="17:00")
        assert warning not in save(owner, phrases="hours", body="{opening_hours}")


class TestKeywordReplyPages:
    def test_list_shows_what_counts(self, owner: Client, now: datetime) -> None:
        reply("a1\na2\na3\na4\na5", calls_person=True, used_count=7, last_used_at=now)

        html = owner.get(LIST).content.decode()

        assert "a1 · a2 · a3 · 2 more" in html
        assert "calls a person" in html
        assert "7 times" in html
        assert "Within 30 days." in html

    def test_list_says_what_to_do_where_it_is_empty(self, owner: Client) -> None:
        assert "whatsapp_setup" in owner.get(LIST).content.decode()

    def test_page_shows_the_bubble(self, owner: Client) -> None:
        row = reply(body="Hi *{first_name}*", buttons="Help|Person")

        html = owner.get(f"{LIST}{row.pk}/change/").content.decode()

        assert "Hi <strong>Customer</strong>" in html
        assert html.count("↩") == 2

    def test_page_says_so_where_nothing_would_be_said(self, owner: Client) -> None:
        row = reply(body="Open {opening_hours}.")

        assert "It would say nothing now" in owner.get(f"{LIST}{row.pk}/change/").content.decode()


class TestSwitch:
    def test_switches_on_and_off_and_leaves_a_trace(self, owner: Client) -> None:
        row = reply(is_active=False)

        assert "1 reply was changed." in act(owner, "switch_on", row)
        row.refresh_from_db()
        assert row.is_active
        act(owner, "switch_off", row)
        row.refresh_from_db()
        assert not row.is_active
        assert LogEntry.objects.filter(object_id=str(row.pk)).count() == 2

    def test_does_not_switch_on_what_could_not_be_saved_so(self, owner: Client) -> None:
        draft = reply("sizes", body="[…]", is_active=False)
        rival = reply("swap", is_active=False)
        reply("swap")

        html = act(owner, "switch_on", draft, rival)

        assert not KeywordReply.objects.filter(pk__in=[draft.pk, rival.pk], is_active=True)
        assert "Sizes: Write your own words" in html
        assert "Swap: “swap” is answered by “swap”" in html
        assert "0 replies were changed." in html

    def test_of_two_that_share_a_phrase_switches_on_one(self, owner: Client) -> None:
        first, second = reply(is_active=False), reply(is_active=False)

        act(owner, "switch_on", first, second)

        assert list(KeywordReply.objects.filter(is_active=True)) == [first]

    def test_needs_the_permission_to_change(self, staff: Any) -> None:
        row = reply()

        act(staff("view_keywordreply"), "switch_off", row)

        row.refresh_from_db()
        assert row.is_active

    @pytest.mark.parametrize("model", [AutomaticReply, CannedReply])
    def test_works_for_other_words_too(self, model: Any, owner: Client) -> None:
        fields = {"kind": "away"} if model is AutomaticReply else {"title": "Thanks"}
        row = model.objects.create(body="Words.", **fields)

        act(owner, "switch_off", row)

        row.refresh_from_db()
        assert not row.is_active


class TestAutomaticReply:
    def save(self, client: Client, kind: str, body: str) -> str:
        url = reverse("admin:whatsapp_notify_automaticreply_add")
        data = {"kind": kind, "language": "en", "body": body, "is_active": "on"}
        return client.post(url, data, follow=True).content.decode()

    @pytest.mark.parametrize(
        ("kind", "is_known"), [("order_status", True), ("cart_taken", True), ("greeting", False)]
    )
    def test_may_name_the_order_where_there_is_one(
        self, kind: str, is_known: bool, owner: Client
    ) -> None:
        html = self.save(owner, kind, "Order {order_ref}")

        assert AutomaticReply.objects.exists() is is_known
        assert ("Not known here: {order_ref}." in html) is not is_known

    def test_is_one_for_each_occasion_and_language(self, owner: Client) -> None:
        self.save(owner, "away", "Closed.")

        html = self.save(owner, "away", "Closed again.")

        assert "already exists" in html
        assert AutomaticReply.objects.count() == 1


class TestCannedReply:
    def save(self, client: Client, **fields: str) -> str:
        url = reverse("admin:whatsapp_notify_cannedreply_add")
        data = {"title": "Bye", "shortcut": "bye", "language": "en", "body": "Bye!"}
        return client.post(url, {**data, **fields}, follow=True).content.decode()

    def test_has_a_shortcut_of_its_own(self, owner: Client) -> None:
        self.save(owner)

        assert "has this shortcut" in self.save(owner, title="Another")
        self.save(owner, language="fi")
        self.save(owner, shortcut="")
        self.save(owner, shortcut="")
        assert CannedReply.objects.count() == 4

    def test_may_name_who_writes_it(self, owner: Client) -> None:
        self.save(owner, body="I am {agent_name}.")
        html = self.save(owner, shortcut="x", body="I am {boss}.")

        assert CannedReply.objects.get().body == "I am {agent_name}."
        assert "Not known here: {boss}." in html


class TestNavigation:
    def test_gathers_the_pages_below_one_entry(self, owner: Client) -> None:
        html = owner.get("/admin/whatsapp_notify/contact/").content.decode()

        assert html.count(f'<a href="{LIST}">Answers</a>') == 1
        assert "Canned replies</a></li>" not in html

    def test_shows_them_where_one_of_them_is_open(self, owner: Client) -> None:
        html = owner.get("/admin/whatsapp_notify/holiday/").content.decode()

        assert f'<a href="{LIST}" aria-current="true">Answers</a>' in html
        assert '/holiday/" aria-current="page">Holidays</a>' in html
        assert f'<a href="{LIST}rehearsal/">Try it</a>' in html

    def test_leads_to_what_the_user_may_see(self, staff: Any) -> None:
        html = staff("view_label").get("/admin/whatsapp_notify/label/").content.decode()

        assert '<a href="/admin/whatsapp_notify/label/" aria-current="true">Answers</a>' in html
        assert "Keyword replies" not in html


class TestRehearsal:
    URL = f"{LIST}rehearsal/"

    def test_shows_the_answer_and_the_way_to_it(self, owner: Client) -> None:
        reply(body="Within *30* days.")

        html = owner.post(self.URL, {"text": "Returns, please!"}).content.decode()

        assert "No answer would be sent by itself." in html  # there is no topic for answers yet
        assert "Reply #" in html
        assert "No person would be called." in html

    def test_draws_the_bubble(self, owner: Client) -> None:
        factories.topic("service")
        reply(body="Within *30* days.")

        html = owner.post(self.URL, {"text": "returns", "language": "en"}).content.decode()

        assert "Within <strong>30</strong> days." in html

    def test_counts_no_use_and_keeps_nothing(self, owner: Client) -> None:
        row = reply()

        owner.post(self.URL, {"text": "returns", "is_first_contact": "on"})

        row.refresh_from_db()
        assert (row.used_count, row.last_used_at) == (0, None)
        assert not Contact.objects.exists()
        assert not InboundMessage.objects.exists()

    def test_escapes_what_was_typed(self, owner: Client) -> None:
        html = owner.post(self.URL, {"text": "<script>alert(1)</script>"}).content.decode()

        assert "<script>alert" not in html

    @pytest.mark.parametrize(
        "fields", [{"text": ""}, {"text": "x" * 4097}, {"text": "a", "asked": 9}]
    )
    def test_says_what_is_missing(self, fields: dict[str, Any], owner: Client) -> None:
        html = owner.post(self.URL, fields).content.decode()

        assert "errorlist" in html
        assert "Understood as" not in html

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_needs_the_permission_to_change(self, method: str, staff: Any) -> None:
        client = staff("view_keywordreply", "view_inboundmessage")

        assert getattr(client, method)(self.URL, {"text": "a"}).status_code == 403

    def test_wants_the_token_of_the_form(self) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(User.objects.create_superuser("careful-owner"))

        assert client.post(self.URL, {"text": "returns"}).status_code == 403
