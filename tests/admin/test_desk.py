"""The reply desk: who may see and do what, and what comes of each button."""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import NoReverseMatch, reverse

from tests.admin import factories as make
from whatsapp_notify.admin import desk_chat
from whatsapp_notify.models import (
    CannedReply,
    Contact,
    ContactLabel,
    Conversation,
    DeskPresence,
    Enquiry,
    InboundMedia,
    InboundMessage,
    Label,
    Message,
    Rate,
)
from whatsapp_notify.services import adapters, chat_history, conversations, desk_list, labels
from whatsapp_notify.shop import Customer, Order, ShopAdapter

PHONE = "+358401234567"
INBOUND = "Words of the customer that only some may read"
OURS = "Our words that only some may read"

Staff = Callable[..., Client]

LOOK = ("view_conversation",)
READ = (*LOOK, "view_inboundmessage_text", "view_message_text")
ACT = (*READ, "reply_conversation")


@pytest.fixture
def conversation(db: None, now: datetime) -> Conversation:
    make.make_topic("service", purpose="service", lawful_basis="contract")
    contact, sender = make.make_contact(PHONE, language="en"), make.make_sender()
    at = now - timedelta(minutes=30)
    inbound = make.make_inbound(contact, at=at, text=INBOUND, sender=sender)
    row = make.make_conversation(contact, at=at, sender=sender, waiting_since=at)
    Enquiry.objects.create(conversation=row, inbound=inbound, reason="not_understood", began_at=at)
    return row


def list_url(**query: str) -> str:
    return reverse("admin:whatsapp_notify_conversation_changelist", query=query)


def chat_url(row: Conversation, **query: str) -> str:
    return reverse("admin:whatsapp_notify_conversation_change", args=[row.pk], query=query)


def act_url(row: Conversation) -> str:
    return reverse("admin:whatsapp_notify_conversation_act", args=[row.pk])


def news_url(row: Conversation | None = None) -> str:
    if row is None:
        return reverse("admin:whatsapp_notify_conversation_list_news")
    return reverse("admin:whatsapp_notify_conversation_news", args=[row.pk])


