"""STOP in every dress, and what only looks like it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whatsapp_notify.domain import replies
from whatsapp_notify.domain.replies import Keyword

OPT_OUT = [
    # The words that the FCC names.
    "stop",
    "quit",
    "end",
    "revoke",
    "opt out",
    "cancel",
    "unsubscribe",
    # Their spellings.
    "STOP",
    "Stop",
    "sToP",
    "STOP.",
    "STOP!!!",
    '"STOP"',
    "'stop'",
    "«stop»",
    "(stop)",
    "*STOP*",
    "_stop_",
    "~stop~",
    "  stop  ",
    "\nSTOP\n",
    "stop\u00a0",
    "STOP 🛑",
    "🛑STOP🛑",
    "stop 😡😡😡",
    "✋ stop",
    "stop\ufe0f",
    "S.T.O.P.",
    "s t o p",
    "S-T-O-P",
    "stop stop stop",
    "STOP ALL",
    "Stopall",
    "opt-out",
    "OPTOUT",
    "Opt  Out",
    "ST0P",
    "stóp",
    "s̶t̶o̶p̶",
    # With courtesy.
    "Stop, thank you",
    "stop please",
    "please stop",
    "Please, stop. Thanks!",
    "stop now please",
    "stop pls",
    "Thanks, stop",
    "unsubscribe please",
    # Finnish.
    "LOPETA",
    "lopeta kiitos",
    "Lopeta, kiitos!",
    "kiitos, lopeta",
    "PERU",
    "Peruuta",
    "lopettakaa heti",
    "Lopeta, ole hyvä",
    "En halua enää viestejä",
    "älkää lähettäkö viestejä",
    "alkaa lahettako viesteja",
    # Swedish.
    "SLUTA",
    "sluta tack",
    "Stopp",
    "STOPP!",
    "snälla sluta",
    "snalla sluta",
    "AVSLUTA",
    "Avregistrera",
    "avregistrera mig, tack så mycket",
    "inga fler meddelanden",
    # Russian.
    "СТОП",
    "стоп",
    "Стоп!",
    "стоп пожалуйста",
    "Пожалуйста, стоп",
    "Отписаться",
    "ОТПИСКА",
    "отпишите меня пожалуйста",
    "не пишите мне",
    # Full width, mathematical, circled and squared letters.
    "ＳＴＯＰ",
    "𝐒𝐓𝐎𝐏",
    "𝘴𝘵𝘰𝘱",
    "ⓢⓣⓞⓟ",
    "🅂🅃🄾🄿",
    # Zero-width characters and marks of direction.
    "S\u200bT\u200bO\u200bP",
    "\u200fstop\u200e",
    "\ufeffSTOP",
    "st\u00adop",
    "s\u2060top",
    # Letters that look like those of STOP.
    "ЅTOP",
    "SТOP",
    "STОP",
    "STOР",
    "SТОР",
    "ЅТОР",
    "СТОР",
    "STΟP",
    "SΤΟΡ",
    "CTOP",
    "UNSUBSСRIBE",
    "СANCEL",
    "LOРETA",
    "РERU",
]
OPT_IN = [
    "START",
    "start",
    "Start!",
    "start please",
    "JOIN",
    "join 🙂",
    "subscribe",
    "UNSTOP",
    "opt in",
    "Opt-in",
    "LIITY",
    "liity kiitos",
    "Aloita",
    "gå med",
    "GÅ MED!",
    "ga med",
    "STARTA",
    "starta tack",
    "НАЧАТЬ",
    "Старт",
    "подписаться",
    "Подписаться, пожалуйста",
    "STАRT",
    "S T A R T",
]
NEITHER = [
    "",
    " ",
    "!!!",
    "🛑",
    "👍",
    "yes",
    "no",
    "ok",
    "kyllä",
    "ei",
    "да",
    "нет",
    "thanks",
    "please",
    "kiitos",
    "We have to STOP this bill",
    "stop this bill",
    "don't stop",
    "never stop",
    "non-stop",
    "nonstop",
    "stopped",
    "stopping",
    "stops",
    "bus stop",
    "stop by tomorrow",
    "STOP?? why",
    "top",
    "sto",
    "stopp nu den här beställningen",
    "cancel my order",
    "peru tilaus",
    "peruuta tilaukseni",
    "Peruutus",
    "perun",
    "end of story",
    "weekend",
    "quit smoking?",
    "start my order",
    "restart",
    "Can you start?",
    "join us for dinner",
    "liityntä",
    "lopeta tilaus 10234",
    "стоп-кран сломан",
    "остановка",
    "подпишись на меня",
    "отписал вам",
    "START STOP",
    "stop start",
    "VERKKOKAUPPA 9",
    "9",
    "wn:opt-out",
    "STOP " + "x" * 120,
    "stop " * 100,
    "s" * 5000,
]


class TestReadKeyword:
    @pytest.mark.parametrize("text", OPT_OUT)
    def test_reads_an_opt_out(self, text: str) -> None:
        assert replies.read_keyword(text) is Keyword.OPT_OUT

    @pytest.mark.parametrize("text", OPT_IN)
    def test_reads_an_opt_in(self, text: str) -> None:
        assert replies.read_keyword(text) is Keyword.OPT_IN

    @pytest.mark.parametrize("text", NEITHER, ids=lambda text: repr(text[:40]))
    def test_leaves_the_rest_to_a_person(self, text: str) -> None:
        assert replies.read_keyword(text) is None

    def test_never_takes_an_opt_out_for_an_opt_in(self) -> None:
        outs = {replies._key(phrase) for phrase in replies._OPT_OUT}
        ins = {replies._key(phrase) for phrase in replies._OPT_IN}

        assert not outs & ins

    def test_reads_every_keyword_of_its_own_tables(self) -> None:
        for phrase in replies._OPT_OUT:
            assert replies.read_keyword(phrase.upper()) is Keyword.OPT_OUT
        for phrase in replies._OPT_IN:
            assert replies.read_keyword(phrase.upper()) is Keyword.OPT_IN

    @given(
        st.text(alphabet="stopSTOP .!-\u200b", max_size=30),
        st.sampled_from(["", "x", "ing", " the bus"]),
    )
    def test_never_fails(self, text: str, tail: str) -> None:
        assert replies.read_keyword(text + tail) in {Keyword.OPT_OUT, Keyword.OPT_IN, None}

    @given(st.text())
    def test_takes_any_text(self, text: str) -> None:
        assert replies.read_keyword(text) in {Keyword.OPT_OUT, Keyword.OPT_IN, None}

    @pytest.mark.parametrize("text", [" " * 10**6, "stop " * 10**6, "\u0301" * 10**6, "ﷺ" * 10**6])
    def test_looks_at_the_beginning_of_a_huge_text_only(self, text: str) -> None:
        # The rest is thousands of times as long, and a busy machine slows both.
        begin = text[: 4 * replies.MAX_LENGTH]
        assert self.seconds_to_read(text) < 20 * self.seconds_to_read(begin)

    def seconds_to_read(self, text: str) -> float:
        """The best of five: other processes may hold up one of them."""
        seconds = []
        for _time in range(5):
            started = time.process_time()
            assert replies.read_keyword(text) is None
            seconds.append(time.process_time() - started)
        return min(seconds)


class TestReadPayload:
    @pytest.mark.parametrize(
        ("payload", "keyword"),
        [
            (replies.OPT_OUT_PAYLOAD, Keyword.OPT_OUT),
            (replies.OPT_OUT_PROMOTIONS_PAYLOAD, Keyword.OPT_OUT_PROMOTIONS),
            (replies.OPT_IN_PAYLOAD, Keyword.OPT_IN),
            ("wn:opt-out ", None),
            ("WN:OPT-OUT", None),
            ("wn:", None),
            ("", None),
            ("stop", None),
        ],
    )
    def test_knows_our_own_buttons_only(self, payload: str, keyword: Keyword | None) -> None:
        assert replies.read_payload(payload) is keyword
