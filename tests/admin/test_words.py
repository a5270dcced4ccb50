"""Every code that rows carry has words."""

from datetime import timedelta

import pytest
from django.utils import timezone, translation

from whatsapp_notify.admin import check_words, words
from whatsapp_notify.domain.policy import CHECK_NAMES, Outcome
from whatsapp_notify.domain.receipts import Action, UnknownReason
from whatsapp_notify.domain.statuses import State

AT = "2026-11-03T12:05:00+00:00"

#: (check, outcome, evidence as the decision writes it, what the sentence says)
SENTENCES = [
    (
        "red_button",
        "held",
        {"stopped_at": AT},
        "Pressed since Nov. 3, 2026, 2:05 p.m. Nothing leaves",
    ),
    ("staging_lock", "held", {"deployment": "copy", "database_belongs_to": "live"}, "“live”"),
    ("sender_circuit", "held", {"sender": "missing"}, "No sending number"),
    ("sender_circuit", "held", {"slow_until": AT}, "more slowly, until Nov. 3, 2026, 2:05 p.m."),
    ("sender_circuit", "held", {"code": 190}, "190: The access token has expired."),
    ("erased", "blocked", {"erased_at": AT}, "erased on Nov. 3, 2026"),
    ("reachable", "blocked", {"address": "missing"}, "no phone number"),
    ("reachable", "blocked", {"unreachable_since": AT}, "since Nov. 3, 2026"),
    (
        "consent",
        "passed",
        {"basis": "consent", "topic": "t", "record": 12, "since": AT, "source": "checkout"},
        "Given on Nov. 3, 2026, 2:05 p.m. at the checkout (record #12).",
    ),
    ("consent", "passed", {"basis": "contract", "topic": "t"}, "the ground is contract"),
    (
        "consent",
        "blocked",
        {"basis": "consent", "topic": "t", "record": 13, "since": AT, "source": "keyword"},
        "Withdrawn on Nov. 3, 2026, 2:05 p.m. by a keyword in the chat (record #13).",
    ),
    (
        "consent",
        "blocked",
        {"basis": "consent", "topic": "sale"},
        "Never given for the topic “sale”",
    ),
    (
        "consent",
        "blocked",
        {"basis": "contract", "topic": "help", "record": 13, "is_answer": False},
        "An automation sends it, but the topic “help” is only for answers to what the customer",
    ),
    (
        "consent",
        "blocked",
        {"basis": "contract", "topic": "sale", "everything_stopped_at": AT},
        "stopped all messages on Nov. 3, 2026, 2:05 p.m., and has not agreed to the topic “sale”",
    ),
    (
        "consent_unconfirmed",
        "blocked",
        {"record": 7, "confirm_by": AT, "has_ended": False},
        "not confirmed it in the chat yet; asked until Nov. 3, 2026, 2:05 p.m.",
    ),
    (
        "consent_unconfirmed",
        "blocked",
        {"record": 7, "confirm_by": AT, "has_ended": True},
        "so it has ended (record #7).",
    ),
    ("consent_unconfirmed", "passed", {"record": 7}, "asks the customer to confirm record #7."),
    (
        "superseded",
        "blocked",
        {"by": "consent.settled"},
        "Pointless since: nothing waits for a confirmation any more.",
    ),
    ("provider_stop", "blocked", {"stopped_at": AT}, "on Nov. 3, 2026"),
    (
        "promotions_paused",
        "held",
        {"since": AT, "reason": "low_score"},
        "paused since Nov. 3, 2026, 2:05 p.m. because of a low score.",
    ),
    ("superseded", "blocked", {"by": "order.cancelled"}, "Pointless since: order cancelled."),
    ("template", "blocked", {"status": "missing"}, "no such template"),
    ("template", "blocked", {"status": "REJECTED"}, "Status at Meta: rejected."),
    ("template", "held", {"status": "APPROVED", "code": 132001}, "132001"),
    (
        "category",
        "blocked",
        {"category": "MARKETING", "purpose": "delivery"},
        "“marketing” does not fit “order and delivery news”",
    ),
    ("service_window", "blocked", {"open_until": None}, "never written"),
    ("service_window", "blocked", {"open_until": AT}, "Closed since Nov. 3, 2026"),
    ("service_window", "passed", {"open_until": AT, "form": "text"}, "so it goes as text"),
    ("service_window", "passed", {"open_until": None, "form": "template"}, "it goes as template"),
    ("blocked_country", "blocked", {"country": "US"}, "may not go to this country (US)"),
    ("expired", "blocked", {"expires_at": AT}, "until Nov. 3, 2026, 2:05 p.m. only"),
    ("due", "held", {"due_at": AT}, "Due at Nov. 3, 2026"),
    ("quiet_hours", "held", {"zone": "Europe/Helsinki", "until": AT}, "waits until Nov. 3, 2026"),
    (
        "frequency_cap",
        "blocked",
        {"sent": 4, "cap": 4, "days": 7},
        "4 promotions of at most 4 in 7",
    ),
    ("pair_rate", "held", {"burst": 10}, "waits some seconds"),
]