def html_of(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return str(answer.content.decode())


def press(client: Client, row: Conversation, do: str, **fields: Any) -> Any:
    newest = conversations.newest_inbound_id(conversation=row)
    data = {"do": do, "token": "t1", "seen_id": "0", "seen_inbound_id": newest, **fields}
    return client.post(act_url(row), data, follow=True)


class TestSight:
    def test_is_closed_to_others(self, staff: Staff, conversation: Conversation) -> None:
        client = staff("view_message", "view_contact", "reply_conversation")

        assert client.get(list_url()).status_code == 403
        assert client.get(chat_url(conversation)).status_code == 403
        assert client.post(act_url(conversation), {"do": "take"}).status_code == 403
        assert client.post(news_url(conversation)).status_code == 403
        assert client.post(news_url()).status_code == 403

    def test_of_words_needs_permissions_of_their_own(
        self, staff: Staff, conversation: Conversation, now: datetime
    ) -> None:
        make.make_message(conversation.contact, at=now, body=OURS)
        without, having = staff(*LOOK), staff(*READ)

        for url in (list_url(), chat_url(conversation)):
            assert INBOUND not in html_of(without, url)
            assert OURS not in html_of(without, url)
        assert INBOUND in html_of(having, chat_url(conversation))
        assert OURS in html_of(having, chat_url(conversation))
        assert OURS in html_of(having, list_url())
        news = without.post(news_url(conversation)).content.decode()
        assert INBOUND not in news
        assert OURS not in news

    def test_of_whole_phones_needs_its_permission(
        self, staff: Staff, conversation: Conversation
    ) -> None:
        without = html_of(staff(*READ), chat_url(conversation))
        having = html_of(staff(*READ, "view_full_phone"), chat_url(conversation))

        assert PHONE.removeprefix("+") not in without
        assert "+358 40 *** **67" in without
        assert PHONE in having

    def test_does_not_let_answer(self, staff: Staff, conversation: Conversation) -> None:
        client = staff(*READ)

        assert "You may look at conversations, but not answer." in html_of(
            client, chat_url(conversation)
        )
        assert press(client, conversation, "take").status_code == 403
        conversation.refresh_from_db()
        assert conversation.assigned_to is None


class TestList:
    def test_shows_who_waits_with_labels_window_and_words(
        self, staff: Staff, conversation: Conversation, now: datetime
    ) -> None:
        label = Label.objects.create(name="new customer", tone="good")
        ContactLabel.objects.create(contact=conversation.contact, label=label, set_at=now)

        html = html_of(staff(*READ), list_url())

        assert "waits for 30 minutes" in html
        assert "new customer" in html
        assert re.search(r"data-until=\"[^\"]+\">23:\d\d<", html)
        assert INBOUND in html
        assert "1 waits" in html

    @pytest.mark.parametrize(
        ("query", "is_shown"),
        [
            ({}, True),
            ({"show": "waiting"}, True),
            ({"show": "mine"}, False),
            ({"show": "closed"}, False),
            ({"show": "nonsense", "label": "x", "p": "-1"}, True),
            ({"label": "9"}, False),
            ({"label": "9" * 5000}, True),
            ({"q": "customer"}, True),
            ({"q": "nobody"}, False),
        ],
    )
    def test_is_filtered_by_the_address(
        self, query: dict[str, str], is_shown: bool, owner: Client, conversation: Conversation
    ) -> None:
        html = html_of(owner, list_url(**query))

        assert (f'data-row="{conversation.pk}"' in html) is is_shown

    def test_search_puts_no_number_into_an_address(
        self, owner: Client, conversation: Conversation
    ) -> None:
        other = make.make_conversation(
            make.make_contact("+358407654321"), at=conversation.last_inbound_at
        )

        answer = owner.post(list_url(), {"q": "040 1234567", "_search": "1"}, follow=True)

        address = answer.redirect_chain[0][0]
        html = answer.content.decode()
        assert "1234567" not in address
        assert f'data-row="{conversation.pk}"' in html
        assert f'data-row="{other.pk}"' not in html
        assert 'value="040 1234567"' in html

    def test_asks_the_same_number_of_queries_however_long(
        self, owner: Client, conversation: Conversation, now: datetime,
        django_assert_max_num_queries: Any,
    ) -> None:  # fmt: skip
        user, label = User.objects.create_user("assigned"), Label.objects.create(name="new")
        for number in range(40):
            contact = make.make_contact(f"+35840{2000000 + number}")
            make.make_inbound(contact, at=now, number=100 + number)
            make.make_message(contact, at=now, number=100 + number)
            make.make_conversation(contact, at=now, assigned_to=user)
            ContactLabel.objects.create(contact=contact, label=label, set_at=now)

        with django_assert_max_num_queries(12):
            html_of(owner, list_url())

    def test_leads_from_page_to_page(
        self, owner: Client, conversation: Conversation, now: datetime,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        monkeypatch.setattr(desk_list, "PAGE", 1)
        make.make_conversation(make.make_contact("+358407654321"), at=now)

        assert "?show=open&amp;p=2" in html_of(owner, list_url(show="open"))
        second = html_of(owner, list_url(show="open", p="2"))
        assert "Previous" in second
        assert "Next" not in second


class TestChat:
    def test_is_not_there_for_what_is_not_there(self, owner: Client, db: None) -> None:
        assert (
            owner.get(reverse("admin:whatsapp_notify_conversation_change", args=[9])).status_code
            == 404
        )

    @pytest.mark.parametrize("text", ["x", "-1", "9" * 5000, "٣"])
    def test_takes_nonsense_in_its_address_for_nothing(
        self, text: str, owner: Client, conversation: Conversation
    ) -> None:
        html = html_of(owner, chat_url(conversation, template=text, more=text))

        assert 'id="wn-text"' in html

    def test_says_who_wrote(self, owner: Client, conversation: Conversation, now: datetime) -> None:
        contact = conversation.contact
        author = User.objects.create_user("author", first_name="Staff", last_name="One")
        bot = InboundMessage.objects.get()
        InboundMessage.objects.filter(pk=bot.pk).update(handled_as="bot")
        other = make.make_inbound(contact, at=now, number=2)
        for number, fields in enumerate(
            [
                {"author": author},
                {"key": "answer:reply:inbound:1", "in_reply_to": bot},
                {"key": "answer:reply:inbound:2", "in_reply_to": other},
                {"automation": make.make_automation(name="Shipped news")},
                {"key": "desk:gone"},
                {},
            ]
        ):
            make.make_message(contact, at=now, number=number, **fields)

        html = html_of(owner, chat_url(conversation))

        who = re.findall(r'said-who"><strong>([^<]+)<', html)
        assert sorted(who[1:]) == sorted(
            [
                "Customer +358 40 *** **67", "Staff One", "Bot", "Automatic answer",
                "Automation “Shipped news”", "Former member of the staff", "Sent by itself",
            ]
        )  # fmt: skip

    def test_shows_why_something_was_not_sent(
        self, owner: Client, conversation: Conversation, now: datetime
    ) -> None:
        make.make_message(conversation.contact, at=now, state="blocked", reason="consent")

        assert "no consent" in html_of(owner, chat_url(conversation))

    @pytest.mark.parametrize(
        ("kind", "content", "shown"),
        [
            ("location", {"latitude": 60.1, "longitude": 24.9, "name": "Home"},
             ["Home", "60.1, 24.9"]),
            ("order", {"items": [
                {"product_retailer_id": "mug", "quantity": 2, "item_price": "9.9",
                 "currency": "EUR"},
                {"product_retailer_id": "tea", "quantity": 1500, "item_price": "12,50",
                 "currency": "EUR"},
                {"product_retailer_id": "jam", "quantity": 0, "item_price": "",
                 "currency": ""},
            ]}, ["2 × mug 9.90\u00a0EUR", "1500 × tea 12,50 EUR", "0 × jam<"]),
            ("contacts", {"cards": [{"name": "Friend"}]}, ["Friend"]),
            ("image", {"caption": "Look"}, ["Picture"]),
            ("reaction", {"emoji": ""}, ["Reaction", "taken back"]),
            ("type_of_tomorrow", {}, ["type_of_tomorrow"]),
        ],
    )  # fmt: skip
    def test_shows_every_kind_of_message(
        self, kind: str, content: dict[str, Any], shown: list[str], owner: Client,
        conversation: Conversation, now: datetime,
    ) -> None:  # fmt: skip
        make.make_inbound(
            conversation.contact, at=now, number=2, kind=kind, text="", content={"content": content}
        )

        html = html_of(owner, chat_url(conversation))

        for words in shown:
            assert words in html

    def test_loads_older_messages_on_demand(
        self, owner: Client, conversation: Conversation, now: datetime,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        monkeypatch.setattr(chat_history, "PAGE", 2)
        for number in range(3):
            make.make_inbound(
                conversation.contact, at=now, number=10 + number, text=f"Line {number}"
            )

        first = html_of(owner, chat_url(conversation))
        second = html_of(owner, chat_url(conversation, more="2"))

        assert "more=2" in first
        assert 'id="wn-older"' in first
        assert "Line 0" not in first
        assert "Line 0" in second
        assert 'id="wn-older"' not in second

    def test_escapes_what_customers_write(self, owner: Client, conversation: Conversation) -> None:
        InboundMessage.objects.update(text="<script>alert(1)</script>")

        html = html_of(owner, chat_url(conversation))

        assert "<script>alert" not in html
        assert "&lt;script&gt;alert(1)" in html

    def test_asks_the_same_number_of_queries_however_long(
        self, owner: Client, conversation: Conversation, now: datetime,
        django_assert_max_num_queries: Any,
    ) -> None:  # fmt: skip
        author = User.objects.create_user("author")
        for number in range(30):
            inbound = make.make_inbound(conversation.contact, at=now, number=100 + number)
            make.make_message(
                conversation.contact, at=now, number=100 + number, author=author,
                in_reply_to=inbound,
            )  # fmt: skip
        html_of(owner, chat_url(conversation))

        with django_assert_max_num_queries(33):
            html_of(owner, chat_url(conversation))


class TestMediaLink:
    def media(self, conversation: Conversation, **fields: Any) -> InboundMessage:
        inbound = InboundMessage.objects.get()
        InboundMedia.objects.create(inbound=inbound, media_id="1", kind="image", **fields)
        return InboundMessage.objects.get()

    def test_is_empty_where_there_is_no_such_page(
        self, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*args: Any, **kwargs: Any) -> str:
            raise NoReverseMatch

        monkeypatch.setattr(desk_chat, "reverse", refuse)

        assert desk_chat.media_link(self.media(conversation, state="kept")) == ""

    @pytest.mark.parametrize(("state", "url"), [("kept", "/file/"), ("due", ""), ("refused", "")])
    def test_leads_to_files_that_are_kept(
        self, state: str, url: str, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(desk_chat, "reverse", lambda name, args: "/file/")

        assert desk_chat.media_link(self.media(conversation, state=state)) == url

    @pytest.mark.parametrize("may_see", [True, False])
    def test_is_shown_to_who_may_see_files(
        self, may_see: bool, staff: Staff, conversation: Conversation
    ) -> None:
        inbound = self.media(conversation, state="kept")
        InboundMessage.objects.filter(pk=inbound.pk).update(kind="image")
        client = staff(*READ, *(["view_inboundmedia"] if may_see else []))

        html = html_of(client, chat_url(conversation))

        assert "Picture" in html
        assert ("/file/" in html) is may_see

    def test_is_empty_and_the_chat_says_why_while_a_file_is_not_there(
        self, owner: Client, conversation: Conversation
    ) -> None:
        self.media(conversation, state="refused")

        assert '<p class="wn-said-line">refused</p>' in html_of(owner, chat_url(conversation))

    def test_is_empty_without_a_file(self, conversation: Conversation) -> None:
        assert desk_chat.media_link(InboundMessage.objects.get()) == ""


class TestSide:
    def adapter(self, monkeypatch: pytest.MonkeyPatch, orders: Sequence[Order] | None) -> None:
        class Adapter(ShopAdapter):
            def get_orders_of(self, customer: Customer) -> Sequence[Order]:
                if orders is None:
                    raise RuntimeError("broken")
                return orders

        monkeypatch.setattr(adapters, "load", Adapter)

    def test_shows_the_shops_orders(
        self, owner: Client, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order = Order(
            ref="A1001", customer=Customer(), status="packed", total=Decimal("49.9"),
            currency="EUR", url="https://shop.example/A1001", tracking_url="javascript:alert(1)",
            estimated_arrival=date(2026, 12, 1),
        )  # fmt: skip
        self.adapter(monkeypatch, [order])

        html = html_of(owner, chat_url(conversation))

        for words in (
            "A1001",
            "packed",
            "49.90\u00a0EUR",
            "https://shop.example/A1001",
            "Dec. 1, 2026",
        ):
            assert words in html
        assert "javascript:" not in html

    def test_says_that_the_shop_could_not_be_asked(
        self, owner: Client, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.adapter(monkeypatch, None)

        assert "The shop could not be asked." in html_of(owner, chat_url(conversation))


class TestSend:
    def test_sends_and_shows_the_chat(self, staff: Staff, conversation: Conversation) -> None:
        answer = press(staff(*ACT), conversation, "send", text="It is packed.")

        message = Message.objects.get()
        assert answer.redirect_chain[-1][0] == chat_url(conversation)
        assert "Sent." in answer.content.decode()
        assert "It is packed." in answer.content.decode()
        assert message.author is not None
        assert message.author.username.startswith("staff-")

    def test_sends_once_however_often_it_is_pressed(
        self, staff: Staff, conversation: Conversation
    ) -> None:
        client = staff(*ACT)

        for _press in range(3):
            press(client, conversation, "send", text="It is packed.")

        assert Message.objects.count() == 1

    def test_keeps_the_text_where_the_window_has_closed(
        self, owner: Client, conversation: Conversation, now: datetime
    ) -> None:
        Conversation.objects.update(window_expires_at=now - timedelta(minutes=1))

        html = press(
            owner, conversation, "send", text="It is packed.", button=["Good", ""]
        ).content.decode()

        assert "Not sent: service window is closed." in html
        assert "It is packed.\nGood</textarea>" in html

    def test_names_who_has_answered_meanwhile_and_keeps_the_text(
        self, owner: Client, conversation: Conversation
    ) -> None:
        other = User.objects.create_superuser("other", first_name="Other")
        colleague = Client()
        colleague.force_login(other)
        press(colleague, conversation, "send", text="From the other", token="t0")

        html = press(owner, conversation, "send", text="From me").content.decode()

        assert "Other has answered meanwhile" in html
        assert ">From me</textarea>" in html
        assert Message.objects.count() == 1
        form = dict(re.findall(r'name="(token|seen_id)" value="([^"]+)"', html))
        press(owner, conversation, "send", text="From me", **form)
        assert Message.objects.count() == 2

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "There is nothing to send yet"),
            ("x" * 4097, "WhatsApp takes 4096 characters"),
            ("Order {order_ref}", "Put words in the place of {order_ref} first."),
        ],
        ids=["empty", "too long", "name left"],
    )
    def test_says_what_is_wrong_with_the_text(
        self, text: str, words: str, owner: Client, conversation: Conversation
    ) -> None:
        html = press(owner, conversation, "send", text=text).content.decode()

        assert words in html
        assert f">{text}</textarea>" in html
        assert not Message.objects.exists()

    def test_turns_a_shortcut_into_its_words_first(
        self, owner: Client, conversation: Conversation
    ) -> None:
        CannedReply.objects.create(
            title="Thanks", shortcut="thanks", body="Thank you, {first_name}!"
        )

        html = press(owner, conversation, "send", text="/thanks").content.decode()

        assert ">Thank you, Customer!</textarea>" in html
        assert not Message.objects.exists()

    def test_adds_a_canned_reply_without_a_script(
        self, owner: Client, conversation: Conversation
    ) -> None:
        canned = CannedReply.objects.create(title="Thanks", body="Thank you!")

        html = press(owner, conversation, f"canned-{canned.pk}", text="Hello").content.decode()

        assert ">Hello\nThank you!</textarea>" in html

    def test_answers_the_script_with_what_has_changed(
        self, owner: Client, conversation: Conversation
    ) -> None:
        data = {"do": "send", "token": "t1", "seen_id": "0", "text": "It is packed."}

        answer = owner.post(
            act_url(conversation), data, headers={"X-Requested-With": "fetch"}
        ).json()

        assert answer["told"] == "Sent."
        assert "It is packed." in answer["items"][-1]["html"]
        assert "yours" in answer["list"]
        assert 'name="csrfmiddlewaretoken"' in answer["composer"]
        assert 'name="token"' in answer["composer"]
        assert 'value="t1"' not in answer["composer"]

    def test_shows_the_price_first(
        self, owner: Client, conversation: Conversation, now: datetime
    ) -> None:
        assert "The price is not known: no rate is entered." in html_of(
            owner, chat_url(conversation)
        )
        Rate.objects.create(
            country="FI", category="service", currency="EUR", amount=Decimal("0.021"),
            effective_from=date(2026, 10, 1),
        )  # fmt: skip
        assert "Costs 0.021\u00a0EUR when it is delivered." in html_of(
            owner, chat_url(conversation)
        )
        Conversation.objects.update(entry_point_expires_at=now + timedelta(hours=2))
        assert "Free: the customer came by an ad" in html_of(owner, chat_url(conversation))

    def test_is_not_offered_to_who_was_erased(
        self, owner: Client, conversation: Conversation, now: datetime
    ) -> None:
        contact = conversation.contact
        contact.erased_at = now
        contact.save()

        assert "This customer was erased." in html_of(owner, chat_url(conversation))
        press(owner, conversation, "send", text="Hello")
        assert not Message.objects.exists()


class TestButtons:
    def test_are_sent_and_shown(self, staff: Staff, conversation: Conversation) -> None:
        html = press(
            staff(*ACT), conversation, "send", text="Which size?", button=["M", "", "L"]
        ).content.decode()

        assert Message.objects.get().content["kind"] == "buttons"
        shown = re.findall(r"↩</span> (\w)", html)
        assert shown == ["M", "L"]
        assert 'name="button" value=""' in html
        assert '<details id="wn-buttons" class="wn-desk-more">' in html

    @pytest.mark.parametrize(
        ("text", "titles", "words"),
        [
            ("Hello", ["Yes", "YES"], "Two buttons have the same words."),
            ("Hello", ["Longer than WhatsApp is"], "has 23 characters; a button may have 20."),
            ("Hello", ["1", "2", "3", "4"], "At most three buttons; these are 4."),
            ("x" * 1025, ["Yes"], "With buttons the answer may have 1,024 characters"),
        ],
    )
    def test_that_do_not_fit_lose_no_words(
        self, text: str, titles: list[str], words: str, owner: Client, conversation: Conversation
    ) -> None:
        html = press(owner, conversation, "send", text=text, button=titles).content.decode()

        assert words in html
        assert f">{text}</textarea>" in html
        assert '<details id="wn-buttons" class="wn-desk-more" open>' in html
        for title in titles[:3]:
            assert f'name="button" value="{title}"' in html
        assert not Message.objects.exists()

    @pytest.mark.parametrize(
        ("titles", "wrong"),
        [
            (["Yes", " yes", "No"], [False, True, False]),
            (["No", "Yes", "x" * 21], [False, False, True]),
            (["", "", ""], [False, False, False]),
        ],
        ids=["twin", "long", "none"],
    )
    def test_that_do_not_fit_are_marked(
        self, titles: list[str], wrong: list[bool], owner: Client, conversation: Conversation
    ) -> None:
        html = press(owner, conversation, "send", text="", button=titles).content.decode()

        fields = re.findall(r'<input [^>]*name="button"[^>]*>', html)
        assert ["aria-invalid" in field for field in fields] == wrong
        assert ["wn-problem" in field for field in fields] == wrong

    def test_stay_when_a_canned_reply_comes_in(
        self, owner: Client, conversation: Conversation
    ) -> None:
        canned = CannedReply.objects.create(title="Thanks", body="Thank you!", shortcut="ty")

        for do, text in ((f"canned-{canned.pk}", "Hello"), ("send", "/ty")):
            html = press(owner, conversation, do, text=text, button="Yes").content.decode()
            assert 'name="button" value="Yes"' in html


class TestTemplate:
    @pytest.fixture
    def closed(self, conversation: Conversation, now: datetime) -> Conversation:
        Conversation.objects.update(window_expires_at=now - timedelta(hours=1))
        make.make_consent(conversation.contact, make.make_topic("orders"), at=now)
        return conversation

    def test_takes_the_place_of_free_text(self, owner: Client, closed: Conversation) -> None:
        template = make.make_template()
        make.make_template("in_review", status="PENDING")

        html = html_of(owner, chat_url(closed, template=str(template.pk)))

        assert 'id="wn-text"' not in html
        assert "order_shipped (utility)" in html
        assert "in_review" not in html
        assert 'name="value.body.1"' in html
        assert "would be sent at once" in html
        assert "would not be sent: no consent" in html

    def send(
        self, client: Client, closed: Conversation, do: str = "send_template", **values: str
    ) -> str:
        template = make.make_template()
        topic = make.make_topic("orders")
        data = {f"value.{key.replace('_', '.')}": value for key, value in values.items()}
        answer = press(client, closed, do, template=template.pk, topic=topic.pk, **data)
        return str(answer.content.decode())

    def test_is_sent_with_its_values(self, owner: Client, closed: Conversation) -> None:
        html = self.send(owner, closed, body_1="Customer", body_2="A1001")

        message = Message.objects.get()
        assert "Sent." in html
        assert message.chat_preview.body == "Hello Customer, order *A1001* has left."
        assert message.topic.key == "orders"

    def test_says_which_values_are_missing_and_keeps_the_others(
        self, owner: Client, closed: Conversation
    ) -> None:
        html = self.send(owner, closed, body_1="Customer")

        assert "Some values do not fit yet." in html
        assert "needs a value" in html
        assert 'value="Customer"' in html
        assert not Message.objects.exists()

    def test_is_previewed(self, owner: Client, closed: Conversation) -> None:
        html = self.send(owner, closed, "preview", body_1="Somebody", body_2="A2002")

        assert "Hello Somebody, order <strong>A2002</strong> has left." in html
        assert not Message.objects.exists()

    def test_is_refused_once_it_has_been_stopped(
        self, owner: Client, closed: Conversation, now: datetime
    ) -> None:
        template = make.make_template(stopped_at=now)

        html = press(owner, closed, "send_template", template=template.pk).content.decode()

        assert "This template cannot be sent any more." in html

    def test_needs_a_topic_that_fits(self, owner: Client, closed: Conversation) -> None:
        template = make.make_template()
        offers = make.make_topic("offers", purpose="promotion")

        html = press(
            owner, closed, "send_template", template=template.pk, topic=offers.pk
        ).content.decode()

        assert "Choose what the message is about." in html


class TestLabels:
    @pytest.fixture
    def label(self, conversation: Conversation) -> Label:
        return Label.objects.create(name="VIP", tone="good")

    def carried(self) -> list[tuple[str, str]]:
        return list(ContactLabel.objects.values_list("label__name", "actor"))

    def test_are_set_and_taken_off(
        self, staff: Staff, conversation: Conversation, label: Label
    ) -> None:
        client = staff(*ACT)
        assert "No labels." in html_of(client, chat_url(conversation))

        html = press(client, conversation, "add_label", label=label.pk).content.decode()

        name = User.objects.get().get_username()
        assert self.carried() == [("VIP", name)]
        assert "Label “VIP” added." in html
        assert "Remove the label VIP" in html
        assert f" by {name}." in html
        press(client, conversation, f"remove_label-{label.pk}")
        assert self.carried() == []
        told = list(LogEntry.objects.order_by("id").values_list("change_message", flat=True))
        assert ["added" in told[0], "removed" in told[1], len(told)] == [True, True, 2]

    def test_are_changed_by_who_may_answer_only(
        self, staff: Staff, conversation: Conversation, label: Label, now: datetime
    ) -> None:
        client = staff(*READ)
        assert press(client, conversation, "add_label", label=label.pk).status_code == 403
        labels.add(contact=conversation.contact, label=label, actor="owner", now=now)

        assert press(client, conversation, f"remove_label-{label.pk}").status_code == 403

        html = html_of(client, chat_url(conversation))
        assert self.carried() == [("VIP", "owner")]
        assert " by owner." in html
        assert "Remove the label" not in html
        assert "Add a label" not in html

    def test_of_events_say_so_and_may_be_taken_off(
        self, owner: Client, conversation: Conversation, now: datetime
    ) -> None:
        label = Label.objects.create(name="New order", set_by="our.sale", removed_by="our.end")
        labels.add(
            contact=conversation.contact, label=label, actor="our.sale", order_ref="A1", now=now
        )

        html = html_of(owner, chat_url(conversation))

        for words in (
            " by the event “our.sale”.",
            "Order A1.",
            "Taken off by itself by: our.end.",
            "a later event may set it again",
        ):
            assert words in html
        press(owner, conversation, f"remove_label-{label.pk}")
        assert self.carried() == []

    def test_of_the_staff_are_not_told_to_be_of_events(
        self, owner: Client, conversation: Conversation, now: datetime
    ) -> None:
        label = Label.objects.create(name="New order", set_by="our.sale")
        labels.add(contact=conversation.contact, label=label, actor="owner", now=now)

        html = html_of(owner, chat_url(conversation))

        assert " by owner." in html
        assert "a later event may set it again" not in html

    def test_are_offered_where_they_are_on_and_not_carried(
        self, owner: Client, conversation: Conversation, label: Label
    ) -> None:
        off = Label.objects.create(name="Old", is_active=False)

        assert ">VIP</option>" in html_of(owner, chat_url(conversation))
        assert ">Old</option>" not in html_of(owner, chat_url(conversation))
        for value in (off.pk, "", "x", "99999"):
            html = press(owner, conversation, "add_label", label=value).content.decode()
            assert "Choose a label first." in html
        press(owner, conversation, "add_label", label=label.pk)
        html = press(owner, conversation, "add_label", label=label.pk).content.decode()
        assert "The customer carries the label “VIP” already." in html
        assert ">VIP</option>" not in html
        assert "The customer carries every label of the shop." in html

    def test_tell_where_to_make_one(self, staff: Staff, conversation: Conversation) -> None:
        url = reverse("admin:whatsapp_notify_label_add")

        without = html_of(staff(*ACT), chat_url(conversation))
        having = html_of(staff(*ACT, "add_label"), chat_url(conversation))

        assert "The shop has no labels yet." in without
        assert url not in without
        assert url in having

    def test_that_are_gone_already_are_no_fault(
        self, owner: Client, conversation: Conversation, label: Label
    ) -> None:
        for detail in (str(label.pk), "99999", "x", ""):
            html = press(owner, conversation, f"remove_label-{detail}").content.decode()
            assert "The customer does not carry this label any more." in html
        assert not LogEntry.objects.exists()

    def test_are_not_set_on_who_was_erased(
        self, owner: Client, conversation: Conversation, label: Label, now: datetime
    ) -> None:
        Contact.objects.update(erased_at=now)

        html = press(owner, conversation, "add_label", label=label.pk).content.decode()

        assert "This customer was erased." in html
        assert self.carried() == []

    def test_are_news_to_a_colleague(
        self, owner: Client, conversation: Conversation, label: Label, now: datetime
    ) -> None:
        first = owner.post(news_url(conversation)).json()
        tags = {"list_tag": first["list_tag"], "chat_tag": first["chat_tag"]}
        labels.add(contact=conversation.contact, label=label, actor="other", now=now)

        news = owner.post(news_url(conversation), tags).json()

        assert " by other." in news["labels"]
        assert "VIP" in news["state"]


class TestDeeds:
    def test_take_over_and_give_back(self, staff: Staff, conversation: Conversation) -> None:
        client = staff(*ACT)

        press(client, conversation, "take")
        conversation.refresh_from_db()
        assert conversation.mode == Conversation.Mode.PERSON
        assert conversation.assigned_to is not None

        press(client, conversation, "give_back")
        conversation.refresh_from_db()
        assert conversation.mode == Conversation.Mode.AUTOMATIC
        assert LogEntry.objects.filter(object_id=str(conversation.pk)).count() == 2

    def test_assign(self, owner: Client, conversation: Conversation) -> None:
        colleague = User.objects.create_user("colleague", is_staff=True)
        colleague.user_permissions.add(Permission.objects.get(codename="reply_conversation"))
        stranger = User.objects.create_user("stranger", is_staff=True)

        for user, assigned in ((colleague, colleague), (stranger, colleague), (None, None)):
            press(owner, conversation, "assign", assign_to=user.pk if user else "")
            conversation.refresh_from_db()
            assert conversation.assigned_to == assigned

    @pytest.mark.parametrize(("do", "is_closed"), [("close", True), ("no_answer", False)])
    def test_end_a_wait(
        self, do: str, is_closed: bool, owner: Client, conversation: Conversation
    ) -> None:
        press(owner, conversation, do)

        conversation.refresh_from_db()
        assert conversation.waiting_since is None
        assert (conversation.closed_at is not None) is is_closed
        assert Enquiry.objects.get().outcome == "closed"

    @pytest.mark.parametrize("do", ["close", "no_answer"])
    def test_do_not_end_a_wait_unseen(
        self, do: str, owner: Client, conversation: Conversation, now: datetime
    ) -> None:
        seen = InboundMessage.objects.get().pk
        make.make_inbound(conversation.contact, at=now, number=2)

        html = press(owner, conversation, do, seen_inbound_id=seen).content.decode()

        conversation.refresh_from_db()
        assert "the customer has written meanwhile" in html
        assert conversation.waiting_since is not None

    def test_lift_the_pause_of_promotions(
        self, owner: Client, conversation: Conversation, now: datetime
    ) -> None:
        contact = conversation.contact
        contact.promotions_paused_at, contact.promotions_paused_reason = now, "low_score"
        contact.save()
        assert "promotions paused: a low score" in html_of(owner, chat_url(conversation))

        press(owner, conversation, "lift_pause")

        contact.refresh_from_db()
        assert contact.promotions_paused_at is None

    def test_are_done_by_buttons_only(self, owner: Client, conversation: Conversation) -> None:
        assert owner.get(act_url(conversation)).status_code == 405
        assert owner.post(act_url(conversation), {"do": "nonsense"}).status_code == 400


class TestNews:
    def ask(self, client: Client, row: Conversation, **fields: str) -> Any:
        return client.post(news_url(row), fields)

    def test_is_nothing_while_nothing_happens(
        self, owner: Client, conversation: Conversation, django_assert_max_num_queries: Any
    ) -> None:
        news = self.ask(owner, conversation).json()
        tags = {"list_tag": news["list_tag"], "chat_tag": news["chat_tag"]}

        with django_assert_max_num_queries(8):
            answer = self.ask(owner, conversation, **tags)

        assert answer.status_code == 204
        assert answer.content == b""

    def test_is_what_the_customer_has_written(
        self, owner: Client, conversation: Conversation, now: datetime
    ) -> None:
        first = self.ask(owner, conversation).json()
        tags = {"list_tag": first["list_tag"], "chat_tag": first["chat_tag"]}
        row = make.make_inbound(conversation.contact, at=now, number=2, text="Hello?")

        news = self.ask(owner, conversation, **tags).json()

        assert news["items"][-1]["id"] == f"in-{row.pk}"
        assert "Hello?" in news["items"][-1]["html"]
        assert "list" not in news

    def test_warns_of_a_colleague(self, owner: Client, conversation: Conversation) -> None:
        colleague = Client()
        colleague.force_login(User.objects.create_superuser("colleague", first_name="Colleague"))
        self.ask(colleague, conversation, writing="1")

        told = self.ask(owner, conversation).json()["presence"]

        assert told == "Colleague is writing an answer to this customer just now."
        assert told in html_of(owner, chat_url(conversation))
        assert "presence" not in self.ask(owner, conversation, presence=told).json()
        assert DeskPresence.objects.count() == 2

    def test_of_the_list_alone_knows_no_chat(
        self, owner: Client, conversation: Conversation
    ) -> None:
        news = owner.post(news_url()).json()

        assert set(news) == {"list", "list_tag"}
        assert owner.post(news_url(), {"list_tag": news["list_tag"]}).status_code == 204

    def test_needs_a_post(self, owner: Client, conversation: Conversation) -> None:
        assert owner.get(news_url(conversation)).status_code == 405
