"""Free-form answers: in the customer's language, inside the window, and few."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import translation

from tests import chat, factories, shop
from tests.factories import NOW
from whatsapp_notify.cloud_api.webhooks import Person
from whatsapp_notify.models import Contact, InboundMessage, Message, Survey
from whatsapp_notify.services import answers

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def settings_of_the_shop(settings: Any) -> Any:
    settings.WHATSAPP_NOTIFY = shop.configured(
        BUSINESS_NAME="Shop & Co 100%", DEFAULT_LANGUAGE="en"
    )
    for key in ("service", "orders", "offers"):
        factories.topic(key)
    return settings


@pytest.fixture
def in_finnish(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue that marks what it was asked, and in which language."""

    def marked(message: str) -> str:
        return f"[{translation.get_language()}] {message}"

    monkeypatch.setattr("django.utils.translation._trans.gettext", marked)


def answer_to(contact: Contact) -> Message:
    return Message.objects.get(contact=contact)


def body(contact: Contact) -> str:
    text: str = answer_to(contact).content["body"]
    return text


class TestConfirm:
    def test_stop_names_the_business_and_the_way_back(self) -> None:
        contact = factories.contact()

        chat.write("STOP", by=chat.person(contact))

        assert "Shop & Co 100%" in body(contact)
        assert "START" in body(contact)

    def test_start_says_how_to_stop(self) -> None:
        contact = factories.contact(consents=())

        chat.write("START", by=chat.person(contact))

        assert "Shop & Co 100%" in body(contact)
        assert "STOP" in body(contact)

    @pytest.mark.parametrize("word", ["STOP", "START"])
    @pytest.mark.usefixtures("in_finnish")
    def test_words_are_translated_when_they_are_written(self, word: str) -> None:
        contact = factories.contact(consents=(), language="fi")

        with translation.override("sv"):
            chat.write(word, by=chat.person(contact))

        assert body(contact).startswith("[fi] ")
        assert "Shop & Co 100%" in body(contact)

    @pytest.mark.usefixtures("in_finnish")
    def test_language_of_the_shop_for_those_who_have_none(self, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(DEFAULT_LANGUAGE="ru")
        contact = factories.contact()

        with translation.override("sv"):
            chat.write("STOP", by=chat.person(contact))

        assert body(contact).startswith("[ru] ")

    @pytest.mark.parametrize("language", ["xx", "pt_BR", "not a language"])
    def test_strange_language_breaks_nothing(self, language: str) -> None:
        contact = factories.contact(language=language)

        chat.write("STOP", by=chat.person(contact))

        assert "Shop & Co 100%" in body(contact)

    def test_leaves_the_language_of_the_process_alone(self) -> None:
        contact = factories.contact(language="fi")

        with translation.override("sv"):
            chat.write("STOP", by=chat.person(contact))
            assert translation.get_language() == "sv"


class TestAnswer:
    def test_is_of_service_and_belongs_to_what_it_answers(self) -> None:
        contact = factories.contact()

        row = chat.write("STOP", by=chat.person(contact))

        answer = answer_to(contact)
        assert answer.topic.purpose == "service"
        assert answer.in_reply_to == row
        assert (answer.state, answer.reason) == ("queued", "")
        assert answer.preview["body"] == answer.content["body"]

    def test_is_written_once_for_one_message(self) -> None:
        contact = factories.contact()
        row = chat.write("Hello", by=chat.person(contact))

        for _repeat in range(3):
            answers.confirm_opt_out(inbound=row, now=NOW)

        assert Message.objects.count() == 1

    def test_expires_soon(self) -> None:
        contact = factories.contact()

        chat.write("STOP", by=chat.person(contact))

        assert answer_to(contact).expires_at == NOW + timedelta(hours=2)

    def test_late_word_gets_no_answer_outside_the_window(self) -> None:
        contact = factories.contact()

        chat.write("STOP", by=chat.person(contact), now=NOW + timedelta(days=2))

        assert answer_to(contact).reason == "service_window"

    def test_nothing_where_the_shop_answers_by_hand(self) -> None:
        row = chat.write("Hello", by=Person(wa_id="358457390100"))
        factories.topic("service").delete()

        answers.confirm_opt_in(inbound=row, now=NOW)

        assert not Message.objects.exists()

    def test_survey_answer_is_thanked_for(self) -> None:
        Survey.objects.create(name="Shop", keyword="KAUPPA")

        row = chat.write("KAUPPA 9", by=Person(wa_id="358457390100"))

        assert row.handled_as == InboundMessage.HandledAs.SURVEY_ANSWER
        assert body(row.contact).startswith("Thank you")
