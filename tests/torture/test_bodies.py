"""Fuzzed webhooks through the door and the processing: nothing breaks, nothing gets lost."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import RequestFactory

from tests import database, factories, webhook_day
from tests.factories import NOW
from tests.torture.bodies import bodies
from whatsapp_notify.cloud_api import signature
from whatsapp_notify.cloud_api import webhooks as wire
from whatsapp_notify.models import InboundMessage, Message, UnreadWebhook, WebhookEvent
from whatsapp_notify.services import arrivals, installation, replay, webhooks
from whatsapp_notify.webhooks.views import WebhookView

SECRET = "the-app-secret"
COUNT = 1250


@pytest.fixture
def post(settings: Any) -> Any:
    """One signed POST; returns its status."""
    settings.WHATSAPP_NOTIFY = {
        **settings.WHATSAPP_NOTIFY,
        "APP_SECRET": SECRET,
        "MESSAGES_PER_SECOND": 10_000,
    }
    view, factory = WebhookView.as_view(), RequestFactory()

    def post(body: bytes, header: str = "") -> int:
        request = factory.post(
            "/whatsapp/webhook/",
            data=body,
            content_type="application/json",
            headers={"X-Hub-Signature-256": header or signature.sign(body, SECRET)},
        )
        return int(view(request).status_code)

    return post


def our_ids() -> list[str]:
    """What statuses call some messages of ours."""
    for key in ("service", "orders", "feedback", "offers"):
        factories.topic(key)
    rows = webhook_day.sent(*(factories.queued() for _each in range(10)))
    instance = installation.current(now=NOW).instance
    return [str(each.provider_message_id) for each in rows] + [
        each.opaque_id(instance=instance) for each in rows
    ]


class TestBodies:
    def test_are_the_same_for_a_seed_and_others_for_another(self) -> None:
        first = list(bodies(seed=1, count=300))

        assert list(bodies(seed=1, count=300)) == first
        assert list(bodies(seed=1, count=50)) == first[:50]
        assert len(set(first) & set(bodies(seed=2, count=300))) < 30

    def test_hold_good_and_bad_ones_and_some_twice(self) -> None:
        made = list(bodies(seed=3, count=2000))
        read = [parsed for body in made if (parsed := _parsed(body)) is not None]
        whole = [parsed for parsed in read if not parsed.malformed]

        assert 300 < len(whole) < 1500
        assert len(made) - len(read) > 150
        assert 20 < len(made) - len(set(made)) < 300
        assert {bool(parsed.statuses) for parsed in whole} == {True, False}
        assert {type(notice) for parsed in whole for notice in parsed.notices}
        assert max(map(len, made)) <= 3 * 1024 * 1024

    def test_f59_nothing_but_malformed_comes_out_of_the_parser(self) -> None:
        for body in bodies(seed=4, count=6000):
            _parsed(body)


@pytest.mark.django_db(transaction=True)
class TestThroughTheDoor:
    @pytest.mark.parametrize("seed", [59, 60])
    def test_f59_every_signed_body_is_kept_and_read_or_put_aside(
        self, seed: int, post: Any
    ) -> None:
        made = list(bodies(seed=seed, count=COUNT, ids=our_ids()))

        for start in range(0, COUNT, 250):
            assert {post(body) for body in made[start : start + 250]} == {200}
            webhooks.process(now=NOW + timedelta(hours=1))

        kept = {bytes(body) for body in WebhookEvent.objects.values_list("body", flat=True)}
        assert kept == set(made)
        assert set(factories.webhook_states()) == {"processed", "quarantined"}
        assert not UnreadWebhook.objects.exists()
        problems = WebhookEvent.objects.filter(is_quarantined=True).values_list(
            "problem", flat=True
        )
        assert all(problems)
        # It names what is wrong with the body, never an exception of ours.
        assert [problem for problem in problems if "Error" in problem] == []
        # What they did, beside being survived.
        assert Message.objects.filter(state__in=["sent", "delivered", "read", "failed"]).exists()
        assert InboundMessage.objects.count() > 20

    def test_f64_a_replay_of_them_changes_nothing(self, post: Any) -> None:
        ids = our_ids()
        for second, body in enumerate(bodies(seed=62, count=500, ids=ids), start=10):
            arrivals.record(body=body, now=NOW + timedelta(seconds=second))
            webhooks.process(now=NOW + timedelta(seconds=second))
        before = database.rows()

        events = replay.selection(since=NOW, until=NOW + timedelta(hours=1), with_quarantined=True)
        done = replay.replay(events=events, now=NOW + timedelta(hours=2))

        assert done.is_unchanged
        assert database.rows() == before

    def test_f59_unsigned_none_is_kept(self, post: Any, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(0):
            answers = {
                post(body, signature.sign(body + b" ", SECRET))
                for body in bodies(seed=63, count=COUNT)
            }

        assert answers == {401}


def _parsed(body: bytes) -> wire.Parsed | None:
    try:
        return wire.parse(body)
    except wire.MalformedBody:
        return None
