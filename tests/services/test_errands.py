"""Errands: each done once, by one worker, and never lost."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections, transaction

from tests import chat_shop, shop
from tests.chat_shop import last_step, said, waits, write
from tests.concurrency import beside, by_hand, on_postgresql, together
from tests.factories import NOW
from whatsapp_notify import signals
from whatsapp_notify.models import Contact, InboundMessage, Message
from whatsapp_notify.services import automatic_replies, errands, replaying, sweep
from whatsapp_notify.shop import BotReply

pytestmark = pytest.mark.django_db(transaction=True)

FIRST, SECOND = errands.PAUSES.values()
SECOND_MORE = timedelta(seconds=1)
NUMBER = "order A99999"


@pytest.fixture(autouse=True)
def open_shop(settings: Any) -> None:
    chat_shop.open_shop(settings)


@pytest.fixture
def contact() -> Contact:
    return chat_shop.customer()


@pytest.fixture
def rung() -> Any:
    heard: list[str] = []

    def hear(**told: Any) -> None:
        heard.append("errands")

    signals.errands_due.connect(hear)
    yield heard
    signals.errands_due.disconnect(hear)


def due(row: InboundMessage) -> Any:
    row.refresh_from_db()
    return row.errand_due_at


class TestRun:
    def test_tells_how_many_it_did(self, contact: Contact) -> None:
        for _each in range(3):
            write(contact, NUMBER)

        assert errands.run(now=NOW) == 3
        assert errands.run(now=NOW) == 0

    def test_does_nothing_before_its_time(self, contact: Contact) -> None:
        write(contact, NUMBER)

        assert errands.run(now=NOW - SECOND_MORE) == 0

    def test_takes_more_than_a_handful_in_one_turn(self, contact: Contact) -> None:
        for _each in range(errands._TOGETHER + 1):
            write(contact, NUMBER)

        assert errands.run(now=NOW) == errands._TOGETHER + 1

    def test_ends_its_turn_and_rings_for_the_rest(
        self, contact: Contact, rung: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(errands, "_TURN_SECONDS", -1.0)
        monkeypatch.setattr(errands, "_TOGETHER", 1)
        write(contact, NUMBER)
        write(contact, NUMBER)
        rung.clear()

        assert [errands.run(now=NOW), len(rung)] == [1, 1]
        assert [errands.run(now=NOW), len(rung)] == [1, 1]

    def test_refuses_to_run_inside_a_transaction(self) -> None:
        with pytest.raises(RuntimeError), transaction.atomic():
            errands.run(now=NOW)

    def test_of_one_message_does_not_wait_for_another(self, contact: Contact) -> None:
        other = chat_shop.customer()
        chat_shop.let("by_ref", lambda ref: chat_shop.raises() if ref == "1001" else None)
        write(contact, "order 1001")
        write(other, "order 1002")

        errands.run(now=NOW)

        assert said(contact) == []
        assert said(other) == [chat_shop.WORDS["order_unknown"]]

    def test_a_slow_shop_keeps_nobody_who_has_been_answered(
        self, contact: Contact, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(errands, "_HELD_SECONDS", -1.0)
        answered: list[int] = []
        chat_shop.let("by_ref", lambda ref: answered.append(Message.objects.count()))
        for each in (contact, chat_shop.customer(), chat_shop.customer()):
            write(each, NUMBER)

        errands.run(now=NOW)

        assert answered == [0, 1, 2]
        assert Message.objects.count() == 3

    def test_f11_refuses_to_take_up_what_would_not_be_committed(self, contact: Contact) -> None:
        row = write(contact, NUMBER)

        with pytest.raises(RuntimeError), by_hand():
            errands.run(now=NOW)

        row.refresh_from_db()
        assert row.errand_tries == 0
        assert errands.run(now=NOW) == 1


class TestErrandThatBreaks:
    def test_is_tried_again_with_a_growing_pause(self, contact: Contact) -> None:
        chat_shop.let("by_ref", chat_shop.raises)
        row = write(contact, NUMBER)

        errands.run(now=NOW)
        assert due(row) == NOW + FIRST
        errands.run(now=NOW + FIRST)
        assert due(row) == NOW + FIRST + SECOND
        assert SECOND > FIRST
        chat_shop.reset()
        errands.run(now=NOW + FIRST + SECOND)

        assert due(row) is None
        assert said(contact) == [chat_shop.WORDS["order_unknown"]]
        assert waits(contact) == []

    def test_is_a_persons_after_three_tries(self, contact: Contact) -> None:
        chat_shop.let("by_ref", chat_shop.raises)
        row = write(contact, NUMBER)

        for now in (NOW, NOW + FIRST, NOW + FIRST + SECOND, NOW + 2 * SECOND + FIRST):
            errands.run(now=now)

        assert (due(row), row.errand, row.errand_tries) == (None, "", 3)
        assert len(chat_shop.asked) == 3
        assert waits(contact) == ["order"]
        assert said(contact) == [chat_shop.WORDS["handed_over"]]
        assert last_step(row) == [
            "order", "failed", {"given_up": "ValueError", "tries": 3, "reply": "said"},
        ]  # fmt: skip

    def test_calls_a_person_even_where_nothing_can_be_said(
        self, contact: Contact, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(automatic_replies, "reply", chat_shop.raises)
        row = write(contact, NUMBER)

        for now in (NOW, NOW + FIRST, NOW + FIRST + SECOND):
            errands.run(now=now)

        assert waits(contact) == ["order"]
        assert due(row) is None

    def test_is_logged_without_its_words(
        self, contact: Contact, caplog: pytest.LogCaptureFixture
    ) -> None:
        chat_shop.let("by_ref", chat_shop.raises)
        write(contact, NUMBER)

        errands.run(now=NOW)

        assert "An errand failed" in caplog.text
        assert "ValueError" in caplog.text
        assert "457390142" not in caplog.text
        assert NUMBER not in caplog.text


class TestErrandThatKillsItsWorker:
    def die(self, now: Any) -> None:
        """Takes up what is due and does nothing more."""
        errands._claim(now)

    def lease(self) -> timedelta:
        return errands.LEASE + timedelta(seconds=10)

    def test_f33_is_given_up_after_three_tries(
        self, contact: Contact, caplog: pytest.LogCaptureFixture
    ) -> None:
        row = write(contact, NUMBER)
        for turn in range(3):
            self.die(NOW + turn * self.lease())

        errands.run(now=NOW + 3 * self.lease())

        assert due(row) is None
        assert chat_shop.asked == []
        assert waits(contact) == ["order"]
        assert "An errand killed its workers" in caplog.text

    def test_comes_back_when_nobody_can_be_at_it_any_more(self, contact: Contact) -> None:
        write(contact, NUMBER)
        self.die(NOW)

        assert errands.run(now=NOW + self.lease() - SECOND_MORE) == 0
        assert errands.run(now=NOW + self.lease()) == 1
        assert len(said(contact)) == 1

    def test_f33_goes_on_alone_and_after_what_is_new(self, contact: Contact) -> None:
        first, second = write(contact, NUMBER), write(contact, NUMBER)
        self.die(NOW)
        third = write(contact, NUMBER, at=NOW + self.lease())

        claims = [errands._claim(NOW + self.lease()) for _each in range(3)]

        assert [[each.pk for each in claim] for claim in claims] == [
            [third.pk], [first.pk], [second.pk],
        ]  # fmt: skip


class TestTwoWorkers:
    def test_f13_answer_each_message_once(self, contact: Contact) -> None:
        others = [chat_shop.customer() for _each in range(20)]
        for each in others:
            write(each, NUMBER)

        counts = together(*[lambda: errands.run(now=NOW)] * 4)

        assert sum(counts) == 20
        assert all(len(said(each)) == 1 for each in others)
        assert len(chat_shop.asked) == 20

    def test_f17_the_one_that_comes_back_late_leaves_it_alone(self, contact: Contact) -> None:
        row = write(contact, "Do you have a blue one?")
        later = NOW + errands.LEASE + timedelta(minutes=1)
        answers = iter(["late", "in time"])

        def answer(turn: Any) -> BotReply:
            text = next(answers)
            if text == "late":
                # Meanwhile the lease has passed, and another worker does all of it.
                beside(lambda: errands.run(now=later))
            return BotReply(text)

        chat_shop.let("bot", answer)

        errands.run(now=NOW)

        assert said(contact) == ["in time"]
        row.refresh_from_db()
        assert [step[0] for step in row.route].count("bot") == 2
        assert row.errand_tries == 2

    @pytest.mark.parametrize("breaks", [False, True])
    def test_f17_the_one_that_was_given_up_leaves_the_errand_to_the_other(
        self, contact: Contact, breaks: bool
    ) -> None:
        row = write(contact, "Do you have a blue one?")
        later = NOW + errands.LEASE + timedelta(minutes=1)

        def answer(turn: Any) -> BotReply:
            # Another worker has taken it up, and is not done with it.
            beside(lambda: errands._claim(later))
            return chat_shop.raises() if breaks else BotReply("Yes.")

        chat_shop.let("bot", answer)

        errands.run(now=NOW)

        assert said(contact) == []
        assert due(row) > later
        assert (row.errand, row.errand_tries) == ("bot", 2)

    @on_postgresql
    def test_do_not_wait_for_each_other(self, contact: Contact) -> None:
        write(contact, NUMBER)
        write(chat_shop.customer(), NUMBER)
        first = InboundMessage.objects.order_by("pk")[0]
        with transaction.atomic():
            InboundMessage.objects.select_for_update().get(pk=first.pk)

            assert beside(lambda: errands.run(now=NOW)) == 1

        assert errands.run(now=NOW) == 1


class TestBotCalls:
    def test_are_made_at_the_same_time(self) -> None:
        barrier = threading.Barrier(3)

        def answer(turn: Any) -> BotReply:
            barrier.wait(timeout=10)
            return BotReply("Yes.")

        chat_shop.let("bot", answer)
        customers = [chat_shop.customer() for _each in range(3)]
        for each in customers:
            write(each, "Do you have a blue one?")

        errands.run(now=NOW)

        assert [said(each) for each in customers] == [["Yes."]] * 3

    def test_of_a_second_line_waits_for_nobody_elses_answer(self, contact: Contact) -> None:
        has_been_asked = threading.Event()

        def answer(turn: Any) -> BotReply:
            if turn.text == "slow":
                return BotReply("too late" if not has_been_asked.wait(5) else "in time")
            has_been_asked.set()
            return BotReply("Yes.")

        chat_shop.let("bot", answer)
        other = chat_shop.customer()
        write(contact, "slow")
        write(other, "Hi there, I wonder")
        write(other, "do you have a blue one?")

        errands.run(now=NOW)

        assert (said(contact), said(other)) == (["in time"], ["Yes."])

    def test_begin_outside_of_any_transaction(self, contact: Contact) -> None:
        seen: list[bool] = []
        main = connections["default"]

        def answer(turn: Any) -> BotReply:
            # The worker's own connection: nothing is held while the bot thinks.
            seen.append(main.in_atomic_block)
            InboundMessage.objects.filter(contact=contact).update(is_read=True)
            return BotReply("Yes.")

        chat_shop.let("bot", answer)
        row = write(contact, "Do you have a blue one?")

        errands.run(now=NOW)

        row.refresh_from_db()
        assert seen == [False]
        assert row.is_read


class TestDoorbell:
    def test_rings_when_a_message_leaves_an_errand(self, contact: Contact, rung: list[str]) -> None:
        write(contact, NUMBER)

        assert rung == ["errands"]

    def test_that_was_lost_is_rung_again_by_the_sweep(
        self, contact: Contact, rung: list[str]
    ) -> None:
        write(contact, NUMBER)
        rung.clear()

        sweep.sweep(now=NOW - SECOND_MORE)
        assert rung == []
        sweep.sweep(now=NOW)
        assert rung == ["errands"]
        errands.run(now=NOW)
        sweep.sweep(now=NOW)
        assert rung == ["errands"]


class TestEndAll:
    def test_calls_a_person_for_each_and_says_why(self, contact: Contact) -> None:
        other = chat_shop.customer()
        rows = [write(contact, NUMBER), write(other, "Do you have a blue one?")]

        assert errands.end_all(why="restored") == 2

        assert [due(row) for row in rows] == [None, None]
        assert [row.errand for row in rows] == ["", ""]
        assert (waits(contact), waits(other)) == (["order"], ["bot"])
        assert [last_step(row) for row in rows] == [
            ["order", "failed", {"why": "restored"}], ["bot", "failed", {"why": "restored"}],
        ]  # fmt: skip
        assert (chat_shop.asked, said(contact), said(other)) == ([], [], [])

    def test_lets_somebody_wait_once_from_the_first_message(self, contact: Contact) -> None:
        first = write(contact, NUMBER)
        write(contact, "Do you have a blue one?", at=NOW + SECOND_MORE)
        errands.end_all(why="restored")

        assert waits(contact) == ["order"]
        assert chat_shop.conversation(contact).waiting_since == first.sent_at

    def test_ends_what_is_taken_up_and_what_waits_for_its_next_try(self, contact: Contact) -> None:
        taken = write(contact, NUMBER)
        errands._claim(NOW)
        chat_shop.let("by_ref", chat_shop.raises)
        broken = write(chat_shop.customer(), NUMBER)
        errands.run(now=NOW)

        assert errands.end_all(why="restored") == 2

        assert (due(taken), due(broken)) == (None, None)

    def test_ends_an_errand_that_this_version_does_not_know(self, contact: Contact) -> None:
        row = write(contact, NUMBER)
        InboundMessage.objects.filter(pk=row.pk).update(errand="tomorrow")

        assert errands.end_all(why="restored") == 1

        assert (due(row), waits(contact)) == (None, ["not_understood"])

    def test_ends_one_without_a_number_of_ours(self, contact: Contact) -> None:
        row = write(contact, NUMBER)
        InboundMessage.objects.filter(pk=row.pk).update(sender=None)

        assert errands.end_all(why="restored") == 1

        assert (due(row), waits(contact)) == (None, [])

    def test_takes_them_in_handfuls(
        self, contact: Contact, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(errands, "_ENDED_TOGETHER", 2)
        for _each in range(5):
            write(contact, NUMBER)

        assert errands.end_all(why="restored") == 5
        assert errands.end_all(why="restored") == 0


class TestReplay:
    def test_of_an_old_webhook_leaves_no_errand(self, contact: Contact) -> None:
        with replaying.begin(former={}):
            row = write(contact, NUMBER)

        assert due(row) is None
        assert errands.run(now=NOW) == 0
        assert Message.objects.count() == 0


def test_staff_sees_in_the_shop_who_was_told() -> None:
    contact = chat_shop.customer()
    order = shop.order(phone=contact.identities.get().value, status="shipped")

    write(contact, order.number)
    errands.run(now=NOW)

    assert Message.objects.get().in_reply_to.order_ref == order.number
