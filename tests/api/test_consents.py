"""POST and GET /whatsapp/api/v1/consents/"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import AnonymousUser, Permission
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from tests import factories, shop
from whatsapp_notify.api.access import Throttle
from whatsapp_notify.models import (
    ConsentRecord,
    ConsentState,
    Contact,
    Identity,
    Message,
    ShopEvent,
)
from whatsapp_notify.services import outbox

pytestmark = pytest.mark.django_db

PHONE = "+358457390155"
URL = "/whatsapp/api/v1/consents/"
ALL = ["add_consentrecord", "view_consentrecord"]


@pytest.fixture(autouse=True)
def frozen_clock() -> Iterator[None]:
    with time_machine.travel(factories.NOW, tick=False):
        yield


@pytest.fixture(autouse=True)
def topics() -> None:
    cache.clear()
    for key in ("service", "orders", "feedback", "offers"):
        factories.topic(key)


def client(*permissions: str) -> APIClient:
    user = shop.user()
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return logged_in(user)


def logged_in(user: Any) -> APIClient:
    found = APIClient()
    found.force_authenticate(user)
    return found


@pytest.fixture
def api() -> APIClient:
    return client(*ALL)


def act(**changes: Any) -> dict[str, Any]:
    body = {
        "action": "grant",
        "phone": PHONE,
        "topics": ["offers"],
        "wording": "Yes, you may send me offers on WhatsApp.",
        "language": "fi",
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


def post(api: APIClient, **changes: Any) -> Any:
    return api.post(URL, act(**changes), format="json")


class TestPermissions:
    def test_the_address_is_the_promised_one(self) -> None:
        assert reverse("whatsapp_notify:api-consents") == URL

    @pytest.mark.parametrize(
        ("permissions", "post_status", "get_status"),
        [
            ([], 403, 403),
            (["add_consentrecord"], 201, 403),
            (["view_consentrecord"], 403, 200),
            (ALL, 201, 200),
        ],
    )
    def test_each_way_needs_its_own(
        self, permissions: list[str], post_status: int, get_status: int
    ) -> None:
        api = client(*permissions)

        assert post(api).status_code == post_status
        assert api.get(URL).status_code == get_status

    def test_nobody_is_let_in_without_a_login(self) -> None:
        api = logged_in(AnonymousUser())

        assert post(api).status_code in {401, 403}
        assert api.get(URL).status_code in {401, 403}
        assert not Contact.objects.exists()

    @pytest.mark.parametrize("method", ["put", "patch", "delete"])
    def test_the_ledger_cannot_be_changed(self, method: str) -> None:
        user = shop.user(is_superuser=True)

        assert getattr(logged_in(user), method)(URL).status_code == 405


class TestPost:
    def test_a_grant_counts_for_one_contact_alone(self, api: APIClient) -> None:
        factories.contact(phone=PHONE, consents=())
        in_chat = factories.contact(phone="", consents=())
        Identity.objects.create(contact=in_chat, kind="wa_id", value=PHONE.removeprefix("+"))

        post(api)

        assert not ConsentState.objects.filter(contact=in_chat).exists()

    def test_keeps_the_act_with_its_proof(self, api: APIClient) -> None:
        answer = post(
            api,
            occurred_at="2026-11-01T12:00:00+02:00",
            external_id="till-7/991",
            ip_address="203.0.113.7",
            user_agent="Till 1.0",
        )

        assert answer.status_code == 201
        assert answer.json() == {
            "action": "grant",
            "topics": ["offers"],
            "occurred_at": "2026-11-01T12:00:00+02:00",
            "external_id": "till-7/991",
        }
        record = ConsentRecord.objects.get()
        assert record.source == "api"
        assert record.wording == "Yes, you may send me offers on WhatsApp."
        assert record.occurred_at == datetime(2026, 11, 1, 10, 0, tzinfo=UTC)
        assert (record.ip_address, record.user_agent) == ("203.0.113.7", "Till 1.0")
        assert record.recorded_by.startswith("customer")
        assert record.evidence == {"external_id": "till-7/991"}

    def test_answers_the_same_for_a_known_and_an_unknown_phone(self, api: APIClient) -> None:
        factories.contact(phone=PHONE)
        at = "2026-11-01T12:00:00Z"

        known = post(api, occurred_at=at)
        unknown = post(api, occurred_at=at, phone="+358457390156")

        assert known.status_code == unknown.status_code
        assert known.content == unknown.content

    def test_reads_a_national_number_as_the_shop_does(self, api: APIClient) -> None:
        contact = factories.contact(phone=PHONE)

        post(api, phone="045 739 0155")

        assert ConsentRecord.objects.filter(contact=contact, source="api").exists()

    def test_lets_a_new_member_join(self, api: APIClient) -> None:
        post(api, first_name="Customer")

        assert ShopEvent.objects.get().name == "customer.joined"
        contact = Contact.objects.get()
        assert (contact.first_name, contact.language) == ("Customer", "fi")

    def test_records_each_topic_once(self, api: APIClient) -> None:
        post(api, topics=["offers", "orders", "offers"])

        assert sorted(ConsentRecord.objects.values_list("topic__key", flat=True)) == [
            "offers", "orders",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"phone": "12345"}, "phone"),
            ({"phone": "no phone"}, "phone"),
            ({"phone": ""}, "phone"),
            ({"phone": None}, "phone"),
            ({"phone": "+358457390155\x00"}, "phone"),
            ({"phone": {"a": 1}}, "phone"),
            ({"topics": ["nothing"]}, "topics"),
            ({"topics": ["service"]}, "topics"),
            ({"topics": ["offers\x00"]}, "topics"),
            ({"topics": [["offers"]]}, "topics"),
            ({"topics": "offers"}, "topics"),
            ({"topics": []}, "topics"),
            ({"topics": None}, "topics"),
            ({"action": "maybe"}, "action"),
            ({"action": None}, "action"),
            ({"wording": "  "}, "wording"),
            ({"wording": None}, "wording"),
            ({"wording": "x" * 2001}, "wording"),
            ({"occurred_at": "yesterday"}, "occurred_at"),
            ({"occurred_at": "2999-01-01T00:00:00Z"}, "occurred_at"),
            ({"external_id": "x" * 101}, "external_id"),
            ({"language": "Finnish!"}, "language"),
            ({"ip_address": "somewhere"}, "ip_address"),
        ],
        ids=str,
    )
    def test_refuses_bad_input_by_its_field(
        self, api: APIClient, changes: dict[str, Any], field: str
    ) -> None:
        answer = post(api, **changes)

        assert answer.status_code == 400
        assert set(answer.json()) == {field}
        assert not ConsentRecord.objects.exists()
        assert not Contact.objects.exists()

    def test_does_not_repeat_a_phone_that_is_none(self, api: APIClient) -> None:
        answer = post(api, phone="+35812")

        assert "35812" not in answer.content.decode()

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"[1, 2]"])
    def test_refuses_a_body_that_is_no_object(self, api: APIClient, body: bytes) -> None:
        assert api.post(URL, body, content_type="application/json").status_code == 400

    def test_takes_json_only(self, api: APIClient) -> None:
        assert api.post(URL, act(), format="multipart").status_code == 415

    def test_takes_a_clock_that_is_ahead_for_now(self, api: APIClient) -> None:
        ahead = timezone.now() + timedelta(seconds=50)

        assert post(api, occurred_at=ahead.isoformat()).status_code == 201
        assert ConsentRecord.objects.get().occurred_at <= timezone.now()

    def test_refuses_a_clock_that_is_wrong(self, api: APIClient) -> None:
        ahead = timezone.now() + timedelta(minutes=2)

        assert post(api, occurred_at=ahead.isoformat()).status_code == 400


class TestExternalId:
    def test_counts_an_act_once_however_often_it_is_told(self, api: APIClient) -> None:
        first = post(api, external_id="a", occurred_at="2026-11-01T12:00:00Z")
        second = post(api, external_id="a", occurred_at="2026-11-01T12:00:00Z")
        without_time = post(api, external_id="a")

        assert ConsentRecord.objects.count() == 1
        assert {answer.status_code for answer in (first, second, without_time)} == {201}
        assert first.content == second.content == without_time.content

    def test_counts_an_act_once_where_the_clock_was_ahead(self, api: APIClient) -> None:
        ahead = (timezone.now() + timedelta(seconds=50)).isoformat()
        post(api, external_id="a", occurred_at=ahead)

        assert post(api, external_id="a", occurred_at=ahead).status_code == 201
        assert ConsentRecord.objects.count() == 1

    def test_of_a_withdrawal_counts_once_too(self, api: APIClient) -> None:
        withdrawal = {"action": "withdraw", "topics": None, "wording": None, "external_id": "w"}
        post(api, **withdrawal)
        post(api, **withdrawal)

        assert ConsentRecord.objects.count() == 3

    @pytest.mark.parametrize(
        "changes",
        [
            {"phone": "+358457390156"},
            {"action": "withdraw"},
            {"topics": ["orders"]},
            {"topics": ["offers", "orders"]},
            {"wording": "Other words."},
            {"occurred_at": "2026-11-02T12:00:00Z"},
            {"occurred_at": "2026-11-01T11:59:59Z"},
        ],
        ids=str,
    )
    def test_of_another_act_is_refused_and_nothing_is_kept(
        self, api: APIClient, changes: dict[str, Any]
    ) -> None:
        post(api, external_id="a", occurred_at="2026-11-01T12:00:00Z")

        answer = post(api, external_id="a", **{"occurred_at": "2026-11-01T12:00:00Z", **changes})

        assert answer.status_code == 409
        assert ConsentRecord.objects.count() == 1
        assert Contact.objects.count() == 1

    def test_belongs_to_the_caller_who_chose_it(self, api: APIClient) -> None:
        post(api, external_id="1")

        assert post(client(*ALL), external_id="1", phone="+358457390156").status_code == 201
        assert ConsentRecord.objects.count() == 2

    def test_is_not_needed(self, api: APIClient) -> None:
        post(api)
        post(api)

        assert ConsentRecord.objects.count() == 2


class TestWithdrawal:
    def test_stops_what_waits_and_what_comes(self, api: APIClient) -> None:
        contact = factories.contact(phone=PHONE, consents=("orders", "offers"))

        answer = post(api, action="withdraw", topics=["offers"], wording=None)

        assert answer.status_code == 201
        now = timezone.now()
        for key in ("orders", "offers"):
            outbox.enqueue(messages=[factories.draft(contact, key=key, now=now)], now=now)
        assert dict(Message.objects.values_list("topic__key", "state")) == {
            "orders": "queued",
            "offers": "blocked",
        }

    def test_without_topics_is_about_all(self, api: APIClient) -> None:
        contact = factories.contact(phone=PHONE, consents=("orders", "feedback", "offers"))

        answer = post(api, action="withdraw", topics=None, wording=None)

        assert answer.json()["topics"] == ["feedback", "offers", "orders"]
        assert not ConsentState.objects.filter(contact=contact, is_granted=True).exists()

    def test_counts_for_all_contacts_that_have_the_number(self, api: APIClient) -> None:
        in_shop = factories.contact(phone=PHONE, consents=("orders", "offers"))
        in_chat = factories.contact(phone="", consents=("orders", "offers"))
        Identity.objects.create(contact=in_chat, kind="wa_id", value=PHONE.removeprefix("+"))
        stranger = factories.contact(consents=("offers",))

        for _time in range(2):
            post(api, action="withdraw", topics=["offers"], wording=None, external_id="w")

        standing = ConsentState.objects.filter(is_granted=True)
        assert set(standing.values_list("contact", "topic__key")) == {
            (in_shop.pk, "orders"),
            (in_chat.pk, "orders"),
            (stranger.pk, "offers"),
        }
        assert ConsentRecord.objects.filter(action="withdraw").count() == 2

    def test_holds_the_contacts_in_the_order_of_their_ids(self, api: APIClient) -> None:
        in_chat = factories.contact(phone="", consents=("offers",))
        in_shop = factories.contact(phone=PHONE, consents=("offers",), first_name="Old")
        Identity.objects.create(contact=in_chat, kind="wa_id", value=PHONE.removeprefix("+"))

        with CaptureQueriesContext(connection) as seen:
            post(api, action="withdraw", first_name="New")

        locks = [
            each["sql"]
            for each in seen
            if "SELECT" in each["sql"]
            and '"marketing_stopped_at"' in each["sql"]
            and 'contact"."id" =' in each["sql"]
            and "LIMIT 21" in each["sql"]
        ]
        first, second = locks[:2]
        assert f"= {in_chat.pk} " in first
        assert f"= {in_shop.pk} " in second
        updated = [n for n, each in enumerate(seen) if each["sql"].startswith("UPDATE")]
        looked = [n for n, each in enumerate(seen) if each["sql"] == second]
        assert looked[0] < updated[0]

    def test_of_a_person_unknown_to_the_shop_is_kept(self, api: APIClient) -> None:
        post(api, action="withdraw", topics=["offers"], wording=None)

        assert not ConsentState.objects.get().is_granted

    def test_does_not_change_the_persons_language(self, api: APIClient) -> None:
        contact = factories.contact(phone=PHONE, language="sv")

        post(api, action="withdraw", language="en")

        contact.refresh_from_db()
        assert contact.language == "sv"

    def test_that_is_older_than_a_consent_does_not_win(self, api: APIClient) -> None:
        post(api, occurred_at="2026-11-02T12:00:00Z")
        post(api, action="withdraw", occurred_at="2026-11-01T12:00:00Z")

        assert ConsentState.objects.get().is_granted


class TestGet:
    def test_lists_the_ledger_newest_first_without_phones(self, api: APIClient) -> None:
        post(api, occurred_at="2026-11-01T12:00:00Z")
        post(api, occurred_at="2026-11-02T12:00:00Z", topics=["orders"])

        answer = api.get(URL)

        rows = answer.json()["results"]
        assert [row["topic"] for row in rows] == ["orders", "offers"]
        assert set(rows[0]) == {
            "id", "contact", "topic", "channel", "action", "lawful_basis", "source", "wording",
            "wording_version", "language", "occurred_at", "recorded_at",
        }  # fmt: skip
        assert PHONE.lstrip("+") not in answer.content.decode()

    def test_can_be_narrowed_by_topic_and_contact(self, api: APIClient) -> None:
        post(api, topics=["offers", "orders"])
        post(api, topics=["offers"], phone="+358457390156")
        contact = Contact.objects.order_by("id").first()
        assert contact is not None

        rows = api.get(URL, {"topic": "offers", "contact": contact.pk}).json()["results"]

        assert [(row["topic"], row["contact"]) for row in rows] == [("offers", contact.pk)]

    @pytest.mark.parametrize(
        "query", [{"contact": "abc"}, {"contact": "9" * 30}, {"topic": "\x00"}, {"contact": "-1"}]
    )
    def test_refuses_a_query_that_cannot_be(self, api: APIClient, query: dict[str, str]) -> None:
        assert api.get(URL, query).status_code == 400

    def test_comes_in_pages_of_a_size_that_is_capped(self, api: APIClient) -> None:
        contact = factories.contact()
        topic = factories.topic("offers")
        ConsentRecord.objects.bulk_create(
            ConsentRecord(
                contact=contact,
                topic=topic,
                action="grant",
                lawful_basis="consent",
                source="import",
                occurred_at=factories.NOW,
            )
            for _ in range(501)
        )

        assert len(api.get(URL).json()["results"]) == 100
        page = api.get(URL, {"limit": "100000"}).json()
        assert len(page["results"]) == 500
        rest = api.get(page["next"]).json()
        assert {row["id"] for row in page["results"]}.isdisjoint(
            row["id"] for row in rest["results"]
        )
        assert len(rest["results"]) == 502 - 500
        assert rest["next"] is None

    def test_asks_the_database_as_often_for_many_rows_as_for_one(
        self, api: APIClient, django_assert_max_num_queries: Any
    ) -> None:
        post(api, topics=["offers", "orders", "feedback"])

        with django_assert_max_num_queries(4):
            rows = api.get(URL).json()["results"]

        assert len(rows) == 3


class TestThrottle:
    def test_has_a_rate_without_any_setting(self) -> None:
        assert Throttle().get_rate() == "600/min"

    def test_refuses_who_calls_too_often(
        self, api: APIClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Throttle, "THROTTLE_RATES", {"whatsapp_notify": "2/min"})

        statuses = [api.get(URL).status_code for _ in range(3)]

        assert statuses == [200, 200, 429]

    def test_can_be_lifted(self, api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Throttle, "THROTTLE_RATES", {"whatsapp_notify": None})

        assert api.get(URL).status_code == 200
