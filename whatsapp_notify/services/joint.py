"""One transaction for what several people have written."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction

from whatsapp_notify.services import (
    automatic_replies,
    conversations,
    keyword_replies,
    outbox,
    together,
)


@contextmanager
def transaction_of_several(*, now: datetime) -> Iterator[None]:
    """This will do what is in the block in one transaction, and write at its end what it caused.

    See Note [Several messages in one transaction] of ``together``.
    """
    flushes: Mapping[str, together.Flush] = {
        automatic_replies.GREETED: lambda ids: automatic_replies.note_greeted(ids, now=now),
        conversations.CALLS: conversations.begin_waits,
        keyword_replies.USES: lambda uses: keyword_replies.count_uses(uses, now=now),
        outbox.MESSAGES: lambda several: outbox.enqueue(
            messages=[message for messages in several for message in messages], now=now
        ),
    }
    with transaction.atomic(), together.block(flushes):
        yield
