"""Graph's error codes and what they ask of us."""

import inspect
import itertools
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whatsapp_notify.cloud_api import answers, error_table, errors
from whatsapp_notify.cloud_api.answers import Answer
from whatsapp_notify.domain.receipts import Accepted, Action, Refused, Unknown, UnknownReason

#: code: (HTTP status of Meta's page, action)
TABLE = {
    0: (401, Action.STOP_SENDER),
    190: (401, Action.STOP_SENDER),
    3: (500, Action.STOP_SENDER),
    10: (403, Action.STOP_SENDER),
    200: (403, Action.STOP_SENDER),
    250: (403, Action.STOP_SENDER),
    299: (403, Action.STOP_SENDER),
    131005: (403, Action.STOP_SENDER),
    1: (400, Action.RETRY),
    4: (400, Action.SLOW_DOWN),
    80007: (400, Action.SLOW_DOWN),
    130429: (400, Action.SLOW_DOWN),
    131048: (400, Action.STOP_SENDER),
    131056: (400, Action.SLOW_PAIR),
    131064: (400, Action.STOP_SENDER),
    133016: (400, Action.STOP_SENDER),
    33: (400, Action.STOP_SENDER),
    100: (400, Action.DROP),
    368: (403, Action.STOP_SENDER),
    131031: (403, Action.STOP_SENDER),
    130497: (403, Action.STOP_RECIPIENT),
    130472: (400, Action.LATER),
    131008: (400, Action.DROP),
    131009: (400, Action.DROP),
    131020: (400, Action.DROP),
    131041: (400, Action.DROP),
    131215: (400, Action.DROP),
    131021: (400, Action.DROP),
    131026: (400, Action.STOP_RECIPIENT),
    131030: (400, Action.DROP),
    131037: (400, Action.STOP_SENDER),
    131042: (400, Action.STOP_SENDER),
    131045: (500, Action.STOP_SENDER),
    131047: (400, Action.DROP),
    131049: (400, Action.LATER),
    131050: (400, Action.STOP_MARKETING),
    131051: (400, Action.DROP),
    131052: (400, Action.DROP),
    131053: (400, Action.RETRY),
    131055: (400, Action.DROP),
    134100: (400, Action.DROP),
    131057: (500, Action.RETRY),
    131059: (400, Action.DROP),
    131062: (400, Action.DROP),
    131063: (400, Action.STOP_TEMPLATE),
    132000: (400, Action.STOP_TEMPLATE),
    132001: (404, Action.STOP_TEMPLATE),
    132005: (400, Action.DROP),
    132007: (400, Action.STOP_TEMPLATE),
    132008: (400, Action.DROP),
    132012: (400, Action.STOP_TEMPLATE),
    132015: (400, Action.STOP_TEMPLATE),
    132016: (400, Action.STOP_TEMPLATE),
    132018: (400, Action.DROP),
    132068: (400, Action.STOP_TEMPLATE),
    132069: (400, Action.STOP_TEMPLATE),
    133000: (500, Action.STOP_SENDER),
    133004: (503, Action.RETRY),
    133005: (400, Action.STOP_SENDER),
    133006: (400, Action.STOP_SENDER),
    133008: (400, Action.STOP_SENDER),
    133009: (400, Action.STOP_SENDER),
    133010: (400, Action.STOP_SENDER),
    133015: (400, Action.STOP_SENDER),
    134011: (400, Action.DROP),
    134101: (400, Action.RETRY),
    134102: (500, Action.DROP),
    135000: (400, Action.DROP),
    137000: (400, Action.STOP_RECIPIENT),
    139100: (400, Action.DROP),
    139103: (400, Action.DROP),
    139200: (400, Action.DROP),
    147001: (400, Action.DROP),
    147005: (400, Action.DROP),
}
IN_DOUBT = {1: 500, 2: 503, 131000: 500, 131016: 500}


