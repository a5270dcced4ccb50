"""Order numbers in what customers write, and numbers that are none."""

import pytest

from whatsapp_notify.domain import order_refs


class TestFind:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("10023", ("10023",)),
            ("#10023", ("10023",)),
            ("WN-10023", ("WN-10023",)),
            ("wn-10023, thanks", ("wn-10023",)),
            ("Where is my order 10023?", ("10023",)),
            ("Missä tilaukseni 10023 on", ("10023",)),
            ("Var är min beställning A-10045", ("A-10045",)),
            ("Где мой заказ 10012?", ("10012",)),
            ("orders 10023 and 10024", ("10023", "10024")),
            ("order 10023 10023", ("10023",)),
        ],
    )
    def test_reads_numbers_as_they_were_written(self, text: str, found: tuple[str, ...]) -> None:
        assert order_refs.find(text) == found

    @pytest.mark.parametrize(
        "text",
        [
            "", "hello", "9", "12", "our three children were born in 2019",
            "+358401234567", "my order of 1.2.2026", "on 2026-11-26 my order", "order 100%",
            "10021 10022 10023 10024", "order",
        ],
    )  # fmt: skip
    def test_finds_none_in_what_is_no_question_about_an_order(self, text: str) -> None:
        assert order_refs.find(text) == ()

    def test_is_quick_with_any_text(self) -> None:
        """Only the beginning is looked at: the work does not grow with the text."""
        assert order_refs.find("order 10023 " + "1-" * 100_000) == order_refs.find(
            "order 10023 " + "1-" * 1000
        )


class TestIsAboutOrder:
    @pytest.mark.parametrize(
        "text", ["Order?", "my parcel", "tilaukseni", "leveransen", "посылка", "доставка"]
    )
    def test_knows_the_words_of_four_languages(self, text: str) -> None:
        assert order_refs.is_about_order(text)

    @pytest.mark.parametrize("text", ["", "hello", "disorder", "sort"])
    def test_knows_no_others(self, text: str) -> None:
        assert not order_refs.is_about_order(text)


class TestMentioned:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("A1001", "A1001"),
            ("Kuitti, tilaus a1001.", "A1001"),
            ("#A1001!", "A1001"),
            ("квитанция (A1001)", "A1001"),
            ("A1001 or B/7-2?", "A1001"),
            ("of b/7-2", "B/7-2"),
            ("\uff211001", "A1001"),
        ],
    )
    def test_finds_a_number_of_the_customers_own(self, text: str, found: str) -> None:
        assert order_refs.mentioned(text, known=("A1001", "B/7-2", "")) == found

    @pytest.mark.parametrize(
        "text",
        ["", "A10011", "XA1001", "A1001-2", "A1001/b", "-A1001", "A 1001", "A1002", "+A1001"],
    )
    def test_finds_none_in_a_part_of_something_else(self, text: str) -> None:
        assert order_refs.mentioned(text, known=("A1001",)) == ""

    def test_takes_a_number_as_it_is_and_not_for_a_pattern(self) -> None:
        assert order_refs.mentioned("xxxx", known=("....",)) == ""
