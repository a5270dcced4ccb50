"""A brake on opt-outs that are read out of sentences, for the day on which a rule errs.

A template that makes customers write a certain sentence, or a rule that is wrong about one,
would withdraw the consent of thousands within minutes. Where more people than is natural opt
out by sentences, a person is told once and asked about the others: what they wrote is kept
as unclear. Exact words, buttons and WhatsApp's own stop always work and are never counted.
"""

from datetime import datetime, timedelta

from whatsapp_notify import signals
from whatsapp_notify.models import Heartbeat, InboundMessage, Message
from whatsapp_notify.services import doorbells, replaying

#: So many people may opt out by sentences ...
LEAST = 20
#: ... or this share of those who were written to lately, where that is more ...
SHARE = 0.2
#: ... within so long.
WINDOW = timedelta(minutes=10)
#: Who was written to before is not expected to answer now.
LATELY = timedelta(hours=1)
#: So long a person is asked; then it is looked at anew.
OPEN_FOR = timedelta(hours=1)

#: Name of the heartbeat that says when it opened.
OPENED = "opt_out_jump"

#: Messages are planned at most so long before the call, as far as it matters here.
_PLANNED_BEFORE = timedelta(days=1)


def is_open(*, at: datetime) -> bool:
    """This will tell whether one more opt-out by a sentence, written ``at``, is too many.

    The first that is rings ``attention_needed``, and the breaker stays open for an hour. Needs
    the transaction of the message.
    """
    opened_at = Heartbeat.objects.filter(name=OPENED).values_list("at", flat=True).first()
    if opened_at is not None and opened_at <= at < opened_at + OPEN_FOR:
        return True
    count = _people_who_opted_out(at)
    if count < LEAST or count < SHARE * _people_written_to(at):
        return False
    _open(at, count, opened_at)
    return True


def _open(at: datetime, count: int, opened_at: datetime | None) -> None:
    # What is told late opens nothing that was opened later.
    if replaying.is_on() or (opened_at is not None and opened_at > at):
        return
    Heartbeat.objects.update_or_create(name=OPENED, defaults={"at": at})
    detail = f"{count} opt-outs by sentences within {WINDOW.seconds // 60} minutes"
    doorbells.ring(signals.attention_needed, reason="opt_out_jump", detail=detail)


def _people_who_opted_out(at: datetime) -> int:
    rows = InboundMessage.objects.filter(
        sent_at__gt=at - WINDOW,
        sent_at__lte=at,
        handled_as=InboundMessage.HandledAs.OPT_OUT,
        content__understood__is_exact=False,
    )
    return rows.values("contact").distinct().count()


def _people_written_to(at: datetime) -> int:
    # By the time of planning first, which stands in an index.
    rows = Message.objects.filter(
        created_at__gt=at - LATELY - _PLANNED_BEFORE, called_at__gt=at - LATELY, called_at__lte=at
    )
    return rows.values("contact").distinct().count()
