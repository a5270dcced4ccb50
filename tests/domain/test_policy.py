"""The one decision: every check passes, holds or blocks, with what it saw."""

import dataclasses
import json
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from whatsapp_notify.domain import policy
from whatsapp_notify.domain.policy import (
    CHECK_NAMES,
    Allow,
    Block,
    ConsentFacts,
    Facts,
    Hold,
    LawfulBasis,
    Outcome,
    Purpose,
    Request,
    Rules,
    TemplateFacts,
)

#: A Monday noon in Helsinki.
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 23, 21, 30, tzinfo=UTC)
#: Eight in the morning after it, in Helsinki.
MORNING = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)

RULES = Rules(
    quiet_hours=(time(21), time(8)),
    cap_promotions=4,
    cap_days=7,
    blocked_marketing_countries=frozenset({"US"}),
    default_time_zone="Europe/Helsinki",
)
YES = ConsentFacts(is_granted=True, record_id=7, changed_at=NOW - HOUR, source="checkout")
NO = dataclasses.replace(YES, is_granted=False, record_id=8, source="keyword")
UNCONFIRMED = dataclasses.replace(YES, confirm_by=NOW + SECOND)
LAPSED = dataclasses.replace(YES, confirm_by=NOW)
UTILITY = TemplateFacts(status="APPROVED", category="UTILITY")
MARKETING = TemplateFacts(status="APPROVED", category="MARKETING")

ORDER = Request(
    purpose=Purpose.DELIVERY,
    lawful_basis=LawfulBasis.CONSENT,
    channel="whatsapp",
    topic="orders",
    is_template=True,
    event="order.shipped",
    due_at=NOW,
    expires_at=NOW + 48 * HOUR,
)
OFFER = dataclasses.replace(ORDER, purpose=Purpose.PROMOTION, topic="offers", event="")
SURVEY = dataclasses.replace(ORDER, purpose=Purpose.SURVEY, topic="feedback", event="")
ANSWER = dataclasses.replace(
    ORDER,
    purpose=Purpose.SERVICE,
    lawful_basis=LawfulBasis.CONTRACT,
    topic="service",
    event="",
    is_template=False,
)
#: As the facts make it, whatever the consent is about.
QUESTION = dataclasses.replace(
    ORDER, purpose=Purpose.SERVICE, topic="offers", event="consent.unconfirmed"
)
#: Facts under which each of these requests may leave.
FINE = Facts(
    rules=RULES,
    sender_id=1,
    deployment="shop",
    expected_deployment="shop",
    country="FI",
    consent=YES,
    template=UTILITY,
)
REQUESTS = {
    "order": ORDER,
    "offer": OFFER,
    "survey": SURVEY,
    "answer": ANSWER,
    "question": QUESTION,
}


def fine(request: Request) -> Facts:
    if request.event == QUESTION.event:
        return dataclasses.replace(FINE, consent=UNCONFIRMED)
    if request.purpose is Purpose.PROMOTION:
        return dataclasses.replace(FINE, template=MARKETING)
    if request.purpose is Purpose.SERVICE:
        return dataclasses.replace(FINE, template=None, consent=None, window_expires_at=NOW + HOUR)
    return FINE


def decide(
    request: Request, *, now: datetime = NOW, wish: dict[str, Any] | None = None, **facts: Any
) -> policy.Decision:
    asked = dataclasses.replace(request, **(wish or {}))
    return policy.decide(asked, dataclasses.replace(fine(request), **facts), now)


def check(decision: policy.Decision, name: str) -> policy.Check:
    return next(each for each in decision.checks if each.name == name)


P, N, H, B = Outcome.PASSED, Outcome.NOT_APPLICABLE, Outcome.HELD, Outcome.BLOCKED

