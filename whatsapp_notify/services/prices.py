"""What a message will cost, as far as the shop has entered Meta's rates."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from whatsapp_notify.domain import phone as phones
from whatsapp_notify.models import Contact, Conversation, Identity, Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price of one message; without an amount it is not known."""

    amount: Decimal | None
    currency: str = ""
    #: Whether it costs nothing because the customer came by an ad, until ``free_until``.
    free_until: datetime | None = None
    #: Two letters; empty where the country of the customer is not known.
    country: str = ""

    @property
    def is_free(self) -> bool:
        return self.free_until is not None


def of_message(*, conversation: Conversation, category: Rate.Category, now: datetime) -> Price:
    """This will return what one more message of a conversation costs when it is delivered.

    Free while the window of a customer who came by an ad is open, whatever the category.
    Source: WhatsApp Business Platform, "Pricing", read 2026-11.
    """
    until = conversation.entry_point_expires_at
    country = country_of(conversation.contact)
    if until is not None and until > now:
        return Price(amount=Decimal(0), free_until=until, country=country)
    rate = _rate(country=country, category=category, now=now)
    if rate is None:
        return Price(amount=None, country=country)
    return Price(amount=rate.amount, currency=rate.currency, country=country)


def country_of(contact: Contact) -> str:
    """This will return the two letters of a contact's country, or "" where it is not known."""
    current = {each.kind: each.value for each in contact.identities.all() if not each.ended_at}
    if phone := current.get(Identity.Kind.PHONE):
        return phones.country(phone)
    # A business-scoped user id begins with the country of its person.
    user_id = current.get(Identity.Kind.USER_ID, "")
    return user_id[:2] if user_id[2:3] == "." else ""


def _rate(*, country: str, category: Rate.Category, now: datetime) -> Rate | None:
    rates = Rate.objects.filter(
        country__in={country, ""},
        category=category,
        effective_from__lte=timezone.localdate(now),
    )
    # That of the country itself goes before that of all others, then the latest.
    return rates.order_by("-country", "-effective_from").first()
