"""What a customer had before their eyes: only what may have left."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db.models import QuerySet

from tests import chat, factories, webhook_bodies
from tests.factories import NOW
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.domain.receipts import (
    Accepted,
    Action,
    Outgoing,
    Receipt,
    Refused,
    Unknown,
    UnknownReason,
)
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import Contact, Message
from whatsapp_notify.services import claims, last_calls, receipts, settlement, statuses

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
DOUBT = Unknown(reason=UnknownReason.TIMED_OUT)
ACCEPTED = Accepted(provider_message_id="wamid.1")
NOT_SENT = {
    "no connection": Refused(action=Action.RETRY, detail="no connection"),
    "throttled": Refused(action=Action.SLOW_DOWN, code=130429, http_status=429),
    "too fast for one person": Refused(action=Action.SLOW_PAIR, code=131056),
    "taken back at the last look": Refused(action=Action.RECONSIDER),
    "number stopped": Refused(action=Action.STOP_SENDER, code=190),
    "template stopped": Refused(action=Action.STOP_TEMPLATE, code=132015),
}
not_sent = pytest.mark.parametrize("refusal", NOT_SENT.values(), ids=NOT_SENT)


@pytest.fixture
def message() -> Message:
    return factories.queued()


def call(message: Message, *, at: datetime = NOW) -> Outgoing:
    Message.objects.filter(pk=message.pk).update(due_at=at)
    (planned,) = claims.claim(limit=1, now=at).calls
    assert planned.outgoing.message_id == message.pk
    return planned.outgoing


def answer(message: Message, receipt: Receipt, *, at: datetime = NOW) -> None:
    receipts.record(answers=[(call(message, at=at), receipt)], now=at)


def send_again(message: Message, *, at: datetime = NOW) -> None:
    message.refresh_from_db()
    settlement.settle(
        message_id=message.pk,
        verdict="send_again",
        expected_attempt=message.attempt,
        actor="owner",
        now=at,
    )


def fail(message: Message) -> None:
    """The provider tells that the current call's message has failed."""
    message.refresh_from_db()
    told = webhook_bodies.status(message, "failed", wamid="wamid.1", code=131000)
    statuses.apply(statuses=wire.parse(webhook_bodies.body(statuses=[told])).statuses, now=NOW)


def before(contact: Contact, *, at: datetime = NOW + MINUTE) -> Message | None:
    row = chat.write("Hello", by=chat.person(contact), at=at)
    return last_calls.before(rows=[row], of=last_calls.seen()).get(row.pk)


class TestBefore:
    @not_sent
    def test_leaves_out_what_was_refused_and_waits_for_another_try(
        self, message: Message, refusal: Refused
    ) -> None:
        answer(message, refusal)

        message.refresh_from_db()
        assert (message.state, message.called_at) == (State.QUEUED, NOW)
        assert before(message.contact) is None

    @pytest.mark.parametrize("state", [State.BLOCKED, State.EXPIRED, State.CANCELLED, State.FAILED])
    @not_sent
    def test_leaves_out_what_ended_after_that(
        self, message: Message, refusal: Refused, state: State
    ) -> None:
        answer(message, refusal)
        Message.objects.update(state=state, is_pending=False)

        assert before(message.contact) is None

    def test_leaves_out_what_was_never_called(self, message: Message) -> None:
        assert before(message.contact) is None

    def test_returns_what_was_called_again_and_has_left(self, message: Message) -> None:
        answer(message, NOT_SENT["throttled"])
        answer(message, ACCEPTED, at=NOW + MINUTE)

        assert before(message.contact, at=NOW + MINUTE / 2) is None
        assert before(message.contact, at=NOW + 2 * MINUTE) == message

    def test_returns_what_is_being_called(self, message: Message) -> None:
        """The customer may be quicker than the answer to our own call."""
        call(message)

        assert before(message.contact) == message

    @pytest.mark.parametrize("state", [State.IN_DOUBT, State.UNKNOWN])
    def test_returns_what_may_have_left(self, message: Message, state: State) -> None:
        answer(message, DOUBT)
        Message.objects.update(state=state)

        assert before(message.contact) == message

    @pytest.mark.parametrize("state", [State.QUEUED, State.BLOCKED, State.EXPIRED, State.CANCELLED])
    def test_returns_what_may_have_left_and_was_sent_again(
        self, message: Message, state: State
    ) -> None:
        answer(message, DOUBT)
        send_again(message)
        Message.objects.update(state=state)

        assert before(message.contact) == message

    @not_sent
    def test_returns_what_may_have_left_though_its_second_copy_did_not(
        self, message: Message, refusal: Refused
    ) -> None:
        answer(message, DOUBT)
        send_again(message)
        answer(message, refusal, at=NOW + MINUTE)

        assert before(message.contact, at=NOW + 2 * MINUTE) == message

    @pytest.mark.parametrize("end", [fail, lambda message: None], ids=["failed", "in doubt"])
    def test_looks_at_the_call_that_the_provider_tells_of(
        self, message: Message, end: Callable[[Message], None]
    ) -> None:
        answer(message, DOUBT)
        send_again(message)
        end(message)

        message.refresh_from_db()
        assert message.state == State.QUEUED
        assert before(message.contact) == (None if end is fail else message)

    def test_leaves_out_what_has_failed_and_is_sent_again(self, message: Message) -> None:
        answer(message, ACCEPTED)
        fail(message)
        send_again(message)

        assert before(message.contact) is None

    def test_goes_by_the_call_that_may_have_left(self, message: Message) -> None:
        """A refused second copy is not what the customer saw last."""
        answer(message, DOUBT)
        other = factories.queued(message.contact)
        answer(other, ACCEPTED, at=NOW + MINUTE)
        send_again(message, at=NOW + 2 * MINUTE)
        answer(message, NOT_SENT["no connection"], at=NOW + 2 * MINUTE)

        assert before(message.contact, at=NOW + 3 * MINUTE) == other

    def test_survives_a_refusal_that_is_written_meanwhile(
        self, message: Message, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        outgoing = call(message)
        read = QuerySet.in_bulk

        def refused_meanwhile(rows: QuerySet[Message], ids: list[int]) -> dict[int, Message]:
            receipts.record(answers=[(outgoing, NOT_SENT["throttled"])], now=NOW)
            return read(rows, ids)

        row = chat.write("Hello", by=chat.person(message.contact), at=NOW + MINUTE)
        monkeypatch.setattr(QuerySet, "in_bulk", refused_meanwhile)

        assert last_calls.before(rows=[row], of=last_calls.seen()) == {}
