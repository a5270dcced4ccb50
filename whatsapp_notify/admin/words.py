"""What codes mean, in the words of a shop owner.

Rows and decisions carry short codes; every page of the admin takes its words from here.
A code without words is shown as it is.
"""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

from django.template.defaultfilters import floatformat
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from whatsapp_notify.cloud_api import errors
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.domain.templates import Problem
from whatsapp_notify.models.automation import Event

Words = str | Promise


class Tone(StrEnum):
    """Colour of a badge; never the only bearer of meaning."""

    GOOD = "good"
    ON_ITS_WAY = "way"
    WAITING = "wait"
    DOUBT = "doubt"
    BAD = "bad"
    OFF = "off"


STATES: Mapping[str, tuple[Words, Tone, Words]] = {
    State.QUEUED: (
        gettext_lazy("queued"),
        Tone.WAITING,
        gettext_lazy("Waits for its time, or for what holds it back."),
    ),
    State.CALLING: (
        gettext_lazy("being sent"),
        Tone.ON_ITS_WAY,
        gettext_lazy("The call to WhatsApp is under way."),
    ),
    State.IN_DOUBT: (
        gettext_lazy("in doubt"),
        Tone.DOUBT,
        gettext_lazy(
            "The call ended without an answer. WhatsApp's next news usually settle it; "
            "it is not sent again by itself."
        ),
    ),
    State.ACCEPTED: (
        gettext_lazy("accepted"),
        Tone.ON_ITS_WAY,
        gettext_lazy("WhatsApp has taken it."),
    ),
    State.HELD: (
        gettext_lazy("held by WhatsApp"),
        Tone.ON_ITS_WAY,
        gettext_lazy("WhatsApp has taken it and keeps it back for now."),
    ),
    State.SENT: (
        gettext_lazy("sent"),
        Tone.ON_ITS_WAY,
        gettext_lazy("On its way from WhatsApp to the phone."),
    ),
    State.DELIVERED: (
        gettext_lazy("delivered"),
        Tone.GOOD,
        gettext_lazy("It reached the phone."),
    ),
    State.READ: (gettext_lazy("read"), Tone.GOOD, gettext_lazy("The customer has seen it.")),
    State.FAILED: (
        gettext_lazy("failed"),
        Tone.BAD,
        gettext_lazy("WhatsApp did not deliver it."),
    ),
    State.UNKNOWN: (
        gettext_lazy("outcome unknown"),
        Tone.DOUBT,
        gettext_lazy("No news settled the doubt. Please decide below what shall be done."),
    ),
    State.BLOCKED: (
        gettext_lazy("not sent"),
        Tone.OFF,
        gettext_lazy("A check forbade it. Nothing left the shop."),
    ),
    State.EXPIRED: (
        gettext_lazy("expired"),
        Tone.OFF,
        gettext_lazy("It was too late to be of use. Nothing left the shop."),
    ),
    State.CANCELLED: (
        gettext_lazy("cancelled"),
        Tone.OFF,
        gettext_lazy("It was taken back before it left."),
    ),
}

#: Names of the checks double as reasons of holds and refusals.
CHECKS: Mapping[str, Words] = {
    "red_button": gettext_lazy("Red button"),
    "staging_lock": gettext_lazy("Staging lock"),
    "sender_circuit": gettext_lazy("Sending number"),
    "erased": gettext_lazy("Erasure"),
    "reachable": gettext_lazy("Address"),
    "consent": gettext_lazy("Consent"),
    "consent_unconfirmed": gettext_lazy("Confirmation of consent"),
    "provider_stop": gettext_lazy("Stop at WhatsApp"),
    "promotions_paused": gettext_lazy("Paused promotions"),
    "superseded": gettext_lazy("Overtaken by events"),
    "template": gettext_lazy("Template"),
    "category": gettext_lazy("Template category"),
    "service_window": gettext_lazy("Service window"),
    "blocked_country": gettext_lazy("Country"),
    "expired": gettext_lazy("Expiry"),
    "due": gettext_lazy("Due time"),
    "quiet_hours": gettext_lazy("Quiet hours"),
    "frequency_cap": gettext_lazy("Not too often"),
    "pair_rate": gettext_lazy("Pace to one person"),
}

