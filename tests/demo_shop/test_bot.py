"""The demo's bot: two questions, and a person for all else."""

from decimal import Decimal

import pytest

from demo_shop import bot
from demo_shop.models import Product
from tests.factories import NOW
from whatsapp_notify.shop import BotReply, BotTurn, HandOver

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def products() -> None:
    for name, slug, price in (
        ("Usva enamel mug", "usva-enamel-mug", "18.90"),
        ("Kaarna wool blanket", "kaarna-wool-blanket", "89.00"),
        ("Sammal wool beanie", "sammal-wool-beanie", "34.00"),
        ("Halla wool socks", "halla-wool-socks", "19.00"),
        ("Routa wool scarf", "routa-wool-scarf", "45.00"),
    ):
        Product.objects.create(name=name, slug=slug, price=Decimal(price), description=name)


def ask(text: str, language: str = "en") -> BotReply | HandOver:
    return bot.answer(BotTurn(text=text, language=language, deadline=NOW))


class TestProduct:
    @pytest.mark.parametrize(
        ("text", "language"),
        [
            ("Do you have an enamel mug?", "en"),
            ("How much is the Usva?", "en"),
            ("Onko teillä Usva-mukia?", "fi"),
            ("Vad kostar Usva?", "sv"),
            ("Сколько стоит Usva?", "ru"),
        ],
    )
    def test_is_named_with_price_and_page(self, text: str, language: str) -> None:
        answer = ask(text, language)

        assert isinstance(answer, BotReply)
        assert "Usva enamel mug, 18" in answer.text
        assert "/usva-enamel-mug/" in answer.text
        assert "blanket" not in answer.text

    def test_is_the_one_that_fits_best(self) -> None:
        answer = ask("do you have a wool blanket")

        assert isinstance(answer, BotReply)
        assert "Kaarna" in answer.text
        assert "Sammal" not in answer.text

    @pytest.mark.parametrize("text", ["Do you have wool things?", "Do you have skis?"])
    def test_that_too_many_or_none_fit_is_for_a_person(self, text: str) -> None:
        assert isinstance(ask(text), HandOver)

    def test_that_is_not_sold_any_more_is_for_a_person(self) -> None:
        Product.objects.filter(slug="usva-enamel-mug").update(is_published=False)

        assert isinstance(ask("Do you have an enamel mug?"), HandOver)

    def test_that_is_not_asked_for_is_for_a_person(self) -> None:
        assert isinstance(ask("My enamel mug is broken."), HandOver)


class TestDeliveryTime:
    @pytest.mark.parametrize(
        ("text", "language"),
        [
            ("How long does delivery take?", "en"),
            ("Mikä on toimitusaika?", "fi"),
            ("Vilken leveranstid har ni?", "sv"),
            ("Какой срок доставки?", "ru"),
        ],
    )
    def test_is_told_in_days(self, text: str, language: str) -> None:
        answer = ask(text, language)

        assert isinstance(answer, BotReply)
        assert "3" in answer.text
