"""What a refusal means for the number and the template, also when it is told late."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from tests import factories, webhook_bodies
from tests.factories import NOW
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.cloud_api.webhooks import notices as notice_wire
from whatsapp_notify.domain.content import TextContent
from whatsapp_notify.domain.receipts import Accepted, Action, Outgoing, Receipt, Refused
from whatsapp_notify.models import Message, Template, UnmatchedStatus
from whatsapp_notify.services import (
    claims,
    notices,
    receipts,
    senders,
    statuses,
    sweep,
    templates,
)

pytestmark = pytest.mark.django_db(transaction=True)

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
#: When all is well again, in the middle of one of Meta's seconds.
REPAIR = NOW + 10 * MINUTE + timedelta(milliseconds=500)
LATER = REPAIR + 5 * MINUTE

UNPAID, LOCKED, NO_NAME, PAUSED = 131042, 131031, 131037, 132015


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = {**settings.WHATSAPP_NOTIFY, "MESSAGES_PER_SECOND": 10_000}


def call(*, at: Any = NOW) -> Message:
    """A message whose call is under way since then."""
    message = factories.queued(now=NOW)
    [planned] = claims.claim(limit=1, now=at).calls
    assert planned.outgoing.message_id == message.pk
    message.refresh_from_db()
    return message


def answer(message: Message, receipt: Receipt, *, at: Any) -> None:
    outgoing = Outgoing(
        message_id=message.pk,
        attempt=message.attempt,
        phone="",
        user_id="",
        content=TextContent(body=""),
        opaque_id="",
    )
    receipts.record(answers=[(outgoing, receipt)], now=at)
    message.refresh_from_db()


def sent(*, at: Any = NOW) -> Message:
    """A message that was accepted at once."""
    message = call(at=at)
    answer(message, Accepted(provider_message_id=f"wamid.{message.pk}"), at=at)
    return message


def fail(message: Message, code: int, *, happened: Any, told: Any = LATER) -> None:
    """This will tell a failure by webhook, by Meta's clock, which knows whole seconds."""
    seconds = int((happened - NOW).total_seconds())
    status = webhook_bodies.status(message, "failed", seconds=seconds, code=code)
    parsed = wire.parse(webhook_bodies.body(statuses=[status]))
    statuses.apply(statuses=parsed.statuses, now=told)
    message.refresh_from_db()
    assert (message.state, message.error_code) == ("failed", code)


def is_stopped() -> bool:
    return senders.current().circuit_opened_at is not None


def resume(*, at: Any = REPAIR) -> None:
    """This will end by hand what has stopped the number."""
    with transaction.atomic():
        held = senders.lock(sender_id=senders.current().pk)
        senders.open_circuit(sender=held, code=UNPAID, now=NOW)
    senders.resume(sender=senders.current(), actor="owner", now=at)


def reinstate() -> None:
    notice = notice_wire.AccountUpdate(
        business_account_id=senders.current().business_account_id,
        field="account_update",
        raw={},
        event="DISABLED_UPDATE",
        ban_state="REINSTATE",
        happened_at=REPAIR - SECOND,
    )
    with transaction.atomic():
        notices.take_note(notice, now=REPAIR)


NUMBER_IS_WELL = pytest.mark.parametrize(
    ("code", "repair"), [(UNPAID, resume), (LOCKED, resume), (LOCKED, reinstate)]
)


