"""The shop under a real server with an event loop: webhooks there, all else at Django."""

from __future__ import annotations

import hashlib
import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from django.conf import settings

from tests.functional.running_shop import RunningShop
from whatsapp_notify.cloud_api.signature import sign

#: Webhooks at once; each is posted twice.
AT_ONCE = 32
BODIES = 200
#: The server is killed once so many have been answered.
ANSWERED = 60


@pytest.fixture(params=["sqlite_shop", "postgres_shop"])
def shop(request: pytest.FixtureRequest) -> RunningShop:
    shop: RunningShop = request.getfixturevalue(request.param)
    return shop


def _body(number: int) -> bytes:
    return b'{"object":"whatsapp_business_account","n":%d}' % number


def _post(shop: RunningShop, body: bytes, *, secret: str) -> int:
    answer = requests.post(
        f"{shop.url}/whatsapp/webhook/",
        data=body,
        headers={"X-Hub-Signature-256": sign(body, secret)},
        timeout=30,
    )
    # Which the view sends: so none of them has gone that far.
    assert "X-Content-Type-Options" not in answer.headers
    return answer.status_code


def test_f53_f60_webhooks_that_come_at_once_are_kept_once_and_pages_are_djangos(
    shop: RunningShop,
) -> None:
    secret = settings.WHATSAPP_NOTIFY["APP_SECRET"]
    bodies = [
        b'{"object":"whatsapp_business_account","entry":[],"n":%d}' % n for n in range(BODIES)
    ]
    shop.start_event_loop()

    with ThreadPoolExecutor(AT_ONCE) as posters:
        statuses = list(posters.map(lambda body: _post(shop, body, secret=secret), bodies * 2))
        forged = _post(shop, b"{}", secret="another")
        verification = requests.get(
            f"{shop.url}/whatsapp/webhook/",
            {
                "hub.mode": "subscribe",
                "hub.verify_token": settings.WHATSAPP_NOTIFY["VERIFY_TOKEN"],
                "hub.challenge": "1158201444",
            },
            timeout=30,
        )
    shop.stop("web")

    assert statuses == [200] * 2 * BODIES
    assert forged == 401
    assert verification.text == "1158201444"
    # Committed before it was answered: nothing was still under way when the server ended.
    rows = shop.rows("SELECT count(*), count(DISTINCT digest) FROM whatsapp_notify_webhookevent")
    assert rows == [(BODIES, BODIES)]


def test_what_was_answered_is_kept_when_the_server_is_killed(shop: RunningShop) -> None:
    secret = settings.WHATSAPP_NOTIFY["APP_SECRET"]
    numbers = itertools.count()
    answered: list[bytes] = []

    def post_until_it_is_gone() -> None:
        try:
            while _post(shop, body := _body(next(numbers)), secret=secret) == 200:
                answered.append(body)
        except requests.RequestException:
            pass  # Meta would post it again

    shop.start_event_loop()
    with ThreadPoolExecutor(AT_ONCE) as posters:
        for _each in range(AT_ONCE):
            posters.submit(post_until_it_is_gone)
        shop.wait_for("webhooks to be answered", lambda: len(answered) >= ANSWERED)
        shop.kill("web")

    rows = shop.rows("SELECT digest FROM whatsapp_notify_webhookevent")
    kept = {bytes(digest) for (digest,) in rows}
    assert {hashlib.sha256(body).digest() for body in answered} <= kept
