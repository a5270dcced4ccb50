"""Names in braces, and everything that only looks like one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whatsapp_notify.domain import placeholders
from whatsapp_notify.domain.placeholders import UnknownPlaceholder

VALUES = {"order_ref": "10234", "name": "{name}", "_x1": "y", "empty": "", "Upper": "no"}


class TestSubstitute:
    @pytest.mark.parametrize(
        ("text", "result"),
        [
            ("", ""),
            ("no names", "no names"),
            ("Order {order_ref}", "Order 10234"),
            ("{order_ref}{order_ref}", "1023410234"),
            ("{_x1}", "y"),
            ("[{empty}]", "[]"),
            ("{name}", "{name}"),
            ("{{name}}", "{name}"),
            ("{{{name}}}", "{{name}}"),
            ("{{{{", "{{"),
            ("}}}}", "}}"),
            ("{{order_ref}} {order_ref}", "{order_ref} 10234"),
            ("a { b", "a { b"),
            ("a } b", "a } b"),
            ("smile :} {order_ref", "smile :} {order_ref"),
            ("100 % %s $x \\n", "100 % %s $x \\n"),
        ],
    )
    def test_puts_values_in_place_of_names(self, text: str, result: str) -> None:
        assert placeholders.substitute(text, VALUES) == result

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("{missing}", ("missing",)),
            ("{b} {a} {b}", ("a", "b")),
            ("{order_ref} {order}", ("order",)),
            ("{order_ref.__class__}", ("order_ref.__class__",)),
            ("{order_ref[0]}", ("order_ref[0]",)),
            ("{order_ref!r}", ("order_ref!r",)),
            ("{order_ref:>9999999}", ("order_ref:>9999999",)),
            ("{0}", ("0",)),
            ("{0:>9999999}", ("0:>9999999",)),
            ("{}", ("",)),
            ("{ order_ref }", (" order_ref ",)),
            ("{Upper}", ("Upper",)),
            ("{Order_Ref}", ("Order_Ref",)),
            ("{näme}", ("näme",)),
            ("{order_ref\n}", ("order_ref\n",)),
        ],
    )
    def test_refuses_what_is_not_known(self, text: str, names: tuple[str, ...]) -> None:
        with pytest.raises(UnknownPlaceholder) as raised:
            placeholders.substitute(text, VALUES)

        assert raised.value.names == names

    @given(value=st.text())
    def test_inserts_any_value_literally(self, value: str) -> None:
        assert placeholders.substitute("<{a}|{b}>", {"a": value, "b": "b"}) == f"<{value}|b>"

    @given(
        first=st.sampled_from(["{b}", "{{b}}", "{b.x}", "{0:>9999999}", "%s", "$b", "{{1}}", "}"]),
        second=st.text(),
    )
    def test_never_looks_at_a_value_again(self, first: str, second: str) -> None:
        assert placeholders.substitute("{a}{b}", {"a": first, "b": second}) == first + second

    @given(st.text())
    def test_doubled_braces_escape_any_text(self, text: str) -> None:
        escaped = text.replace("{", "{{").replace("}", "}}")

        assert placeholders.substitute(escaped, {}) == text

    def test_is_linear_in_the_number_of_braces(self) -> None:
        assert placeholders.substitute("{" * 200_001, {}) == "{" * 100_001


class TestNamesIn:
    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("", set()),
            ("{a} {b} {a}", {"a", "b"}),
            ("{{a}} {b}", {"b"}),
            ("{}", {""}),
            ("{a.b}", {"a.b"}),
            ("{ { a", set()),
        ],
    )
    def test_lists_each_name_once(self, text: str, names: set[str]) -> None:
        assert placeholders.names_in(text) == names