#: name of the check, request, what is different, outcome, some evidence
TABLE: list[tuple[str, str, dict[str, Any], Outcome, dict[str, Any]]] = [
    ("red_button", "order", {}, P, {}),
    ("red_button", "answer", {"sender_stopped_at": NOW}, H, {"stopped_at": NOW.isoformat()}),
    ("staging_lock", "order", {}, P, {"deployment": "shop"}),
    ("staging_lock", "order", {"deployment": "copy"}, H,
     {"deployment": "copy", "database_belongs_to": "shop"}),
    ("staging_lock", "order", {"deployment": "", "expected_deployment": ""}, P, {}),
    ("sender_circuit", "order", {}, P, {}),
    ("sender_circuit", "order", {"sender_id": None}, H, {"sender": "missing"}),
    ("sender_circuit", "order", {"is_circuit_open": True, "circuit_code": 131031}, H,
     {"code": 131031}),
    ("sender_circuit", "order", {"is_circuit_open": True, "circuit_probe_at": NOW + SECOND}, H, {}),
    ("sender_circuit", "order", {"is_circuit_open": True, "circuit_probe_at": NOW}, P, {}),
    ("sender_circuit", "order", {"slow_until": NOW + SECOND}, H,
     {"slow_until": (NOW + SECOND).isoformat()}),
    ("sender_circuit", "order", {"slow_until": NOW}, P, {}),
    ("erased", "order", {}, P, {}),
    ("erased", "answer", {"contact_erased_at": NOW}, B, {"erased_at": NOW.isoformat()}),
    ("reachable", "order", {}, P, {}),
    ("reachable", "order", {"has_address": False}, B, {"address": "missing"}),
    ("reachable", "order", {"unreachable_since": NOW}, B,
     {"unreachable_since": NOW.isoformat()}),
    ("consent", "order", {}, P, {"basis": "consent", "record": 7, "source": "checkout"}),
    ("consent", "order", {"consent": None}, B, {"basis": "consent", "topic": "orders"}),
    ("consent", "order", {"consent": NO}, B, {"record": 8, "source": "keyword"}),
    ("consent", "order", {"wish": {"lawful_basis": LawfulBasis.CONTRACT}, "consent": None}, P,
     {"basis": "contract"}),
    ("consent", "order", {"wish": {"lawful_basis": LawfulBasis.CONTRACT}, "consent": NO}, B,
     {"record": 8}),
    ("consent", "offer",
     {"wish": {"lawful_basis": LawfulBasis.LEGITIMATE_INTEREST}, "consent": NO}, B, {}),
    ("consent", "offer",
     {"wish": {"lawful_basis": LawfulBasis.LEGITIMATE_INTEREST}, "consent": None}, P, {}),
    ("consent", "answer", {}, P, {"basis": "contract"}),
    ("consent", "answer", {"consent": NO}, P, {"record": 8}),
    ("consent", "answer", {"wish": {"is_template": True}, "template": UTILITY}, P, {}),
    ("consent", "answer",
     {"wish": {"is_template": True}, "template": UTILITY, "window_expires_at": NOW}, B, {}),
    ("consent", "answer",
     {"wish": {"is_template": True}, "template": UTILITY, "window_expires_at": None}, B, {}),
    ("consent", "answer",
     {"wish": {"is_template": True}, "template": UTILITY, "window_expires_at": None,
      "consent": YES}, P, {"record": 7}),
    *[("consent", "answer",
       {"wish": {"event": "order.shipped", "is_template": is_template}, "template": UTILITY,
        "consent": consent}, B, {"is_answer": False})
      for is_template in (True, False) for consent in (None, YES)],
    ("consent", "question", {"window_expires_at": NOW + HOUR}, P, {}),
    ("consent", "answer", {"everything_stopped_at": NOW}, P, {}),
    ("consent", "order", {"everything_stopped_at": NOW}, P, {"record": 7}),
    *[("consent", "order",
       {"wish": {"lawful_basis": basis}, "consent": None, "everything_stopped_at": NOW}, B,
       {"everything_stopped_at": NOW.isoformat()})
      for basis in LawfulBasis],
    ("consent_unconfirmed", "offer", {}, N, {}),
    ("consent_unconfirmed", "offer", {"consent": None}, N, {}),
    ("consent_unconfirmed", "offer", {"consent": NO}, N, {}),
    ("consent_unconfirmed", "offer", {"consent": UNCONFIRMED}, B,
     {"record": 7, "confirm_by": (NOW + SECOND).isoformat(), "has_ended": False}),
    ("consent_unconfirmed", "offer", {"consent": LAPSED}, B, {"has_ended": True}),
    ("consent_unconfirmed", "survey", {"consent": UNCONFIRMED}, B, {}),
    ("consent_unconfirmed", "order", {"consent": UNCONFIRMED}, B, {}),
    ("consent_unconfirmed", "question", {}, P, {"record": 7}),
    ("consent", "question", {}, P, {"record": 7}),
    ("consent", "question", {"consent": NO}, B, {"record": 8}),
    ("consent", "question", {"consent": None}, B, {}),
    ("superseded", "question", {}, P, {}),
    ("superseded", "question", {"consent": YES}, B, {"by": "consent.settled"}),
    ("superseded", "question", {"consent": LAPSED}, B, {"by": "consent.settled"}),
    ("superseded", "question", {"consent": NO, "window_expires_at": NOW + HOUR}, B, {}),
    ("category", "question", {"template": MARKETING}, B, {"category": "MARKETING"}),
    ("quiet_hours", "question", {"now": NIGHT, "consent": dataclasses.replace(
        YES, confirm_by=NIGHT + HOUR)}, N, {}),
    ("frequency_cap", "question", {"promotions_lately": 99}, N, {}),
    ("provider_stop", "order", {"marketing_stopped_at": NOW}, N, {}),
    ("provider_stop", "offer", {}, P, {}),
    ("provider_stop", "offer", {"marketing_stopped_at": NOW}, B, {"stopped_at": NOW.isoformat()}),
    ("provider_stop", "survey", {"template": MARKETING, "marketing_stopped_at": NOW}, B, {}),
    ("promotions_paused", "order", {"promotions_paused_at": NOW}, N, {}),
    ("promotions_paused", "survey", {"template": MARKETING, "promotions_paused_at": NOW}, N, {}),
    ("promotions_paused", "answer", {"promotions_paused_at": NOW}, N, {}),
    ("promotions_paused", "offer", {}, P, {}),
    ("promotions_paused", "offer",
     {"promotions_paused_at": NOW, "promotions_paused_reason": "low_score"}, H,
     {"since": NOW.isoformat(), "reason": "low_score"}),
    ("superseded", "offer", {"superseded_by": "order.cancelled"}, N, {}),
    ("superseded", "order", {}, P, {}),
    ("superseded", "order", {"superseded_by": "order.delivered"}, B, {"by": "order.delivered"}),
    ("template", "answer", {}, N, {}),
    ("template", "order", {}, P, {"status": "APPROVED"}),
    ("template", "order", {"template": None}, B, {"status": "missing"}),
    ("template", "order", {"template": TemplateFacts(status="PAUSED", category="UTILITY")}, H,
     {"status": "PAUSED"}),
    ("template", "order",
     {"template": TemplateFacts(
         status="APPROVED", category="UTILITY", is_stopped=True, stopped_code=132015)}, H,
     {"code": 132015}),
    *[("template", "order", {"template": TemplateFacts(status=status, category="UTILITY")}, B,
       {"status": status})
      for status in ("DRAFT", "PENDING", "REJECTED", "DISABLED", "DELETED", "")],
    ("category", "answer", {}, N, {}),
    ("category", "order", {"template": None}, N, {}),
    ("category", "order", {}, P, {"category": "UTILITY", "purpose": "delivery"}),
    ("category", "order", {"template": MARKETING}, B, {"category": "MARKETING"}),
    ("category", "offer", {}, P, {"category": "MARKETING"}),
    ("category", "offer", {"template": UTILITY}, B, {"category": "UTILITY"}),
    ("category", "survey", {}, P, {}),
    ("category", "survey", {"template": MARKETING}, P, {}),
    ("category", "survey",
     {"template": MARKETING, "wish": {"lawful_basis": LawfulBasis.CONTRACT}}, B, {}),
    ("service_window", "order", {}, N, {}),
    ("service_window", "answer", {}, P, {"open_until": (NOW + HOUR).isoformat()}),
    ("service_window", "answer", {"window_expires_at": None}, B, {"open_until": None}),
    ("service_window", "answer", {"window_expires_at": NOW}, B, {"open_until": NOW.isoformat()}),
    ("service_window", "survey", {"window_expires_at": NOW + HOUR}, N, {}),
    ("service_window", "survey", {"wish": {"has_text": True}}, P,
     {"open_until": None, "form": "template"}),
    ("service_window", "survey",
     {"wish": {"has_text": True}, "window_expires_at": NOW + 5 * MINUTE + SECOND}, P,
     {"open_until": (NOW + 5 * MINUTE + SECOND).isoformat(), "form": "text"}),
    ("service_window", "survey",
     {"wish": {"has_text": True}, "window_expires_at": NOW + 5 * MINUTE}, P, {"form": "template"}),
    ("service_window", "survey",
     {"wish": {"has_text": True}, "window_expires_at": NOW - HOUR}, P, {"form": "template"}),
    ("blocked_country", "order", {"country": "US"}, N, {}),
    ("blocked_country", "offer", {}, P, {"country": "FI"}),
    ("blocked_country", "offer", {"country": "US"}, B, {"country": "US"}),
    ("blocked_country", "survey", {"country": "US", "template": MARKETING}, B, {}),
    ("expired", "order", {}, P, {}),
    ("expired", "order", {"wish": {"expires_at": NOW}}, B, {"expires_at": NOW.isoformat()}),
    ("due", "order", {}, P, {"due_at": NOW.isoformat()}),
    ("due", "order", {"wish": {"due_at": NOW + SECOND}}, H, {}),
    ("quiet_hours", "order", {"now": NIGHT}, N, {}),
    ("quiet_hours", "answer", {"now": NIGHT}, N, {}),
    ("quiet_hours", "offer", {}, P, {"zone": "Europe/Helsinki"}),
    ("quiet_hours", "offer", {"now": NIGHT}, H, {"quiet_until": MORNING.isoformat()}),
    ("quiet_hours", "survey", {"now": NIGHT}, H, {}),
    ("quiet_hours", "offer", {"now": NIGHT, "time_zone": "America/New_York"}, P,
     {"zone": "America/New_York"}),
    ("quiet_hours", "offer", {"wish": {"due_at": NIGHT}}, H, {}),
    ("quiet_hours", "offer",
     {"now": NIGHT, "rules": dataclasses.replace(RULES, quiet_hours=None)}, N, {}),
    ("frequency_cap", "order", {"promotions_lately": 99}, N, {}),
    ("frequency_cap", "survey", {"promotions_lately": 99}, N, {}),
    ("frequency_cap", "offer", {"promotions_lately": 3}, P, {"sent": 3, "cap": 4, "days": 7}),
    ("frequency_cap", "offer", {"promotions_lately": 4}, B, {"sent": 4, "cap": 4, "days": 7}),
    ("frequency_cap", "offer",
     {"promotions_lately": 99, "rules": dataclasses.replace(RULES, cap_promotions=0)}, N, {}),
    ("pair_rate", "order", {}, P, {}),
    ("pair_rate", "order", {"pair_paced_until": NOW + 54 * SECOND}, P, {}),
    ("pair_rate", "answer", {"pair_paced_until": NOW + 55 * SECOND}, H, {"burst": 10}),
]  # fmt: skip


