"""Threads that go on one at a time, and change places where a seed says so.

# Note [Turns]
Each thread has a connection of its own and pauses before each statement, before and after each
commit, and wherever ``pause`` is called. Only one of them is ever at work; at each pause the
order, drawn by lot, tells whose turn is next. So one seed is one interleaving, on any machine.
Locks are respected: on PostgreSQL, who waits for a lock (the server is asked, no clock) loses
the turn until the lock is free; on SQLite nobody begins to write while another one does.
"""

from __future__ import annotations

import queue
import random
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum, auto
from typing import Any
from unittest import mock

from django.db import OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

Work = Callable[[], object]

#: Until the server is asked whether the one at work waits for a lock.
_LOOK_SECONDS = 0.002
#: An interleaving takes some hundredths of a second.
_PATIENCE_SECONDS = 60.0
#: Those that are stuck end with the process.
_GOODBYE_SECONDS = 5.0

_STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|BEGIN)\b")
_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "BEGIN"})

_here = threading.local()


class Stuck(AssertionError):
    """Nobody can go on."""


class _State(Enum):
    PAUSED = auto()
    AT_WORK = auto()
    WAITS_FOR_LOCK = auto()
    DONE = auto()


class Order:
    """Whose turn it is, drawn by lot: few changes at any places, or many."""

    def __init__(self, *, rng: random.Random, names: Sequence[str], length: int) -> None:
        self._rng = rng
        self._ranks = rng.sample(list(names), len(names))
        self._share = rng.choice((0.0, 0.0, 0.0, 0.15, 0.5))
        count = rng.choice((1, 1, 2, 2, 3, 5))
        self._changes = {rng.randint(1, max(1, length)) for _each in range(count)}
        self.steps = 0

    def next(self, current: str, ready: Sequence[str]) -> str:
        """This will return one of those who are ready."""
        self.steps += 1
        if self.steps in self._changes or self._rng.random() < self._share:
            self._ranks.remove(current)
            self._ranks.append(current)
        return next(name for name in self._ranks if name in ready)


class _Actor:
    def __init__(self, name: str) -> None:
        self.name = name
        self.state = _State.PAUSED
        self.go = threading.Semaphore(0)
        self.writes_next = False
        self.is_muted = False
        self.error: BaseException | None = None
        self.connection: Any = None

    @property
    def has_begun_to_write(self) -> bool:
        return self.connection is not None and bool(self.connection.in_transaction)


