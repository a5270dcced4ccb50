"""Users with exactly the permissions that a test names."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone


@pytest.fixture(autouse=True)
def _admin_only(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.admin.urls"
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def now() -> datetime:
    return timezone.now().astimezone(UTC)


@pytest.fixture
def staff(db: None) -> Callable[..., Client]:
    """Makes a client of a staff member who may do what is named and nothing else."""

    def make(*codenames: str) -> Client:
        user = User.objects.create_user(
            "staff-" + "-".join(codenames)[:120] or "staff", is_staff=True
        )
        found = Permission.objects.filter(
            content_type__app_label="whatsapp_notify", codename__in=codenames
        )
        assert found.count() == len(set(codenames))
        user.user_permissions.set(found)
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def owner(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("owner"))
    return client
