"""People, their ids, and that two of them never become one."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction

from tests import chat, factories
from tests.factories import NOW
from whatsapp_notify.cloud_api.webhooks import Person
from whatsapp_notify.domain.occasions import Customer
from whatsapp_notify.domain.phone import InvalidPhone
from whatsapp_notify.models import ConsentState, Contact, Identity
from whatsapp_notify.services import contacts

pytestmark = pytest.mark.django_db

Kind = Identity.Kind
LATER = NOW + timedelta(days=30)


def shop_user(name: str = "customer") -> Any:
    return get_user_model().objects.create_user(username=name)


def resolve(phone: str = "", **fields: Any) -> Contact:
    return contacts.resolve(customer=Customer(phone=phone, **fields), now=NOW)


def meet(*, answered: Contact | None = None, **ids: str) -> Contact:
    return contacts.by_person(person=Person(**ids), now=NOW, answered=answered)


def has_consent(contact: Contact) -> bool:
    return ConsentState.objects.filter(contact=contact, is_granted=True).exists()


class TestResolve:
    def test_f83_three_users_with_one_number_are_one_contact(self) -> None:
        phone = factories.phone()
        people = [shop_user(f"customer{number}") for number in range(3)]
        national = "0" + phone.removeprefix("+358")

        found = [
            resolve(text, user_id=person.pk)
            for text, person in zip([phone, national, f" {phone} "], people, strict=True)
        ]

        assert len({contact.pk for contact in found}) == 1
        assert Identity.objects.filter(value=phone).count() == 1

    def test_brings_the_contact_up_to_date_and_forgets_nothing(self) -> None:
        phone = factories.phone()
        resolve(phone, first_name="Customer One", language="fi", time_zone="Europe/Helsinki")

        contact = resolve(phone, first_name="Customer Two")

        contact.refresh_from_db()
        assert (contact.first_name, contact.language) == ("Customer Two", "fi")
        assert contact.time_zone == "Europe/Helsinki"

    def test_unknown_time_zone_is_left_out(self) -> None:
        assert resolve(factories.phone(), time_zone="Mars/Olympus").time_zone == ""

    def test_long_values_are_cut(self) -> None:
        contact = resolve(factories.phone(), first_name="x" * 500, language="y" * 50)

        contact.refresh_from_db()
        assert (len(contact.first_name), len(contact.language)) == (80, 15)

    def test_nobody_without_user_and_phone(self) -> None:
        with pytest.raises(contacts.NoAddress):
            resolve("  ", first_name="Customer")

        assert not Contact.objects.exists()

    def test_wrong_phone_of_a_guest_makes_no_contact(self) -> None:
        with pytest.raises(InvalidPhone):
            resolve("12")

        assert not Contact.objects.exists()

    def test_wrong_phone_of_a_user_updates_the_contact_all_the_same(self) -> None:
        user = shop_user()
        contact = resolve(factories.phone(), user_id=user.pk)

        with pytest.raises(InvalidPhone):
            resolve("12", user_id=user.pk, first_name="Customer")

        contact.refresh_from_db()
        assert contact.first_name == "Customer"
        assert chat.phone_of(contact)

    def test_new_number_of_a_user_takes_the_consent_along(self) -> None:
        user = shop_user()
        contact = factories.contact(user=user)
        new = factories.phone()

        assert resolve(new, user_id=user.pk) == contact
        assert chat.phone_of(contact) == new
        assert has_consent(contact)

    def test_f71_number_that_a_user_has_left_comes_without_consent(self) -> None:
        user = shop_user()
        contact = factories.contact(user=user)
        old = chat.phone_of(contact)
        resolve(factories.phone(), user_id=user.pk)

        next_owner = resolve(old)

        assert next_owner != contact
        assert not has_consent(next_owner)

    def test_f71_who_writes_from_a_left_number_is_somebody_else(self) -> None:
        user = shop_user()
        contact = factories.contact(user=user)
        digits = chat.phone_of(contact).removeprefix("+")
        meet(wa_id=digits, user_id=chat.user_id())
        resolve(factories.phone(), user_id=user.pk)

        next_owner = meet(wa_id=digits, user_id=chat.user_id())

        assert next_owner != contact
        assert not has_consent(next_owner)

    def test_new_number_is_not_unreachable_because_the_old_one_was(self) -> None:
        user = shop_user()
        contact = factories.contact(user=user, unreachable_since=NOW)

        resolve(factories.phone(), user_id=user.pk)

        contact.refresh_from_db()
        assert contact.unreachable_since is None

    def test_same_number_stays_unreachable(self) -> None:
        contact = factories.contact(unreachable_since=NOW)

        resolve(chat.phone_of(contact))

        contact.refresh_from_db()
        assert contact.unreachable_since == NOW

    def test_number_of_another_contact_is_not_taken_from_it(self) -> None:
        user = shop_user()
        mine = factories.contact(user=user)
        theirs = factories.contact(consents=())

        found = resolve(chat.phone_of(theirs), user_id=user.pk)

        assert found == theirs
        assert not has_consent(theirs)
        assert has_consent(mine)

    @pytest.mark.parametrize(
        ("wa_id", "dialled"),
        [
            ("551187654321", "+5511987654321"),
            ("5511987654321", "+5511987654321"),
            ("5215512345678", "+525512345678"),
            ("5491123456789", "+5491123456789"),
        ],
        ids=["brazil-without-9", "brazil-with-9", "mexico-521", "argentina"],
    )
    def test_f70_who_wrote_first_and_orders_then_is_one_contact(
        self, wa_id: str, dialled: str
    ) -> None:
        first = meet(wa_id=wa_id)

        ordered = resolve(dialled)

        assert ordered == first
        assert chat.phone_of(first) == dialled
        assert meet(wa_id=wa_id) == first

    def test_opt_out_at_the_same_moment_is_not_written_over(self) -> None:
        contact = factories.contact()
        done: list[bool] = []

        def stop_first(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
            if sql.startswith("UPDATE") and "whatsapp_notify_contact" in sql and not done:
                done.append(True)
                Contact.objects.filter(pk=contact.pk).update(marketing_stopped_at=NOW)
            return execute(sql, *rest)

        with connection.execute_wrapper(stop_first):
            resolve(chat.phone_of(contact), first_name="Customer Two")

        contact.refresh_from_db()
        assert done
        assert contact.first_name == "Customer Two"
        assert contact.marketing_stopped_at == NOW

    def test_birthday_is_found_by_its_day(self) -> None:
        contact = factories.contact()

        resolve(chat.phone_of(contact), birth_date=NOW.date())

        contact.refresh_from_db()
        assert contact.birth_month_day == 1123


class TestByPerson:
    def test_f70_somebody_without_a_phone_is_known_again(self) -> None:
        known = chat.user_id()

        first, second = meet(user_id=known, profile_name="Customer"), meet(user_id=known)

        assert first == second
        assert chat.phone_of(first) == ""

    def test_f70_phone_that_is_known_later_is_learnt(self) -> None:
        known = chat.user_id()
        contact = meet(user_id=known)

        meet(user_id=known, wa_id="358457390100")

        assert chat.phone_of(contact) == "+358457390100"
        assert meet(wa_id="358457390100") == contact

    def test_user_id_that_is_known_later_is_learnt(self) -> None:
        contact = factories.contact()
        known = chat.user_id()

        meet(wa_id=chat.phone_of(contact).removeprefix("+"), user_id=known)

        assert meet(user_id=known) == contact

    @pytest.mark.parametrize(
        ("dialled", "wa_id"),
        [
            ("+5511987654321", "551187654321"),
            ("+525512345678", "5215512345678"),
            ("+541123456789", "5491123456789"),
        ],
        ids=["brazil", "mexico", "argentina"],
    )
    def test_f70_other_spelling_of_the_dialled_number_is_the_same_person(
        self, dialled: str, wa_id: str
    ) -> None:
        contact = factories.contact(phone=dialled)

        assert meet(wa_id=wa_id) == contact
        assert chat.phone_of(contact) == dialled
        assert chat.value_of(contact, Kind.WA_ID) == wa_id

    def test_exact_number_goes_before_another_spelling(self) -> None:
        factories.contact(phone="+541123456789")
        exact = factories.contact(phone="+5491123456789")

        assert meet(wa_id="5491123456789") == exact

    def test_f70_answer_to_our_message_tells_who_writes(self) -> None:
        contact = factories.contact()
        known = chat.user_id()

        assert meet(user_id=known, answered=contact) == contact
        assert meet(user_id=known) == contact

    def test_answer_does_not_turn_a_known_person_into_another(self) -> None:
        contact = factories.contact()
        stranger = meet(user_id=(known := chat.user_id()))

        assert meet(user_id=known, answered=contact) == stranger

    def test_f71_number_with_another_user_id_is_another_person(self) -> None:
        contact = factories.contact()
        digits = chat.phone_of(contact).removeprefix("+")
        meet(wa_id=digits, user_id=(old := chat.user_id()))

        next_owner = meet(wa_id=digits, user_id=chat.user_id())

        assert next_owner != contact
        assert not has_consent(next_owner)
        assert chat.phone_of(contact) == ""
        assert meet(user_id=old) == contact
        assert chat.phone_of(next_owner) == f"+{digits}"

    def test_f71_known_person_who_takes_over_a_number_ends_it_for_the_former_owner(self) -> None:
        former = factories.contact()
        digits = chat.phone_of(former).removeprefix("+")
        meet(wa_id=digits, user_id=chat.user_id())
        person = meet(user_id=(known := chat.user_id()))

        assert meet(user_id=known, wa_id=digits) == person
        assert chat.phone_of(former) == ""
        assert chat.phone_of(person) == f"+{digits}"

    def test_user_id_decides_and_two_contacts_stay_two(self) -> None:
        in_shop = factories.contact()
        in_chat = meet(user_id=(known := chat.user_id()))
        digits = chat.phone_of(in_shop).removeprefix("+")

        assert meet(user_id=known, wa_id=digits) == in_chat
        assert chat.phone_of(in_shop) == f"+{digits}"
        assert chat.phone_of(in_chat) == ""

    def test_id_of_another_contact_costs_nobody_their_own(self) -> None:
        one = meet(user_id=(known := chat.user_id()), wa_id="358457390100")
        meet(wa_id="358457390101")

        meet(user_id=known, wa_id="358457390101")

        assert chat.value_of(one, Kind.WA_ID) == "358457390100"

    def test_shared_parent_id_merges_nobody(self) -> None:
        parent = "US.ENT.11815799212886844830"

        one = meet(user_id=chat.user_id(), parent_user_id=parent)
        two = meet(user_id=chat.user_id(), parent_user_id=parent)

        assert one != two

    def test_user_id_in_the_place_of_digits_is_no_phone(self) -> None:
        contact = meet(wa_id="0123")

        assert chat.phone_of(contact) == ""

    def test_contact_has_one_current_id_of_a_kind(self) -> None:
        contact = meet(user_id=(known := chat.user_id()), wa_id="358457390100")

        meet(user_id=known, wa_id="358457390199")

        current = contact.identities.filter(kind=Kind.WA_ID, ended_at__isnull=True)
        assert [each.value for each in current] == ["358457390199"]


class TestAllOfPerson:
    def test_finds_whoever_has_one_of_the_ids(self) -> None:
        in_shop = factories.contact()
        in_chat = meet(user_id=(known := chat.user_id()))
        factories.contact()
        person = Person(user_id=known, wa_id=chat.phone_of(in_shop).removeprefix("+"))

        assert contacts.all_of_person(person=person, contact=in_chat) == [in_shop, in_chat]

    def test_is_the_contact_alone_where_nothing_is_known(self) -> None:
        contact = factories.contact()

        assert contacts.all_of_person(person=Person(), contact=contact) == [contact]


class TestLearn:
    def test_keeps_new_ids(self) -> None:
        contact = factories.contact()
        known = chat.user_id()

        contacts.learn(contact=contact, person=Person(user_id=known), now=NOW)

        assert meet(user_id=known) == contact

    def test_f71_another_user_id_means_that_the_number_has_moved(self) -> None:
        contact = factories.contact()
        contacts.learn(contact=contact, person=Person(user_id=(old := chat.user_id())), now=NOW)

        contacts.learn(contact=contact, person=Person(user_id=(new := chat.user_id())), now=NOW)

        assert chat.phone_of(contact) == ""
        assert meet(user_id=old) == contact
        assert meet(user_id=new) != contact

    def test_late_news_of_an_old_id_changes_nothing(self) -> None:
        contact = factories.contact()
        old, new = Person(user_id=chat.user_id()), Person(user_id=chat.user_id())
        contacts.learn(contact=contact, person=old, now=NOW)
        contacts.change_number(person=old, new=new, now=LATER)

        contacts.learn(contact=contact, person=old, now=LATER)

        assert chat.value_of(contact, Kind.USER_ID) == new.user_id


class TestChangeNumber:
    def test_f71_consent_stays_with_the_person_and_the_old_number_with_nobody(self) -> None:
        contact = factories.contact(unreachable_since=NOW)
        old = chat.phone_of(contact)

        changed = contacts.change_number(
            person=chat.person(contact), new=Person(wa_id="358457390199"), now=NOW
        )

        contact.refresh_from_db()
        assert changed == contact
        assert chat.phone_of(contact) == "+358457390199"
        assert contact.unreachable_since is None
        assert not has_consent(resolve(old))
        assert has_consent(contact)

    def test_works_without_any_number(self) -> None:
        contact = meet(user_id=(old := chat.user_id()))
        new = chat.user_id()

        contacts.change_number(person=Person(user_id=old), new=Person(user_id=new), now=NOW)

        assert meet(user_id=new) == contact
        assert meet(user_id=old) != contact

    def test_new_number_of_another_contact_merges_nobody(self) -> None:
        contact, other = factories.contact(), factories.contact(consents=())

        contacts.change_number(person=chat.person(contact), new=chat.person(other), now=NOW)

        assert chat.phone_of(contact) == ""
        assert chat.phone_of(other)
        assert not has_consent(other)

    def test_stranger_is_nobody(self) -> None:
        assert (
            contacts.change_number(person=Person(), new=Person(wa_id="358457390199"), now=NOW)
            is None
        )


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_f83_two_first_orders_with_one_number_make_one_contact(self) -> None:
        phone = factories.phone()

        found = at_once(lambda: resolve(phone, first_name="Customer"))

        assert found[0] == found[1]
        assert Contact.objects.count() == 1

    def test_f53_two_first_messages_of_one_person_make_one_contact(self) -> None:
        known = chat.user_id()

        found = at_once(lambda: meet(user_id=known, wa_id="358457390100"))

        assert found[0] == found[1]
        assert Contact.objects.count() == 1


def at_once(act: Callable[[], Contact]) -> list[Contact]:
    """Two threads act; the second begins while the first has not committed."""
    has_acted, may_commit = threading.Event(), threading.Event()
    found: list[Contact] = []

    def first() -> None:
        with transaction.atomic():
            found.append(act())
            has_acted.set()
            may_commit.wait(0.3)
        connection.close()

    def second() -> None:
        has_acted.wait(10)
        found.append(act())
        connection.close()

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return found
