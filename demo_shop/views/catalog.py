"""What is for sale."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from demo_shop.forms import AddToCartForm
from demo_shop.models import Product

#: Shown below a product.
_NEIGHBOURS = 4


def product_list(request: HttpRequest) -> HttpResponse:
    """This will show all that is for sale, the newest first."""
    products = Product.objects.filter(is_published=True).order_by("-created_at", "id")
    return render(request, "shop/product_list.html", {"products": products})


def product_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """This will show one product and a few others."""
    published = Product.objects.filter(is_published=True)
    product = get_object_or_404(published, slug=slug)
    neighbours = published.exclude(pk=product.pk).order_by("-created_at", "id")[:_NEIGHBOURS]
    return render(
        request,
        "shop/product_detail.html",
        {"product": product, "neighbours": neighbours, "form": AddToCartForm()},
    )
