"""One transaction for what several people have written."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from django.db import connection, transaction

from whatsapp_notify.services import (
    automatic_replies,
    conversations,
    keyword_replies,
    outbox,
    together,
)

#: With the rows of several people held, a row of one of them is waited for no longer. The shop
#: may hold it for as long as its payment provider takes, and the others must not wait for that.
_PATIENCE = "500ms"


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
        if not is_one and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [_PATIENCE])
        yield
