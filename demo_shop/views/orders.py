"""Checkout and orders."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from demo_shop.cart import Cart, CartLine, total_of
from demo_shop.forms import CheckoutForm
from demo_shop.models import CustomerProfile, Order
from demo_shop.ordering import Buyer, may_see, place_order, remember_guest_order


def checkout(request: HttpRequest) -> HttpResponse:
    """This will ask who orders, and place the order."""
    cart = Cart(request.session)
    lines = list(cart)
    if not lines:
        return redirect("shop:cart")
    form = CheckoutForm(request.POST or None, initial=_known_of_customer(request))
    if form.is_valid():
        order = _place(request, form, lines)
        cart.clear()
        return redirect("shop:thanks", number=order.number)
    return render(
        request, "shop/checkout.html", {"form": form, "lines": lines, "total": total_of(lines)}
    )


@transaction.atomic
def _place(request: HttpRequest, form: CheckoutForm, lines: list[CartLine]) -> Order:
    typed = form.cleaned_data
    user = request.user if request.user.is_authenticated else None
    buyer = Buyer(
        first_name=typed["first_name"],
        email=typed["email"],
        phone=typed["phone"],
        language=typed["language"],
        user=user,
    )
    order = place_order(buyer=buyer, lines=lines, now=timezone.now())
    form.save_whatsapp_consent(
        request=request,
        phone=order.phone,
        first_name=order.first_name,
        language=order.language,
        user=user,
        source="checkout",
        order_ref=order.number,
    )
    if user is None:
        remember_guest_order(session=request.session, order=order)
    return order


def _known_of_customer(request: HttpRequest) -> dict[str, Any]:
    if not request.user.is_authenticated:
        return {}
    known = {"first_name": request.user.first_name, "email": request.user.email}
    profile = CustomerProfile.objects.filter(user=request.user).first()
    if profile is None:
        return known
    return known | {"phone": profile.phone, "language": profile.language}


def thanks(request: HttpRequest, number: str) -> HttpResponse:
    """This will thank the customer for the order."""
    return render(request, "shop/thanks.html", {"order": _get_own_order(request, number)})


def order(request: HttpRequest, number: str) -> HttpResponse:
    """This will show an order to its customer, and to nobody else."""
    return render(request, "shop/order.html", {"order": _get_own_order(request, number)})


def _get_own_order(request: HttpRequest, number: str) -> Order:
    order = get_object_or_404(Order.objects.prefetch_related("lines__product"), number=number)
    # Someone else's order answers as one that does not exist, so numbers cannot be probed.
    if not may_see(order=order, user=request.user, session=request.session):
        raise Http404
    return order


def tracking(request: HttpRequest, code: str) -> HttpResponse:
    """This will show where a parcel is, without naming its customer."""
    order = get_object_or_404(Order.objects.exclude(tracking_code=""), tracking_code=code)
    return render(request, "shop/tracking.html", {"order": order})