class TestClassify:
    @pytest.mark.parametrize(
        ("code", "http_status", "action"),
        [(code, status, action) for code, (status, action) in TABLE.items()],
    )
    def test_f43_f44_f45_f46_f47_f48_f50_the_table(self, code, http_status, action):
        receipt = errors.classify(http_status=http_status, code=code)

        assert isinstance(receipt, Refused)
        assert (receipt.action, receipt.code) == (action, code)
        assert receipt.http_status == http_status
        assert receipt.detail
        assert not receipt.is_unknown_code

    @pytest.mark.parametrize(("code", "http_status"), IN_DOUBT.items())
    def test_f42_server_errors_are_in_doubt(self, code, http_status):
        receipt = errors.classify(http_status=http_status, code=code)

        assert isinstance(receipt, Unknown)
        assert receipt.reason is UnknownReason.SERVER_ERROR

    @pytest.mark.parametrize("code", [2, 131000, 131016])
    def test_the_same_codes_as_client_errors_are_definite(self, code):
        receipt = errors.classify(http_status=400, code=code)

        assert isinstance(receipt, Refused)
        assert receipt.action is Action.RETRY

    @pytest.mark.parametrize("http_status", [500, 502, 503, 504, 599])
    @pytest.mark.parametrize("code", [None, 999999])
    def test_f42_server_errors_that_say_nothing_are_in_doubt(self, http_status, code):
        assert isinstance(errors.classify(http_status=http_status, code=code), Unknown)

    @pytest.mark.parametrize("code", [4, 80007, 130429])
    @pytest.mark.parametrize("http_status", [400, 403, 429, 500, 503])
    def test_f40_throttles_are_definite_with_any_status(self, code, http_status):
        receipt = errors.classify(http_status=http_status, code=code)

        assert isinstance(receipt, Refused)
        assert receipt.action is Action.SLOW_DOWN

    def test_f41_pair_limit_slows_one_pair(self):
        receipt = errors.classify(http_status=400, code=131056)

        assert isinstance(receipt, Refused)
        assert receipt.action is Action.SLOW_PAIR

    @pytest.mark.parametrize("code", [None, 999999])
    def test_f40_429_slows_down_whatever_it_says(self, code):
        receipt = errors.classify(http_status=429, code=code)

        assert isinstance(receipt, Refused)
        assert receipt.action is Action.SLOW_DOWN

    @pytest.mark.parametrize("code", [-1, 5, 199, 300, 131001, 999999])
    def test_f52_unknown_codes_end_the_message_and_are_shown(self, code):
        receipt = errors.classify(http_status=400, code=code, detail="New in v99.0")

        assert receipt == Refused(
            action=Action.DROP,
            code=code,
            http_status=400,
            detail="New in v99.0",
            is_unknown_code=True,
        )

    @pytest.mark.parametrize("http_status", [301, 302, 307, 400, 401, 403, 404, 407, 418])
    def test_f51_answers_without_a_code_never_came_from_graph(self, http_status):
        receipt = errors.classify(http_status=http_status, code=None)

        assert isinstance(receipt, Refused)
        assert receipt.action is Action.STOP_SENDER
        assert not receipt.is_unknown_code

    @pytest.mark.parametrize("http_status", [100, 101, 103, 199])
    @pytest.mark.parametrize("code", [None, 190, 999999])
    def test_f36_what_is_no_final_answer_is_in_doubt(self, http_status, code):
        receipt = errors.classify(http_status=http_status, code=code)

        assert receipt == Unknown(reason=UnknownReason.NOT_JSON, http_status=http_status)

    def test_request_timeout_without_a_code_was_never_complete(self):
        receipt = errors.classify(http_status=408, code=None)

        assert isinstance(receipt, Refused)
        assert receipt.action is Action.RETRY


class TestClassifyFailed:
    @pytest.mark.parametrize("code", [*TABLE, *IN_DOUBT])
    def test_later_news_of_failure_is_always_definite(self, code):
        receipt = errors.classify_failed(code=code)

        rule = errors.explain(code)
        assert rule is not None
        assert receipt.action is rule.action

    @pytest.mark.parametrize("code", [None, 999999])
    def test_f52_failure_for_no_known_reason_is_shown(self, code):
        receipt = errors.classify_failed(code=code)

        assert receipt.action is Action.DROP
        assert receipt.is_unknown_code