class TestNumber:
    @NUMBER_IS_WELL
    def test_f44_a_failure_from_before_the_repair_stops_nothing(
        self, code: int, repair: Callable[[], None]
    ) -> None:
        first, second = sent(), sent()
        fail(first, code, happened=NOW + SECOND, told=NOW + MINUTE)
        assert is_stopped()
        repair()

        fail(second, code, happened=NOW + 2 * SECOND)

        assert not is_stopped()
        assert second.needs_attention

    def test_f44_nor_one_of_a_ban_that_is_over_before_anything_was_told_of_it(self) -> None:
        message = sent()
        reinstate()

        fail(message, LOCKED, happened=REPAIR - MINUTE)

        assert not is_stopped()

    def test_f44_nor_one_that_was_read_only_after_it(self) -> None:
        message = sent()
        resume()

        fail(message, UNPAID, happened=REPAIR - MINUTE)

        assert not is_stopped()

    def test_f44_nor_one_that_has_waited_for_its_message(self) -> None:
        message = call()
        late = webhook_bodies.status(
            None, "failed", wamid=f"wamid.{message.pk}", seconds=2, code=UNPAID
        )
        parsed = wire.parse(webhook_bodies.body(statuses=[late]))
        statuses.apply(statuses=parsed.statuses, now=REPAIR)
        resume()

        Message.objects.filter(pk=message.pk).update(
            state="accepted", provider_message_id=f"wamid.{message.pk}"
        )
        sweep.sweep(now=LATER)

        assert UnmatchedStatus.objects.filter(matched_at=LATER).exists()
        assert not is_stopped()

    def test_f44_nor_does_it_change_why_the_number_stands_since(self) -> None:
        message = sent()
        resume()
        answer(call(at=LATER), Refused(action=Action.STOP_SENDER, code=190), at=LATER)

        fail(message, UNPAID, happened=NOW + SECOND, told=LATER + SECOND)

        assert senders.current().circuit_code == 190

    def test_f44_one_that_happened_after_it_stops_the_number(self) -> None:
        message = sent()
        resume()

        fail(message, UNPAID, happened=REPAIR + 2 * MINUTE)

        assert is_stopped()

    def test_f44_so_does_one_beside_others_of_before(self) -> None:
        old = sent()
        resume()
        new = call(at=REPAIR + SECOND)
        elements = [
            webhook_bodies.status(new, "failed", wamid="wamid.N", seconds=602, code=NO_NAME),
            webhook_bodies.status(old, "failed", seconds=1, code=UNPAID),
        ]

        parsed = wire.parse(webhook_bodies.body(statuses=elements))
        statuses.apply(statuses=parsed.statuses, now=LATER)

        assert senders.current().circuit_code == NO_NAME

    @pytest.mark.parametrize("seconds", [0, 7], ids=["same second", "slow clock"])
    def test_f44_a_call_after_the_repair_counts_whatever_meta_s_clock_says(
        self, seconds: int
    ) -> None:
        resume()
        message = sent(at=REPAIR + timedelta(milliseconds=100))

        fail(message, UNPAID, happened=NOW + 10 * MINUTE - seconds * SECOND)

        assert is_stopped()

    def test_f44_a_fast_clock_of_meta_s_makes_no_new_failure_of_an_old_one(self) -> None:
        message = sent()
        resume()

        fail(message, UNPAID, happened=REPAIR + 7 * SECOND)

        assert not is_stopped()

    def test_f44_a_call_of_before_that_is_refused_after_it_stops_nothing(self) -> None:
        first, second = call(), call()
        refusal = Refused(action=Action.STOP_SENDER, code=UNPAID)
        answer(first, refusal, at=NOW + SECOND)
        assert is_stopped()
        resume()

        answer(second, refusal, at=REPAIR + SECOND)

        assert not is_stopped()
        assert (second.state, second.is_pending) == ("queued", True)

    def test_f44_a_call_that_began_with_it_and_is_refused_stops_the_number(self) -> None:
        resume()
        message = call(at=REPAIR)

        answer(message, Refused(action=Action.STOP_SENDER, code=UNPAID), at=REPAIR + SECOND)

        assert is_stopped()

    def test_f90_a_repair_in_the_future_excuses_nothing(self) -> None:
        resume(at=NOW + 60 * MINUTE)
        message = call(at=REPAIR)

        answer(message, Refused(action=Action.STOP_SENDER, code=UNPAID), at=REPAIR + SECOND)

        assert is_stopped()


