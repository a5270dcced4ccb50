"""The cart."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from demo_shop.cart import Cart, total_of
from demo_shop.forms import AddToCartForm, CartLineForm
from demo_shop.models import Product


def cart(request: HttpRequest) -> HttpResponse:
    """This will show what is in the cart."""
    lines = list(Cart(request.session))
    return render(request, "shop/cart.html", {"lines": lines, "total": total_of(lines)})


@require_POST
def add_to_cart(request: HttpRequest, slug: str) -> HttpResponse:
    """This will put pieces of a product into the cart."""
    product = get_object_or_404(Product, slug=slug, is_published=True)
    form = AddToCartForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Please choose a quantity from 1 to 20."))
        return redirect(product)
    Cart(request.session).add(product=product, quantity=form.cleaned_data["quantity"])
    messages.success(request, _("%(name)s is in your cart.") % {"name": product.name})
    return redirect("shop:cart")


@require_POST
def change_cart(request: HttpRequest, slug: str) -> HttpResponse:
    """This will change the quantity of a product in the cart, or take it out."""
    product = get_object_or_404(Product, slug=slug)
    form = CartLineForm(request.POST)
    if form.is_valid():
        quantity = form.cleaned_data["quantity"]
        Cart(request.session).set_quantity(product=product, quantity=quantity)
    else:
        messages.error(request, _("Please choose a quantity from 0 to 20."))
    return redirect("shop:cart")
