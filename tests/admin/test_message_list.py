"""The delivery log stays quick and finds what staff look for."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.admin import factories as make
from whatsapp_notify.admin import paging, search
from whatsapp_notify.models import Contact, Message, Topic

LIST = "/admin/whatsapp_notify/message/"
MANY = 20_000


#: What staff ask for, and what the database must read instead of the table.
INDEXES = {
    "?attention=yes": "wn_message_attention_idx",
    "?last_days=1": "wn_message_created_idx",
    "?q=A000123": "wn_message_order_idx",
    "?q=A0001": "wn_message_order_idx",
    "?q=nothing": "wn_message_order_idx",
    "?q=040 1234567": "message_contact_",
    "?q=%2B3584012": "message_contact_",
    "?state__exact=unknown": "USING INTEGER PRIMARY KEY (rowid>?)",
    "?reason=consent": "USING INTEGER PRIMARY KEY (rowid>?)",
}


@pytest.fixture
def contact(db: None) -> Contact:
    return make.make_contact()


def seed(count: int, *, contact: Contact, topic: Topic, now: datetime) -> None:
    Message.objects.bulk_create(
        (
            Message(
                key=f"seed:{number}",
                contact=contact,
                topic=topic,
                content={},
                state="failed" if number % 1999 == 0 else "delivered",
                needs_attention=number % 1999 == 0,
                is_pending=False,
                order_ref=f"A{number:06d}",
                template_name="order_shipped",
                created_at=now - timedelta(minutes=count - number),
                due_at=now,
                expires_at=now,
            )
            for number in range(count)
        ),
        batch_size=2000,
    )


def plans(sql: str) -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        for row in cursor.fetchall():
            yield str(row[-1])


def page_of(client: Client, query: str = "") -> tuple[str, list[str]]:
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(LIST + query)
    assert answer.status_code == 200
    return answer.content.decode(), [each["sql"] for each in queries.captured_queries]


class TestManyRows:
    @pytest.fixture
    def many(self, contact: Contact, now: datetime) -> None:
        seed(MANY, contact=contact, topic=make.make_topic(), now=now)
        # As on a shop's database after some days of work.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")

    def test_never_counts_the_whole_table(self, many: None, owner: Client) -> None:
        html, queries = page_of(owner)

        assert "Older ones are found by a filter or a search." in html
        counts = [sql for sql in queries if "COUNT(" in sql and "whatsapp_notify_message" in sql]
        assert counts
        assert all(f"LIMIT {paging.CAP + 1}" in sql for sql in counts)

    @pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's plans")
    def test_never_reads_the_whole_table(self, many: None, owner: Client) -> None:
        for query, index in INDEXES.items():
            _html, queries = page_of(owner, query)

            pages = [
                sql
                for sql in queries
                if sql.startswith("SELECT")
                and 'FROM "whatsapp_notify_message"' in sql
                and not sql.endswith("LIMIT 1")
            ]
            steps = {sql: list(plans(sql)) for sql in pages}
            assert any(index in step for plan in steps.values() for step in plan), steps
            for sql, plan in steps.items():
                assert not any(step == "SCAN whatsapp_notify_message" for step in plan), sql
                if "LIMIT 50" in sql:
                    assert not any("TEMP B-TREE" in step for step in plan), sql

    @pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's plans")
    def test_default_page_reads_from_the_end(self, many: None, owner: Client) -> None:
        _html, queries = page_of(owner)

        (page,) = [sql for sql in queries if "LIMIT 50" in sql]
        assert not any("TEMP B-TREE" in step for step in plans(page))
        assert '"whatsapp_notify_message"."preview"' not in page

    def test_page_of_old_rows_is_found_by_date(
        self, many: None, owner: Client, now: datetime
    ) -> None:
        day = (now - timedelta(days=10)).date().isoformat()

        html, _queries = page_of(owner, f"?from_date={day}&to_date={day}")

        assert html.count('class="action-select"') == 50


class TestQueries:
    def count(self, client: Client) -> int:
        return len(page_of(client)[1])

    def test_number_does_not_grow_with_rows(self, owner: Client, now: datetime) -> None:
        topic = make.make_topic()
        automation = make.make_automation(topic)

        def add(first: int, last: int) -> None:
            for number in range(first, last):
                who = make.make_contact(f"+35840{1000000 + number}")
                event = make.make_event(number, at=now, order_ref=f"A{number}")
                make.make_message(
                    who, at=now, number=number, topic=topic, automation=automation,
                    event=event, order_ref=f"A{number}",
                )  # fmt: skip

        add(0, 5)
        self.count(owner)
        with_five = self.count(owner)
        add(5, 50)

        assert self.count(owner) == with_five


class TestSearch:
    @pytest.mark.parametrize(
        "term",
        ["+358401234567", "00358401234567", "040 123 4567", "(040) 123-4567", "+358401", "040123"],
    )
    def test_finds_the_phone_in_any_spelling(self, term: str, contact: Contact) -> None:
        make.make_contact("+46701234567")

        assert search.contact_ids(term) == [contact.pk]

    @pytest.mark.parametrize("term", ["1234567", "234", "+358", "4567", "A1001", "", "%"])
    def test_finds_nobody_by_the_middle_of_a_number(self, term: str, contact: Contact) -> None:
        assert search.contact_ids(term) == []

    def test_finds_an_order_by_number_and_by_its_beginning(
        self, owner: Client, contact: Contact, now: datetime
    ) -> None:
        for number, ref in enumerate(("A1001", "A1002", "B1001")):
            make.make_message(contact, at=now, number=number, order_ref=ref)

        exact, _queries = page_of(owner, "?q=A1001")
        beginning, _queries = page_of(owner, "?q=A100")

        assert exact.count('class="action-select"') == 1
        assert beginning.count('class="action-select"') == 2
        assert "B1001" not in beginning


class TestFilters:
    @pytest.fixture
    def messages(self, contact: Contact, now: datetime) -> None:
        make.make_message(contact, at=now, number=1, order_ref="NEW")
        make.make_message(contact, at=now - timedelta(days=5), number=2, order_ref="WEEK")
        make.make_message(
            contact, at=now - timedelta(days=40), number=3, order_ref="OLD", state="blocked",
            reason="consent",
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("query", "shown"),
        [
            ("", {"NEW", "WEEK", "OLD"}),
            ("?last_days=1", {"NEW"}),
            ("?last_days=7", {"NEW", "WEEK"}),
            ("?reason=consent", {"OLD"}),
            ("?state__exact=blocked", {"OLD"}),
            ("?attention=yes", set()),
        ],
    )
    def test_narrow_the_list(
        self, query: str, shown: set[str], owner: Client, messages: None
    ) -> None:
        html, _queries = page_of(owner, query)

        assert {ref for ref in ("NEW", "WEEK", "OLD") if f">{ref}<" in html} == shown

    @pytest.mark.parametrize("query", ["?from_date=x", "?last_days=abc", "?last_days=99999999999"])
    def test_what_is_no_date_is_told(self, query: str, owner: Client, messages: None) -> None:
        answer = owner.get(LIST + query)

        assert answer.status_code == 302
        assert answer.headers["Location"].endswith("?e=1")
