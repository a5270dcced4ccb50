"""What is remembered of the weeks before the demo: who agreed, ordered, answered and objected."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone, translation

from demo_shop.cart import CartLine, total_of
from demo_shop.fulfilment import CARRIER, DELIVERY_TIME, new_tracking_code
from demo_shop.models import CustomerProfile, Language, Order, OrderNumber, Product
from demo_shop.seed import store_quietly
from whatsapp_notify import conf, forms
from whatsapp_notify.domain import phone as phones
from whatsapp_notify.domain.occasions import Customer
from whatsapp_notify.models import ConsentRecord, Topic
from whatsapp_notify.services import consent, contacts, events
from whatsapp_notify.services.consent import Proof
from whatsapp_notify.services.events import Happening
from whatsapp_notify.simulator import attachments, control, customers

Status = Order.Status

_DAY, _HOUR, _MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
_ORDERS, _FEEDBACK, _OFFERS = "orders", "feedback", "offers"
_ALL = (_ORDERS, _FEEDBACK, _OFFERS)

#: Boxes that the seed's customers ticked at their first order, by first name.
_TICKED = {
    "Customer One": _ALL,
    "Customer Two": (_ORDERS, _FEEDBACK),
    "Customer Three": (_ORDERS, _FEEDBACK),
    "Customer Four": _ALL,
    "Customer Five": (),
    "Customer Six": _ALL,
    "Guest": (_ORDERS,),
}

#: First name, hours after the survey question, what they wrote.
_SURVEY_ANSWERS = {
    "Customer One": (3, "VERKKOKAUPPA 9 kiitos, nopea toimitus!"),
    "Customer Two": (20, "VERKKOKAUPPA 8 bra lampa"),
    "Customer Three": (1, "10"),
    "Customer Four": (5, "6/10 - a strap was twisted, but you mended it"),
}

#: Days ago, first name, what they wrote of their own accord.
_LETTERS = (
    (70, "Customer One", "Hei! Voiko pannun pestä koneessa?"),
    (30, "Customer Three", "Спасибо, шапка очень тёплая!"),
    (3, "Customer Four", "STOP"),
    (2, "Customer Six", "Ehtiikö paketti perjantaiksi?"),
)


class Act(NamedTuple):
    """Something that happened."""

    at: datetime
    do: Callable[[datetime], object]
    #: False where the worker stood still and did nothing about it.
    is_settled: bool = True


@dataclass(frozen=True, kw_only=True)
class _Passer:
    """Somebody whose number has a fate of its own in the simulator."""

    first_name: str
    phone: str
    language: Language
    ticked: tuple[str, ...]
    #: Age of the order.
    ago: timedelta
    status: Order.Status = Status.PLACED


_PASSERS = (
    _Passer(
        first_name="Customer Seven",
        phone="+358457390002",  # not on WhatsApp
        language=Language.FINNISH,
        ticked=(_ORDERS,),
        ago=6 * _DAY,
        status=Status.SHIPPED,
    ),
    _Passer(
        first_name="Customer Eight",
        phone="+358457390004",  # had enough marketing from everybody
        language=Language.ENGLISH,
        ticked=_ALL,
        ago=5 * _DAY,
    ),
    _Passer(
        first_name="Customer Nine",
        phone="+358457390007",  # a server error after accepting
        language=Language.SWEDISH,
        ticked=(_ORDERS,),
        ago=4 * _DAY,
        status=Status.SHIPPED,
    ),
    _Passer(
        first_name="Customer Ten",
        phone="+358457390009",  # a proxy's page for an answer: nobody knows
        language=Language.ENGLISH,
        ticked=(_ORDERS,),
        ago=3 * _DAY,
    ),
    _Passer(
        first_name="Customer Eleven",
        phone="+358457390010",  # held for quality assessment
        language=Language.FINNISH,
        ticked=(_ORDERS,),
        ago=2 * _DAY,
    ),
    _Passer(
        first_name="Customer Twelve",
        phone="+358457390000",  # reads everything at once
        language=Language.RUSSIAN,
        ticked=(_ORDERS, _FEEDBACK),
        ago=4 * _DAY + 6 * _HOUR,
        status=Status.DELIVERED,
    ),
    _Passer(
        first_name="Customer Ten",
        phone="+358457390009",  # once more: this doubt is fresh
        language=Language.ENGLISH,
        ticked=(),
        ago=3 * _HOUR,
    ),
    _Passer(
        first_name="Customer Four",
        phone="045-73900104",  # has said STOP meanwhile
        language=Language.ENGLISH,
        ticked=(),
        ago=2 * _HOUR,
    ),
)


def acts(*, now: datetime) -> Iterator[Act]:
    """This will yield what happened, each with its moment, in no order."""
    latest = now - 20 * _MINUTE
    known = list(Order.objects.order_by("placed_at", "id"))
    seen: set[str] = set()
    for order in known:
        if order.first_name not in seen:
            seen.add(order.first_name)
            yield Act(order.placed_at, _agree(order, _TICKED.get(order.first_name, ())))
        yield from _life_of(order, latest=latest)
    for passer in _PASSERS:
        yield from _life_of_passer(passer, now=now, latest=latest)
    yield from _letters(now=now)
    yield from _photos_of_trips(now=now)
    yield from _mishaps(now=now)


def _life_of(order: Order, *, latest: datetime) -> Iterator[Act]:
    yield Act(order.placed_at + _MINUTE, _tell("order.confirmed", order))
    yield from _delivery_of(order, latest=latest)
    if order.status == Status.CANCELLED:
        yield Act(order.placed_at + 6 * _HOUR, _tell("order.cancelled", order))
    if order.status == Status.REFUNDED:
        yield Act(order.placed_at + 9 * _DAY, _tell("order.refunded", order))


def _delivery_of(order: Order, *, latest: datetime) -> Iterator[Act]:
    if order.shipped_on is None or order.estimated_arrival is None:
        return
    shipped_at = _shop_time(order.placed_at + _DAY, hour=10, minute=12)
    arrival = _shop_time(order.placed_at + _DAY + DELIVERY_TIME, hour=8, minute=30)
    delivered_at = min(arrival + 5 * _HOUR + 35 * _MINUTE, latest)
    yield Act(min(shipped_at, latest), _tell("order.shipped", order))
    if order.status in {Status.OUT_FOR_DELIVERY, Status.DELIVERED, Status.REFUNDED}:
        yield Act(min(arrival, latest), _tell("order.out_for_delivery", order))
    if order.status in {Status.DELIVERED, Status.REFUNDED}:
        yield Act(delivered_at, _tell("order.delivered", order))
        yield from _survey_of(order, asked_at=delivered_at + _DAY + _MINUTE)


def _survey_of(order: Order, *, asked_at: datetime) -> Iterator[Act]:
    yield Act(asked_at, lambda moment: None)
    yield Act(asked_at + _HOUR, _read(order))
    if order.first_name in _SURVEY_ANSWERS:
        hours, text = _SURVEY_ANSWERS[order.first_name]
        yield Act(asked_at + hours * _HOUR, _write(order.first_name, order.phone, text))


def _life_of_passer(passer: _Passer, *, now: datetime, latest: datetime) -> Iterator[Act]:
    order = _past_order(passer, placed_at=now - passer.ago)
    if passer.ticked:
        yield Act(order.placed_at, _agree(order, passer.ticked))
    yield from _life_of(order, latest=latest)


def _letters(*, now: datetime) -> Iterator[Act]:
    for days_ago, first_name, text in _LETTERS:
        profile = CustomerProfile.objects.get(user__first_name=first_name)
        moment = _shop_time(now - days_ago * _DAY, hour=11, minute=40)
        yield Act(moment, _write(first_name, profile.phone, text))
    profile = CustomerProfile.objects.get(user__first_name="Customer Six")
    yield Act(_shop_time(now - _DAY, hour=18, minute=5), _send_photo(profile))


def _photos_of_trips(*, now: datetime) -> Iterator[Act]:
    """This will let two take part in the campaign: one in two steps, one at once."""
    one, six = (
        CustomerProfile.objects.get(user__first_name=name)
        for name in ("Customer One", "Customer Six")
    )
    began = now - 5 * _HOUR
    yield Act(began, _write(one.user.first_name, one.phone, "Retki"))
    yield Act(began + 3 * _MINUTE, _send_entry(one, caption=""))
    yield Act(began + 5 * _MINUTE, _send_entry(one, caption="Ja toinen"))
    yield Act(began + _HOUR, _send_entry(six, caption="RETKI Nuuksiossa"))


def _mishaps(*, now: datetime) -> Iterator[Act]:
    """This will let the worker stand still twice: something comes too late, something is undone."""
    late, undone = (
        _past_order(
            _Passer(
                first_name="Customer Two",
                phone="+358 45 739 00102",
                language=Language.SWEDISH,
                ticked=(),
                ago=timedelta(),
                status=status,
            ),
            placed_at=now - days * _DAY,
        )
        for days, status in ((8, Status.OUT_FOR_DELIVERY), (9, Status.CANCELLED))
    )
    night = _shop_time(now - 7 * _DAY, hour=1)

    def plan_too_early(moment: datetime) -> None:
        _tell("order.out_for_delivery", late)(moment)
        events.process(now=moment)

    def undo(moment: datetime) -> None:
        _tell("order.confirmed", undone)(moment)
        events.process(now=moment)
        _tell("order.cancelled", undone)(moment + _MINUTE)

    # Delivered thirteen hours later, by when the parcel has been brought.
    yield Act(night, plan_too_early, is_settled=False)
    yield Act(night + 13 * _HOUR, lambda moment: None)
    yield Act(_shop_time(now - 9 * _DAY, hour=15), undo)


def _past_order(passer: _Passer, *, placed_at: datetime) -> Order:
    product = Product.objects.order_by("id")[0]
    lines = [CartLine(product, 1)]
    profile = CustomerProfile.objects.filter(user__first_name=passer.first_name).first()
    order = Order(
        number=str(OrderNumber.objects.create()),
        user_id=profile.user_id if profile else None,
        first_name=passer.first_name,
        phone=passer.phone,
        language=passer.language,
        status=passer.status,
        total=total_of(lines),
        placed_at=placed_at,
    )
    if passer.status in {Status.SHIPPED, Status.OUT_FOR_DELIVERY, Status.DELIVERED}:
        order.shipped_on = timezone.localdate(placed_at) + _DAY
        order.estimated_arrival = order.shipped_on + DELIVERY_TIME
        order.carrier, order.tracking_code = CARRIER, new_tracking_code()
    store_quietly(order, lines)
    return order


def _agree(order: Order, ticked: tuple[str, ...]) -> Callable[[datetime], object]:
    def agree(moment: datetime) -> None:
        customer = Customer(
            phone=order.phone,
            first_name=order.first_name,
            language=order.language,
            birth_date=_birth_date(order),
            user_id=order.user_id,
        )
        contact = contacts.resolve(customer=customer, now=moment)
        for topic in Topic.objects.filter(key__in=ticked).order_by("id"):
            with translation.override(order.language):
                wording = str(forms.consent_label(topic))
            proof = Proof(
                source=ConsentRecord.Source.CHECKOUT,
                wording=wording,
                language=order.language,
                ip_address="127.0.0.1",
                evidence={"order_ref": order.number},
            )
            consent.grant(
                contact=contact, topics=[topic], proof=proof, occurred_at=moment, now=moment
            )

    return agree


def _birth_date(order: Order) -> date | None:
    if order.user_id is None:
        return None
    profile = CustomerProfile.objects.filter(user_id=order.user_id).first()
    return profile.birth_date if profile else None


def _tell(name: str, order: Order) -> Callable[[datetime], object]:
    def tell(moment: datetime) -> None:
        # The key that the watched model would have given: told once, whatever happens later.
        label = order._meta.label_lower
        happening = Happening(
            name=name,
            key=f"{name}:{label}:{order.pk}",
            occurred_at=moment,
            subject_label=label,
            subject_pk=str(order.pk),
        )
        events.record(happening, now=moment)

    return tell


def _write(name: str, phone: str, text: str) -> Callable[[datetime], object]:
    return lambda moment: customers.write_text(_person(name, phone), text=text, now=moment)


def _send_photo(profile: CustomerProfile) -> Callable[[datetime], object]:
    """This will send a picture about the customer's latest order, which is then joined to it."""
    order = Order.objects.filter(user=profile.user).latest("placed_at", "id")
    photo = dataclasses.replace(
        attachments.sample_photo(), caption=f"Tässä kuitti, tilaus {order.number}"
    )
    return lambda moment: attachments.send(
        _person(profile.user.first_name, profile.phone), attachment=photo, now=moment
    )


def _send_entry(profile: CustomerProfile, *, caption: str) -> Callable[[datetime], object]:
    photo = dataclasses.replace(attachments.sample_photo(), caption=caption)
    return lambda moment: attachments.send(
        _person(profile.user.first_name, profile.phone), attachment=photo, now=moment
    )


def _read(order: Order) -> Callable[[datetime], object]:
    return lambda moment: customers.open_chat(_person(order.first_name, order.phone), now=moment)


def _person(name: str, phone: str) -> customers.SimulatedCustomer:
    return control.customer(phones.parse(phone, region=conf.load().DEFAULT_REGION), name=name)


def _shop_time(moment: datetime, *, hour: int, minute: int = 0) -> datetime:
    """This will return an hour of the same day at the shop."""
    local = moment.astimezone(ZoneInfo(settings.TIME_ZONE))
    return local.replace(hour=hour, minute=minute, second=0, microsecond=0)
