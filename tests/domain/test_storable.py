"""Text that both databases take."""

import pytest

from whatsapp_notify.domain.storable import is_storable, storable


class TestStorable:
    @pytest.mark.parametrize("text", ["", "Aino", "\t\n\x01", "päivää", "\U0001f600", "\ufffd"])
    def test_leaves_what_can_be_stored(self, text: str) -> None:
        assert is_storable(text)
        assert storable(text) is text

    @pytest.mark.parametrize(
        ("text", "stored"),
        [
            ("a\x00b", "a\ufffdb"),
            ("ä\x00b", "ä\ufffdb"),
            ("a\ud800b", "a\ufffdb"),
            ("\udfff", "\ufffd"),
            ("\x00\x00", "\ufffd\ufffd"),
        ],
    )
    def test_replaces_what_cannot(self, text: str, stored: str) -> None:
        assert not is_storable(text)
        assert storable(text) == stored

    def test_leaves_out_where_nothing_shall_stand_instead(self) -> None:
        assert storable("a\x00\ud800b", instead="") == "ab"
