"""A sudden jump of opt-outs by sentences, and all that goes on working meanwhile."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests import chat, factories
from tests.factories import NOW
from whatsapp_notify import signals
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.models import ConsentState, Contact, Heartbeat, InboundMessage
from whatsapp_notify.services import opt_out_breaker
from whatsapp_notify.services.opt_out_breaker import LEAST, OPEN_FOR, WINDOW

pytestmark = pytest.mark.django_db(transaction=True)

HandledAs = InboundMessage.HandledAs
SENTENCE = "Please take me off your list"


@pytest.fixture(autouse=True)
def topics() -> None:
    for key in ("service", "orders", "offers"):
        factories.topic(key)


@pytest.fixture
def alarms() -> Any:
    heard: list[str] = []

    def listen(**told: Any) -> None:
        heard.append(f"{told['reason']}: {told['detail']}")

    signals.attention_needed.connect(listen)
    yield heard
    signals.attention_needed.disconnect(listen)


def say(text: Any, *, at: datetime = NOW, contact: Contact | None = None) -> InboundMessage:
    by = contact or factories.contact(consents=("orders", "offers"))
    return chat.write(text, by=chat.person(by), at=at)


def jump(*, at: datetime = NOW, people: int = LEAST) -> None:
    for _person in range(people):
        assert say(SENTENCE, at=at).handled_as == HandledAs.OPT_OUT


def has_consent(row: InboundMessage) -> bool:
    return ConsentState.objects.filter(contact=row.contact, is_granted=True).exists()


class TestJump:
    def test_f76_asks_a_person_instead_of_withdrawing(self, alarms: list[str]) -> None:
        jump()

        held = [say(SENTENCE) for _person in range(3)]

        for row in held:
            row.refresh_from_db()
            assert row.handled_as == HandledAs.PERSON
            assert has_consent(row)
            assert row.content["understood"] == {
                "as": "unclear",
                "rule": "remove me",
                "is_exact": False,
                "is_held": True,
            }
        assert alarms == ["opt_out_jump: 20 opt-outs by sentences within 10 minutes"]

    @pytest.mark.parametrize(
        "content",
        [
            "STOP",
            "Lopeta, kiitos",
            "no more offers",
            contents.ButtonTap(payload="wn:opt-out", label="No more of this"),
        ],
        ids=["stop", "polite", "promotions", "button"],
    )
    def test_f76_never_holds_words_and_buttons(self, content: Any) -> None:
        jump()

        assert say(content).handled_as == HandledAs.OPT_OUT

    def test_does_not_count_words_and_buttons(self) -> None:
        for _person in range(LEAST + 5):
            say("STOP")

        assert say(SENTENCE).handled_as == HandledAs.OPT_OUT

    def test_does_not_count_one_person_twice(self) -> None:
        contact = factories.contact()
        for second in range(LEAST + 5):
            say(SENTENCE, at=NOW + timedelta(seconds=second), contact=contact)

        assert say(SENTENCE, at=NOW + timedelta(minutes=1)).handled_as == HandledAs.OPT_OUT

    def test_is_over_where_they_come_slowly(self) -> None:
        jump(people=LEAST - 1)
        later = NOW + WINDOW

        assert say(SENTENCE, at=later).handled_as == HandledAs.OPT_OUT
        assert say(SENTENCE, at=later).handled_as == HandledAs.OPT_OUT

    def test_is_natural_after_a_large_campaign(self) -> None:
        for _person in range(5 * LEAST + 5):
            row = factories.queued(factories.contact())
            row.called_at, row.state, row.is_pending = NOW, "delivered", False
            row.save()
        jump()

        assert say(SENTENCE).handled_as == HandledAs.OPT_OUT

    def test_leaves_starts_alone(self) -> None:
        jump()

        assert say("please sign me up again").handled_as == HandledAs.OPT_IN


class TestOpenFor:
    def test_an_hour_it_stays_open_and_rings_no_more(self, alarms: list[str]) -> None:
        jump()
        say(SENTENCE)

        last = say(SENTENCE, at=NOW + OPEN_FOR - timedelta(seconds=1))

        assert last.handled_as == HandledAs.PERSON
        assert len(alarms) == 1

    def test_then_it_closes_by_itself(self) -> None:
        jump()
        say(SENTENCE)

        assert say(SENTENCE, at=NOW + OPEN_FOR).handled_as == HandledAs.OPT_OUT

    def test_rings_again_at_the_next_jump(self, alarms: list[str]) -> None:
        jump()
        say(SENTENCE)
        jump(at=NOW + OPEN_FOR)

        say(SENTENCE, at=NOW + OPEN_FOR)

        assert len(alarms) == 2

    def test_old_news_does_not_move_it_back(self) -> None:
        jump()
        say(SENTENCE)
        before = NOW - timedelta(hours=3)
        jump(at=before)

        say(SENTENCE, at=before)

        assert Heartbeat.objects.get(name=opt_out_breaker.OPENED).at == NOW