class TestExplain:
    @pytest.mark.parametrize("code", [*TABLE, *IN_DOUBT, 2388293, 2494170])
    def test_says_what_it_means_and_what_to_do(self, code):
        rule = errors.explain(code)

        assert rule is not None
        assert rule.meaning.endswith(".")
        assert rule.remedy.endswith(".")

    def test_codes_are_in_one_rule_only(self):
        spans = sorted((rule.code, rule.last_code or rule.code) for rule in error_table.RULES)

        for (_, end), (start, _) in itertools.pairwise(spans):
            assert end < start

    def test_makemessages_can_find_every_text(self):
        source = inspect.getsource(error_table)
        found = set()
        for call in re.findall(r'_\(\s*((?:"[^"]*"\s*)+)\)', source):
            found.add("".join(re.findall(r'"([^"]*)"', call)))

        shown = {text for rule in error_table.RULES for text in (rule.meaning, rule.remedy)}
        assert shown <= found


class TestWithoutPersonalData:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (
                "(#131030) Recipient +16505551234 not allowed",
                "(#131030) Recipient [...] not allowed",
            ),
            ("to 1 (650) 555-1234 failed", "to [...] failed"),
            ("id wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI= gone", "id [...] gone"),
            ("user US.13491208655302741918", "user [...]"),
            ("user US.ENT.11815799212886844830", "user [...]"),
            ("mail customer.one@example.com", "mail [...]"),
            ("line\r\none\x1b[31m\u2028two", "line one [31m two"),
            ("\x00\ud800", "\ufffd\ufffd"),
            ("parameter 3 of 132000", "parameter 3 of 132000"),
        ],
    )
    def test_blanks_out(self, text, expected):
        assert errors.without_personal_data(text) == expected

    @given(st.text(max_size=3000))
    def test_is_one_short_line(self, text):
        shown = errors.without_personal_data(text)

        assert len(shown) <= 300
        assert len(shown.splitlines()) <= 1


class TestToReceipt:
    @pytest.mark.parametrize(
        ("error", "code", "detail"),
        [
            ({"code": 100, "message": "m", "error_data": {"details": "d"}}, 100, "d"),
            ({"code": 100, "message": "m", "error_data": "plain"}, 100, "plain"),
            ({"code": 100, "message": "m", "error_data": {}}, 100, "m"),
            ({"code": 100, "message": "m", "error_data": ["x"]}, 100, "m"),
            ({"code": "100", "message": "m"}, 100, "m"),
            ({"code": 100}, 100, "A parameter is not valid."),
            ({"code": 100, "message": {"a": 1}}, 100, "A parameter is not valid."),
        ],
    )
    def test_reads_every_shape_of_an_error(self, error, code, detail):
        receipt = answers.to_receipt(answer=make_answer(400, {"error": error}))

        assert isinstance(receipt, Refused)
        assert (receipt.code, receipt.detail) == (code, detail)

    @pytest.mark.parametrize(
        "data",
        [
            {},
            {"error": "denied"},
            {"error": {}},
            {"error": {"code": None}},
            {"error": {"code": True}},
            {"error": {"code": "E17"}},
            {"error": []},
            {"message": "Forbidden"},
        ],
    )
    def test_f51_json_of_somebody_else_is_no_answer_of_graph(self, data):
        receipt = answers.to_receipt(answer=make_answer(403, data))

        assert isinstance(receipt, Refused)
        assert receipt.action is Action.STOP_SENDER
        assert receipt.code is None

    @pytest.mark.parametrize("trace_id", [None, 7, "", "a b", "x" * 200, "a\nb"])
    def test_odd_trace_ids_are_left_out(self, trace_id):
        error = {"code": 100, "fbtrace_id": trace_id}
        receipt = answers.to_receipt(answer=make_answer(400, {"error": error}))

        assert isinstance(receipt, Refused)
        assert receipt.trace_id == ""

    @given(
        st.integers(100, 599),
        st.sampled_from(["application/json", "text/html", ""]),
        st.binary(max_size=300),
    )
    def test_f36_any_body_gives_a_receipt_and_none_is_accepted_by_chance(
        self, http_status, content_type, body
    ):
        receipt = answers.to_receipt(
            answer=Answer(http_status=http_status, content_type=content_type, body=body)
        )

        assert isinstance(receipt, Refused if 300 <= http_status < 400 else (Refused, Unknown))
        assert not isinstance(receipt, Accepted)


def make_answer(http_status: int, data: object) -> Answer:
    return Answer(
        http_status=http_status,
        content_type="application/json; charset=utf-8",
        body=json.dumps(data).encode(),
    )
