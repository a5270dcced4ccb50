"""Goods, customers and past orders for a shop that has just opened its doors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from demo_shop.cart import CartLine, total_of
from demo_shop.fulfilment import CARRIER, DELIVERY_TIME, new_tracking_code
from demo_shop.models import CustomerProfile, Language, Order, OrderLine, OrderNumber, Product
from whatsapp_notify.models import InteractiveCampaign

Status = Order.Status

#: Every seeded customer logs in with it; the demo prints it.
CUSTOMER_PASSWORD = "slow morning"

_PRODUCTS = (
    (
        "Usva enamel mug",
        "usva-enamel-mug",
        "18.90",
        "mug",
        (
            "A mug that may stand right in the embers. Thick enamel on steel, 3.5 dl, a rim that "
            "does not burn the lip.\n\nIt will get a chip some day. We think that is how it "
            "remembers trips."
        ),
    ),
    (
        "Taival backpack 28\u00a0l",
        "taival-backpack-28-l",
        "129.00",
        "backpack",
        (
            "For a day that may turn into two. Waxed cotton, leather straps, one big pocket, one "
            "small one, and room for a mat on top.\n\nEvery strap can be changed, and we mend what "
            "tears."
        ),
    ),
    (
        "Hiillos camp kettle",
        "hiillos-camp-kettle",
        "49.00",
        "kettle",
        (
            "A litre and a half of coffee for those who sit closest to the fire. Stainless "
            "steel, a handle that stays upright, and a lid that stays on when you pour."
        ),
    ),
    (
        "Kajo storm lantern",
        "kajo-storm-lantern",
        "64.00",
        "lantern",
        (
            "Twenty hours of quiet light on one filling, whatever the wind says. It burns lamp oil "
            "behind glass that lifts with one thumb."
        ),
    ),
    (
        "Sammal merino beanie",
        "sammal-merino-beanie",
        "34.00",
        "beanie",
        (
            "Moss green merino, knitted double over the ears. Warm when wet, soft enough for a "
            "bare forehead, and with one honest pompom."
        ),
    ),
    (
        "Laavu tarp tent",
        "laavu-tarp-tent",
        "119.00",
        "tarp",
        (
            "A roof for two and a dog. One pole, six pegs, four minutes. It weighs 1.4 kilos and "
            "keeps out a whole night of rain."
        ),
    ),
    (
        "Tyyni thermos flask",
        "tyyni-thermos-flask",
        "42.00",
        "flask",
        (
            "Hot at breakfast, hot when you come down the hill. Three quarters of a litre, and the "
            "lid is a cup that two can share."
        ),
    ),
    (
        "Kaarna wool blanket",
        "kaarna-wool-blanket",
        "89.00",
        "blanket",
        (
            "Pure new wool, woven in one piece, 130 by 180 cm. For the pier, for the sofa, for the "
            "friend who forgot a jacket."
        ),
    ),
)


@dataclass(frozen=True, kw_only=True)
class _Customer:
    first_name: str
    phone: str
    language: Language
    #: None for the one whose birthday is always today.
    birth_date: date | None

    @property
    def email(self) -> str:
        return self.first_name.lower().replace(" ", ".") + "@example.com"


# The phones are written as customers write them: national, international, with spaces.
_CUSTOMERS = (
    _Customer(
        first_name="Customer One",
        phone="045 739 00101",
        language=Language.FINNISH,
        birth_date=None,
    ),
    _Customer(
        first_name="Customer Two",
        phone="+358 45 739 00102",
        language=Language.SWEDISH,
        birth_date=date(1979, 2, 28),
    ),
    _Customer(
        first_name="Customer Three",
        phone="+3584573900103",
        language=Language.RUSSIAN,
        birth_date=date(1992, 6, 24),
    ),
    _Customer(
        first_name="Customer Four",
        phone="045-73900104",
        language=Language.ENGLISH,
        birth_date=date(1996, 2, 29),
    ),
    _Customer(
        first_name="Customer Five",
        phone="04573900105",
        language=Language.FINNISH,
        birth_date=date(1964, 12, 6),
    ),
    _Customer(
        first_name="Customer Six",
        phone="00358 45 73900106",
        language=Language.FINNISH,
        birth_date=date(2001, 9, 14),
    ),
)

#: Customer, days ago, status, {product: pieces}; customer None is a guest.
_ORDERS: tuple[tuple[int | None, int, Status, dict[str, int]], ...] = (
    (0, 94, Status.DELIVERED, {"usva-enamel-mug": 2, "hiillos-camp-kettle": 1}),
    (1, 61, Status.DELIVERED, {"kajo-storm-lantern": 1}),
    (4, 40, Status.REFUNDED, {"laavu-tarp-tent": 1}),
    (2, 33, Status.DELIVERED, {"sammal-merino-beanie": 2}),
    (0, 21, Status.CANCELLED, {"tyyni-thermos-flask": 1}),
    (3, 12, Status.DELIVERED, {"taival-backpack-28-l": 1, "usva-enamel-mug": 1}),
    (None, 4, Status.OUT_FOR_DELIVERY, {"kaarna-wool-blanket": 1}),
    (5, 3, Status.SHIPPED, {"hiillos-camp-kettle": 1, "tyyni-thermos-flask": 1}),
    (1, 1, Status.PAID, {"kaarna-wool-blanket": 2}),
    (0, 1, Status.PLACED, {"kajo-storm-lantern": 1, "usva-enamel-mug": 4}),
)

_GUEST = _Customer(
    first_name="Guest",
    phone="045 739 00107",
    language=Language.FINNISH,
    birth_date=date(1985, 5, 17),
)

#: What customers may take part in by a photo; begun three weeks ago, for half a year.
_CAMPAIGN = {
    "name": "Photos of trips",
    "keywords": "RETKI\nTRIP",
    "invitation": (
        "Hei {first_name}! Lähetä kuva retkeltäsi. Julkaisemme kauneimmat, jos annat luvan.\n"
        "Send us a photo of your trip. We show the finest ones, if you let us."
    ),
    "thanks": "Kiitos kuvasta!\nThank you for the photo!",
    "not_begun": "Kuvia otetaan vastaan pian.\nWe shall take photos soon.",
    "over": "Kuvia ei enää oteta vastaan. Kiitos!\nWe take no photos any more. Thank you!",
}

_SENT_OUT = {Status.SHIPPED, Status.OUT_FOR_DELIVERY, Status.DELIVERED, Status.REFUNDED}


@transaction.atomic
def seed(*, now: datetime) -> None:
    """This will fill the shop, and may be called again at any time.

    Goods are brought up to date, customers that exist are kept, and a shop that has orders
    keeps its own. All is written in bulk, which sends no model signals: what lies in the
    past must not be announced to customers as news.
    """
    _seed_products(now)
    _seed_customers()
    _set_birthday(timezone.localdate(now))
    _seed_campaign(now)
    if not Order.objects.exists():
        _seed_orders(now)


def _seed_products(now: datetime) -> None:
    Product.objects.bulk_create(
        (
            Product(
                name=name,
                slug=slug,
                price=Decimal(price),
                picture=f"demo_shop/products/{picture}.svg",
                description=description,
                created_at=now - timedelta(days=100 + index),
            )
            for index, (name, slug, price, picture, description) in enumerate(_PRODUCTS)
        ),
        update_conflicts=True,
        unique_fields=["slug"],
        update_fields=["name", "price", "picture", "description"],
    )


def _seed_customers() -> None:
    users = get_user_model().objects
    known = set(users.values_list("username", flat=True))
    new = [customer for customer in _CUSTOMERS if customer.email not in known]
    if not new:
        return
    password = make_password(CUSTOMER_PASSWORD)
    users.bulk_create(
        get_user_model()(
            username=customer.email,
            email=customer.email,
            first_name=customer.first_name,
            password=password,
        )
        for customer in new
    )
    ids = dict(users.values_list("username", "id"))
    CustomerProfile.objects.bulk_create(
        CustomerProfile(
            user_id=ids[customer.email],
            phone=customer.phone,
            birth_date=customer.birth_date,
            language=customer.language,
        )
        for customer in new
    )


def _set_birthday(today: date) -> None:
    # 1988 was a leap year, so that it has every day.
    CustomerProfile.objects.filter(user__username=_CUSTOMERS[0].email).update(
        birth_date=today.replace(year=1988)
    )


def _seed_campaign(now: datetime) -> None:
    InteractiveCampaign.objects.get_or_create(
        name=_CAMPAIGN["name"],
        defaults={
            **_CAMPAIGN,
            "starts_at": now - timedelta(days=21),
            "ends_at": now + timedelta(days=180),
        },
    )


def _seed_orders(now: datetime) -> None:
    ids = dict(get_user_model().objects.values_list("username", "id"))
    products = Product.objects.in_bulk(field_name="slug")
    for index, days_ago, status, pieces in _ORDERS:
        customer = _GUEST if index is None else _CUSTOMERS[index]
        lines = [CartLine(products[slug], quantity) for slug, quantity in pieces.items()]
        order = Order(
            number=str(OrderNumber.objects.create()),
            user_id=ids.get(customer.email),
            first_name=customer.first_name,
            email=customer.email,
            phone=customer.phone,
            language=customer.language,
            status=status,
            total=total_of(lines),
            placed_at=now - timedelta(days=days_ago, hours=2),
        )
        if status in _SENT_OUT:
            order.shipped_on = timezone.localdate(order.placed_at) + timedelta(days=1)
            order.estimated_arrival = order.shipped_on + DELIVERY_TIME
            order.carrier = CARRIER
            order.tracking_code = new_tracking_code()
        store_quietly(order, lines)


def store_quietly(order: Order, lines: list[CartLine]) -> None:
    """This will store an order of the past, and send no signal."""
    Order.objects.bulk_create([order])
    # `updated_at` is set by every write of an instance, and these orders are old.
    Order.objects.filter(pk=order.pk).update(updated_at=order.placed_at)
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            product=line.product,
            name=line.product.name,
            unit_price=line.product.price,
            quantity=line.quantity,
        )
        for line in lines
    )