class TestProbe:
    """A number that has found out by itself that all is well."""

    def stop_and_probe(self) -> Message:
        answer(call(), Refused(action=Action.STOP_SENDER, code=190), at=NOW + SECOND)
        Message.objects.update(is_pending=False)
        probe = sent(at=REPAIR)
        assert not is_stopped()
        return probe

    def test_f43_a_failure_from_before_it_stops_nothing(self) -> None:
        message = sent()
        self.stop_and_probe()

        fail(message, NO_NAME, happened=NOW + 2 * SECOND)

        assert not is_stopped()

    def test_f43_its_own_failure_stops_the_number_again(self) -> None:
        probe = self.stop_and_probe()

        fail(probe, NO_NAME, happened=REPAIR)

        assert is_stopped()

    def test_f44_it_does_not_excuse_what_only_a_person_can_end(self) -> None:
        message = sent()
        self.stop_and_probe()

        fail(message, UNPAID, happened=NOW + 2 * SECOND)

        assert senders.current().circuit_code == UNPAID

    def test_f40_the_end_of_a_throttle_excuses_nothing(self) -> None:
        message = sent()
        answer(call(), Refused(action=Action.SLOW_DOWN, code=130429), at=NOW + SECOND)
        Message.objects.update(is_pending=False)
        sent(at=REPAIR)
        assert senders.current().slow_count == 0

        fail(message, NO_NAME, happened=NOW + 2 * SECOND)

        assert is_stopped()


def resume_template() -> None:
    Template.objects.filter(stopped_at=None).update(stopped_at=NOW)
    templates.resume(stopped=[Template.objects.get()], now=REPAIR)


def tell_approved() -> None:
    row = Template.objects.get()
    notice = notice_wire.TemplateStatusChange(
        business_account_id="1",
        field="message_template_status_update",
        raw={},
        event="APPROVED",
        template_id="1",
        name=row.name,
        language=row.language,
    )
    with transaction.atomic():
        notices.take_note(notice, now=REPAIR)


class Listing:
    """Meta's list: what we have is approved."""

    def list_templates(self) -> list[dict[str, Any]]:
        return [
            {"name": each.name, "language": each.language, "status": "APPROVED"}
            | {"category": each.category, "components": each.components}
            for each in Template.objects.all()
        ]


def sync() -> None:
    templates.sync(now=REPAIR, client=Listing())  # type: ignore[arg-type]


TEMPLATE_IS_WELL = pytest.mark.parametrize("repair", [resume_template, tell_approved, sync])


class TestTemplate:
    @TEMPLATE_IS_WELL
    def test_f45_a_failure_from_before_the_repair_stops_nothing(
        self, repair: Callable[[], None]
    ) -> None:
        first, second = sent(), sent()
        fail(first, PAUSED, happened=NOW + SECOND, told=NOW + MINUTE)
        assert Template.objects.get().stopped_code == PAUSED
        repair()

        fail(second, PAUSED, happened=NOW + 2 * SECOND)

        row = Template.objects.get()
        assert (row.stopped_at, row.stopped_code) == (None, None)

    @TEMPLATE_IS_WELL
    def test_f45_one_from_after_it_stops_the_template(self, repair: Callable[[], None]) -> None:
        fail(sent(), PAUSED, happened=NOW + SECOND, told=NOW + MINUTE)
        repair()

        fail(sent(at=REPAIR + SECOND), PAUSED, happened=REPAIR + SECOND)

        assert Template.objects.get().stopped_at == LATER

    def test_f45_a_call_of_before_that_is_refused_after_it_stops_nothing(self) -> None:
        message = call()
        resume_template()

        refusal = Refused(action=Action.STOP_TEMPLATE, code=PAUSED)
        answer(message, refusal, at=REPAIR + SECOND)

        assert Template.objects.get().stopped_at is None
        assert (message.state, message.reason) == ("queued", "template")

    def test_a_sync_that_finds_nothing_to_mend_excuses_nothing(self) -> None:
        message = sent()
        sync()

        fail(message, PAUSED, happened=NOW + SECOND)

        assert Template.objects.get().stopped_at == LATER
