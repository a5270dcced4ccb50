"""What a shop begins with."""

import dataclasses
import json
import re
from collections import Counter, defaultdict
from datetime import timedelta
from typing import Any

import pytest

from tests import factories, shop
from tests.factories import NOW
from whatsapp_notify import forms
from whatsapp_notify.cloud_api import templates as wire
from whatsapp_notify.domain import confirmation, phrases, placeholders, replies, templates
from whatsapp_notify.domain.occasions import Customer, Occasion, Order
from whatsapp_notify.domain.replies import Keyword
from whatsapp_notify.models import (
    AutomaticReply,
    Automation,
    CannedReply,
    KeywordReply,
    Label,
    Message,
    Survey,
    Template,
    Topic,
)
from whatsapp_notify.models.automation import Event
from whatsapp_notify.services import (
    answer_words,
    automations,
    consent,
    events,
    keyword_replies,
    starter,
    wording,
)
from whatsapp_notify.services import templates as template_service
from whatsapp_notify.services.consent import Proof
from whatsapp_notify.services.events import Happening

BASE_URL = "https://shop.example:8443"
LANGUAGES = {"en", "fi", "ru", "sv"}
ITEMS = template_service.starter()


def name_of(item: Any) -> str:
    return f"{item['name']}-{item['language']}" if isinstance(item, dict) else str(item)


def by_name() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for item in ITEMS:
        found[item["name"]][item["language"]] = item
    return found


def quick_replies(item: dict[str, Any]) -> list[str]:
    return [button.text for button in wire.parse(item).buttons if button.kind == "quick_reply"]


class TestStarterTemplates:
    @pytest.mark.parametrize("item", ITEMS, ids=name_of)
    def test_pass_the_linter(self, item: dict[str, Any]) -> None:
        assert templates.lint(wire.parse(item)) == ()

    @pytest.mark.parametrize("item", ITEMS, ids=name_of)
    def test_are_written_to_graph_as_they_are(self, item: dict[str, Any]) -> None:
        assert wire.serialize(wire.parse(item))["components"] == item["components"]

    @pytest.mark.parametrize("item", ITEMS, ids=name_of)
    def test_keep_metas_rules_that_the_linter_leaves_to_people(self, item: dict[str, Any]) -> None:
        definition = wire.parse(item)
        names = re.findall(r"\{\{(\w+)\}\}", definition.body)

        assert "\n\n\n" not in definition.body
        assert len(names) == len(set(names))
        assert "{{" not in definition.header.text
        # No emoji in headers (2388047).
        assert all(ord(letter) < 0x2000 for letter in definition.header.text)
        assert len(definition.buttons) <= 3

    @pytest.mark.parametrize("name", by_name())
    def test_have_the_same_shape_in_each_language(self, name: str) -> None:
        items = by_name()[name]
        shapes = {
            language: (
                item["category"],
                {(p.key, p.kind) for p in templates.placeholders(wire.parse(item))},
                [component["type"] for component in item["components"]],
                [button.kind for button in wire.parse(item).buttons],
            )
            for language, item in items.items()
        }

        assert set(items) == LANGUAGES
        assert all(shape == shapes["en"] for shape in shapes.values())

    def test_have_no_two_with_the_same_words(self) -> None:
        # Meta refuses a second template with the same body and footer.
        words = [(wire.parse(item).body, wire.parse(item).footer) for item in ITEMS]

        assert len(words) == len(set(words))

    @pytest.mark.parametrize(
        "item", [item for item in ITEMS if item["category"] == "MARKETING"], ids=name_of
    )
    def test_promotions_offer_a_way_out_that_works_as_a_typed_word_too(
        self, item: dict[str, Any]
    ) -> None:
        (label,) = quick_replies(item)
        answer = re.split(r"[\s:]+", wire.parse(item).footer.rstrip("."))
        typed = next(word for word in reversed(answer) if word.isupper())

        assert replies.read_keyword(label) is Keyword.OPT_OUT_PROMOTIONS
        assert replies.read_keyword(typed) is Keyword.OPT_OUT

    def test_only_promotions_are_marketing(self) -> None:
        marketing = {item["name"] for item in ITEMS if item["category"] == "MARKETING"}

        assert marketing == {"welcome", "birthday"}

    def test_are_in_the_language_that_they_say(self) -> None:
        greetings = {"en": "Hi ", "fi": "Hei ", "sv": "Hej ", "ru": "Здравствуйте, "}

        assert all(wire.parse(item).body.startswith(greetings[item["language"]]) for item in ITEMS)