def _label(row: Any) -> str:
    name, request, different, outcome, _evidence = row
    return f"{name}-{request}-{outcome}-{'+'.join(different) or 'nothing'}"


class TestChecks:
    @pytest.mark.parametrize("row", TABLE, ids=map(_label, TABLE))
    def test_the_table(self, row: Any) -> None:
        name, request, different, outcome, evidence = row

        result = check(decide(REQUESTS[request], **different), name)

        assert result.outcome is outcome
        assert evidence.items() <= result.evidence.items()
        assert (result.until is not None) is (outcome is Outcome.HELD)

    @pytest.mark.parametrize("name", CHECK_NAMES)
    def test_each_check_stands_in_the_table_with_a_refusal_and_a_pass(self, name: str) -> None:
        outcomes = {row[3] for row in TABLE if row[0] == name}

        assert Outcome.PASSED in outcomes
        assert outcomes & {Outcome.HELD, Outcome.BLOCKED}

    @pytest.mark.parametrize(
        ("different", "until"),
        [
            ({"sender_stopped_at": NOW}, NOW + MINUTE),
            ({"deployment": "copy"}, NOW + MINUTE),
            ({"is_circuit_open": True}, NOW + MINUTE),
            ({"is_circuit_open": True, "circuit_probe_at": NOW + 9 * SECOND}, NOW + 9 * SECOND),
            ({"slow_until": NOW + 4 * SECOND}, NOW + 4 * SECOND),
            ({"template": TemplateFacts(status="PAUSED", category="UTILITY")}, NOW + 15 * MINUTE),
            ({"wish": {"due_at": NOW + HOUR}}, NOW + HOUR),
            ({"pair_paced_until": NOW + 60 * SECOND}, NOW + 6 * SECOND),
            ({"promotions_paused_at": NOW - HOUR}, NOW + 15 * MINUTE),
        ],
        ids=str,
    )
    def test_a_hold_says_until_when(self, different: Any, until: datetime) -> None:
        asked = OFFER if "promotions_paused_at" in different else ORDER

        verdict = decide(asked, **different).verdict

        assert isinstance(verdict, Hold)
        assert verdict.until == until
        assert verdict.until > NOW, "or a sender would look at it for ever"


