"""Which of the shop's own replies fits, and which phrases never could."""

import pytest

from whatsapp_notify.models import KeywordReply
from whatsapp_notify.services import keyword_replies
from whatsapp_notify.services.keyword_replies import Unheard


def reply(phrases: str, language: str = "en", **fields: object) -> KeywordReply:
    return KeywordReply.objects.create(
        phrases=phrases, language=language, **{"body": "Ours.", **fields}
    )


class TestUnheard:
    @pytest.mark.parametrize(
        ("phrase", "why"),
        [
            ("returns", None),
            ("how do I return, please", None),
            ("start up kit", None),
            ("thank you", Unheard.COURTESY),
            ("ok", Unheard.COURTESY),
            ("👍", Unheard.COURTESY),
            ("please", Unheard.COURTESY),
            ("!", Unheard.COURTESY),
            ("STOP", Unheard.CONSENT),
            ("peruuta", Unheard.CONSENT),
            ("start", Unheard.CONSENT),
            ("ei enää tarjouksia", Unheard.CONSENT),
            ("stop?", Unheard.PERHAPS_CONSENT),
            ("word " * 30, Unheard.TOO_LONG),
        ],
    )
    def test_tells_why_a_phrase_is_never_answered(self, phrase: str, why: Unheard | None) -> None:
        assert keyword_replies.unheard(phrase) == why


@pytest.mark.django_db
class TestRivals:
    def test_are_replies_with_the_same_phrase_in_the_same_language(self) -> None:
        first, _other = reply("Returns!\nrefund"), reply("exchange")

        found = keyword_replies.rivals(phrases_of="send back\nreturns", language="en-GB")

        assert found == {"returns": first}

    @pytest.mark.parametrize(("language", "is_active"), [("fi", True), ("", True), ("en", False)])
    def test_are_none_in_other_languages_or_off(self, language: str, is_active: bool) -> None:
        reply("returns", language, is_active=is_active)

        assert keyword_replies.rivals(phrases_of="returns", language="en") == {}

    def test_of_a_reply_are_not_itself(self) -> None:
        own = reply("returns")

        assert keyword_replies.rivals(phrases_of="returns", language="en", but=own.pk) == {}


class TestIsUnfinished:
    @pytest.mark.parametrize(
        ("body", "is_unfinished"), [("In […] days.", True), ("In [2] days …", False)]
    )
    def test_is_true_while_the_starters_mark_stands(self, body: str, is_unfinished: bool) -> None:
        assert keyword_replies.is_unfinished(body) is is_unfinished
