"""Full stops."""

import pytest

from whatsapp_notify.domain import sentences


class TestWithOneStop:
    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("Open until 2:05 p.m..", "Open until 2:05 p.m."),
            ("Pressed since 9 a.m.. Nothing leaves.", "Pressed since 9 a.m. Nothing leaves."),
            ("Given on Nov. 3, 2026, 2:05 p.m. at the checkout.",) * 2,
            ("Avoinna klo 14.05 asti.",) * 2,
            ("Wait...",) * 2,
        ],
    )
    def test_a_sentence_that_ends_with_a_time_ends_once(self, written: str, read: str) -> None:
        assert sentences.with_one_stop(written) == read