class TestDecide:
    @pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS.keys())
    def test_allows_what_nothing_refuses(self, request_: Request) -> None:
        assert decide(request_).verdict == Allow()

    @pytest.mark.parametrize("row", TABLE, ids=map(_label, TABLE))
    def test_runs_all_checks_whatever_the_verdict(self, row: Any) -> None:
        _name, request, different, _outcome, _evidence = row

        decision = decide(REQUESTS[request], **different)

        assert tuple(each.name for each in decision.checks) == CHECK_NAMES

    @pytest.mark.parametrize("row", [row for row in TABLE if row[3] is Outcome.BLOCKED], ids=_label)
    def test_a_block_is_the_verdict_and_names_its_check(self, row: Any) -> None:
        name, request, different, _outcome, _evidence = row

        decision = decide(REQUESTS[request], **different)

        first = next(each for each in decision.checks if each.outcome is Outcome.BLOCKED)
        assert decision.verdict == Block(reason=first.name)
        assert CHECK_NAMES.index(first.name) <= CHECK_NAMES.index(name)

    def test_of_several_blocks_the_first_in_order_is_named(self) -> None:
        everything: dict[str, Any] = {
            "wish": {"expires_at": NOW},
            "promotions_lately": 9,
            "country": "US",
            "template": UTILITY,
            "marketing_stopped_at": NOW,
            "consent": NO,
            "unreachable_since": NOW,
            "contact_erased_at": NOW,
        }
        named = []
        for remove in (
            None, "contact_erased_at", "unreachable_since", "consent", "template",
            "marketing_stopped_at", "country", "wish",
        ):  # fmt: skip
            if remove is not None:
                del everything[remove]
            named.append(decide(OFFER, **everything).verdict.reason)

        # While Meta calls the template "utility", its own stop and its countries do not apply.
        assert named == [
            "erased", "reachable", "consent", "category", "provider_stop", "blocked_country",
            "expired", "frequency_cap",
        ]  # fmt: skip

    def test_a_block_stands_above_any_hold(self) -> None:
        verdict = decide(ORDER, sender_stopped_at=NOW, consent=None).verdict

        assert verdict == Block(reason="consent")

    def test_of_several_holds_the_longest_is_named(self) -> None:
        verdict = decide(ORDER, sender_stopped_at=NOW, wish={"due_at": NOW + HOUR}).verdict

        assert verdict == Hold(until=NOW + HOUR, reason="due")

    @pytest.mark.parametrize("row", TABLE, ids=map(_label, TABLE))
    def test_the_trace_is_json(self, row: Any) -> None:
        _name, request, different, _outcome, _evidence = row

        decision = decide(REQUESTS[request], **different)

        trace = policy.checks_from_json(json.loads(json.dumps(decision.to_json())))

        assert trace == [(each.name, each.outcome, each.evidence) for each in decision.checks]

    @pytest.mark.parametrize("data", [None, {}, "", [], 7])
    def test_there_is_no_trace_before_a_decision(self, data: Any) -> None:
        assert policy.checks_from_json(data) == []


