"""The checks of a decision in sentences, each with the evidence it saw."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from whatsapp_notify.admin import words
from whatsapp_notify.domain import sentences
from whatsapp_notify.domain.policy import CheckMade, Evidence, Outcome
from whatsapp_notify.models import ConsentRecord, Contact, Template, Topic

#: Outcome -> sign and word.
OUTCOMES: Mapping[str, tuple[str, words.Words]] = {
    Outcome.PASSED: ("✓", gettext_lazy("passed")),
    Outcome.HELD: ("⏳", gettext_lazy("waits")),
    Outcome.BLOCKED: ("✕", gettext_lazy("refused")),
    Outcome.NOT_APPLICABLE: ("–", gettext_lazy("not needed")),
}

_SOURCES = {
    ConsentRecord.Source.CHECKOUT: gettext_lazy("at the checkout"),
    ConsentRecord.Source.REGISTRATION: gettext_lazy("at registration"),
    ConsentRecord.Source.API: gettext_lazy("over the API"),
    ConsentRecord.Source.KEYWORD: gettext_lazy("by a keyword in the chat"),
    ConsentRecord.Source.BUTTON: gettext_lazy("by a button in the chat"),
    ConsentRecord.Source.PROVIDER: gettext_lazy("by WhatsApp's own control"),
    ConsentRecord.Source.STAFF: gettext_lazy("recorded by staff"),
    ConsentRecord.Source.IMPORT: gettext_lazy("by import"),
    ConsentRecord.Source.NEW_NUMBER: gettext_lazy("with a new number in the shop"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCheck:
    """One line of the Why list."""

    name: words.Words
    outcome: str
    sign: str
    outcome_words: words.Words
    sentence: str
    #: The consent record that the check stood on, for a link.
    record_id: int | None


def shown(checks: Sequence[CheckMade]) -> list[ShownCheck]:
    """This will turn the checks of a message into lines to read."""
    return [_shown(name, outcome, seen) for name, outcome, seen in checks]


def sentence(name: str, outcome: str, seen: Evidence) -> str:
    """This will say what a check found; evidence without words is listed as it is."""
    if outcome == Outcome.NOT_APPLICABLE:
        return _("Does not concern this message.")
    describe = _SENTENCES.get(name)
    if describe is None:
        return ", ".join(f"{key}: {words.fact(value)}" for key, value in seen.items())
    return sentences.with_one_stop(str(describe(outcome, seen)))


def consented(source: str) -> words.Words:
    """This will say by what means a consent came: "at the checkout"."""
    return _SOURCES.get(source, source)  # type: ignore[call-overload]  # any text


def _shown(name: str, outcome: str, seen: Evidence) -> ShownCheck:
    sign, outcome_words = OUTCOMES.get(outcome, ("?", outcome))
    record = seen.get("record")
    return ShownCheck(
        name=words.CHECKS.get(name, name),
        outcome=outcome,
        sign=sign,
        outcome_words=outcome_words,
        sentence=sentence(name, outcome, seen),
        record_id=record if isinstance(record, int) else None,
    )


def _red_button(outcome: str, seen: Evidence) -> str:
    if outcome == Outcome.PASSED:
        return _("Not pressed.")
    return _("Pressed since %(at)s. Nothing leaves until it is released.") % {
        "at": words.at(seen.get("stopped_at"))
    }


def _staging_lock(outcome: str, seen: Evidence) -> str:
    if outcome == Outcome.PASSED:
        return _("This deployment owns the database.")
    return _("This is the deployment “%(here)s”, but the database belongs to “%(owner)s”.") % {
        "here": words.fact(seen.get("deployment")),
        "owner": words.fact(seen.get("database_belongs_to")),
    }


def _sender_circuit(outcome: str, seen: Evidence) -> str:
    if outcome == Outcome.PASSED:
        return _("The sending number works.")
    if seen.get("sender") == "missing":
        return _("No sending number is set up.")
    if "slow_until" in seen:
        return _("WhatsApp asked to send more slowly, until %(at)s.") % {
            "at": words.at(seen["slow_until"])
        }
    code = seen.get("code")
    if isinstance(code, int):
        return _("Stopped by Meta's code %(code)d: %(meaning)s") % {
            "code": code,
            "meaning": words.error(code)[0],
        }
    return _("Stopped by Meta's answer.")


def _erased(outcome: str, seen: Evidence) -> str:
    if outcome == Outcome.PASSED:
        return _("The customer is not erased.")
    return _("The customer was erased on %(at)s.") % {"at": words.at(seen.get("erased_at"))}


def _reachable(outcome: str, seen: Evidence) -> str:
    if outcome == Outcome.PASSED:
        return _("The customer has an address at WhatsApp.")
    if seen.get("address") == "missing":
        return _("The customer has no phone number.")
    return _("WhatsApp could not deliver to this number since %(at)s.") % {
        "at": words.at(seen.get("unreachable_since"))
    }


def _consent(outcome: str, seen: Evidence) -> str:
    values = {
        "topic": words.fact(seen.get("topic")),
        "at": words.at(seen.get("since")),
        "source": consented(str(seen.get("source", ""))),
        "record": seen.get("record"),
    }
    if outcome == Outcome.PASSED:
        if seen.get("record"):
            return _("Given on %(at)s %(source)s (record #%(record)s).") % values
        basis = str(seen.get("basis", ""))
        label = dict(Topic.LawfulBasisChoices.choices).get(basis, basis)
        return _("No record needed: the ground is %(basis)s.") % {"basis": label}
    if seen.get("is_answer") is False:
        return (
            _(
                "An automation sends it, but the topic “%(topic)s” is only for answers to what "
                "the customer wrote. Choose another topic for the automation."
            )
            % values
        )
    if seen.get("record"):
        return _("Withdrawn on %(at)s %(source)s (record #%(record)s).") % values
    if "everything_stopped_at" in seen:
        values["at"] = words.at(seen["everything_stopped_at"])
        return (
            _(
                "The customer stopped all messages on %(at)s, and has not agreed to the topic "
                "“%(topic)s” since."
            )
            % values
        )
    return _("Never given for the topic “%(topic)s”.") % values


def _consent_unconfirmed(outcome: str, seen: Evidence) -> str:
    values = {"at": words.at(seen.get("confirm_by")), "record": seen.get("record")}
    if outcome == Outcome.PASSED:
        return _("This message asks the customer to confirm record #%(record)s.") % values
    if seen.get("has_ended"):
        return _("Not confirmed in the chat by %(at)s, so it has ended (record #%(record)s).") % (
            values
        )
    return _("The customer has not confirmed it in the chat yet; asked until %(at)s.") % values


def _provider_stop(outcome: str, seen: Evidence) -> str:
    if outcome == Outcome.PASSED:
        return _("The customer has not stopped marketing at WhatsApp.")
    return _("The customer stopped marketing at WhatsApp on %(at)s.") % {
        "at": words.at(seen.get("stopped_at"))
    }


def _promotions_paused(outcome: str, seen: Evidence) -> str:
    if outcome == Outcome.PASSED:
        return _("Promotions to the customer are not paused.")
    reason = str(seen.get("reason", ""))
    return _("Promotions are paused since %(at)s because of %(reason)s.") % {
        "at": words.at(seen.get("since")),
        "reason": words.fact(dict(Contact.PauseReason.choices).get(reason, reason)),
    }


def _superseded(outcome: str, seen: Evidence) -> str:
    if outcome == Outcome.PASSED:
        return _("Nothing has happened since that makes it pointless.")
    return _("Pointless since: %(event)s.") % {"event": words.event(str(seen.get("by", "")))}


def _template(outcome: str, seen: Evidence) -> str:
    status = str(seen.get("status", ""))
    if status == "missing":
        return _("There is no such template. Synchronise the templates.")
    label = dict(Template.Status.choices).get(status, status)
    code = seen.get("code")
    if isinstance(code, int):
        return _("Stopped by Meta's code %(code)d: %(meaning)s") % {
            "code": code,
            "meaning": words.error(code)[0],
        }
    return _("Status at Meta: %(status)s.") % {"status": label}


def _category(outcome: str, seen: Evidence) -> str:
    category, purpose = str(seen.get("category", "")), str(seen.get("purpose", ""))
    values = {
        "category": dict(Template.Category.choices).get(category, category),
        "purpose": dict(Topic.PurposeChoices.choices).get(purpose, purpose),
    }
    if outcome == Outcome.PASSED:
        return _("Meta's category “%(category)s” fits “%(purpose)s”.") % values
    return _("Meta's category “%(category)s” does not fit “%(purpose)s”.") % values


def _service_window(outcome: str, seen: Evidence) -> str:
    until = seen.get("open_until")
    if seen.get("form") == "template":
        return _("Not open for long enough, so it goes as template.")
    if seen.get("form") == "text":
        return _("Open until %(at)s, so it goes as text.") % {"at": words.at(until)}
    if outcome == Outcome.PASSED:
        return _("Open until %(at)s.") % {"at": words.at(until)}
    if until is None:
        return _("The customer has never written, so free text is not allowed.")
    return _("Closed since %(at)s.") % {"at": words.at(until)}


def _blocked_country(outcome: str, seen: Evidence) -> str:
    values = {"country": words.fact(seen.get("country"))}
    if outcome == Outcome.PASSED:
        return _("Promotions may go to this country (%(country)s).") % values
    return _("Promotions may not go to this country (%(country)s).") % values


def _expired(outcome: str, seen: Evidence) -> str:
    values = {"at": words.at(seen.get("expires_at"))}
    if outcome == Outcome.PASSED:
        return _("Of use until %(at)s.") % values
    return _("It was of use until %(at)s only.") % values


def _due(outcome: str, seen: Evidence) -> str:
    values = {"at": words.at(seen.get("due_at"))}
    return (
        _("Due since %(at)s.") % values
        if outcome == Outcome.PASSED
        else _("Due at %(at)s.") % values
    )


def _quiet_hours(outcome: str, seen: Evidence) -> str:
    values = {"zone": words.fact(seen.get("zone")), "at": words.at(seen.get("until"))}
    if outcome == Outcome.PASSED:
        return _("It is day at the customer's (%(zone)s).") % values
    return _("It is night at the customer's (%(zone)s); waits until %(at)s.") % values


def _frequency_cap(outcome: str, seen: Evidence) -> str:
    sent, days = int(seen.get("sent", 0)), int(seen.get("days", 0))
    return ngettext(
        "%(sent)d promotion of at most %(cap)s in %(days)d days.",
        "%(sent)d promotions of at most %(cap)s in %(days)d days.",
        sent,
    ) % {"sent": sent, "cap": seen.get("cap"), "days": days}


def _pair_rate(outcome: str, seen: Evidence) -> str:
    if outcome == Outcome.PASSED:
        return _("Few enough messages to this person lately.")
    return _("Many messages to this person at once; this one waits some seconds.")


_SENTENCES: Mapping[str, Callable[[str, Evidence], str]] = {
    "red_button": _red_button,
    "staging_lock": _staging_lock,
    "sender_circuit": _sender_circuit,
    "erased": _erased,
    "reachable": _reachable,
    "consent": _consent,
    "consent_unconfirmed": _consent_unconfirmed,
    "provider_stop": _provider_stop,
    "promotions_paused": _promotions_paused,
    "superseded": _superseded,
    "template": _template,
    "category": _category,
    "service_window": _service_window,
    "blocked_country": _blocked_country,
    "expired": _expired,
    "due": _due,
    "quiet_hours": _quiet_hours,
    "frequency_cap": _frequency_cap,
    "pair_rate": _pair_rate,
}
