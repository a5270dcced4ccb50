"""The story's talks: a scene fails where the shop does not answer as it should."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from demo_shop.demo.talk import NotSaid, Talk
from tests import chat, chat_shop
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import AutomaticReply, Conversation, Message
from whatsapp_notify.services import errands
from whatsapp_notify.shop import BotReply, HandOver

pytestmark = pytest.mark.django_db(transaction=True)


class NothingCame(Exception):
    """What the scene waited for."""


class Stage:
    """A shop in this process that does all at once; whatever it says arrives."""

    tell = staticmethod(lambda line: None)

    def control(self, action: str, **values: Any) -> dict[str, Any]:
        assert action == "reply"
        by = chat.person(wa_id=values["phone"].removeprefix("+"))
        now = timezone.now()
        chat.write(values["text"], by=by, at=now, now=now)
        errands.run(now=now)
        Message.objects.update(state=State.DELIVERED)
        return {}

    def wait_for(self, what: str, look: Callable[[], Any]) -> Any:
        found = look()
        if found is None:
            raise NothingCame(what)
        return found


@pytest.fixture(autouse=True)
def open_shop(settings: Any) -> None:
    chat_shop.open_shop(settings)
    chat_shop.let("bot", lambda turn: HandOver("no question that the bot knows"))


@pytest.fixture
def notice() -> AutomaticReply:
    return AutomaticReply.objects.create(
        kind="away", language="en", body="We are back {next_opening}."
    )


class TestNobodyIsThere:
    def test_ends_well_where_the_notice_comes_once(self, notice: AutomaticReply) -> None:
        Talk(stage=Stage()).nobody_is_there()

        assert Message.objects.count() == 1

    def test_fails_without_the_notice(self) -> None:
        with pytest.raises(NothingCame, match="an answer to"):
            Talk(stage=Stage()).nobody_is_there()

    def test_fails_where_it_does_not_say_when(self, notice: AutomaticReply) -> None:
        AutomaticReply.objects.update(body="We are closed.")

        with pytest.raises(NotSaid, match="We are closed"):
            Talk(stage=Stage()).nobody_is_there()

    def test_fails_where_it_comes_twice(self, notice: AutomaticReply) -> None:
        class Forgetful(Stage):
            def control(self, action: str, **values: Any) -> dict[str, Any]:
                Conversation.objects.update(away_told_at=None)
                return super().control(action, **values)

        with pytest.raises(NotSaid, match="We are back"):
            Talk(stage=Forgetful()).nobody_is_there()

    def test_fails_where_the_second_is_answered(self, notice: AutomaticReply) -> None:
        said = iter([HandOver("not known"), BotReply("Nobody at all.")])
        chat_shop.let("bot", lambda turn: next(said))

        with pytest.raises(NotSaid, match="Nobody at all"):
            Talk(stage=Stage()).nobody_is_there()
