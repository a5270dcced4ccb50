"""The pages that ask before a number sends again: what they show, and what a yes is worth later."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from tests.admin import factories as make
from whatsapp_notify import signals
from whatsapp_notify.admin import words
from whatsapp_notify.models import Sender
from whatsapp_notify.services import senders


def url_of(sender: Sender, deed: str) -> str:
    return reverse(f"admin:whatsapp_notify_sender_{deed}", args=[sender.pk])


def asked(client: Client, sender: Sender, deed: str) -> str:
    return client.get(url_of(sender, deed)).content.decode()


def confirm(client: Client, sender: Sender, deed: str, page: str) -> str:
    """A yes on a page that may be an old one; what is shown next."""
    form = page.split('<form method="post" class="wn-deeds">')[1].split("</form>")[0]
    data = dict(re.findall(r'name="(shown)" value="([^"]*)"', form))
    return client.post(url_of(sender, deed), data, follow=True).content.decode()


def press_again(sender: Sender, *, by: str, at: datetime) -> None:
    """Somebody has released the button since, and somebody presses it."""
    senders.release(sender=senders.get(sender_id=sender.pk), actor="one", now=at)
    senders.stop(sender=sender, actor=by, now=at)


@pytest.fixture
def rung() -> Iterator[list[str]]:
    """The reasons of the alarms, as they ring."""
    reasons: list[str] = []

    def listen(reason: str, **kwargs: Any) -> None:
        reasons.append(reason)

    signals.attention_needed.connect(listen)
    yield reasons
    signals.attention_needed.disconnect(listen)


class TestRelease:
    @pytest.fixture
    def sender(self, db: None, now: datetime) -> Sender:
        return make.make_sender(stopped_at=now - timedelta(hours=3), stopped_by="first")

    def test_says_who_has_pressed_and_when(self, owner: Client, sender: Sender) -> None:
        page = asked(owner, sender, "release")

        assert f"Pressed by first on {words.at(sender.stopped_at)}" in page

    def test_f99_a_later_press_is_not_released_unasked(
        self, owner: Client, sender: Sender, now: datetime
    ) -> None:
        page = asked(owner, sender, "release")
        press_again(sender, by="second", at=now)

        told = confirm(owner, sender, "release", page)

        sender.refresh_from_db()
        assert (sender.stopped_at, sender.stopped_by) == (now, "second")
        assert "Not released: second has pressed the red button again meanwhile" in told
        assert words.at(now) in told
        assert not LogEntry.objects.exists()

        confirm(owner, sender, "release", told)

        sender.refresh_from_db()
        assert not sender.is_stopped
        assert LogEntry.objects.count() == 1

    def test_f99_a_press_while_the_yes_is_read_is_not_released(
        self, owner: Client, sender: Sender, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        page = asked(owner, sender, "release")
        release = senders.release

        def late(**given: Any) -> None:
            monkeypatch.setattr(senders, "release", release)
            press_again(sender, by="second", at=now)
            release(**given)

        monkeypatch.setattr(senders, "release", late)

        told = confirm(owner, sender, "release", page)

        sender.refresh_from_db()
        assert sender.stopped_by == "second"
        assert "Not released: second has pressed" in told

    def test_f99_a_yes_to_what_was_not_shown_is_none(self, owner: Client, sender: Sender) -> None:
        for data in ({}, {"shown": ""}, {"shown": "yes"}):
            owner.post(url_of(sender, "release"), data)

        sender.refresh_from_db()
        assert sender.is_stopped

    def test_twice_works_once_and_says_so(self, owner: Client, sender: Sender) -> None:
        page = asked(owner, sender, "release")
        confirm(owner, sender, "release", page)

        told = confirm(owner, sender, "release", page)

        assert "The red button had been released meanwhile; nothing was changed." in told
        assert LogEntry.objects.count() == 1


class TestResume:
    @pytest.fixture
    def sender(self, db: None, now: datetime) -> Sender:
        return make.make_sender(circuit_opened_at=now - timedelta(hours=3), circuit_code=190)

    def test_says_what_has_stopped_it_and_since_when(self, owner: Client, sender: Sender) -> None:
        page = asked(owner, sender, "resume")

        assert "The access token has expired." in page
        assert "(190)" in page
        assert f"Since {words.at(sender.circuit_opened_at)}" in page

    @pytest.mark.parametrize(
        ("hours", "code"), [(0, 190), (3, 131042)], ids=["once more", "for another reason"]
    )
    def test_f99_a_later_stop_is_not_resumed_unasked(
        self, hours: int, code: int, owner: Client, sender: Sender, now: datetime
    ) -> None:
        page = asked(owner, sender, "resume")
        Sender.objects.update(circuit_opened_at=now - timedelta(hours=hours), circuit_code=code)

        told = confirm(owner, sender, "resume", page)

        sender.refresh_from_db()
        assert sender.circuit_code == code
        assert "Not resumed: meanwhile sending has stopped once more, or for another rea" in told
        assert f"({code})" in told
        assert not LogEntry.objects.exists()

        confirm(owner, sender, "resume", told)

        sender.refresh_from_db()
        assert sender.circuit_opened_at is None
        assert LogEntry.objects.count() == 1

    def test_f99_a_stop_while_the_yes_is_read_is_not_resumed(
        self, owner: Client, sender: Sender, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        page = asked(owner, sender, "resume")
        resume = senders.resume

        def late(**given: Any) -> None:
            Sender.objects.update(circuit_code=131042)
            resume(**given)

        monkeypatch.setattr(senders, "resume", late)

        told = confirm(owner, sender, "resume", page)

        sender.refresh_from_db()
        assert sender.circuit_code == 131042
        assert "Not resumed" in told

    def test_says_so_where_it_sends_already(self, owner: Client, sender: Sender) -> None:
        page = asked(owner, sender, "resume")
        Sender.objects.update(circuit_opened_at=None, circuit_code=None, slow_count=2)

        told = confirm(owner, sender, "resume", page)

        sender.refresh_from_db()
        assert "Sending had gone on meanwhile; nothing was changed." in told
        assert sender.slow_count == 2
        assert not LogEntry.objects.exists()


class TestStop:
    def test_twice_works_once_and_says_so(
        self,
        owner: Client,
        db: None,
        now: datetime,
        rung: list[str],
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        sender = make.make_sender()
        page, other_page = (asked(owner, sender, "stop") for _each in range(2))

        with django_capture_on_commit_callbacks(execute=True):
            confirm(owner, sender, "stop", page)
            told = confirm(owner, sender, "stop", other_page)

        sender.refresh_from_db()
        pressed = f"{sender.stopped_by} has pressed the red button, on {words.at(now)}"
        assert f"Sending is stopped already: {pressed}" in told
        assert sender.is_stopped
        assert LogEntry.objects.count() == 1
        assert rung == ["red_button"]

    def test_needs_no_more_than_a_yes(self, owner: Client, db: None) -> None:
        sender = make.make_sender()

        told = confirm(owner, sender, "stop", asked(owner, sender, "stop"))

        sender.refresh_from_db()
        assert sender.stopped_by == "owner"
        assert "Sending is stopped." in told
