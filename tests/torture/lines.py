"""Dies at a chosen line: the n-th that a process executes, in whichever of its threads."""

from __future__ import annotations

import http.client
import itertools
import mmap
import os
import signal
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import django.db.backends
import urllib3

import demo_shop
import whatsapp_notify

Tracer = Callable[[FrameType, str, Any], Any]


def _folder(module: Any) -> str:
    return str(Path(module.__file__).parent)


#: The product, and the shop that it serves.
OWN = (_folder(whatsapp_notify), _folder(demo_shop))
#: Also what stands between the product and the outer world.
DRIVERS = (*OWN, _folder(django.db.backends), str(http.client.__file__), _folder(urllib3))

#: Number of the last line, and how long the words for its place are.
_HEADER = struct.Struct("qi")
_WORDS_BYTES = 200
_PLACE = struct.Struct("I")
#: What a piece of work may execute. Memory that is not written to costs nothing.
_MOST_LINES = 1_000_000


class Lines:
    """Counts executed lines, and kills its process at one of them.

    Made before the fork, so that the parent reads what the dead process has counted.
    """

    def __init__(self, *, below: tuple[str, ...], last: int | None = None) -> None:
        self._below = below
        self._last = last
        self._numbers = itertools.count(1)
        self._is_watched: dict[str, bool] = {}
        self._places: dict[tuple[str, int], int] = {}
        self._memory = mmap.mmap(-1, _HEADER.size + _WORDS_BYTES)
        self._log = mmap.mmap(-1, _MOST_LINES * _PLACE.size) if last is None else None

    def watch(self, work: Callable[[], object]) -> None:
        """This will do the work, in this thread and those it starts, until the last line."""
        threading.settrace(self._enter)
        sys.settrace(self._enter)
        try:
            work()
        finally:
            sys.settrace(None)
            threading.settrace(None)

    def executed(self) -> list[int]:
        """This will return a number for each executed line; the same line, the same number."""
        if self._log is None:
            raise ValueError("Only what is not killed is counted.")
        places = (number for (number,) in _PLACE.iter_unpack(self._log))
        return list(itertools.takewhile(bool, places))

    @property
    def place(self) -> str:
        """File and line at which the process was killed."""
        length = _HEADER.unpack_from(self._memory)[1]
        return self._memory[_HEADER.size : _HEADER.size + length].decode()

    def _enter(self, frame: FrameType, event: str, arg: Any) -> Tracer | None:
        file = frame.f_code.co_filename
        if file not in self._is_watched:
            self._is_watched[file] = file.startswith(self._below)
        return self._line if self._is_watched[file] else None

    def _line(self, frame: FrameType, event: str, arg: Any) -> Tracer:
        if event == "line":
            number = next(self._numbers)
            if self._log is not None:
                self._note(frame, number)
            elif number == self._last:
                self._die(frame, number)
        return self._line

    def _note(self, frame: FrameType, number: int) -> None:
        place = (frame.f_code.co_filename, frame.f_lineno)
        mark = self._places.setdefault(place, len(self._places) + 1)
        _PLACE.pack_into(self._log, (number - 1) * _PLACE.size, mark)  # type: ignore[arg-type]

    def _die(self, frame: FrameType, number: int) -> None:
        file = Path(frame.f_code.co_filename)
        place = f"{file.parent.name}/{file.name}:{frame.f_lineno}".encode()[:_WORDS_BYTES]
        _HEADER.pack_into(self._memory, 0, number, len(place))
        self._memory[_HEADER.size : _HEADER.size + len(place)] = place
        os.kill(os.getpid(), signal.SIGKILL)
