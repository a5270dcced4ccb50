"""Whose turn it is."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests import factories as make
from tests.admin import factories as rows
from tests.factories import NOW
from whatsapp_notify.models import ContactLabel, Conversation, Label
from whatsapp_notify.services import desk_list
from whatsapp_notify.services.desk_list import Show, Wanted

pytestmark = pytest.mark.django_db


def ago(minutes: int) -> datetime:
    return NOW - timedelta(minutes=minutes)


def conversation(*, last: int = 10, waits: int | None = None, **fields: Any) -> Conversation:
    first_name = fields.pop("first_name", "Customer")
    row = make.open_window(
        make.contact(consents=(), first_name=first_name), until=NOW + timedelta(hours=3)
    )
    values = {"last_message_at": ago(last), **fields}
    values["waiting_since"] = None if waits is None else ago(waits)
    Conversation.objects.filter(pk=row.pk).update(**values)
    row.refresh_from_db()
    return row


def shown(show: Show = Show.OPEN, **fields: Any) -> list[Conversation]:
    return list(desk_list.rows(Wanted(**{"user_id": 0, "show": show, **fields})))


class TestRows:
    def test_put_the_longest_wait_first_and_then_the_latest(self) -> None:
        old, new = conversation(last=50), conversation(last=5)
        short, long = conversation(waits=2), conversation(waits=90)
        never = conversation(last_message_at=None)

        assert shown() == [long, short, new, old, never]

    def test_are_filtered(self) -> None:
        user, other = User.objects.create_user("one"), User.objects.create_user("two")
        mine = conversation(assigned_to=user, last=1)
        theirs = conversation(assigned_to=other, last=2)
        waiting = conversation(waits=1)
        closed = conversation(closed_at=NOW, last=3)

        by_show = {show: shown(show, user_id=user.pk) for show in Show}

        assert by_show == {
            Show.OPEN: [waiting, mine, theirs],
            Show.MINE: [mine],
            Show.UNASSIGNED: [waiting],
            Show.WAITING: [waiting],
            Show.CLOSED: [closed],
        }

    def test_are_found_by_name_number_and_label(self) -> None:
        fourth, other = conversation(first_name="Fourth"), conversation(first_name="Fifth")
        label = Label.objects.create(name="New")
        ContactLabel.objects.create(contact=other.contact, label=label, set_at=NOW)

        assert shown(first_name="four") == [fourth]
        assert shown(first_name="ifth") == []
        assert shown(contact_ids=[other.contact_id], first_name="040") == [other]
        assert shown(label_id=label.pk) == [other]

    def test_come_in_pages_with_one_more(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(desk_list, "PAGE", 2)
        for last in range(5):
            conversation(last=last)

        assert [len(shown(page=page)) for page in (1, 2, 3, 4)] == [3, 3, 1, 0]


class TestTag:
    def test_changes_with_what_the_page_shows(self, django_assert_num_queries: Any) -> None:
        row = conversation()
        wanted = Wanted(user_id=0)
        with django_assert_num_queries(1):
            before = desk_list.tag(wanted)
        assert desk_list.tag(wanted) == before == desk_list.tag_of(shown())

        Conversation.objects.filter(pk=row.pk).update(waiting_since=NOW)

        assert desk_list.tag(wanted) != before


class TestLastOf:
    def read(self, *contacts: Any) -> dict[int, desk_list.Last]:
        found = desk_list.last_of(
            [each.pk for each in contacts], with_inbound_text=True, with_message_text=True
        )
        return dict(found)

    def test_is_the_later_of_both_sides(self, django_assert_num_queries: Any) -> None:
        asks, is_answered, silent = (make.contact(consents=()) for _each in range(3))
        rows.make_message(asks, at=ago(9), number=1)
        question = rows.make_inbound(asks, at=ago(8), number=1)
        rows.make_inbound(is_answered, at=ago(7), number=2)
        answer = rows.make_message(is_answered, at=ago(6), number=2)

        with django_assert_num_queries(3):
            found = self.read(asks, is_answered, silent)

        assert found == {
            asks.pk: desk_list.Last(inbound=question),
            is_answered.pk: desk_list.Last(message=answer),
            silent.pk: desk_list.Last(),
        }