class TestSenderBrake:
    @pytest.mark.parametrize(
        ("different", "reason"),
        [
            ({}, None),
            ({"sender_stopped_at": NOW}, "red_button"),
            ({"deployment": "copy"}, "staging_lock"),
            ({"is_circuit_open": True}, "sender_circuit"),
            ({"slow_until": NOW + SECOND}, "sender_circuit"),
            ({"is_circuit_open": True, "circuit_probe_at": NOW}, None),
            ({"consent": None, "has_address": False}, None),
        ],
        ids=str,
    )
    def test_looks_at_the_number_alone(self, different: Any, reason: str | None) -> None:
        brake = policy.sender_brake(dataclasses.replace(FINE, **different), NOW)

        assert (brake.reason if brake else None) == reason


class TestPacePair:
    @pytest.mark.parametrize(
        ("paced_until", "expected"),
        [
            (None, NOW + 6 * SECOND),
            (NOW - HOUR, NOW + 6 * SECOND),
            (NOW, NOW + 6 * SECOND),
            (NOW + 30 * SECOND, NOW + 36 * SECOND),
        ],
    )
    def test_takes_one_place(self, paced_until: datetime | None, expected: datetime) -> None:
        assert policy.pace_pair(paced_until=paced_until, now=NOW) == expected

    def test_f41_ten_at_once_then_one_in_six_seconds(self) -> None:
        paced_until, now, sent = None, NOW, []
        while len(sent) < 14:
            verdict = decide(ORDER, now=now, pair_paced_until=paced_until).verdict
            if isinstance(verdict, Hold):
                now = verdict.until
                continue
            sent.append(now - NOW)
            paced_until = policy.pace_pair(paced_until=paced_until, now=now)

        assert sent == [timedelta()] * 10 + [number * 6 * SECOND for number in (1, 2, 3, 4)]


class TestIsMarketing:
    @pytest.mark.parametrize(
        ("request_", "template", "is_marketing"),
        [
            (ORDER, UTILITY, False),
            (ORDER, MARKETING, True),
            (OFFER, MARKETING, True),
            (OFFER, None, True),
            (ORDER, None, False),
            (ANSWER, MARKETING, False),
        ],
        ids=str,
    )
    def test_metas_word_counts_where_it_is_known(
        self, request_: Request, template: Any, is_marketing: bool
    ) -> None:
        assert policy.is_marketing(request_, template) is is_marketing
