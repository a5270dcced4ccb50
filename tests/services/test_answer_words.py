"""The shop's own words with their values."""

from datetime import time, timedelta
from typing import Any

import pytest

from tests import chat, factories, shop
from tests.factories import NOW
from whatsapp_notify.models import (
    AutomaticReply,
    Contact,
    Enquiry,
    KeywordReply,
    Message,
    OpeningHours,
)
from whatsapp_notify.services import answer_words, starter

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def configured(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = shop.configured(BUSINESS_NAME="The Shop", DEFAULT_LANGUAGE="en")


def open_on_mondays() -> None:
    OpeningHours.objects.create(weekday=0, opens=time(9), closes=time(17))


def fill(body: str, **fields: Any) -> str:
    contact = Contact(**{"first_name": "Customer", "language": "en", **fields})
    return answer_words.fill(body, contact=contact, now=NOW)


class TestFill:
    def test_puts_in_what_is_known(self) -> None:
        open_on_mondays()

        words = fill("Hi {first_name}!\n{business_name} is open {opening_hours}.")

        assert words == "Hi Customer!\nThe Shop is open Mon 9:00–17:00."

    def test_leaves_out_lines_about_hours_that_are_not_told(self) -> None:
        assert fill("Hello!\nWe are open {opening_hours}.\nWrite to us.") == "Hello!\nWrite to us."

    @pytest.mark.parametrize("name", answer_words.HOURS_NAMES)
    def test_says_nothing_where_hours_are_all_that_it_would_say(self, name: str) -> None:
        assert fill(f"Hours: {{{name}}}.") == ""

    def test_says_nothing_where_a_name_is_not_known(self) -> None:
        assert fill("Hello!\nYour {pet} is here.") == ""

    @pytest.mark.parametrize(
        ("language", "words"), [("en", "Hi there!"), ("fi", "Hi hyvä asiakas!")]
    )
    def test_addresses_those_whose_name_is_not_known(self, language: str, words: str) -> None:
        assert fill("Hi {first_name}!", first_name="", language=language) == words


class TestNamesOf:
    @pytest.mark.parametrize("kind", AutomaticReply.Kind.values)
    def test_holds_the_order_where_the_words_are_about_one(self, kind: str) -> None:
        is_about_order = kind in {"order_status", "cart_taken"}

        assert ("order_ref" in answer_words.names_of(kind)) is is_about_order
        assert set(answer_words.NAMES) <= set(answer_words.names_of(kind))


class TestStarterHours:
    """The reply about opening hours, before and after the shop has told them."""

    @pytest.fixture(autouse=True)
    def installed(self) -> None:
        starter.install(now=NOW, base_url="https://shop.example")
        AutomaticReply.objects.filter(kind="greeting").delete()

    def ask(self) -> tuple[str, list[str]]:
        contact = factories.contact(language="fi")
        row = chat.write("aukioloajat", by=chat.person(contact), at=NOW + timedelta(minutes=1))
        rows = Message.objects.filter(in_reply_to=row)
        return row.handled_as, [each.content["body"] for each in rows]

    def test_tells_the_hours(self) -> None:
        open_on_mondays()

        assert self.ask() == ("keyword", ["Aukioloaikamme: ma 9.00–17.00."])

    def test_calls_a_person_where_no_hours_are_told(self) -> None:
        handled_as, (words,) = self.ask()

        assert (handled_as, words) == (
            "person",
            "Joku meistä vastaa sinulle täällä niin pian kuin mahdollista.",
        )
        assert Enquiry.objects.get().reason == "not_understood"
        assert set(KeywordReply.objects.values_list("used_count", flat=True)) == {0}
