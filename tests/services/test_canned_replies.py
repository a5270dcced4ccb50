"""Answers that the staff has ready."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from tests import factories as make
from tests.factories import NOW
from whatsapp_notify.domain.occasions import Customer, Order
from whatsapp_notify.models import CannedReply
from whatsapp_notify.services import canned_replies
from whatsapp_notify.services.canned_replies import Canned

pytestmark = pytest.mark.django_db

ORDER = Order(ref="A1001", customer=Customer(), status="packed")


def canned(title: str = "Returns", **fields: Any) -> CannedReply:
    defaults = {"title": title, "shortcut": title.lower(), "body": title}
    return CannedReply.objects.create(**{**defaults, **fields})


def offered(order: Order | None = None, **contact: Any) -> list[Canned]:
    user = User.objects.create_user("agent", first_name="Agent")
    found = canned_replies.offered(
        contact=make.contact(consents=(), **contact), user=user, order=order, now=NOW
    )
    return list(found)


class TestOffered:
    def test_fills_in_what_is_known(self) -> None:
        canned(body="Hello {first_name}, {order_ref} is {order_status}. {agent_name}")

        assert offered(ORDER)[0].body == "Hello Customer, A1001 is packed. Agent"

    def test_leaves_names_of_what_is_not_known(self) -> None:
        canned(body="{first_name}: {order_ref}, {tracking_url}")

        assert offered()[0].body == "Customer: {order_ref}, {tracking_url}"

    def test_leaves_braces_that_hold_no_name(self) -> None:
        canned(body="{first_name} {no name}")

        assert offered()[0].body == "{first_name} {no name}"

    def test_puts_the_customers_language_first(self) -> None:
        for language in ("en", "", "fi"):
            canned(f"In {language}", language=language, shortcut="")
        canned("Off", is_active=False)

        assert [each.title for each in offered(language="fi_FI")] == ["In fi", "In ", "In en"]

    def test_costs_nothing_where_there_are_none(self, django_assert_num_queries: Any) -> None:
        contact, user = make.contact(consents=()), User.objects.create_user("agent")

        with django_assert_num_queries(1):
            canned_replies.offered(contact=contact, user=user, order=None, now=NOW)


class TestByShortcut:
    @pytest.mark.parametrize(
        ("text", "is_found"),
        [("/returns", True), (" /RETURNS ", True), ("/", False), ("returns", False),
         ("/return", False), ("/returns please", False)],
    )  # fmt: skip
    def test_takes_a_shortcut_that_is_all(self, text: str, is_found: bool) -> None:
        ready = [Canned(id=1, title="Returns", shortcut="returns", body="Send it back.")]

        assert (canned_replies.by_shortcut(ready, text=text) is not None) is is_found
