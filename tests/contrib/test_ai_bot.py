"""The example of a bot with a language model: facts, or a person."""

import dataclasses
import sys
from datetime import date, timedelta
from decimal import Decimal
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests import chat_shop, shop
from tests.factories import NOW
from whatsapp_notify import checks
from whatsapp_notify.contrib import ai_bot
from whatsapp_notify.contrib.ai_bot import FactsBot
from whatsapp_notify.exceptions import ConfigurationError
from whatsapp_notify.models import KeywordReply
from whatsapp_notify.services import bots, errands
from whatsapp_notify.shop import BotLine, BotReply, BotTurn, Customer, HandOver, Order

pytestmark = pytest.mark.django_db

ORDER = Order(
    ref="A1001",
    customer=Customer(phone="+358457390142", first_name="Canarina"),
    status="shipped",
    estimated_arrival=date(2026, 11, 26),
    total=Decimal("37.80"),
    currency="EUR",
)
TURN = BotTurn(
    text="How long can I return things?",
    language="en",
    deadline=NOW + timedelta(seconds=8),
    first_name="Canarina",
    orders=(ORDER,),
    history=(
        BotLine(text="Hello", is_by_customer=True),
        BotLine(text="Welcome!", is_by_customer=False),
    ),
)
SURE = {"is_sure": True, "answer": "You can return all within 30 days.", "facts": ["F2"]}


class FakeClient:
    """Answers as the provider's client does, and keeps what it was asked."""

    def __init__(self, told: Any = None, *, stop_reason: str = "tool_use") -> None:
        self.asked: list[dict[str, Any]] = []
        self.messages = SimpleNamespace(create=self._create)
        self._told = SURE if told is None else told
        self._stop_reason = stop_reason

    def _create(self, **options: Any) -> Any:
        self.asked.append(options)
        block = SimpleNamespace(type="tool_use", name="answer", input=self._told)
        words = SimpleNamespace(type="text", text="Let me see.")
        return SimpleNamespace(stop_reason=self._stop_reason, content=[words, block])


@pytest.fixture(autouse=True)
def returns(settings: Any) -> KeywordReply:
    settings.WHATSAPP_NOTIFY = shop.configured(DEFAULT_LANGUAGE="en")
    return KeywordReply.objects.create(
        phrases="returns\nsend back", language="en", body="You may return within 30 days."
    )


def ask(client: FakeClient, turn: BotTurn = TURN) -> BotReply | HandOver:
    return FactsBot(model="a-model", client=client, clock=lambda: NOW)(turn)


class TestAnswer:
    def test_is_given_where_the_model_is_sure_and_names_its_facts(self) -> None:
        assert ask(FakeClient()) == BotReply("You can return all within 30 days.")

    def test_may_name_several_facts(self) -> None:
        told = {
            "is_sure": True,
            "answer": "A1001 comes on 2026-11-26, and 30 days are for returns.",
            "facts": ["F1", "F2"],
        }

        assert isinstance(ask(FakeClient(told)), BotReply)

    @pytest.mark.parametrize(
        "changes",
        [
            {"is_sure": False},
            {"is_sure": "true"},
            {"answer": " "},
            {"answer": None},
            {"facts": []},
            {"facts": "F2"},
            {"facts": ["F2", "F9"]},
            {"facts": [["F2"]]},
            {"answer": "You can return all within 60 days."},
            {"answer": "Within 30 days, see https://elsewhere.example/returns."},
            {"answer": "Your order comes on 2026-11-26.", "facts": ["F2"]},
            {"answer": "30 " * 2000},
        ],
        ids=str,
    )
    def test_is_a_persons_where_no_fact_stands_behind_it(self, changes: dict[str, Any]) -> None:
        assert isinstance(ask(FakeClient({**SURE, **changes})), HandOver)

    @pytest.mark.parametrize("told", [{}, "You can return all within 30 days.", ["F2"]])
    def test_is_a_persons_where_the_model_fills_in_nothing(self, told: Any) -> None:
        assert isinstance(ask(FakeClient(told)), HandOver)

    def test_is_a_persons_where_the_model_was_cut_off(self) -> None:
        assert isinstance(ask(FakeClient(stop_reason="max_tokens")), HandOver)

    def test_is_a_persons_at_once_without_facts(self, returns: KeywordReply) -> None:
        returns.delete()
        client = FakeClient()

        assert isinstance(ask(client, dataclasses.replace(TURN, orders=())), HandOver)
        assert client.asked == []

    def test_is_a_persons_at_once_without_time(self) -> None:
        client = FakeClient()

        assert isinstance(ask(client, dataclasses.replace(TURN, deadline=NOW)), HandOver)
        assert client.asked == []


