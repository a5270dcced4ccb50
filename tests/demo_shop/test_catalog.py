"""What is for sale."""

from datetime import timedelta

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

from demo_shop.models import Product
from demo_shop.templatetags.shop import money


class TestProductList:
    def test_shows_published_products_the_newest_first(
        self, client: Client, mug: Product, lantern: Product
    ) -> None:
        mug.created_at = lantern.created_at + timedelta(days=1)
        mug.save()

        page = client.get("/")

        assert list(page.context["products"]) == [mug, lantern]

    def test_hides_a_product_that_is_not_published(
        self, client: Client, mug: Product, lantern: Product
    ) -> None:
        Product.objects.filter(pk=lantern.pk).update(is_published=False)

        page = client.get("/")

        assert mug.name in page.text
        assert lantern.name not in page.text

    def test_links_to_the_phone_and_to_the_desk(self, client: Client, db: None) -> None:
        page = client.get("/")

        assert 'href="/simulator/"' in page.text
        assert f'href="{reverse("admin:index")}"' in page.text

    def test_works_without_inline_script_and_style(self, client: Client, mug: Product) -> None:
        pages = [client.get("/"), client.get(mug.get_absolute_url())]

        for page in pages:
            assert "<script" not in page.text
            assert "<style" not in page.text
            assert " style=" not in page.text


class TestProductDetail:
    def test_shows_the_product_and_others(
        self, client: Client, mug: Product, lantern: Product
    ) -> None:
        page = client.get("/product/enamel-mug/")

        assert page.context["product"] == mug
        assert list(page.context["neighbours"]) == [lantern]

    def test_answers_not_found_for_an_unpublished_product(
        self, client: Client, mug: Product
    ) -> None:
        Product.objects.filter(pk=mug.pk).update(is_published=False)

        page = client.get("/product/enamel-mug/")

        assert page.status_code == 404


class TestMoney:
    @pytest.mark.parametrize(
        ("amount", "currency", "written"),
        [
            ("18.9", "EUR", "18.90\u00a0€"),
            ("1290", "EUR", "1,290.00\u00a0€"),
            ("5", "SEK", "5.00\u00a0SEK"),
        ],
    )
    def test_writes_the_amount_with_its_currency(
        self, amount: str, currency: str, written: str
    ) -> None:
        assert money(amount, currency) == written


class TestPictures:
    @pytest.mark.parametrize("name", ["shop.css", "admin.css", "hero.svg", "logo.svg", "phone.svg"])
    def test_are_found_as_static_files(self, name: str) -> None:
        assert finders.find(f"demo_shop/{name}")
