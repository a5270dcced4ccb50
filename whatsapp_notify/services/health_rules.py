"""The limits of each figure of the health, and what to do beyond them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

#: Rows of one kind that are counted; more are not told apart.
COUNTED = 10_000

_MINUTE, _HOUR = 60, 3600


class Level(StrEnum):
    """How well something is; the worst one counts for the whole."""

    OK = "ok"
    #: A person should look.
    WARN = "warn"
    #: Messages are late, are not sent, or their news are lost.
    BAD = "bad"


#: What a process that tells the health exits with.
EXIT_CODES: Mapping[Level, int] = {Level.OK: 0, Level.WARN: 1, Level.BAD: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Limits of one figure, and the sentence for each side of them."""

    well: Promise
    #: What it means and the repair.
    ill: Promise
    #: More than this is worth a look; None where there is no such limit.
    warn_above: int | None = None
    bad_above: int | None = None

    def judge(self, value: int | None) -> Level:
        """This will tell how well a value is; None is a part that never gave a sign of life."""
        if value is None or (self.bad_above is not None and value > self.bad_above):
            return Level.BAD
        if self.warn_above is not None and value > self.warn_above:
            return Level.WARN
        return Level.OK


RULES: Mapping[str, Rule] = {
    "worker_age_seconds": Rule(
        warn_above=2 * _MINUTE,
        bad_above=10 * _MINUTE,
        well=gettext_lazy("The worker is at work."),
        ill=gettext_lazy("The worker gives no sign of life. Start it: nothing is sent without it."),
    ),
    "beat_age_seconds": Rule(
        warn_above=2 * _MINUTE,
        bad_above=10 * _MINUTE,
        well=gettext_lazy("The scheduler is at work."),
        ill=gettext_lazy(
            "The scheduler gives no sign of life. Start it: planned messages wait without it."
        ),
    ),
    "deployment_lock": Rule(
        bad_above=0,
        well=gettext_lazy("The database belongs to this deployment."),
        ill=gettext_lazy(
            "The database belongs to another deployment, so nothing is sent. Set DEPLOYMENT to "
            "its name, if this is the live shop."
        ),
    ),
    "queue_age_seconds": Rule(
        warn_above=_MINUTE,
        bad_above=10 * _MINUTE,
        well=gettext_lazy("What is due leaves."),
        ill=gettext_lazy(
            "Messages are due and do not leave in time. Look whether the sender is stopped; if "
            "not, start the worker, or more of them."
        ),
    ),
    "queue_length": Rule(
        warn_above=COUNTED,
        well=gettext_lazy("The queue is short enough."),
        ill=gettext_lazy(
            "Many messages are due at once. Look whether the sender is stopped; if not, they "
            "leave at the pace of MESSAGES_PER_SECOND."
        ),
    ),
    "calls_overdue": Rule(
        warn_above=0,
        bad_above=1000,
        well=gettext_lazy("Each call has ended in its time."),
        ill=gettext_lazy(
            "Calls have ended without a record. Start the scheduler: it puts them in doubt, "
            "where a webhook or a person settles them."
        ),
    ),
    "in_doubt": Rule(
        warn_above=0,
        bad_above=100,
        well=gettext_lazy("No message is in doubt."),
        ill=gettext_lazy(
            "WhatsApp did not say whether it has some messages. Webhooks usually settle that "
            "within seconds; what stays waits on the page “Needs attention”."
        ),
    ),
    "unknown": Rule(
        warn_above=0,
        well=gettext_lazy("No outcome is unknown."),
        ill=gettext_lazy(
            "No news settled the doubt about some messages. Decide on the page “Needs attention”."
        ),
    ),
    "failed_unseen": Rule(
        warn_above=0,
        well=gettext_lazy("Every failure has been seen."),
        ill=gettext_lazy(
            "Messages have failed and nobody has looked. Answer on the page “Needs attention”."
        ),
    ),
    "events_age_seconds": Rule(
        warn_above=5 * _MINUTE,
        bad_above=_HOUR,
        well=gettext_lazy("What happens in the shop is read at once."),
        ill=gettext_lazy("Events of the shop wait to be read. Start the worker; see its log."),
    ),
    "events_failed": Rule(
        warn_above=0,
        well=gettext_lazy("No event of the shop has failed."),
        ill=gettext_lazy(
            "Events of the shop could not be read. Repair what their notes say, then let them be "
            "tried again on the page “Needs attention”."
        ),
    ),
    "webhooks_waiting": Rule(
        warn_above=1000,
        bad_above=COUNTED,
        well=gettext_lazy("Few webhooks wait to be read."),
        ill=gettext_lazy("Webhooks come faster than they are read. Start more workers."),
    ),
    "webhooks_age_seconds": Rule(
        warn_above=_MINUTE,
        bad_above=10 * _MINUTE,
        well=gettext_lazy("Webhooks are read as they come."),
        ill=gettext_lazy("Webhooks wait to be read. Start the worker; see its log."),
    ),
    "webhooks_quarantined": Rule(
        warn_above=0,
        well=gettext_lazy("Every webhook could be read."),
        ill=gettext_lazy(
            "Webhooks were put aside because they could not be read. Have them read again after "
            "an upgrade, on the page “Needs attention”."
        ),
    ),
    "webhook_silence_seconds": Rule(
        warn_above=10 * _MINUTE,
        bad_above=_HOUR,
        well=gettext_lazy("WhatsApp tells what becomes of messages."),
        ill=gettext_lazy(
            "WhatsApp takes messages, but no webhook comes. Look at the address and the "
            "subscription of webhooks in the app at Meta, and at your web server."
        ),
    ),
    "templates_stopped": Rule(
        warn_above=0,
        well=gettext_lazy("Every template can be used."),
        ill=gettext_lazy("Templates are stopped. Repair them at Meta, then synchronise."),
    ),
    "sender_circuit": Rule(
        bad_above=0,
        well=gettext_lazy("Meta lets the sender send."),
        ill=gettext_lazy("Meta's answer stopped the sender. The code on its page says what to do."),
    ),
    "sender_red_button": Rule(
        warn_above=0,
        well=gettext_lazy("The red button is not pressed."),
        ill=gettext_lazy("The red button is pressed. Release it when all is well again."),
    ),
}
