"""The catalogue from which customers of the simulator fill a cart."""

from demo_shop.models import Product
from whatsapp_notify.simulator.catalog import CatalogProduct


def products() -> list[CatalogProduct]:
    """This will return what the shop sells, by name."""
    return [
        CatalogProduct(
            retailer_id=product.slug, name=product.name, price=product.price, currency="EUR"
        )
        for product in Product.objects.filter(is_published=True).order_by("name", "id")
    ]
