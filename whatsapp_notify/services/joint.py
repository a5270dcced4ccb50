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
    patience,
    together,
)

#: With the rows of several people held, a row of one of them is waited for no longer. See Note
#: [Rows that the shop holds] of ``patience``.
_PATIENCE_SECONDS = 0.5


@contextmanager
def transaction_of_several(*, now: datetime, is_one: bool = False) -> Iterator[None]:
    """This will do what is in the block in one transaction, and write at its end what it caused.

    ``is_one`` says that it is about one person alone, who may be waited for. See Note [Several
    messages in one transaction] of ``together``.

    Raises:
        django.db.OperationalError: Somebody else holds a row for long; they are to be done one
            by one.
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
        if not is_one:
            patience.wait_for_rows(seconds=_PATIENCE_SECONDS)
        yield