class TestChecks:
    @pytest.mark.parametrize(("name", "outcome", "seen", "said"), SENTENCES)
    def test_says_what_it_saw(
        self, name: str, outcome: str, seen: dict[str, object], said: str
    ) -> None:
        sentence = check_words.sentence(name, outcome, seen)

        assert said in sentence
        assert ".." not in sentence

    @pytest.mark.parametrize("name", CHECK_NAMES)
    @pytest.mark.parametrize("outcome", list(Outcome))
    def test_has_a_sentence_without_evidence_too(self, name: str, outcome: str) -> None:
        (line,) = check_words.shown([(name, outcome, {})])

        assert line.sentence
        assert str(line.name) != name
        assert line.sign != "?"

    def test_each_refusal_is_tried_above(self) -> None:
        assert {name for name, *_rest in SENTENCES} == set(CHECK_NAMES)

    def test_shows_unknown_checks_as_they_are(self) -> None:
        (line,) = check_words.shown([("holdout", "blocked", {"group": "B"})])

        assert (line.name, line.sentence) == ("holdout", "group: B")


class TestCodes:
    @pytest.mark.parametrize("code", [*CHECK_NAMES, *UnknownReason, *Action])
    def test_each_reason_has_words(self, code: str) -> None:
        assert str(words.reason(code)) != code

    def test_unknown_reasons_are_shown_as_they_are(self) -> None:
        assert words.reason("something_new") == "something_new"

    @pytest.mark.parametrize("code", list(State))
    def test_each_state_has_words_and_help(self, code: str) -> None:
        label, _tone, help_text = words.STATES[code]

        assert str(label)
        assert str(help_text).endswith(".")

    def test_a_code_of_metas_is_explained(self) -> None:
        meaning, remedy = words.error(190)

        assert meaning == "The access token has expired."
        assert "token" in remedy

    def test_an_unknown_code_says_what_to_do(self) -> None:
        meaning, remedy = words.error(987654)

        assert meaning
        assert remedy


class TestTimes:
    @pytest.mark.parametrize(
        ("minutes", "said"),
        [
            (0, "at once"),
            (1, "1 minute after"),
            (90, "90 minutes after"),
            (120, "2 hours after"),
            (1440, "1 day after"),
            (4320, "3 days after"),
            (1500, "25 hours after"),
        ],
    )
    def test_delay(self, minutes: int, said: str) -> None:
        assert words.delay(minutes) == said

    @pytest.mark.parametrize(
        ("seconds", "said"),
        [
            (1, "1 second ago"),
            (14, "14 seconds ago"),
            (840, "14 minutes ago"),
            (7200, "2 hours ago"),
            (200_000, "2 days ago"),
            (-300, "in 5 minutes"),
        ],
    )
    def test_ago(self, seconds: int, said: str) -> None:
        now = timezone.now()

        assert words.ago(now - timedelta(seconds=seconds), now=now) == said

    @pytest.mark.parametrize(
        ("seconds", "age", "rounded"),
        [
            (0, "0 seconds", "0 seconds"),
            (14.4, "14 seconds", "14 seconds"),
            (14.5, "14 seconds", "15 seconds"),
            (119.6, "119 seconds", "2 minutes"),
            (149, "2 minutes", "2 minutes"),
            (150, "2 minutes", "3 minutes"),
            (7199, "119 minutes", "2 hours"),
            (3.9 * 3600, "3 hours", "4 hours"),
            (47.6 * 3600, "47 hours", "2 days"),
            (2.4 * 86_400, "2 days", "2 days"),
            (2.5 * 86_400, "2 days", "3 days"),
            (-9, "0 seconds", "0 seconds"),
        ],
    )
    def test_an_age_is_whole_and_a_figure_rounded(
        self, seconds: float, age: str, rounded: str
    ) -> None:
        length = timedelta(seconds=seconds)

        assert (words.span(length), words.rounded_span(length)) == (age, rounded)

    @pytest.mark.parametrize(
        ("number", "said"),
        [
            (None, "–"), (0.0, "0.0"), (7, "7.0"), (7.24, "7.2"), (7.25, "7.3"), (7.26, "7.3"),
            (66.6667, "66.7"), (0.05, "0.1"), (99.96, "100.0"),
        ],
    )  # fmt: skip
    def test_a_figure_is_rounded(self, number: float | None, said: str) -> None:
        assert words.decimal(number) == said

    def test_a_figure_has_the_comma_of_the_language(self) -> None:
        with translation.override("fi"):
            assert words.decimal(7.25) == "7,3"

    @pytest.mark.parametrize(
        ("number", "whole"), [(62.5, 63), (-12.5, -13), (62.4, 62), (-12.4, -12), (0, 0), (0.5, 1)]
    )
    def test_a_half_goes_away_from_zero(self, number: float, whole: int) -> None:
        assert words.nearest(number) == whole

    def test_moment_is_local(self) -> None:
        assert words.at(AT) == "Nov. 3, 2026, 2:05 p.m."

    def test_what_is_no_moment_is_shown_as_it_is(self) -> None:
        assert words.at("soon") == "soon"