class TestQuestion:
    def test_holds_the_facts_the_chat_and_the_time_that_is_left(self) -> None:
        client = FakeClient()

        ask(client)

        (asked,) = client.asked
        assert asked["model"] == "a-model"
        assert asked["timeout"] == 8
        assert (
            "F1: The customer's order A1001. status: shipped; arrives on: 2026-11-26"
            in (asked["system"])
        )
        assert (
            "F2: Asked for returns / send back: You may return within 30 days." in (asked["system"])
        )
        (message,) = asked["messages"]
        assert message["content"].endswith("How long can I return things?")
        assert "Customer: Hello\nShop: Welcome!" in message["content"]

    def test_holds_neither_phone_nor_name(self) -> None:
        KeywordReply.objects.create(phrases="name", language="en", body="You are {first_name}.")
        client = FakeClient()

        ask(client)

        assert "You are" in client.asked[0]["system"]
        assert "457390142" not in str(client.asked)
        assert "Canarina" not in str(client.asked)

    def test_may_hold_braces(self) -> None:
        KeywordReply.objects.update(body="Write {{code}} there.")

        ask(client := FakeClient(), dataclasses.replace(TURN, text="{0} {facts}"))

        assert "Write {code} there." in client.asked[0]["system"]


class TestFacts:
    def test_leave_out_what_is_off_or_calls_a_person(self) -> None:
        KeywordReply.objects.create(phrases="old", body="Old.", is_active=False)
        KeywordReply.objects.create(phrases="human", body="Soon.", calls_person=True)

        facts = ai_bot.facts_of(dataclasses.replace(TURN, orders=()), now=NOW)

        assert list(facts) == ["F1"]

    @pytest.mark.parametrize(
        ("language", "answers"),
        [
            ("fi", ["30 päivää.", "For all."]),
            ("sv", ["You may return within 30 days.", "For all."]),
        ],
    )
    def test_are_in_the_customers_language_else_in_the_shops(
        self, language: str, answers: list[str]
    ) -> None:
        KeywordReply.objects.create(phrases="palautus", language="fi", body="30 päivää.")
        KeywordReply.objects.create(phrases="all", body="For all.")

        facts = ai_bot.facts_of(dataclasses.replace(TURN, orders=(), language=language), now=NOW)

        assert [text.partition(": ")[2] for text in facts.values()] == answers


class TestProvider:
    def test_that_is_not_installed_is_named_with_the_repair(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "anthropic", None)

        with pytest.raises(ConfigurationError, match=r"pip install whatsapp-notify\[ai\]"):
            FactsBot(model="a-model")

    def test_that_is_not_installed_is_told_by_the_system_check(
        self, monkeypatch: pytest.MonkeyPatch, settings: Any
    ) -> None:
        monkeypatch.setitem(sys.modules, "anthropic", None)
        monkeypatch.delitem(sys.modules, "tests.contrib.shop_bot", raising=False)
        settings.WHATSAPP_NOTIFY = shop.configured(BOT="tests.contrib.shop_bot.answer")

        (message,) = checks.check_bot(app_configs=None)

        assert message.id == "whatsapp_notify.E041"
        assert "whatsapp-notify[ai]" in message.msg

    def test_is_asked_once_a_try(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made: list[dict[str, Any]] = []
        package = ModuleType("anthropic")
        package.Anthropic = lambda **options: made.append(options) or FakeClient()  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "anthropic", package)

        FactsBot(model="a-model")

        assert made == [{"max_retries": 0}]


class TestErrand:
    def test_is_answered_from_the_shops_words(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chat_shop.open_shop(settings, BOT="tests.chat_shop.bot")
        told = {**SURE, "facts": ["F1"]}
        chat_shop.let("bot", lambda turn: told)
        bot = FactsBot(model="a-model", client=FakeClient(told), clock=lambda: NOW)
        facts = ai_bot.facts_of(dataclasses.replace(TURN, orders=()), now=NOW)
        # The thread has a connection of its own, which does not see the test's rows.
        monkeypatch.setattr(ai_bot, "facts_of", lambda turn, now: facts)
        monkeypatch.setattr(bots, "load", lambda: bot)
        contact = chat_shop.customer()

        chat_shop.write(contact, "How long can I return things?")
        errands.run(now=NOW)

        assert chat_shop.said(contact) == ["You can return all within 30 days."]
