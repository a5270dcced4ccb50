"""What the shop knows: customers, products and orders."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

#: The last four digits of a phone are enough to tell two customers apart.
_PHONE_DIGITS_SHOWN = 4


class Language(models.TextChoices):
    """Languages that the shop serves its customers in."""

    FINNISH = "fi", "suomi"
    SWEDISH = "sv", "svenska"
    RUSSIAN = "ru", "русский"
    ENGLISH = "en", "English"


class CustomerProfile(models.Model):
    """What the shop knows of a customer beside the user account."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="customer_profile",
        verbose_name=_("user"),
    )
    #: Forms store "+3584573900101"; staff and older customers may have typed "045 739 00101".
    phone = models.CharField(_("phone"), max_length=32, blank=True)
    birth_date = models.DateField(_("birthday"), null=True, blank=True)
    language = models.CharField(
        _("language"), max_length=2, choices=Language.choices, default=Language.FINNISH
    )

    class Meta:
        verbose_name = _("customer profile")
        verbose_name_plural = _("customer profiles")

    def __str__(self) -> str:
        return f"#{self.pk} customer ...{self.phone[-_PHONE_DIGITS_SHOWN:]}"


class Product(models.Model):
    """Something that the shop sells."""

    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(_("slug"), max_length=140, unique=True)
    description = models.TextField(_("description"))
    price = models.DecimalField(
        _("price"), max_digits=8, decimal_places=2, validators=[MinValueValidator(Decimal("0.01"))]
    )
    picture = models.CharField(
        _("picture"),
        max_length=100,
        help_text=_("Name of a static file, such as demo_shop/products/mug.svg."),
    )
    is_published = models.BooleanField(_("published"), default=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """This will return the address of the product's page."""
        return reverse("shop:product", args=[self.slug])


class OrderNumber(models.Model):
    """The sequence of order numbers: the database hands each one out once."""

    #: The first order of the shop is A1001.
    FIRST = 1001

    class Meta:
        verbose_name = _("order number")
        verbose_name_plural = _("order numbers")

    def __str__(self) -> str:
        return f"A{self.FIRST - 1 + self.pk}"


class Order(models.Model):
    """An order, with what its customer is to be told about it."""

    class Status(models.TextChoices):
        """Where an order stands."""

        #: Put together in the chat; becomes an order when staff has looked at it.
        DRAFT = "draft", _("Draft")
        PLACED = "placed", _("Placed")
        PAID = "paid", _("Paid")
        SHIPPED = "shipped", _("Shipped")
        OUT_FOR_DELIVERY = "out_for_delivery", _("Out for delivery")
        DELIVERED = "delivered", _("Delivered")
        CANCELLED = "cancelled", _("Cancelled")
        REFUNDED = "refunded", _("Refunded")

    number = models.CharField(_("number"), max_length=20, unique=True, editable=False)
    #: Empty for a guest.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="orders",
        verbose_name=_("customer"),
    )
    first_name = models.CharField(_("first name"), max_length=80)
    email = models.EmailField(_("e-mail"), blank=True)
    phone = models.CharField(_("phone"), max_length=32, blank=True)
    language = models.CharField(
        _("language"), max_length=2, choices=Language.choices, default=Language.FINNISH
    )
    status = models.CharField(
        _("status"), max_length=20, choices=Status.choices, default=Status.PLACED
    )
    total = models.DecimalField(_("total"), max_digits=10, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3, default="EUR")
    placed_at = models.DateTimeField(_("placed at"), default=timezone.now)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)
    shipped_on = models.DateField(_("shipped on"), null=True, blank=True)
    estimated_arrival = models.DateField(_("estimated arrival"), null=True, blank=True)
    carrier = models.CharField(_("carrier"), max_length=60, blank=True)
    tracking_code = models.CharField(_("tracking code"), max_length=40, blank=True)
    #: Which cart of the chat it was made of: one order for each, however often it is told.
    cart_key = models.CharField(max_length=100, null=True, unique=True, editable=False)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        indexes = [
            models.Index(fields=["user", "-placed_at"], name="shop_order_user_placed_idx"),
            models.Index(fields=["-updated_at"], name="shop_order_updated_idx"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["tracking_code"],
                condition=~Q(tracking_code=""),
                name="shop_order_tracking_code_uniq",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.status}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """This will save the order and give a new one its number."""
        if not self.number:
            self.number = str(OrderNumber.objects.create())
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        """This will return the address of the page that only the order's customer may see."""
        return reverse("shop:order", args=[self.number])

    @property
    def tracking_url(self) -> str:
        """This will return the full address of the tracking page, or "" before dispatch.

        The page names no customer, so the link may be opened on any device.
        """
        if not self.tracking_code:
            return ""
        return settings.SHOP_BASE_URL + reverse("shop:tracking", args=[self.tracking_code])


class OrderLine(models.Model):
    """One product of an order, at the name and price of the day."""

    order = models.ForeignKey(
        Order, on_delete=models.CASCADE, related_name="lines", verbose_name=_("order")
    )
    product = models.ForeignKey(
        Product, on_delete=models.SET_NULL, null=True, blank=True, verbose_name=_("product")
    )
    name = models.CharField(_("name"), max_length=120)
    unit_price = models.DecimalField(_("unit price"), max_digits=8, decimal_places=2)
    quantity = models.PositiveSmallIntegerField(
        _("quantity"), default=1, validators=[MinValueValidator(1)]
    )

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")

    def __str__(self) -> str:
        return f"#{self.pk} {self.quantity} x {self.name}"

    @property
    def subtotal(self) -> Decimal:
        """This will return the price of the whole line."""
        return self.unit_price * self.quantity
