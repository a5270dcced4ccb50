"""The decision: may this message leave now?

``decide`` is the only place that says so. The real send, the plan, the Why page and dry runs
all call it. Each check is a small function of the request, the facts and the moment; all
checks are run each time, so that the trace is complete whatever the verdict.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from whatsapp_notify.domain import calendar, confirmation


class Purpose(StrEnum):
    """What kind of thing a topic is about."""

    SERVICE = "service"
    DELIVERY = "delivery"
    SURVEY = "survey"
    PROMOTION = "promotion"


class LawfulBasis(StrEnum):
    """Why the shop may write (GDPR Article 6)."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGITIMATE_INTEREST = "legitimate_interest"


#: Smaller leaves first.
PRIORITIES: Mapping[Purpose, int] = {
    Purpose.SERVICE: 0,
    Purpose.DELIVERY: 10,
    Purpose.SURVEY: 20,
    Purpose.PROMOTION: 30,
}

#: An event that makes an earlier one about the same order pointless.
SUPERSEDED_BY: Mapping[str, frozenset[str]] = {
    "order.confirmed": frozenset({"order.cancelled"}),
    "order.changed": frozenset({"order.cancelled"}),
    "order.shipped": frozenset({"order.cancelled", "order.delivered"}),
    "order.out_for_delivery": frozenset({"order.cancelled", "order.delivered"}),
    "order.delivery_date_changed": frozenset({"order.cancelled", "order.delivered"}),
    "order.delivered": frozenset({"order.cancelled", "order.refunded"}),
}

