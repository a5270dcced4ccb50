"""Who of the staff answers customers, and what they are called."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User

from whatsapp_notify.services import desk_staff

pytestmark = pytest.mark.django_db


def user(name: str, **fields: Any) -> User:
    return User.objects.create_user(name, **{"is_staff": True, **fields})


class TestWhoMayAnswer:
    def test_is_who_holds_the_permission_in_whichever_way(self) -> None:
        permission = Permission.objects.get(codename="reply_conversation")
        group = Group.objects.create(name="answers")
        group.permissions.add(permission)
        by_itself, by_group, gone, customer = (
            user("by_itself"), user("by_group"), user("gone", is_active=False),
            user("customer", is_staff=False),
        )  # fmt: skip
        user("another")
        for each in (by_itself, gone, customer):
            each.user_permissions.add(permission)
        by_group.groups.add(group)
        by_group.user_permissions.add(permission)
        owner = User.objects.create_superuser("owner", first_name="A")

        assert desk_staff.who_may_answer() == [owner, by_group, by_itself]


class TestName:
    @pytest.mark.parametrize(
        ("names", "for_colleagues", "for_customers"),
        [
            ({"first_name": "Staff", "last_name": "One"}, "Staff One", "Staff"),
            ({"last_name": "One"}, "One", "One"),
            ({}, "login", ""),
        ],
    )
    def test_shows_the_login_to_colleagues_only(
        self, names: dict[str, str], for_colleagues: str, for_customers: str
    ) -> None:
        row = User(username="login", **names)

        assert desk_staff.name(row) == for_colleagues
        assert desk_staff.name_for_customers(row) == for_customers