REASONS: Mapping[str, Words] = {
    "red_button": gettext_lazy("red button is pressed"),
    "staging_lock": gettext_lazy("database belongs to another deployment"),
    "sender_circuit": gettext_lazy("sending number is stopped or slowed"),
    "erased": gettext_lazy("customer was erased"),
    "reachable": gettext_lazy("no address at WhatsApp"),
    "consent": gettext_lazy("no consent"),
    "consent_unconfirmed": gettext_lazy("consent not confirmed in the chat"),
    "provider_stop": gettext_lazy("customer stopped marketing at WhatsApp"),
    "promotions_paused": gettext_lazy("promotions to the customer are paused"),
    "superseded": gettext_lazy("overtaken by events"),
    "template": gettext_lazy("template cannot be sent"),
    "category": gettext_lazy("template category does not fit the topic"),
    "service_window": gettext_lazy("service window is closed"),
    "blocked_country": gettext_lazy("no promotions to this country"),
    "expired": gettext_lazy("too late to be of use"),
    "due": gettext_lazy("not due yet"),
    "quiet_hours": gettext_lazy("quiet hours"),
    "frequency_cap": gettext_lazy("enough promotions for now"),
    "pair_rate": gettext_lazy("too many messages to one person at once"),
    "gave_up": gettext_lazy("gave up after several tries"),
    "provider_limit": gettext_lazy("WhatsApp's limit for this person"),
    "not_reachable": gettext_lazy("WhatsApp cannot reach this person"),
    "process_died": gettext_lazy("sending process ended in the middle of the call"),
    "timed_out": gettext_lazy("no answer in time"),
    "connection_lost": gettext_lazy("connection broke during the call"),
    "server_error": gettext_lazy("fault at WhatsApp"),
    "no_message_id": gettext_lazy("answer without a message id"),
    "not_json": gettext_lazy("answer could not be read"),
    "cancelled": gettext_lazy("taken back"),
    "retry": gettext_lazy("passing fault at WhatsApp; tried again later"),
    "reconsider": gettext_lazy(
        "taken back before it left: the customer or the shop changed its mind"
    ),
    "slow_down": gettext_lazy("WhatsApp asked to send more slowly"),
    "slow_pair": gettext_lazy("too many messages to one person at once"),
    "later": gettext_lazy("WhatsApp asked not to write to this person now"),
    "stop_recipient": gettext_lazy("WhatsApp cannot reach this person"),
    "stop_marketing": gettext_lazy("customer stopped marketing at WhatsApp"),
    "stop_template": gettext_lazy("WhatsApp refused the template"),
    "stop_sender": gettext_lazy("WhatsApp refused the sending number"),
    "provider_failed": gettext_lazy("WhatsApp could not deliver it"),
    "unknown_code": gettext_lazy("WhatsApp refused with a code that is not known here"),
    "no_news": gettext_lazy("no news from WhatsApp for too long"),
    "quarantined": gettext_lazy("put aside after a restore; it may have been sent before"),
    "parameters": gettext_lazy("values do not fit the template any more"),
    "drop": gettext_lazy("WhatsApp refused this message"),
    "settled_by_staff": gettext_lazy("decided by staff"),
    "was_sent": gettext_lazy("staff said that it was sent"),
    "send_again": gettext_lazy("sent again by staff"),
    "dropped_by_staff": gettext_lazy("dropped by staff"),
    "seen_by_staff": gettext_lazy("seen by staff"),
    "unreadable": gettext_lazy("it could not be read here"),
}

#: What a shop owner does about it; for reasons that a person can do something about.
REMEDIES: Mapping[str, Words] = {
    "red_button": gettext_lazy("Release the red button when all is well again."),
    "staging_lock": gettext_lazy(
        "Set DEPLOYMENT to the name that this database belongs to, if this is the live shop."
    ),
    "sender_circuit": gettext_lazy("Open the sender and do what Meta's code asks for."),
    "reachable": gettext_lazy("Ask the customer for a number that has WhatsApp."),
    "not_reachable": gettext_lazy("Ask the customer for a number that has WhatsApp."),
    "consent": gettext_lazy("Nothing to do: the customer has not agreed to this topic."),
    "consent_unconfirmed": gettext_lazy(
        "Nothing to do: the customer was asked once and has not said yes."
    ),
    "provider_stop": gettext_lazy("Nothing to do: the customer does not want promotions."),
    "promotions_paused": gettext_lazy(
        "Talk with the customer; then let promotions go on, or record a withdrawal."
    ),
    "template": gettext_lazy("Open the template, repair it at Meta, and synchronise."),
    "category": gettext_lazy("Use a utility template for news, a marketing one for promotions."),
    "service_window": gettext_lazy("Use a template: free text needs an open service window."),
    "expired": gettext_lazy("Look whether the worker was down, or allow more lateness."),
    "frequency_cap": gettext_lazy("Nothing to do, or raise CAP_PROMOTIONS."),
    "gave_up": gettext_lazy("Look at the error code, repair it, and send again."),
    "timed_out": gettext_lazy("Decide in the message: it was sent, or send again."),
    "connection_lost": gettext_lazy("Decide in the message: it was sent, or send again."),
    "process_died": gettext_lazy("Decide in the message: it was sent, or send again."),
    "server_error": gettext_lazy("Decide in the message: it was sent, or send again."),
    "quarantined": gettext_lazy("Decide in the message: it was sent, or send again."),
    "parameters": gettext_lazy(
        "It cannot be sent again. Repair the automation, write by hand if need be, then say that "
        "you have seen it."
    ),
}

