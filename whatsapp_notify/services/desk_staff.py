"""The members of the staff who answer customers."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q

_PERMISSION = "reply_conversation"


def name(user: Any) -> str:
    """This will name a member of the staff for colleagues."""
    # A custom user model may lack it.
    full_name = getattr(user, "get_full_name", str)
    return str(full_name() or user.get_username())


def name_for_customers(user: Any) -> str:
    """This will name a member of the staff for customers; empty where only the login is known."""
    short_name = getattr(user, "get_short_name", str)
    full_name = getattr(user, "get_full_name", str)
    return str(short_name() or full_name())


def who_may_answer() -> Sequence[Any]:
    """This will return the active members of the staff who may answer customers, by name."""
    permission = {"codename": _PERMISSION, "content_type__app_label": "whatsapp_notify"}
    own = {f"user_permissions__{key}": value for key, value in permission.items()}
    by_group = {f"groups__permissions__{key}": value for key, value in permission.items()}
    users: Any = get_user_model()._default_manager.filter(is_active=True, is_staff=True)
    found = users.filter(Q(is_superuser=True) | Q(**own) | Q(**by_group)).distinct()
    return sorted(found, key=lambda user: (name(user).casefold(), user.pk))
