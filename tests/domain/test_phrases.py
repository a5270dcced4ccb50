"""Keywords of the shop: the whole message, in any dress."""

import pytest

from whatsapp_notify.domain import phrases


class TestKey:
    @pytest.mark.parametrize(
        "text",
        ["aukiolo", "Aukiolo", " AUKIOLO! ", "aukiolo?", "aukiolo, kiitos", "please aukiolo 🙏",
         "«aukiolo»", "ＡＵＫＩＯＬＯ", "aukiolo aukiolo", "a.u.k.i.o.l.o"],
    )  # fmt: skip
    def test_is_the_same_in_any_dress(self, text: str) -> None:
        assert phrases.key(text) == phrases.key("aukiolo")

    @pytest.mark.parametrize(
        "text", ["aukioloajat", "mikä on aukiolo", "aukiol", "", "🙏", "kiitos"]
    )
    def test_is_another_for_what_only_resembles_it(self, text: str) -> None:
        assert phrases.key(text) != phrases.key("aukiolo")

    def test_of_accents_is_that_of_bare_letters(self) -> None:
        assert phrases.key("Öppettider") == phrases.key("oppettider")

    def test_of_a_letter_is_empty(self) -> None:
        assert phrases.key("open " * 100) == ""


class TestKeys:
    def test_are_one_a_line_without_empty_ones(self) -> None:
        assert phrases.keys("returns\n\n Return policy \n👍\n") == {
            phrases.key("returns"),
            phrases.key("return policy"),
        }


class TestIsCourtesy:
    @pytest.mark.parametrize(
        "text",
        ["", "  ", "👍", "❤️🙏", "Ok", "OK kiitos!", "thank you", "спасибо", "Tack så mycket"],
    )
    def test_needs_no_answer(self, text: str) -> None:
        assert phrases.is_courtesy(text)

    @pytest.mark.parametrize(
        "text", ["thanks, but where is it?", "9", "ok when", "hello", "спасибо, где заказ"]
    )
    def test_is_no_more_than_that(self, text: str) -> None:
        assert not phrases.is_courtesy(text)


class TestIsGreeting:
    @pytest.mark.parametrize("text", ["Hi", "hello!", "Moi", "Hyvää päivää", "hej", "Привет!"])
    def test_knows_a_hello(self, text: str) -> None:
        assert phrases.is_greeting(text)

    @pytest.mark.parametrize("text", ["hi, are you open?", "hide", "moira", "", "👋"])
    def test_is_no_more_than_that(self, text: str) -> None:
        assert not phrases.is_greeting(text)