class Turns:
    """Threads that are kept from one interleaving to the next, with their connections."""

    def __init__(self) -> None:
        self._mutex = threading.Condition()
        self._orders: dict[str, queue.SimpleQueue[tuple[_Actor, Work] | None]] = {}
        self._threads: list[threading.Thread] = []
        self._actors: list[_Actor] = []
        self._at_work: _Actor | None = None
        self._last: _Actor | None = None
        self._chosen: _Actor | None = None
        self._order: Order
        self._is_postgresql = connection.vendor == "postgresql"
        #: Pauses since the beginning: one number for each step of anybody.
        self.now = 0
        #: What the database has broken off: deadlocks, locks that were not granted.
        self.conflicts: list[str] = []
        #: When each has committed, by name, oldest first.
        self.commits: defaultdict[str, list[int]] = defaultdict(list)

    def close(self) -> None:
        """This will end all threads and close their connections."""
        for waiting in self._orders.values():
            waiting.put(None)
        for thread in self._threads:
            thread.join(timeout=_GOODBYE_SECONDS)
        self._orders.clear()
        self._threads.clear()

    def play(self, works: Mapping[str, Work], *, order: Order) -> dict[str, BaseException]:
        """This will do all works, each in a thread, in this order.

        Returns:
            What they have raised, by their names.

        Raises:
            Stuck: Some of them do not end.
        """
        self._order, self._at_work, self._last, self._chosen = order, None, None, None
        self._actors = [_Actor(name) for name in works]
        for actor in self._actors:
            self._thread_of(actor.name).put((actor, works[actor.name]))
        self._conduct()
        return {actor.name: actor.error for actor in self._actors if actor.error is not None}

    def pause(self, *, writes: bool = False) -> None:
        """This will let whoever's turn it is go on; returns when it is this thread's.

        ``writes`` says that the next thing done needs SQLite's one lock for writing.
        """
        actor: _Actor | None = getattr(_here, "actor", None)
        if actor is None or actor.is_muted:
            return
        with self._mutex:
            self.now += 1
            actor.writes_next = writes
            actor.state = _State.PAUSED
            if actor is self._at_work and not self._waiting:
                # The same as ``_conduct`` would do, without waking its thread.
                self._chosen = self._choose()
                if self._chosen is actor:
                    self._begin(actor)
                    return
            self._leave(actor, _State.PAUSED)
        actor.go.acquire()

    def note_commit(self) -> None:
        """This will write down that this thread has committed."""
        actor: _Actor | None = getattr(_here, "actor", None)
        if actor is not None:
            self.commits[actor.name].append(self.now)

    @contextmanager
    def muted(self) -> Iterator[None]:
        """This will not pause within the block: it is one step."""
        actor: _Actor | None = getattr(_here, "actor", None)
        if actor is None or actor.is_muted:
            yield
            return
        actor.is_muted = True
        try:
            yield
        finally:
            actor.is_muted = False

    @property
    def _waiting(self) -> list[_Actor]:
        return [each for each in self._actors if each.state is _State.WAITS_FOR_LOCK]

    def _thread_of(self, name: str) -> queue.SimpleQueue[tuple[_Actor, Work] | None]:
        if name not in self._orders:
            waiting = self._orders[name] = queue.SimpleQueue()
            thread = threading.Thread(target=self._live, args=(waiting,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        return self._orders[name]

    def _live(self, waiting: queue.SimpleQueue[tuple[_Actor, Work] | None]) -> None:
        try:
            while (begun := waiting.get()) is not None:
                self._act(*begun)
        finally:
            connections.close_all()

    def _act(self, actor: _Actor, work: Work) -> None:
        actor.go.acquire()
        _here.actor = actor
        try:
            connection.ensure_connection()
            actor.connection = connection.connection
            with connection.execute_wrapper(self._statement):
                work()
        except BaseException as err:  # noqa: BLE001  # told to who plays
            actor.error = err
        finally:
            _here.actor = None
            with self._mutex:
                self._leave(actor, _State.DONE)

    def _statement(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        found = _STATEMENT.match(str(sql))
        if found is not None:
            is_first = not context["connection"].in_atomic_block or found[1] == "BEGIN"
            self.pause(writes=is_first and found[1] in _WRITES)
        try:
            return execute(sql, params, many, context)
        except OperationalError as err:
            # The product tries again and says nothing.
            self.conflicts.append(str(err).partition("\n")[0])
            raise

    # Whose turn it is. All of it with the mutex held.

    def _begin(self, actor: _Actor) -> None:
        actor.state = _State.AT_WORK
        self._at_work = self._last = actor
        self._chosen = None

    def _leave(self, actor: _Actor, state: _State) -> None:
        actor.state = state
        if self._at_work is actor:
            self._at_work = None
        self._mutex.notify_all()

    def _choose(self) -> _Actor | None:
        """This will draw who goes on, after whoever had the turn last."""
        ready = {each.name: each for each in self._actors if self._may_go(each)}
        if not ready:
            return None
        last = self._last or self._actors[0]
        return ready[self._order.next(last.name, list(ready))]

    def _may_go(self, actor: _Actor) -> bool:
        if actor.state is not _State.PAUSED:
            return False
        if self._is_postgresql or not actor.writes_next:
            return True
        others = [each for each in self._actors if each is not actor]
        return not any(each.has_begun_to_write for each in others)

    def _conduct(self) -> None:
        """This will give the turn to one after the other until all are done."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        with self._mutex:
            while any(each.state is not _State.DONE for each in self._actors):
                if time.monotonic() > deadline:
                    raise Stuck(", ".join(f"{e.name}: {e.state.name}" for e in self._actors))
                if self._at_work is None and not self._some_lock_is_free():
                    chosen = self._chosen or self._choose()
                    if chosen is not None:
                        self._begin(chosen)
                        chosen.go.release()
                seen = self.now
                self._mutex.wait(_LOOK_SECONDS)
                if self.now == seen and self._at_work and self._is_kept_waiting(self._at_work):
                    self._leave(self._at_work, _State.WAITS_FOR_LOCK)

    def _some_lock_is_free(self) -> bool:
        """This will tell whether one who has waited goes on already, to its next pause."""
        return any(not self._is_kept_waiting(each) for each in self._waiting)

    def _is_kept_waiting(self, actor: _Actor) -> bool:
        if not self._is_postgresql or actor.connection is None:
            return False
        with connection.cursor() as cursor:
            pid = actor.connection.info.backend_pid
            cursor.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [pid])
            return bool(cursor.fetchone()[0])


@contextmanager
def taken() -> Iterator[Turns]:
    """This will have turns taken at commits, too, until the end of the block."""
    turns = Turns()
    commit = BaseDatabaseWrapper.commit
    run_hooks = BaseDatabaseWrapper.run_and_clear_commit_hooks

    def commit_later(self: BaseDatabaseWrapper) -> None:
        turns.pause()
        commit(self)

    def pause_after_hooks(self: BaseDatabaseWrapper) -> None:
        # After them: what they tell of is one step with the commit.
        turns.note_commit()
        with turns.muted():
            run_hooks(self)
        turns.pause()

    with (
        mock.patch.object(BaseDatabaseWrapper, "commit", commit_later),
        mock.patch.object(BaseDatabaseWrapper, "run_and_clear_commit_hooks", pause_after_hooks),
    ):
        try:
            yield turns
        finally:
            turns.close()
