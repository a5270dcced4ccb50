"""whatsapp_deliver: what the tasks do, without Celery."""

import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import OperationalError, ProgrammingError
from django.utils import timezone

from tests import chat, chat_shop, factories, shop, webhook_bodies
from tests.management.conftest import Run
from tests.media_graph import MediaGraph
from whatsapp_notify.backends import locmem
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.domain.receipts import Outgoing, Receipt
from whatsapp_notify.models import (
    Contact,
    Heartbeat,
    InboundMedia,
    Message,
    ShopEvent,
    Template,
    UnreadWebhook,
)
from whatsapp_notify.services import arrivals, drains, leases, reconcile, starter, sweep, webhooks

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def configured(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = shop.configured(ADAPTER="demo_shop.whatsapp.DemoShopAdapter")


def queued() -> Message:
    return factories.queued(now=timezone.now())


def stop_after(count: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """This will stop the watch in its round number ``count``; the list grows by one a round."""
    rounds: list[int] = []
    real = drains.drain

    def drain(**options: Any) -> drains.Drained:
        rounds.append(1)
        if len(rounds) == count:
            options["stop"].set()
        return real(**options)

    monkeypatch.setattr(drains, "drain", drain)
    return rounds


class TestOnce:
    def test_carries_an_event_of_the_shop_all_the_way(self, run: Run) -> None:
        starter.install(now=timezone.now(), base_url="https://shop.example")
        Template.objects.update(status="APPROVED")
        order = shop.order(phone="+358457390101")
        factories.contact(phone="+358457390102")
        known = factories.contact(phone=order.phone, now=timezone.now())
        assert ShopEvent.objects.filter(is_pending=True).count() == 1

        said = run("whatsapp_deliver")

        message = Message.objects.get(contact=known)
        assert (message.event_name, message.state) == ("order.confirmed", "accepted")
        assert said == "webhooks 0, errands 0, events 1, calls 1, files 0\n"

    def test_answers_a_customer_in_the_same_round(self, run: Run, settings: Any) -> None:
        chat_shop.open_shop(settings)
        customer = chat_shop.customer()
        chat_shop.write(customer, "order A99999", at=timezone.now())

        said = run("whatsapp_deliver")

        assert Message.objects.get(contact=customer).state == "accepted"
        assert said == "webhooks 0, errands 1, events 0, calls 1, files 0\n"

    def test_fetches_what_a_customer_has_sent(
        self, run: Run, settings: Any, tmp_path: Path
    ) -> None:
        factories.topic("service")
        graph = MediaGraph()
        with graph.server as server:
            settings.WHATSAPP_NOTIFY = shop.configured(
                GRAPH_URL=server.url, MEDIA_DIRECTORY=str(tmp_path)
            )
            photo = contents.Media(kind="image", media_id="77")
            chat.write(photo, by=chat.person(factories.contact()), at=timezone.now())

            said = run("whatsapp_deliver")

        assert InboundMedia.objects.get().state == "kept"
        assert said.endswith(", files 1\n")

    def test_finds_what_signals_did_not_tell(self, run: Run) -> None:
        run("whatsapp_deliver")
        shop.bulk_orders(1)

        run("whatsapp_deliver")

        assert ShopEvent.objects.filter(name="order.confirmed").count() == 1

    def test_greets_birthdays(self, run: Run, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(BIRTHDAY_TIME="00:00")
        today = timezone.localtime().date()
        born = factories.contact(birth_date=today.replace(year=1984))
        Contact.objects.filter(pk=born.pk).update(created_at=timezone.now() - timedelta(days=30))

        run("whatsapp_deliver")

        assert ShopEvent.objects.filter(name="customer.birthday", contact=born).exists()

    def test_f67_reads_all_that_has_come_before_it_sends(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Among it may be opt-outs. Here each webhook takes a turn of its own.
        monkeypatch.setattr(webhooks, "_TURN_SECONDS", -1.0)
        monkeypatch.setattr(webhooks, "_BATCH_BYTES", 1)
        for number in range(3):
            arrivals.record(body=b'{"entry": []}' + b" " * number, now=timezone.now())

        run("whatsapp_deliver")

        assert not UnreadWebhook.objects.exists()

    def test_goes_on_where_a_turn_has_ended_with_more_to_be_sent(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        turns = iter([drains.Drained(calls=7, has_more=True), drains.Drained(calls=2)])
        monkeypatch.setattr(drains, "drain", lambda **_options: next(turns))

        said = run("whatsapp_deliver")

        assert [line.split(", ")[3] for line in said.splitlines()] == ["calls 7", "calls 2"]

    def test_leaves_sending_to_a_worker_that_does_it_already(self, run: Run) -> None:
        queued()
        leases.take(names=["deliver:0"], now=timezone.now())

        said = run("whatsapp_deliver")

        assert locmem.outbox == []
        # It may have been killed a moment ago.
        assert said.splitlines()[1].endswith("If it was killed, run this again in 15 seconds.")

    def test_is_silent_about_others_that_have_left_nothing(self, run: Run) -> None:
        leases.take(names=["deliver:0"], now=timezone.now())

        assert len(run("whatsapp_deliver").splitlines()) == 1

    def test_shows_that_it_is_alive(self, run: Run) -> None:
        run("whatsapp_deliver")

        assert set(Heartbeat.objects.values_list("name", flat=True)) >= {"worker", "beat"}

    def test_says_nothing_when_asked_to_be_silent(self, run: Run) -> None:
        queued()

        assert run("whatsapp_deliver", verbosity=0) == ""
        assert len(locmem.outbox) == 1

    def test_names_nobody(self, run: Run) -> None:
        message = queued()
        phone = message.contact.identities.get().value

        assert phone.lstrip("+") not in run("whatsapp_deliver", verbosity=3)

    def test_ends_with_an_error_when_the_database_is_away(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(**options: Any) -> None:
            raise OperationalError("canary")

        monkeypatch.setattr(sweep, "sweep", away)

        with pytest.raises(CommandError, match="try again") as caught:
            run("whatsapp_deliver")

        assert caught.value.returncode == 1


class TestWatch:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_ends_after_a_signal_when_the_call_under_way_has_been_recorded(
        self, run: Run, number: signal.Signals
    ) -> None:
        before = signal.getsignal(number)
        message = queued()

        def ask(outgoing: Outgoing) -> Receipt | None:
            os.kill(os.getpid(), number)
            return None

        locmem.answer_with(ask)
        said = run("whatsapp_deliver", "--watch")

        message.refresh_from_db()
        assert message.state == "accepted"
        assert said.splitlines()[-1] == "Stopped; no call was cut off."
        assert signal.getsignal(number) is before

    def test_f34_a_stop_that_comes_while_a_campaign_leaves_is_read(
        self, run: Run, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(CONCURRENCY=1)
        monkeypatch.setattr(drains, "_SHORTEST_TURN", timedelta())
        monkeypatch.setattr(drains, "_LOOK_EVERY", timedelta())
        monkeypatch.setattr(drains, "_WAITS_TOO_LONG", timedelta())
        people = [queued().contact for _each in range(4)]

        def say_stop(outgoing: Outgoing) -> Receipt | None:
            if len(locmem.outbox) == 1:
                digits = chat.phone_of(people[2]).lstrip("+")
                words = webhook_bodies.text("STOP", wamid="wamid.1", wa_id=digits)
                words["timestamp"] = str(int(timezone.now().timestamp()) + 1)
                arrivals.record(body=webhook_bodies.body(messages=[words]), now=timezone.now())
            if len(locmem.outbox) == 3:
                os.kill(os.getpid(), signal.SIGTERM)
            return None

        locmem.answer_with(say_stop)

        run("whatsapp_deliver", "--watch", "--interval", "0.1")

        states = [Message.objects.get(contact=each).state for each in people]
        assert states == ["accepted", "accepted", "blocked", "accepted"]

    def test_goes_on_round_after_round(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        rounds = stop_after(3, monkeypatch)

        run("whatsapp_deliver", "--watch", "--interval", "0.1")

        assert len(rounds) == 3

    def test_does_the_rare_work_only_when_due(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scans = []
        monkeypatch.setattr(reconcile, "scan", lambda *, now: scans.append(now) or 0)
        rounds = stop_after(3, monkeypatch)

        run("whatsapp_deliver", "--watch", "--interval", "0.1")

        assert (len(scans), len(rounds)) == (1, 3)

    def test_goes_on_sending_where_the_rare_work_breaks(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken(*, now: datetime) -> int:
            raise ProgrammingError

        monkeypatch.setattr(reconcile, "scan", broken)
        stop_after(2, monkeypatch)
        message = queued()

        run("whatsapp_deliver", "--watch", "--interval", "0.1")

        message.refresh_from_db()
        assert message.state == "accepted"
        assert [each.message.split(":")[0] for each in caplog.records].count(
            "A periodic task failed"
        ) == 1

    def test_goes_on_when_the_database_comes_back(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        tries = []

        def drain(**options: Any) -> drains.Drained:
            tries.append(1)
            if len(tries) == 1:
                raise OperationalError("canary")
            options["stop"].set()
            return drains.Drained()

        monkeypatch.setattr(drains, "drain", drain)
        monkeypatch.setattr(
            "whatsapp_notify.management.commands.whatsapp_deliver._PAUSE_SECONDS", 0.0
        )

        run("whatsapp_deliver", "--watch", "--interval", "0.1")

        assert len(tries) == 2
        assert "canary" not in caplog.text

    @pytest.mark.parametrize("interval", ["0", "-1", "abc", "nan", "inf"])
    def test_refuses_an_interval_that_is_none(self, run: Run, interval: str) -> None:
        with pytest.raises(CommandError, match="interval"):
            run("whatsapp_deliver", "--watch", f"--interval={interval}")


class TestExitCode:
    def test_of_wrong_words_is_not_zero(self) -> None:
        done = subprocess.run(
            [sys.executable, "manage.py", "whatsapp_deliver", "--interval", "x"],
            capture_output=True,
            timeout=60,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        )

        assert done.returncode == 2
