"""Pages of hours, labels, leads and prices."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.admin import factories as make
from whatsapp_notify.models import (
    Contact,
    ContactLabel,
    Holiday,
    Label,
    Lead,
    OpeningHours,
    Rate,
)
from whatsapp_notify.services import labels, promotion_pauses

pytestmark = pytest.mark.django_db


def add(client: Client, model: str, **fields: Any) -> str:
    url = reverse(f"admin:whatsapp_notify_{model}_add")
    return client.post(url, fields, follow=True).content.decode()


def html_of(client: Client, model: str, query: str = "") -> str:
    url = reverse(f"admin:whatsapp_notify_{model}_changelist")
    return client.get(url + query).content.decode()


class TestOpeningHours:
    @pytest.mark.parametrize(
        ("weekday", "opens", "closes", "is_refused"),
        [
            pytest.param(0, "16:59", "18:00", True, id="into the end"),
            pytest.param(0, "17:00", "18:00", False, id="right after"),
            pytest.param(0, "08:00", "09:00", False, id="right before"),
            pytest.param(0, "00:00", "00:00", True, id="the whole day"),
            pytest.param(6, "20:00", "09:01", True, id="from the night before"),
            pytest.param(6, "20:00", "09:00", False, id="until it opens"),
            pytest.param(1, "09:00", "17:00", False, id="another day"),
        ],
    )
    def test_do_not_overlap(
        self, weekday: int, opens: str, closes: str, is_refused: bool, owner: Client
    ) -> None:
        OpeningHours.objects.create(weekday=0, opens=time(9), closes=time(17))

        html = add(owner, "openinghours", weekday=weekday, opens=opens, closes=closes)

        assert ("These hours overlap Monday 09:00–17:00." in html) is is_refused
        assert OpeningHours.objects.count() == (1 if is_refused else 2)

    def test_may_be_changed_without_being_in_their_own_way(self, owner: Client) -> None:
        row = OpeningHours.objects.create(weekday=0, opens=time(9), closes=time(17))
        url = reverse("admin:whatsapp_notify_openinghours_change", args=[row.pk])

        owner.post(url, {"weekday": 0, "opens": "10:00", "closes": "17:00"})

        row.refresh_from_db()
        assert row.opens == time(10)

    def test_list_says_whether_the_shop_is_open(self, owner: Client) -> None:
        assert "counts as always open" in html_of(owner, "openinghours")
        for weekday in range(7):
            OpeningHours.objects.create(weekday=weekday, opens=time(0), closes=time(0))

        assert "open now" in html_of(owner, "openinghours")

    def test_list_tells_of_a_holiday_where_there_are_no_hours(self, owner: Client) -> None:
        Holiday.objects.create(date=timezone.localdate(), name="Closed today")

        html = html_of(owner, "openinghours")

        assert "closed now" in html
        assert "outside its holidays" in html


class TestHoliday:
    @pytest.mark.parametrize(
        ("times", "is_saved"),
        [
            ({}, True),
            ({"opens": "09:00", "closes": "12:00"}, True),
            ({"opens": "09:00"}, False),
            ({"closes": "12:00"}, False),
        ],
    )
    def test_has_both_times_or_none(
        self, times: dict[str, str], is_saved: bool, owner: Client
    ) -> None:
        html = add(owner, "holiday", date="2026-12-24", name="Christmas Eve", **times)

        assert Holiday.objects.exists() is is_saved
        assert ("Give both times" in html) is not is_saved


class TestLabel:
    def test_tidies_events_and_tells_of_those_of_the_shop(self, owner: Client) -> None:
        html = add(
            owner, "label", name="VIP", tone="good", set_by="order.confirmed ,, our.vip,our.vip"
        )

        assert Label.objects.get().set_by == "order.confirmed, our.vip"
        assert "Not among the standard events: our.vip." in html
        assert "order confirmed" in html
        assert "event of your own" in html

    @pytest.mark.parametrize(
        ("fields", "told"),
        [
            ({"set_by": "order confirmed"}, "“order confirmed” is no name of an event."),
            ({"removed_by": "order.;drop"}, "“order.;drop” is no name of an event."),
            ({"set_by": "a.b", "removed_by": "c, a.b"}, "a.b cannot both set and remove"),
            ({"name": ""}, "This field is required."),
        ],
    )
    def test_refuses(self, fields: dict[str, str], told: str, owner: Client) -> None:
        html = add(owner, "label", **{"name": "VIP", "tone": "good", **fields})

        assert told in html
        assert not Label.objects.exists()

    def test_leads_to_the_customers_who_carry_it(self, owner: Client, now: datetime) -> None:
        label, other = Label.objects.create(name="VIP"), Label.objects.create(name="New")
        carrier = make.make_contact(first_name="Carrier")
        make.make_contact("+358401234568", first_name="Somebody")
        for each in (label, other):
            labels.add(contact=carrier, label=each, actor="owner", now=now)

        link = f'<a href="/admin/whatsapp_notify/contact/?label={label.pk}">1</a>'
        contacts = html_of(owner, "contact", f"?label={label.pk}")

        assert link in html_of(owner, "label")
        assert "Carrier" in contacts
        assert "Somebody" not in contacts
        assert contacts.count("VIP</span>") == 1

    @pytest.mark.parametrize("value", ["x", "-1", "²", "99999"])
    def test_filter_survives_any_value(self, value: str, owner: Client) -> None:
        url = reverse("admin:whatsapp_notify_contact_changelist")

        assert owner.get(url, {"label": value}).status_code in {200, 302}

    def test_list_of_contacts_asks_as_often_for_many_as_for_one(
        self, owner: Client, now: datetime, django_assert_max_num_queries: Any
    ) -> None:
        label = Label.objects.create(name="VIP")
        for number in range(10):
            contact = make.make_contact(f"+35840123450{number}")
            labels.add(contact=contact, label=label, actor="owner", now=now)

        with django_assert_max_num_queries(14):
            html_of(owner, "contact")


class TestContactPage:
    @pytest.fixture
    def contact(self) -> Contact:
        return make.make_contact()

    def page(self, client: Client, contact: Contact) -> str:
        url = reverse("admin:whatsapp_notify_contact_change", args=[contact.pk])
        return client.get(url).content.decode()

    def do(self, client: Client, contact: Contact, deed: str, **data: Any) -> Any:
        url = reverse(f"admin:whatsapp_notify_contact_{deed}", args=[contact.pk])
        return client.post(url, data)

    def test_adds_and_removes_labels(self, staff: Any, contact: Contact) -> None:
        label = Label.objects.create(name="VIP")
        client = staff("change_contact", "view_contact")

        self.do(client, contact, "add_label", label=label.pk)

        row = ContactLabel.objects.get(contact=contact, label=label)
        assert row.actor.startswith("staff-")
        assert "Remove the label VIP" in self.page(client, contact)
        self.do(client, contact, "remove_label", label=label.pk)
        assert not ContactLabel.objects.exists()

    def test_offers_labels_that_are_on_and_not_there(
        self, owner: Client, contact: Contact, now: datetime
    ) -> None:
        for name, is_active in (("Old", False), ("New", True), ("VIP", True)):
            Label.objects.create(name=name, is_active=is_active)
        labels.add(contact=contact, label=Label.objects.get(name="VIP"), actor="our.vip", now=now)

        html = self.page(owner, contact)

        assert ">New</option>" in html
        assert ">VIP</option>" not in html
        assert ">Old</option>" not in html
        assert "our.vip · " in html

    def test_shows_why_promotions_rest_and_lifts_it(
        self, staff: Any, contact: Contact, now: datetime
    ) -> None:
        promotion_pauses.pause(contact=contact, reason=Contact.PauseReason.LOW_SCORE, now=now)
        client = staff("change_contact", "view_contact")

        assert "because of a low score" in self.page(client, contact)
        self.do(client, contact, "lift")

        contact.refresh_from_db()
        assert (contact.promotions_paused_at, contact.promotions_paused_reason) == (None, "")
        assert "because of" not in self.page(client, contact)

    def test_pauses_promotions(self, owner: Client, contact: Contact) -> None:
        self.do(owner, contact, "pause")

        contact.refresh_from_db()
        assert contact.promotions_paused_reason == "staff"
        assert contact.promotions_paused_at is not None

    @pytest.mark.parametrize("deed", ["add_label", "remove_label", "pause", "lift"])
    def test_needs_the_permission_and_a_post(
        self, deed: str, staff: Any, contact: Contact, now: datetime
    ) -> None:
        label = Label.objects.create(name="VIP")
        client = staff("view_contact", "change_label")

        answer = self.do(client, contact, deed, label=label.pk)

        url = reverse(f"admin:whatsapp_notify_contact_{deed}", args=[contact.pk])
        assert answer.status_code == 403
        assert staff("change_contact").get(url).status_code == 405
        assert not ContactLabel.objects.exists()
        assert url not in self.page(client, contact)

    @pytest.mark.parametrize("label", ["", "x", "²", "999"])
    def test_knows_no_label_of_any_other_name(
        self, label: str, owner: Client, contact: Contact
    ) -> None:
        assert self.do(owner, contact, "add_label", label=label).status_code == 404

    def test_of_an_erased_customer_changes_nothing(
        self, owner: Client, contact: Contact, now: datetime
    ) -> None:
        Contact.objects.filter(pk=contact.pk).update(erased_at=now)

        assert self.do(owner, contact, "pause").status_code == 403

    def test_says_where_the_customer_came_from(
        self, owner: Client, contact: Contact, now: datetime
    ) -> None:
        inbound = make.make_inbound(contact, at=now)
        Lead.objects.create(
            contact=contact, inbound=inbound, source_type="ad", headline="<Lanterns>", came_at=now
        )

        assert "“&lt;Lanterns&gt;”" in self.page(owner, contact)


class TestLead:
    def test_is_only_read(self, owner: Client) -> None:
        assert owner.get(reverse("admin:whatsapp_notify_lead_add")).status_code == 403


class TestRate:
    FIELDS = {
        "country": "fi",
        "category": "service",
        "currency": "eur",
        "amount": "0.0455",
        "effective_from": "2026-10-01",
    }

    def test_reads_codes_in_any_case(self, owner: Client) -> None:
        add(owner, "rate", **self.FIELDS)

        rate = Rate.objects.get()
        assert (rate.country, rate.currency) == ("FI", "EUR")
        assert "0.0455 EUR" in html_of(owner, "rate")

    @pytest.mark.parametrize(
        ("fields", "told"),
        [
            ({"country": "XX"}, "This is no code of a country."),
            ({"currency": "€"}, "A currency has three letters"),
            ({"amount": "-1"}, "A price is not below zero."),
        ],
    )
    def test_refuses(self, fields: dict[str, str], told: str, owner: Client) -> None:
        html = add(owner, "rate", **{**self.FIELDS, **fields})

        assert told in html
        assert not Rate.objects.exists()

    def test_list_says_which_is_valid(self, owner: Client, now: datetime) -> None:
        for days in (-60, -30, 30):
            Rate.objects.create(
                category="service",
                currency="EUR",
                amount="0.05",
                effective_from=(now + timedelta(days=days)).date(),
            )

        html = html_of(owner, "rate")

        assert [html.count(f">{word}</span>") for word in ("over", "valid", "not yet valid")] == [
            1, 1, 1,
        ]  # fmt: skip
