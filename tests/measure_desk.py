"""``python -m tests.measure_desk`` measures the reply desk with many conversations.

It fills a database of its own and asks for each page as a browser does, template and all. With
``python -m tests.with_postgres`` before it the database is PostgreSQL.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import django

_CONVERSATIONS = 10_000
#: Of both sides together.
_MESSAGES = 200_000
_WAITING = 300
_ROUNDS = 25
_CHUNK = 5_000


def main() -> int:
    """This will fill the database, ask for the pages and print how long they take."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from django.db import connection
    from django.test.utils import setup_test_environment

    setup_test_environment()
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, serialize=False)
    try:
        _fill(datetime.now(tz=django.utils.timezone.get_current_timezone()))
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        _measure(connection.vendor)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
    return 0


def _measure(vendor: str) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    sys.stdout.write(f"{vendor}: {_CONVERSATIONS} conversations, {_MESSAGES} messages\n")
    for name, ask in _pages():
        ask()
        with CaptureQueriesContext(connection) as queries:
            ask()
            count = len(queries)
        spent = sorted(_seconds(ask) * 1000 for _round in range(_ROUNDS))
        median, worst = statistics.median(spent), spent[int(_ROUNDS * 0.95)]
        sys.stdout.write(
            f"{name:32} median {median:6.1f} ms  p95 {worst:6.1f} ms  {count} queries\n"
        )


def _pages() -> Iterator[tuple[str, Callable[[], Any]]]:
    from django.contrib.auth.models import User
    from django.test import Client

    from whatsapp_notify.models import Conversation

    client = Client()
    client.force_login(User.objects.create_superuser("owner"))
    here = "/admin/whatsapp_notify/conversation/"
    for query in (
        "",
        "?show=waiting",
        "?show=unassigned",
        "?show=closed",
        "?p=100",
        "?q=Customer+9",
    ):
        yield f"list {query or 'as it opens'}", lambda query=query: client.get(here + query)
    yield "list, searched by number", lambda: client.get(f"{here}?q=%2B358457000123")
    chosen = Conversation.objects.filter(waiting_since__isnull=False).latest("id")
    yield "chat", lambda: client.get(f"{here}{chosen.pk}/change/")
    news = client.post(f"{here}{chosen.pk}/news/").json()
    tags = {name: news[name] for name in ("list_tag", "chat_tag")}
    yield "news, nothing new", lambda: client.post(f"{here}{chosen.pk}/news/", tags)
    yield "news, all new", lambda: client.post(f"{here}{chosen.pk}/news/")


def _seconds(ask: Callable[[], Any]) -> float:
    began = time.perf_counter()
    answer = ask()
    spent = time.perf_counter() - began
    assert answer.status_code in {200, 204}, answer.status_code
    return spent


def _fill(now: datetime) -> None:
    from whatsapp_notify.domain.content import Preview, TextContent, preview_to_json, to_json
    from whatsapp_notify.models import (
        Contact,
        ContactLabel,
        Conversation,
        Identity,
        InboundMessage,
        Label,
        Message,
        Topic,
    )
    from whatsapp_notify.services import senders

    sender = senders.current()
    topic, _made = Topic.objects.get_or_create(
        key="service", defaults={"name": "service", "purpose": "service"}
    )
    label = Label.objects.create(name="measured")
    people = range(_CONVERSATIONS)
    contacts = _create(Contact, (Contact(first_name=f"Customer {number}") for number in people))
    _create(
        Identity,
        (
            Identity(contact=contact, kind="phone", value=f"+35845{7_000_000 + number}")
            for number, contact in enumerate(contacts)
        ),
    )
    _create(
        ContactLabel,
        (ContactLabel(contact=each, label=label, set_at=now) for each in contacts[::3]),
    )
    _create(
        Conversation,
        (
            Conversation(
                contact=contact,
                sender=sender,
                last_inbound_at=now - timedelta(minutes=number),
                last_message_at=now - timedelta(minutes=number),
                window_expires_at=now + timedelta(hours=24, minutes=-number),
                waiting_since=now - timedelta(minutes=number) if number < _WAITING else None,
                closed_at=now if number % 10 == 9 else None,
            )
            for number, contact in enumerate(contacts)
        ),
    )
    each = _MESSAGES // 2 // _CONVERSATIONS
    _create(
        InboundMessage,
        (
            InboundMessage(
                contact=contact,
                sender=sender,
                provider_message_id=f"wamid.{turn}.{contact.pk}",
                kind="text",
                text="Where is my order? I have waited for it for a week now.",
                content={"content": {"body": "Where is my order?"}},
                sent_at=now - timedelta(days=each - turn),
                received_at=now - timedelta(days=each - turn),
            )
            for turn in range(each)
            for contact in contacts
        ),
    )
    content, preview = (
        to_json(TextContent(body="It left.")),
        preview_to_json(Preview(body="It left.")),
    )
    _create(
        Message,
        (
            Message(
                key=f"measure:{turn}:{contact.pk}",
                contact=contact,
                topic=topic,
                sender=sender,
                content=content,
                preview=preview,
                state="read",
                is_pending=False,
                created_at=now - timedelta(days=each - turn, hours=-1),
                due_at=now,
                expires_at=now,
            )
            for turn in range(each)
            for contact in contacts
        ),
    )


def _create(model: Any, rows: Any) -> Any:
    return model._default_manager.bulk_create(rows, batch_size=_CHUNK)


if __name__ == "__main__":
    sys.exit(main())
