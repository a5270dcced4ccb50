"""Processes that are forked to be killed.

A fork of a process that has Django loaded costs milliseconds, an interpreter a second. No
connection to the database may be open at the fork: two processes would talk on one.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress

from django.db import connections

#: What has not ended by then hangs.
_PATIENCE_SECONDS = 60.0
#: For a process that only waits to be killed.
LONG_SECONDS = 600.0


class Hung(AssertionError):
    """A forked process has not ended in time. It has been killed."""


def fork(work: Callable[[], object]) -> int:
    """This will run the work in a process of its own and return its id."""
    connections.close_all()
    sys.stdout.flush()
    sys.stderr.flush()
    # A collector that looks at what both share would have all of it copied: thrice the time.
    gc.freeze()
    with warnings.catch_warnings():
        # From Python 3.12 on, where a test runner has threads. They stay behind.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        gc.unfreeze()
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001  # nothing may leave this process but its exit code
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def kill(pid: int) -> bool:
    """This will kill as a power cut would, and tell whether the process lived until then."""
    os.kill(pid, signal.SIGKILL)
    _pid, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)


def wait(pid: int) -> bool:
    """This will wait for the end and tell whether the process was killed.

    Raises:
        Hung: It had to be killed by us.
        AssertionError: It broke off with an error, which is on standard error.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    pause = 0.0005
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            break
        if time.monotonic() > deadline:
            with suppress(ProcessLookupError):
                kill(pid)
            raise Hung(f"A process has not ended in {_PATIENCE_SECONDS:.0f} s.")
        time.sleep(pause)
        pause = min(2 * pause, 0.002)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise AssertionError("A process broke off with an error; see above.")
    return os.WIFSIGNALED(status)