#: What can be wrong with a value of a template, by ``domain.templates`` code.
PROBLEMS: Mapping[str, Words] = {
    "missing": gettext_lazy("needs a value"),
    "empty": gettext_lazy("would be empty"),
    "unknown": gettext_lazy("is not in the template of this language"),
    "too_long": gettext_lazy("is too long"),
    "line_break": gettext_lazy("may not hold a line break"),
    "too_many_blanks": gettext_lazy("holds too many blanks in a row"),
    "not_alphanumeric": gettext_lazy("may hold letters and digits only"),
    "blank_in_url": gettext_lazy("may not hold a blank, for it is part of a link"),
    "bad_media": gettext_lazy("is neither a media id nor an https address"),
    "bad_degrees": gettext_lazy("is no latitude or longitude"),
    "bad_sections": gettext_lazy("is no list of products"),
    "bad_moment": gettext_lazy("is no moment in time"),
}

_EVENTS: Mapping[str, Words] = {
    **dict(Event.choices),
    # No event, but what makes the question about a consent pointless.
    "consent.settled": gettext_lazy("nothing waits for a confirmation any more"),
}


def state(code: str) -> Words:
    """This will name a state of a message."""
    return STATES[code][0] if code in STATES else code


def reason(code: str) -> Words:
    """This will say why a message is in its state."""
    return REASONS.get(code, code)


def remedy(code: str) -> Words:
    """This will say what to do about a reason; empty where there is nothing to do."""
    return REMEDIES.get(code, "")


def event(name: str) -> Words:
    """This will name an event; the shop's own names are shown as they are."""
    return _EVENTS.get(name, name)


def error(code: int | None) -> tuple[str, str]:
    """This will say what a code of Meta's means, and what to do; None where it gave none."""
    if code is None:
        return (
            _("Meta could not be reached, or something else answered in its place."),
            _("Look at the network, its proxy and the setting GRAPH_URL."),
        )
    rule = errors.explain(code)
    if rule is None:
        return (
            _("This code is not known here."),
            _("Look it up in Meta's list of error codes, or ask Meta's support."),
        )
    # The table marks its texts without translating them.
    return _(rule.meaning), _(rule.remedy)


def problem(found: Problem) -> str:
    """This will say what is wrong with one value: "body.1 is too long (1201 > 1024)"."""
    detail = f" ({found.detail})" if found.detail else ""
    return f"{found.key} {PROBLEMS.get(found.code, found.code)}{detail}"


def at(moment: datetime | str | None) -> str:
    """This will write a moment in the shop's zone, as its language writes it."""
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            return moment  # type: ignore[return-value]  # narrowed to str above
    if moment is None:
        return _("never")
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT")


#: Lengths of time below so many seconds are shown in units of so many.
_UNITS = ((120, 1), (7200, 60), (172_800, 3600))


def span(length: timedelta) -> str:
    """This will write a length of time in its largest whole unit: "14 seconds".

    What is begun does not count: it is for ages. See ``rounded_span`` for figures.
    """
    seconds = max(int(length.total_seconds()), 0)
    if seconds < 120:
        return ngettext("%(n)d second", "%(n)d seconds", seconds) % {"n": seconds}
    if seconds < 7200:
        minutes = seconds // 60
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    if seconds < 172_800:
        hours = seconds // 3600
        return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}
    days = seconds // 86_400
    return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}


def rounded_span(length: timedelta) -> str:
    """This will write a mean, or the like, rounded to the unit that is shown."""
    seconds = length.total_seconds()
    unit = next((size for limit, size in _UNITS if seconds < limit), 86_400)
    return span(timedelta(seconds=math.floor(seconds / unit + 0.5) * unit))


def ago(moment: datetime, *, now: datetime) -> str:
    """This will say how long ago, or in how long, a moment is."""
    if moment > now:
        return _("in %(span)s") % {"span": span(moment - now)}
    return _("%(span)s ago") % {"span": span(now - moment)}


def delay(minutes: int) -> str:
    """This will write the delay of an automation: "2 hours after"."""
    if minutes == 0:
        return _("at once")
    return _("%(span)s after") % {"span": whole(minutes)}


def whole(minutes: int) -> str:
    """This will write minutes without loss: "1 day", "90 minutes"."""
    if minutes % 1440 == 0 and minutes:
        days = minutes // 1440
        return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}
    if minutes % 60 == 0 and minutes:
        hours = minutes // 60
        return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}
    return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}


def decimal(number: float | None) -> str:
    """This will write a figure with one decimal, 7.25 as 7.3; a dash for none.

    ``number_format`` alone would cut off what it does not show.
    """
    return "–" if number is None else str(floatformat(number, 1))


def nearest(number: float) -> int:
    """This will round a figure to a whole number, a half away from zero: 62.5 to 63."""
    return int(Decimal(str(number)).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def fact(value: Any) -> str:
    """This will write a value of evidence; empty ones as a dash."""
    return "–" if value is None or value == "" else str(value)
