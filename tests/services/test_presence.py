"""Who else is at the same conversation."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests import factories as make
from tests.factories import NOW
from whatsapp_notify.models import Conversation, DeskPresence
from whatsapp_notify.services import presence

pytestmark = pytest.mark.django_db


@pytest.fixture
def conversation() -> Conversation:
    return make.open_window(make.contact(), until=NOW + timedelta(hours=3))


@pytest.fixture
def one() -> User:
    return User.objects.create_user("one", first_name="Staff", last_name="One")


@pytest.fixture
def two() -> User:
    return User.objects.create_user("two")


def meet(at: Conversation, user: User, *, seconds: int = 0, is_writing: bool = False) -> Any:
    return presence.meet(
        conversation_id=at.pk,
        user=user,
        is_writing=is_writing,
        now=NOW + timedelta(seconds=seconds),
    )


class TestMeet:
    def test_names_a_colleague_and_whether_they_write(
        self, conversation: Conversation, one: User, two: User
    ) -> None:
        assert meet(conversation, one, is_writing=True) == ()

        assert meet(conversation, two, seconds=1) == (
            presence.Colleague(name="Staff One", is_writing=True),
        )
        assert meet(conversation, one, seconds=2) == (
            presence.Colleague(name="two", is_writing=False),
        )

    @pytest.mark.parametrize(("seconds", "count"), [(14, 1), (15, 0), (60, 0)])
    def test_forgets_who_has_not_been_heard_of(
        self, seconds: int, count: int, conversation: Conversation, one: User, two: User
    ) -> None:
        meet(conversation, one)

        assert len(meet(conversation, two, seconds=seconds)) == count

    def test_knows_nothing_of_other_conversations(
        self, conversation: Conversation, one: User, two: User
    ) -> None:
        meet(make.open_window(make.contact(), until=NOW), one)

        assert meet(conversation, two) == ()

    @pytest.mark.parametrize(
        ("seconds", "is_writing", "queries"), [(3, False, 1), (6, False, 2), (3, True, 2)]
    )
    def test_writes_only_what_is_new(
        self,
        seconds: int,
        is_writing: bool,
        queries: int,
        conversation: Conversation,
        one: User,
        django_assert_num_queries: Any,
    ) -> None:
        meet(conversation, one)

        with django_assert_num_queries(queries):
            meet(conversation, one, seconds=seconds, is_writing=is_writing)

        assert DeskPresence.objects.get().is_writing is is_writing


class TestForget:
    def test_deletes_ones_own_old_rows_only(
        self, conversation: Conversation, one: User, two: User
    ) -> None:
        meet(conversation, one)
        meet(conversation, two)

        presence.forget(user=one, now=NOW + timedelta(days=2))

        assert DeskPresence.objects.get().user == two