@pytest.mark.django_db
class TestInstall:
    def test_adds_all_that_the_package_brings(self) -> None:
        installed = starter.install(now=NOW, base_url=BASE_URL)

        assert installed == starter.Installed(
            topics=4,
            automations=12,
            templates=len(ITEMS),
            automatic_replies=len(AutomaticReply.Kind) * len(LANGUAGES),
            keyword_replies=14 * len(LANGUAGES),
            canned_replies=5 * len(LANGUAGES),
            labels=5,
        )
        assert Survey.objects.get().keyword == "VERKKOKAUPPA"
        assert set(Template.objects.values_list("status", flat=True)) == {"DRAFT"}

    def test_adds_nothing_the_second_time(self) -> None:
        starter.install(now=NOW, base_url=BASE_URL)

        again = starter.install(now=NOW + timedelta(days=1), base_url="https://other.example")

        assert set(dataclasses.asdict(again).values()) == {0}
        assert Survey.objects.count() == 1

    def test_keeps_what_the_shop_has_edited(self) -> None:
        starter.install(now=NOW, base_url=BASE_URL)
        Topic.objects.filter(key="offers").update(name="Club news", is_offered=False)
        Template.objects.filter(name="welcome").update(components=[], status="APPROVED")
        Automation.objects.filter(event="order.shipped").update(
            name="Ours", template_name="our_shipped", is_active=False
        )
        Survey.objects.update(keyword="PALAUTE")

        starter.install(now=NOW, base_url=BASE_URL)

        assert Topic.objects.get(key="offers").name == "Club news"
        assert set(Template.objects.filter(name="welcome").values_list("status")) == {("APPROVED",)}
        ours = Automation.objects.get(event="order.shipped")
        assert (ours.name, ours.template_name, ours.is_active) == ("Ours", "our_shipped", False)
        assert [survey.keyword for survey in Survey.objects.all()] == ["PALAUTE"]

    def test_writes_to_nobody_twice_where_the_shop_has_an_automation_of_its_own(self) -> None:
        shop.automation("order.shipped", name="Ours")

        starter.install(now=NOW, base_url=BASE_URL)

        assert [each.name for each in Automation.objects.filter(event="order.shipped")] == ["Ours"]

    def test_leads_buttons_to_the_shop(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(BENEFIT_URL="https://club.example/benefits")

        starter.install(now=NOW, base_url=f"{BASE_URL}/")

        shipped = Template.objects.get(name="order_shipped", language="fi").definition()
        assert shipped.buttons[0].url == "https://shop.example:8443/{{1}}"
        assert shipped.buttons[0].example == "https://shop.example:8443/track/TRACK123"
        welcome = Template.objects.get(name="welcome", language="fi").definition()
        assert welcome.buttons[0].url == "https://club.example/benefits"

    def test_leads_to_the_shops_front_page_where_there_is_no_benefit_page(
        self, settings: Any
    ) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(BENEFIT_URL="")

        starter.install(now=NOW, base_url=BASE_URL)

        welcome = Template.objects.get(name="welcome", language="en").definition()
        assert welcome.buttons[0].url == f"{BASE_URL}/"

    def test_gives_templates_that_pass_the_linter(self) -> None:
        starter.install(now=NOW, base_url=BASE_URL)

        assert all(templates.lint(each.definition()) == () for each in Template.objects.all())

    @pytest.mark.parametrize(
        "base_url",
        [
            "",
            "shop.example",
            "ftp://shop.example",
            "https://",
            "https://shop.example/path",
            "https://shop.example?a=1",
            "https://user@shop.example",
            "https://shop.example:port",
            "https://[::1",
            "https://{{1}}.example",
        ],
    )
    def test_refuses_what_is_no_base_address(self, base_url: str) -> None:
        with pytest.raises(starter.BadBaseUrl):
            starter.install(now=NOW, base_url=base_url)

        assert not Topic.objects.exists()

    def test_names_topics_as_the_consent_boxes_translate_them(self) -> None:
        starter.install(now=NOW, base_url=BASE_URL)

        assert [topic.name for topic in consent.offered_topics()] == [
            str(name) for name in forms.BUILT_IN_NAMES
        ]


@pytest.mark.django_db
class TestStarterAutomations:
    @pytest.fixture(autouse=True)
    def installed(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(
            ADAPTER="demo_shop.whatsapp.DemoShopAdapter", BENEFIT_URL="https://shop.example/club"
        )
        starter.install(now=NOW, base_url=BASE_URL)

    def test_there_is_one_for_each_event(self) -> None:
        active = Automation.objects.filter(is_active=True).values_list("event", flat=True)

        assert set(active) == set(Event.values)

    def test_give_each_placeholder_a_value_in_each_language(self) -> None:
        for automation in Automation.objects.select_related("topic", "survey"):
            for language in sorted(LANGUAGES):
                template = Template.objects.get(name=automation.template_name, language=language)
                wanted = {each.key for each in templates.placeholders(template.definition())}

                shown = automations.preview(automation=automation, language=language, now=NOW)

                assert set(automation.parameters) == wanted
                assert "{" not in shown.body

    def test_go_with_a_topic_that_allows_their_category(self) -> None:
        for automation in Automation.objects.select_related("topic"):
            categories = Template.objects.filter(name=automation.template_name).values_list(
                "category", flat=True
            )
            is_question = automation.event == Event.CONSENT_UNCONFIRMED
            is_offer = automation.topic.key == "offers" and not is_question
            expected = "MARKETING" if is_offer else "UTILITY"

            assert set(categories) == {expected}

    def test_stop_buttons_send_our_opt_out(self) -> None:
        offers = Automation.objects.filter(topic__key="offers")
        for automation in offers.exclude(event=Event.CONSENT_UNCONFIRMED):
            definition = Template.objects.get(
                name=automation.template_name, language="en"
            ).definition()
            index = [button.kind for button in definition.buttons].index("quick_reply")

            assert automation.parameters[f"button.{index}"] == replies.OPT_OUT_PROMOTIONS_PAYLOAD

    def test_the_question_about_consent_has_a_yes_and_a_no(self) -> None:
        automation = Automation.objects.get(event=Event.CONSENT_UNCONFIRMED)
        templates_ = Template.objects.filter(name=automation.template_name)

        labels = [[each.text for each in row.definition().buttons] for row in templates_]

        assert len(labels) == len(LANGUAGES)
        # The label counts as well where it is typed.
        assert [[confirmation.read_answer(each) for each in pair] for pair in labels] == [
            [True, False]
        ] * len(LANGUAGES)
        assert automation.parameters["button.0"] == replies.CONFIRM_PAYLOAD
        assert automation.parameters["button.1"] == replies.DECLINE_PAYLOAD

    def test_the_survey_asks_a_day_after_delivery(self) -> None:
        automation = Automation.objects.select_related("survey", "topic").get(
            template_name="feedback_survey"
        )

        assert (automation.event, automation.delay_minutes) == (Event.ORDER_DELIVERED, 1440)
        assert automation.topic.key == "feedback"
        assert automation.survey is not None
        assert automation.survey.keyword == "VERKKOKAUPPA"

    def test_a_shipped_order_of_the_demo_shop_gets_its_tracking_link(self) -> None:
        Template.objects.update(status="APPROVED")
        order = shop.order(language="fi", first_name="Customer")
        order.status = "shipped"
        order.carrier, order.tracking_code = "Posti", "PP0123456789AB"
        order.shipped_on, order.estimated_arrival = NOW.date(), NOW.date() + timedelta(days=3)
        order.save()

        events.process(now=NOW)

        message = Message.objects.get(event_name="order.shipped")
        assert message.content["buttons"][0]["value"] == "track/PP0123456789AB/"
        assert "26.11.2026" in json.dumps(message.preview)
        assert message.template_language == "fi"

    def test_a_new_member_is_welcomed(self) -> None:
        Template.objects.update(status="APPROVED")
        member = factories.contact(consents=(), language="ru")

        consent.grant(
            contact=member,
            topics=[Topic.objects.get(key="offers")],
            proof=Proof(source="registration", wording="Yes."),
            occurred_at=NOW,
            now=NOW,
        )
        events.process(now=NOW)

        message = Message.objects.get()
        assert (message.template_name, message.template_language) == ("welcome", "ru")
        assert message.state == "queued"

    def test_a_birthday_is_greeted(self) -> None:
        Template.objects.update(status="APPROVED")
        member = factories.contact(consents=("offers",), language="sv")

        events.record(
            Happening(
                name=Event.CUSTOMER_BIRTHDAY,
                key="birthday:1:2026",
                occurred_at=NOW,
                contact_id=member.pk,
                data={"discount_code": "BDAYK7Q2M4XA"},
            ),
            now=NOW,
        )
        events.process(now=NOW)

        message = Message.objects.get(template_name="birthday")
        assert "10 procents rabatt" in message.preview["body"]
        assert "BDAYK7Q2M4XA" in [each["value"] for each in message.preview["buttons"]]


@pytest.mark.django_db
class TestStarterAnswers:
    @pytest.fixture(autouse=True)
    def installed(self) -> None:
        starter.install(now=NOW, base_url=BASE_URL)

    def test_speak_on_every_occasion_in_each_language(self) -> None:
        found = set(AutomaticReply.objects.filter(is_active=True).values_list("kind", "language"))

        assert found == {(kind, lang) for kind in AutomaticReply.Kind.values for lang in LANGUAGES}

    def test_hold_names_only_that_are_known_where_they_are_used(self) -> None:
        for reply in AutomaticReply.objects.all():
            names = placeholders.names_in(reply.body)
            assert names <= set(answer_words.names_of(reply.kind)), reply
        for reply in KeywordReply.objects.all():
            assert placeholders.names_in(reply.body) <= set(answer_words.NAMES), reply
        for reply in CannedReply.objects.all():
            assert placeholders.names_in(reply.body) <= set(answer_words.CANNED_NAMES), reply

    def test_answer_the_usual_questions_in_each_language(self) -> None:
        counts = {
            language: KeywordReply.objects.filter(language=language).count()
            for language in LANGUAGES
        }

        assert counts == dict.fromkeys(LANGUAGES, 14)

    def test_are_off_where_the_shop_has_to_write_the_words(self) -> None:
        for reply in KeywordReply.objects.all():
            assert keyword_replies.is_unfinished(reply.body) is not reply.is_active, reply

    def test_say_by_themselves_what_is_true_of_any_shop(self) -> None:
        on = KeywordReply.objects.filter(is_active=True, language="en")

        assert {str(reply) for reply in on} == {"opening hours", "a person please", "help"}
        assert [str(reply) for reply in on if reply.calls_person] == ["a person please"]

    def test_have_phrases_that_are_heard(self) -> None:
        for reply in KeywordReply.objects.all():
            for line in reply.phrases.splitlines():
                assert keyword_replies.unheard(line) is None, line

    @pytest.mark.parametrize("language", sorted(LANGUAGES))
    def test_have_each_phrase_once_in_a_language(self, language: str) -> None:
        heard = Counter(
            key
            for reply in KeywordReply.objects.filter(language=language)
            for key in phrases.keys(reply.phrases)
        )

        assert heard
        assert not [key for key, count in heard.items() if count > 1]

    def test_have_buttons_that_are_answered(self) -> None:
        for reply in KeywordReply.objects.exclude(buttons=""):
            for title in keyword_replies.buttons(reply):
                answer = keyword_replies.find(text=title, language=reply.language)
                assert len(title) <= 20
                assert answer is not None, title
                assert answer.calls_person
                assert answer.language == reply.language

    def test_keep_what_the_shop_has_edited(self) -> None:
        KeywordReply.objects.filter(language="en", phrases__startswith="return\n").update(
            phrases="send back\nRefund!", body="Ours."
        )
        AutomaticReply.objects.filter(kind="away", language="fi").update(body="", is_active=False)
        CannedReply.objects.filter(shortcut="bye", language="sv").update(body="Vi ses!")
        Label.objects.filter(name="Paid").update(name="Maksettu", tone="bad")
        Label.objects.filter(name="Order complete").update(set_by="")

        again = starter.install(now=NOW, base_url=BASE_URL)

        assert set(dataclasses.asdict(again).values()) == {0}
        assert AutomaticReply.objects.get(kind="away", language="fi").body == ""
        assert CannedReply.objects.get(shortcut="bye", language="sv").body == "Vi ses!"
        assert Label.objects.get(set_by="order.paid").name == "Maksettu"

    def test_come_back_where_they_were_deleted(self) -> None:
        KeywordReply.objects.filter(language="ru").delete()
        Label.objects.filter(name="Paid").delete()

        again = starter.install(now=NOW, base_url=BASE_URL)

        assert (again.keyword_replies, again.labels) == (14, 1)

    def test_leave_a_phrase_alone_that_the_shop_answers_in_that_language(self) -> None:
        KeywordReply.objects.all().delete()
        KeywordReply.objects.create(phrases="ours\nRefund?", language="en", body="Ours.")

        again = starter.install(now=NOW, base_url=BASE_URL)

        assert again.keyword_replies == 14 * len(LANGUAGES) - 1
        assert KeywordReply.objects.get(body="Ours.").phrases == "ours\nRefund?"

    def test_label_customers_from_the_first_order_to_its_end(self) -> None:
        found = {label.name: (label.set_by, label.removed_by) for label in Label.objects.all()}

        assert found == {
            "New customer": ("customer.joined", ""),
            "New order": ("order.confirmed", "order.delivered, order.cancelled"),
            "Pending payment": ("order.payment_pending", "order.paid, order.cancelled"),
            "Paid": ("order.paid", ""),
            "Order complete": ("order.delivered", ""),
        }


class TestTrackingPath:
    """What the button "Track parcel" adds to the shop's own domain."""

    @pytest.mark.parametrize(
        ("url", "tracking_url", "path"),
        [
            ("https://a.example/o/1", "https://a.example/t/1/?x=1#y", "t/1/?x=1#y"),
            # The carrier's own page: the shop's domain would lead nowhere.
            ("https://a.example/o/1", "https://carrier.example/t/1", "o/1"),
            ("https://a.example/o/1", "", "o/1"),
            # Whose domain this is cannot be known: no link is better than a dead one.
            ("", "https://a.example/t/1", ""),
            ("https://a.example/o/1", "/t/1", "t/1"),
            ("", "", ""),
        ],
    )
    def test_is_the_nearest_page_of_the_shop(self, url: str, tracking_url: str, path: str) -> None:
        customer = Customer(first_name="Customer")
        order = Order(ref="A1", customer=customer, url=url, tracking_url=tracking_url)
        occasion = Occasion(event="order.shipped", occurred_at=NOW, customer=customer, order=order)

        values = wording.values(occasion=occasion, survey_keyword="", language="en")

        assert values["tracking_path"] == path
