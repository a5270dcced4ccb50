"""Labels that customers carry."""

from datetime import timedelta

import pytest

from tests import factories
from tests.factories import NOW
from whatsapp_notify.models import ContactLabel, Label
from whatsapp_notify.services import labels

pytestmark = pytest.mark.django_db


def label(name: str = "new order") -> Label:
    return Label.objects.create(name=name)


class TestAdd:
    def test_puts_the_label_on_the_contact(self) -> None:
        contact, new = factories.contact(), label()

        is_new = labels.add(
            contact=contact, label=new, actor="order.confirmed", order_ref="A1001", now=NOW
        )

        row = ContactLabel.objects.get(contact=contact, label=new)
        assert is_new
        assert (row.actor, row.order_ref, row.set_at) == ("order.confirmed", "A1001", NOW)

    def test_keeps_the_first_where_it_is_set_again(self) -> None:
        contact, new = factories.contact(), label()
        labels.add(contact=contact, label=new, actor="order.confirmed", now=NOW)

        is_new = labels.add(contact=contact, label=new, actor="owner", now=NOW + timedelta(days=1))

        row = ContactLabel.objects.get(contact=contact, label=new)
        assert not is_new
        assert (row.actor, row.set_at) == ("order.confirmed", NOW)

    def test_shortens_names_that_the_column_cannot_hold(self) -> None:
        contact, new = factories.contact(), label()

        labels.add(contact=contact, label=new, actor="x" * 300, order_ref="9" * 100, now=NOW)

        row = ContactLabel.objects.get(contact=contact, label=new)
        assert (len(row.actor), len(row.order_ref)) == (150, 64)


class TestRemove:
    def test_takes_off_that_label_of_that_contact_only(self) -> None:
        contact, other = factories.contact(), factories.contact()
        new, paid = label(), label("paid")
        for each, name in ((contact, new), (contact, paid), (other, new)):
            labels.add(contact=each, label=name, actor="owner", now=NOW)

        was_there = labels.remove(contact=contact, label=new)

        assert was_there
        assert set(ContactLabel.objects.values_list("contact", "label")) == {
            (contact.pk, paid.pk),
            (other.pk, new.pk),
        }

    def test_says_that_there_was_none(self) -> None:
        assert not labels.remove(contact=factories.contact(), label=label())
