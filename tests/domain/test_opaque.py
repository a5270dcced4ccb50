"""The id that comes back in status news."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whatsapp_notify.domain import opaque
from whatsapp_notify.domain.opaque import OpaqueId

WORDS = st.text(
    alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-",
    min_size=1,
    max_size=64,
)


class TestEncode:
    def test_writes_the_message_id_in_base_36(self):
        value = opaque.encode(instance="shop1", message_id=46655, token="Ab_-9", attempt=2)

        assert value == "wn1.shop1.zzz.Ab_-9.2"

    @pytest.mark.parametrize(
        "change",
        [
            {"instance": ""},
            {"instance": "a.b"},
            {"instance": "a" * 65},
            {"token": ""},
            {"token": "t t"},
            {"token": "é"},
            {"token": "t" * 129},
            {"message_id": 0},
            {"message_id": -1},
            {"message_id": 2**63},
            {"attempt": 0},
            {"attempt": 10**9},
        ],
    )
    def test_refuses_what_decode_could_not_read(self, change):
        parts = {"instance": "i", "message_id": 1, "token": "t", "attempt": 1}

        with pytest.raises(ValueError, match=r"must be|count from"):
            opaque.encode(**{**parts, **change})


class TestDecode:
    @given(WORDS, st.integers(1, 2**63 - 1), WORDS, st.integers(1, 999_999_999))
    def test_reads_what_encode_wrote(self, instance, message_id, token, attempt):
        value = opaque.encode(
            instance=instance, message_id=message_id, token=token, attempt=attempt
        )

        assert len(value) <= opaque.MAX_LENGTH
        assert opaque.decode(value) == OpaqueId(
            instance=instance, message_id=message_id, token=token, attempt=attempt
        )

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "wn1",
            "wn1....",
            "wn1.i.1.t",
            "wn1.i.1.t.",
            "wn1.i.1.t.1.",
            "wn1.i.1.t.1.x",
            "wn1.i.1.t.1\n",
            " wn1.i.1.t.1",
            "WN1.i.1.t.1",
            "wn2.i.1.t.1",
            "wn11.i.1.t.1",
            "wn1.i.0.t.1",
            "wn1.i.01.t.1",
            "wn1.i.Z.t.1",
            "wn1.i.-1.t.1",
            "wn1.i.1_0.t.1",
            "wn1.i.1y2p0ij32e8e8.t.1",
            "wn1.i.zzzzzzzzzzzzz.t.1",
            "wn1.i.1.t.0",
            "wn1.i.1.t.01",
            "wn1.i.1.t.-1",
            "wn1.i.1.t.1000000000",
            "wn1.i.١.t.1",
            "wn1.i.1.t.١",
            "wn1.i i.1.t.1",
            "wn1.é.1.t.1",
            "wn1.i.1.t\x00.1",
            "wn1.\ud800.1.t.1",
            "wn1.i.1.<script>.1",
            "wn1." + "i" * 65 + ".1.t.1",
            "wn1.i.1." + "t" * 129 + ".1",
            "wn1.i.1." + "t" * 600 + ".1",
            "x" * 10_000,
            "somebody-elses-callback-data",
            "{}",
            None,
            7,
            b"wn1.i.1.t.1",
            ["wn1.i.1.t.1"],
            {"id": "wn1.i.1.t.1"},
        ],
    )
    def test_near_misses_and_junk_are_none(self, value):
        assert opaque.decode(value) is None

    @given(st.text(max_size=40))
    def test_any_text_is_ours_or_none(self, value):
        found = opaque.decode("wn1." + value)

        assert (
            found is None
            or opaque.encode(
                instance=found.instance,
                message_id=found.message_id,
                token=found.token,
                attempt=found.attempt,
            )
            == "wn1." + value
        )
