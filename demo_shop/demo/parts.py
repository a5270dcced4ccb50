"""The programs of which the demo consists."""

from __future__ import annotations

import re
import sys

from django.conf import settings

from demo_shop.demo.processes import Part

HOST = "127.0.0.1"

_MANAGE = (sys.executable, str(settings.BASE_DIR / "manage.py"))
_CELERY = (sys.executable, "-m", "celery", "--quiet", "--app", "demo_shop")
#: What the development server says about requests that went well, and about faults that the
#: simulator plays on purpose.
_REQUEST = re.compile(
    r'"[A-Z]+ \S+ HTTP/[0-9.]+" [123]\d\d |"[A-Z]+ /simulator/graph/\S* HTTP/|: /simulator/graph/'
)
#: Greetings, and Celery's words about running as root, which a demo may.
_GREETING = re.compile(
    r"^(Starting development server|Quit the server|Django version|Watching for|The courier is at)"
    r"|^[A-Z][a-z]+ \d\d, \d{4} - |This is a development server|information on production servers"
    r"|superuser privileges|absolutely not recommended|Please specify a different user"
    r"|User information:|uid=\d+ euid|SecurityWarning|_warn_or_raise_security_error"
    r"|Warm shutdown|celery beat v|beat: Shutting down"
)


def web(*, port: int) -> Part:
    """The shop, its admin, the webhook, and the simulator's Graph API and phone."""
    address = f"{HOST}:{port}"
    command = (*_MANAGE, "runserver", address, "--noreload", "--skip-checks", "--verbosity", "0")
    return Part(name="web", command=command, is_noise=_is_noise, ends_last=True)


def worker() -> Part:
    """A Celery worker, in threads: everything that sends and reads."""
    options = ("--pool", "threads", "--concurrency", "4", "--loglevel", "WARNING")
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    return Part(name="worker", command=(*_CELERY, "worker", *options, *quiet), is_noise=_is_noise)


def beat() -> Part:
    """Celery's clock, with the schedules of the admin."""
    return Part(
        name="beat", command=(*_CELERY, "beat", "--loglevel", "WARNING"), is_noise=_is_noise
    )


def courier() -> Part:
    """The simulator's other half: it brings Meta's webhooks."""
    return Part(name="courier", command=(*_MANAGE, "simulator_courier"), is_noise=_is_noise)


def _is_noise(line: str) -> bool:
    return not line.strip() or bool(_REQUEST.search(line) or _GREETING.search(line))
