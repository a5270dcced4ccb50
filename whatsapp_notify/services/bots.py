"""The shop's bot: found by the settings, asked in a thread of its own, never waited for longer.

# Note [A thread that is late]
Nothing can stop a thread. One that is late goes on by itself and its answer is dropped; it is
no reason for the process to stay. Only so many may be on their way: a bot that hangs must
not take one thread more with each message.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any

from django.core.signals import setting_changed
from django.db import connections
from django.utils.module_loading import import_string

from whatsapp_notify import conf
from whatsapp_notify.domain.bot_turns import BotReply, BotTurn, HandOver, problem_of
from whatsapp_notify.exceptions import ConfigurationError
from whatsapp_notify.services import faults

logger = logging.getLogger(__name__)

Bot = Callable[[BotTurn], Any]

#: Calls of bots under way in this process, those that are late included.
MAX_CALLS = 64

_places = threading.BoundedSemaphore(MAX_CALLS)


@dataclass(frozen=True, slots=True)
class Unusable:
    """There is no answer that could be sent; a person is called at once."""

    #: "late", "busy", "type" or what ``bot_turns.problem_of`` says.
    why: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The bot has raised; it may be asked again."""


Answer = BotReply | HandOver | Unusable | Broken


@dataclass(slots=True, kw_only=True)
class Call:
    """One question to the bot, from its beginning to the answer."""

    #: On the clock of ``time.monotonic``.
    ends_at: float
    is_over: threading.Event = field(default_factory=threading.Event)
    answer: Answer = field(default_factory=lambda: Unusable("late"))

    @property
    def is_due(self) -> bool:
        """Whether nothing is waited for any more: it has been answered, or is late."""
        return self.is_over.is_set() or time.monotonic() >= self.ends_at

    def wait(self) -> Answer:
        """This will return the answer, or that there is none in time."""
        if not self.is_over.wait(max(0.0, self.ends_at - time.monotonic())):
            return Unusable("late")
        return self.answer


def patience() -> timedelta:
    """This will return how long an answer is waited for."""
    return timedelta(seconds=conf.load().BOT_DEADLINE_SECONDS)


def ask(*, turn: BotTurn) -> Call:
    """This will begin to ask the bot. Needs no transaction: what the bot does takes its time.

    Raises:
        ConfigurationError: The setting is empty, cannot be imported or cannot be called.
    """
    bot = load()
    call = Call(ends_at=time.monotonic() + patience().total_seconds())
    if not _places.acquire(blocking=False):
        call.answer = Unusable("busy")
        call.is_over.set()
        return call
    # See Note [A thread that is late].
    thread = threading.Thread(
        target=_run, args=(bot, turn, call), name="whatsapp_notify.bot", daemon=True
    )
    try:
        thread.start()
    except RuntimeError:
        _places.release()
        raise
    return call


def load() -> Bot:
    """This will return the bot that the settings name.

    Raises:
        ConfigurationError: The setting is empty, cannot be imported or cannot be called.
    """
    return _load(conf.load().BOT)


@lru_cache(maxsize=1)
def _load(path: str) -> Bot:
    if not path:
        raise ConfigurationError("BOT is empty: name a callable, or leave the answers to people.")
    try:
        bot = import_string(path)
    except ImportError as err:
        raise ConfigurationError(f"BOT {path!r} cannot be imported: {err}") from err
    if not callable(bot) or isinstance(bot, type):
        raise ConfigurationError(f"BOT {path!r} cannot be called with a turn.")
    return bot


def _run(bot: Bot, turn: BotTurn, call: Call) -> None:
    try:
        call.answer = _checked(bot(turn))
    except BaseException as err:  # noqa: BLE001  # whatever ends the bot must not end the wait
        logger.error("The bot broke: %s", faults.trace(err))
        call.answer = Broken()
    finally:
        call.is_over.set()
        connections.close_all()
        _places.release()


def _checked(answer: Any) -> Answer:
    match answer:
        case HandOver():
            return answer
        case BotReply():
            why = problem_of(answer)
            if not why:
                return answer
            logger.error("The bot's reply cannot be sent", extra={"problem": why})
            return Unusable(why)
    logger.error(
        "The bot returned neither BotReply nor HandOver", extra={"type": type(answer).__name__}
    )
    return Unusable("type")


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == conf.NAME:
        _load.cache_clear()


setting_changed.connect(_forget, dispatch_uid="whatsapp_notify.bots")
