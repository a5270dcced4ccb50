"""Processes of the demo: started together, shown in one terminal, ended together."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

#: Seconds in which a process may end what it is doing; then it is killed.
PATIENCE_SECONDS = 6.0
#: A process that dies is started again so often.
RESTARTS = 1


@dataclass(frozen=True, kw_only=True)
class Part:
    """One program of the demo."""

    #: Stands before each of its lines.
    name: str
    command: Sequence[str]
    #: Lines that nobody needs to read.
    is_noise: Callable[[str], bool] = field(default=lambda line: not line)
    #: Others may need it to end in peace, so it is ended after them.
    ends_last: bool = False


class PartEnded(Exception):
    """A part of the demo has ended by itself, and again after it had been started anew."""


class _Running:
    """One part at work."""

    def __init__(
        self, part: Part, *, environment: Mapping[str, str], folder: Path, log: TextIO
    ) -> None:
        self.part = part
        self.restarts = 0
        self._environment = dict(environment)
        self._folder = folder
        self._log = log
        self.process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        # A session of its own: Ctrl-C reaches us alone, and children of children end with it.
        process = subprocess.Popen(  # noqa: S603 - our own commands
            self.part.command,
            env=self._environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        threading.Thread(target=self._show, args=(process,), daemon=True).start()
        return process

    def _show(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        with process.stdout as lines:
            for line in lines:
                text = line.rstrip()
                if not self.part.is_noise(text):
                    self._log.write(f"{self.part.name:<8}| {text}\n")
                    self._log.flush()

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def restart(self) -> None:
        self.restarts += 1
        self._signal(signal.SIGKILL)
        self.process = self._start()

    def end(self, *, deadline: float) -> None:
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=max(0.05, deadline - time.monotonic()))
        # What the part itself has started and forgotten goes with it.
        self._signal(signal.SIGKILL)
        self.process.wait()

    def ask_to_end(self) -> None:
        if not self.has_ended:
            self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


class Ensemble:
    """All parts. Use it as a context: whatever happens, nothing is left behind."""

    def __init__(self, *, environment: Mapping[str, str], folder: Path, log: TextIO) -> None:
        self._environment = environment
        self._folder = folder
        self._log = log
        self._running: dict[str, _Running] = {}

    def __enter__(self) -> Ensemble:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.end()

    def start(self, *parts: Part) -> None:
        """This will start the parts and return at once."""
        for part in parts:
            self._running[part.name] = _Running(
                part, environment=self._environment, folder=self._folder, log=self._log
            )

    def end(self, *names: str) -> None:
        """This will end the parts of these names, or all, within some ten seconds."""
        chosen = [self._running.pop(name) for name in names or tuple(self._running)]
        for is_last in (False, True):
            group = [each for each in chosen if each.part.ends_last is is_last]
            for each in group:
                each.ask_to_end()
            deadline = time.monotonic() + (PATIENCE_SECONDS if not is_last else 2.0)
            for each in group:
                each.end(deadline=deadline)

    def kill(self, name: str) -> None:
        """This will end a part as a power cut would; ``watch`` starts it again."""
        os.killpg(self._running[name].process.pid, signal.SIGKILL)

    def watch(self) -> None:
        """This will start again what has died; to be called every moment.

        Raises:
            PartEnded: One has died too often.
        """
        for name, each in self._running.items():
            if not each.has_ended:
                continue
            code = each.process.returncode
            if each.restarts >= RESTARTS:
                raise PartEnded(
                    f"The {name} has ended again (code {code}); its last lines are above."
                )
            self._log.write(f"{name:<8}| ended (code {code}); starting it again\n")
            self._log.flush()
            each.restart()