#: Meta: one message in six seconds to the same person, bursts borrow from the future.
#: Source: WhatsApp Business Platform, "About the platform", read 2026-11.
PAIR_SPACING = timedelta(seconds=6)
#: Messages to one person at once before the spacing binds; Meta allows 45.
PAIR_BURST = 10
#: How far the pace may be ahead of the clock before it binds.
_PAIR_ALLOWANCE = PAIR_SPACING * (PAIR_BURST - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The shop's own limits, from the settings."""

    quiet_hours: tuple[time, time] | None
    cap_promotions: int
    cap_days: int
    blocked_marketing_countries: frozenset[str]
    default_time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFacts:
    """The template in the language of the message, as it stands now."""

    status: str
    category: str
    stopped_code: int | None = None
    is_stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentFacts:
    """Where the contact stands on the topic."""

    is_granted: bool
    record_id: int
    changed_at: datetime
    source: str
    #: Of no effect before the customer has confirmed it; after this moment it has ended.
    confirm_by: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What shall be sent."""

    purpose: Purpose
    lawful_basis: LawfulBasis
    channel: str
    topic: str
    #: False for free-form text, which needs an open service window.
    is_template: bool
    #: Of a template: whether its words may go as text while the service window is open.
    has_text: bool = False
    event: str
    due_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the checks look at, read at one moment."""

    rules: Rules
    sender_id: int | None
    sender_stopped_at: datetime | None = None
    is_circuit_open: bool = False
    circuit_code: int | None = None
    circuit_probe_at: datetime | None = None
    slow_until: datetime | None = None
    deployment: str = ""
    expected_deployment: str = ""
    contact_erased_at: datetime | None = None
    has_address: bool = True
    unreachable_since: datetime | None = None
    #: Only looked at where the message is marketing.
    country: str = ""
    #: Only looked at where the message has quiet hours.
    time_zone: str = ""
    marketing_stopped_at: datetime | None = None
    promotions_paused_at: datetime | None = None
    promotions_paused_reason: str = ""
    pair_paced_until: datetime | None = None
    #: Set while the customer's last word about all that the shop sends is a stop.
    everything_stopped_at: datetime | None = None
    consent: ConsentFacts | None = None
    template: TemplateFacts | None = None
    window_expires_at: datetime | None = None
    promotions_lately: int = 0
    #: The event that made this one pointless, if one was recorded after it.
    superseded_by: str = ""


class Outcome(StrEnum):
    PASSED = "passed"
    NOT_APPLICABLE = "not_applicable"
    HELD = "held"
    BLOCKED = "blocked"


Evidence = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The result of one check; ``evidence`` is what it saw, as JSON scalars."""

    name: str
    outcome: Outcome
    evidence: Evidence = field(default_factory=dict)
    #: For HELD: when to decide again.
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allow:
    """It may leave now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Not now; decide again at ``until``. ``reason`` is the name of the check."""

    until: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Never. ``reason`` is the name of the check."""

    reason: str


#: Events of messages that may be service: answers have none, and the question about a consent
#: is asked on the ground of that consent.
_ANSWERING = frozenset({"", confirmation.EVENT})

#: Name, outcome and evidence of a check, as they are read from a row.
CheckMade = tuple[str, str, Evidence]

#: Stands before the name of a check that did not concern the message.
_NOT_APPLICABLE = "-"
#: What stands before the name of a check that saw nothing worth keeping. Most are so, and are
#: written again with each change of their row.
_SHORT: Mapping[str, str] = {Outcome.PASSED: "", Outcome.NOT_APPLICABLE: _NOT_APPLICABLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A verdict and the whole list of checks behind it."""

    verdict: Allow | Hold | Block
    checks: tuple[Check, ...]

    def to_json(self) -> list[Any]:
        """This will return what ``checks_from_json`` reads, for the message row."""
        return [
            _SHORT.get(each.outcome, "") + each.name
            if not each.evidence and each.outcome in _SHORT
            else [each.name, each.outcome, each.evidence]
            for each in self.checks
        ]


def checks_from_json(data: object) -> list[CheckMade]:
    """This will read the checks of a decision, in the order in which they were made.

    A check is ``[name, outcome, evidence]``; one that passed and saw nothing is its name, one
    that did not concern the message its name after a hyphen.
    """
    return [_check_from_json(each) for each in data] if isinstance(data, list) else []


def _check_from_json(data: Any) -> CheckMade:
    if not isinstance(data, str):
        name, outcome, evidence = data
        return str(name), str(outcome), dict(evidence)
    if data.startswith(_NOT_APPLICABLE):
        return data.removeprefix(_NOT_APPLICABLE), Outcome.NOT_APPLICABLE, {}
    return data, Outcome.PASSED, {}


#: A window that closes so soon may be closed when the call arrives.
_WINDOW_MARGIN = timedelta(minutes=5)
#: How long to wait for what only a person can change.
_PERSON_PAUSE = timedelta(minutes=1)
#: How long to wait for what somebody may repair or clear up: a template, a customer's wish.
_REPAIR_PAUSE = timedelta(minutes=15)


def decide(request: Request, facts: Facts, now: datetime) -> Decision:
    """This will run all checks; the first refusal is the verdict, else the longest wait."""
    checks = tuple(check(request, facts, now) for check in CHECKS)
    for each in checks:
        if each.outcome is Outcome.BLOCKED:
            return Decision(verdict=Block(reason=each.name), checks=checks)
    holds = [each for each in checks if each.outcome is Outcome.HELD and each.until]
    if holds:
        longest = max(holds, key=lambda each: each.until or now)
        assert longest.until is not None  # noqa: S101  # filtered above
        return Decision(verdict=Hold(until=longest.until, reason=longest.name), checks=checks)
    return Decision(verdict=Allow(), checks=checks)


def sender_brake(facts: Facts, now: datetime) -> Hold | None:
    """This will tell whether the number as a whole must wait, whatever the message.

    Looks only at the sender's part of the facts. A drain asks it before it looks at messages.
    """
    for check in (
        _red_button(None, facts, now),
        _staging_lock(None, facts, now),
        _sender_circuit(None, facts, now),
    ):
        if check.until is not None:
            return Hold(until=check.until, reason=check.name)
    return None


def pace_pair(*, paced_until: datetime | None, now: datetime) -> datetime:
    """This will return the person's new ``paced_until`` after one more message."""
    return max(paced_until or now, now) + PAIR_SPACING


def hold_pair(*, until: datetime) -> datetime:
    """This will return a ``paced_until`` that lets nothing go to the person before then."""
    return until + _PAIR_ALLOWANCE


def is_marketing(request: Request, template: TemplateFacts | None) -> bool:
    """This will tell whether Meta counts the message as marketing, whatever the shop says."""
    if request.is_template and template is not None:
        return template.category == "MARKETING"
    return request.purpose is Purpose.PROMOTION


def goes_as_text(request: Request, *, window_expires_at: datetime | None, now: datetime) -> bool:
    """This will tell whether a template's words go as text, the service window being open."""
    if not request.is_template or not request.has_text or window_expires_at is None:
        return False
    return window_expires_at > now + _WINDOW_MARGIN


def has_quiet_hours(request: Request) -> bool:
    """This will tell whether the message waits while the customer sleeps."""
    return request.purpose not in {Purpose.SERVICE, Purpose.DELIVERY}


def _red_button(request: Request | None, facts: Facts, now: datetime) -> Check:
    if facts.sender_stopped_at is None:
        return _passed("red_button")
    return _held("red_button", now + _PERSON_PAUSE, stopped_at=facts.sender_stopped_at.isoformat())


def _staging_lock(request: Request | None, facts: Facts, now: datetime) -> Check:
    if facts.deployment == facts.expected_deployment:
        return _passed("staging_lock", deployment=facts.deployment)
    return _held(
        "staging_lock",
        now + _PERSON_PAUSE,
        deployment=facts.deployment,
        database_belongs_to=facts.expected_deployment,
    )


def _sender_circuit(request: Request | None, facts: Facts, now: datetime) -> Check:
    if facts.sender_id is None:
        return _held("sender_circuit", now + _PERSON_PAUSE, sender="missing")
    if facts.is_circuit_open:
        # No time for a new try means that a person must resume by hand.
        probe_at = facts.circuit_probe_at or now + _PERSON_PAUSE
        if probe_at > now:
            return _held("sender_circuit", probe_at, code=facts.circuit_code)
    if facts.slow_until is not None and facts.slow_until > now:
        return _held("sender_circuit", facts.slow_until, slow_until=facts.slow_until.isoformat())
    return _passed("sender_circuit")


def _erased(request: Request, facts: Facts, now: datetime) -> Check:
    if facts.contact_erased_at is None:
        return _passed("erased")
    return _blocked("erased", erased_at=facts.contact_erased_at.isoformat())


def _reachable(request: Request, facts: Facts, now: datetime) -> Check:
    if not facts.has_address:
        return _blocked("reachable", address="missing")
    if facts.unreachable_since is not None:
        return _blocked("reachable", unreachable_since=facts.unreachable_since.isoformat())
    return _passed("reachable")


def _consent(request: Request, facts: Facts, now: datetime) -> Check:
    consent = facts.consent
    seen: dict[str, Any] = {"basis": str(request.lawful_basis), "topic": request.topic}
    if consent is not None:
        seen |= {
            "record": consent.record_id,
            "since": consent.changed_at.isoformat(),
            "source": consent.source,
        }
    is_service = request.purpose is Purpose.SERVICE
    if is_service and request.event not in _ANSWERING:
        # Nobody can withdraw from answers, and a stop itself opens the window for them.
        return _blocked("consent", **seen, is_answer=False)
    if is_service and _answers_the_customer(request, facts, now):
        # An answer to what the customer wrote: the open service window is the ground.
        return _passed("consent", **seen)
    if consent is None and facts.everything_stopped_at is not None:
        # The topic was not there to be withdrawn from when the customer stopped everything.
        stopped_at = facts.everything_stopped_at.isoformat()
        return _blocked("consent", **seen, everything_stopped_at=stopped_at)
    # Nobody can withdraw from the service topic, so that outside of the window it needs a yes.
    if is_service or request.lawful_basis is LawfulBasis.CONSENT:
        if consent is not None and consent.is_granted:
            return _passed("consent", **seen)
        return _blocked("consent", **seen)
    # Other grounds need no record, but an objection ends them.
    if consent is not None and not consent.is_granted:
        return _blocked("consent", **seen)
    return _passed("consent", **seen)


def _consent_unconfirmed(request: Request, facts: Facts, now: datetime) -> Check:
    consent = facts.consent
    if consent is None or consent.confirm_by is None:
        return _not_applicable("consent_unconfirmed")
    seen = {"record": consent.record_id, "confirm_by": consent.confirm_by.isoformat()}
    if request.event == confirmation.EVENT:
        return _passed("consent_unconfirmed", **seen)  # it is the question itself
    return _blocked("consent_unconfirmed", **seen, has_ended=consent.confirm_by <= now)


def _answers_the_customer(request: Request, facts: Facts, now: datetime) -> bool:
    """This will tell whether the customer wrote lately; free text has a check of its own."""
    is_open = facts.window_expires_at is not None and facts.window_expires_at > now
    return is_open or not request.is_template


def _provider_stop(request: Request, facts: Facts, now: datetime) -> Check:
    if not is_marketing(request, facts.template):
        return _not_applicable("provider_stop")
    if facts.marketing_stopped_at is None:
        return _passed("provider_stop")
    return _blocked("provider_stop", stopped_at=facts.marketing_stopped_at.isoformat())


def _promotions_paused(request: Request, facts: Facts, now: datetime) -> Check:
    if request.purpose is not Purpose.PROMOTION:
        return _not_applicable("promotions_paused")
    paused_at = facts.promotions_paused_at
    if paused_at is None:
        return _passed("promotions_paused")
    # A person, or the customer, may end the pause; until then it waits, or expires.
    return _held(
        "promotions_paused",
        now + _REPAIR_PAUSE,
        since=paused_at.isoformat(),
        reason=facts.promotions_paused_reason,
    )


def _superseded(request: Request, facts: Facts, now: datetime) -> Check:
    if request.event == confirmation.EVENT:
        until = facts.consent.confirm_by if facts.consent is not None else None
        if until is not None and until > now:
            return _passed("superseded")
        return _blocked("superseded", by="consent.settled")
    if request.event not in SUPERSEDED_BY:
        return _not_applicable("superseded")
    if not facts.superseded_by:
        return _passed("superseded")
    return _blocked("superseded", by=facts.superseded_by)


def _template(request: Request, facts: Facts, now: datetime) -> Check:
    if not request.is_template:
        return _not_applicable("template")
    template = facts.template
    if template is None:
        return _blocked("template", status="missing")
    # What a person or Meta may repair is waited for until the message expires.
    if template.is_stopped or template.status == "PAUSED":
        return _held(
            "template", now + _REPAIR_PAUSE, status=template.status, code=template.stopped_code
        )
    if template.status != "APPROVED":
        return _blocked("template", status=template.status)
    return _passed("template", status=template.status)


def _category(request: Request, facts: Facts, now: datetime) -> Check:
    if not request.is_template or facts.template is None:
        return _not_applicable("category")
    seen = {"category": facts.template.category, "purpose": str(request.purpose)}
    is_marketing_template = facts.template.category == "MARKETING"
    if request.purpose is Purpose.PROMOTION:
        return (
            _passed("category", **seen) if is_marketing_template else _blocked("category", **seen)
        )
    if not is_marketing_template:
        return _passed("category", **seen)
    # Meta may call a general survey marketing. With consent to exactly that it may leave.
    if request.purpose is Purpose.SURVEY and request.lawful_basis is LawfulBasis.CONSENT:
        return _passed("category", **seen)
    return _blocked("category", **seen)


def _service_window(request: Request, facts: Facts, now: datetime) -> Check:
    if request.is_template and request.has_text:
        until = facts.window_expires_at
        as_text = goes_as_text(request, window_expires_at=until, now=now)
        return _passed(
            "service_window",
            open_until=until.isoformat() if until else None,
            form="text" if as_text else "template",
        )
    if request.is_template:
        return _not_applicable("service_window")
    if facts.window_expires_at is None:
        return _blocked("service_window", open_until=None)
    seen = {"open_until": facts.window_expires_at.isoformat()}
    if facts.window_expires_at <= now:
        return _blocked("service_window", **seen)
    return _passed("service_window", **seen)


def _blocked_country(request: Request, facts: Facts, now: datetime) -> Check:
    if not is_marketing(request, facts.template):
        return _not_applicable("blocked_country")
    if facts.country in facts.rules.blocked_marketing_countries:
        return _blocked("blocked_country", country=facts.country)
    return _passed("blocked_country", country=facts.country)


def _expired(request: Request, facts: Facts, now: datetime) -> Check:
    seen = {"expires_at": request.expires_at.isoformat()}
    if request.expires_at <= now:
        return _blocked("expired", **seen)
    return _passed("expired", **seen)


def _due(request: Request, facts: Facts, now: datetime) -> Check:
    seen = {"due_at": request.due_at.isoformat()}
    if request.due_at > now:
        return _held("due", request.due_at, **seen)
    return _passed("due", **seen)


def _quiet_hours(request: Request, facts: Facts, now: datetime) -> Check:
    hours = facts.rules.quiet_hours
    if hours is None or not has_quiet_hours(request):
        return _not_applicable("quiet_hours")
    zone = facts.time_zone or facts.rules.default_time_zone
    # A message planned for later is judged by the hour at which it would leave.
    moment = max(now, request.due_at)
    until = calendar.quiet_until(now=moment, zone=zone, quiet_from=hours[0], quiet_until=hours[1])
    if until is None:
        return _passed("quiet_hours", zone=zone)
    return _held("quiet_hours", until, zone=zone, quiet_until=until.isoformat())


def _frequency_cap(request: Request, facts: Facts, now: datetime) -> Check:
    rules = facts.rules
    if request.purpose is not Purpose.PROMOTION or not rules.cap_promotions:
        return _not_applicable("frequency_cap")
    seen = {"sent": facts.promotions_lately, "cap": rules.cap_promotions, "days": rules.cap_days}
    if facts.promotions_lately >= rules.cap_promotions:
        return _blocked("frequency_cap", **seen)
    return _passed("frequency_cap", **seen)


def _pair_rate(request: Request, facts: Facts, now: datetime) -> Check:
    paced_until = facts.pair_paced_until
    if paced_until is None or paced_until <= now + _PAIR_ALLOWANCE:
        return _passed("pair_rate")
    return _held("pair_rate", paced_until - _PAIR_ALLOWANCE, burst=PAIR_BURST)


#: In the order in which a reason is named when several refuse.
CHECKS: tuple[Callable[[Request, Facts, datetime], Check], ...] = (
    _red_button,
    _staging_lock,
    _sender_circuit,
    _erased,
    _reachable,
    _consent,
    _consent_unconfirmed,
    _provider_stop,
    _promotions_paused,
    _superseded,
    _template,
    _category,
    _service_window,
    _blocked_country,
    _expired,
    _due,
    _quiet_hours,
    _frequency_cap,
    _pair_rate,
)
CHECK_NAMES: tuple[str, ...] = tuple(check.__name__.removeprefix("_") for check in CHECKS)


def _passed(name: str, **evidence: Any) -> Check:
    if not evidence:
        return _passed_without_evidence(name)
    return Check(name=name, outcome=Outcome.PASSED, evidence=evidence)


@cache
def _passed_without_evidence(name: str) -> Check:
    return Check(name=name, outcome=Outcome.PASSED)


@cache
def _not_applicable(name: str) -> Check:
    return Check(name=name, outcome=Outcome.NOT_APPLICABLE)


def _held(name: str, until: datetime, **evidence: Any) -> Check:
    return Check(name=name, outcome=Outcome.HELD, until=until, evidence=evidence)


def _blocked(name: str, **evidence: Any) -> Check:
    return Check(name=name, outcome=Outcome.BLOCKED, evidence=evidence)
