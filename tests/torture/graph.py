"""A Graph API in a process of its own, which never forgets what it has accepted.

``python -m tests.torture.graph PORT FOLDER``. Each call becomes one line in
``FOLDER/ledger.jsonl``, written before the answer and never taken back, however the caller
dies: ``{"opaque", "to", "template", "wamid", "accepted", "outcome", "at"}``. What becomes of a
call stands in ``FOLDER/script.json``, which may be replaced at any time.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from whatsapp_notify.domain import opaque

LEDGER, SCRIPT = "ledger.jsonl", "script.json"

#: Accepted and answered as Graph does.
ACCEPTED = "accepted"
#: Accepted; then the connection is reset before a byte of the answer.
CUT = "cut"
#: Accepted; half of the answer, then the end.
HALF = "half"
#: Accepted; the answer is a 200 that says nothing.
GARBAGE = "garbage"
#: Accepted; the answer is a server error.
BROKEN_AFTER = "broken_after"
#: A server error, and the message was not taken.
BROKEN = "broken"
#: Refused: too fast.
THROTTLED = "throttled"
#: Refused: undeliverable.
REFUSED = "refused"
#: Accepted at once, answered after ``Script.seconds``.
SLOW = "slow"
#: Accepted after ``Script.seconds``, maybe long after the caller is dead.
LATE = "late"

OUTCOMES = (
    ACCEPTED, CUT, HALF, GARBAGE, BROKEN_AFTER, BROKEN, THROTTLED, REFUSED, SLOW, LATE,
)  # fmt: skip
_NOT_ACCEPTED = frozenset({BROKEN, THROTTLED, REFUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What becomes of calls. Drawn by lot for each message and attempt, the same each time."""

    seed: int = 0
    #: Outcome to its share.
    weights: Mapping[str, float] = field(default_factory=lambda: {ACCEPTED: 1})
    #: The same for all but the first attempt; as ``weights`` where there is none.
    later: Mapping[str, float] | None = None
    #: Of ``SLOW`` and ``LATE``.
    seconds: float = 0.05

    def outcome(self, opaque_id: str) -> str:
        ours = opaque.decode(opaque_id)
        attempt = ours.attempt if ours else 1
        name = f"{ours.message_id}:{attempt}" if ours else opaque_id
        weights = self.weights if attempt == 1 or self.later is None else self.later
        lot = random.Random(f"{self.seed}:{name}")
        return lot.choices(list(weights), list(weights.values()))[0]


def write_script(folder: Path, script: Script) -> None:
    """This will have the server act by this script from the next call on."""
    draft = folder / f"{SCRIPT}.{os.getpid()}"
    draft.write_text(json.dumps(asdict(script)))
    draft.replace(folder / SCRIPT)


class _Server:
    def __init__(self, folder: Path) -> None:
        self._file = folder / SCRIPT
        self._read_at: tuple[int, int] | None = None
        self._script = Script()
        # Unbuffered: a line is in the file before the next byte of the answer.
        self._ledger = (folder / LEDGER).open("ab", buffering=0)
        self._in_flight = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass  # the caller was killed
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_length(head))
        if not head.startswith(b"POST "):
            await self._be_idle()
            writer.write(_http(404, {"error": {"code": 100, "message": "Nothing to read."}}))
            return True
        self._in_flight += 1
        try:
            answer = await self._answer(json.loads(body))
        finally:
            self._in_flight -= 1
        if answer is None:
            writer.transport.abort()
            return False
        writer.write(answer)
        return b"Connection: close" not in answer

    async def _be_idle(self) -> None:
        """This will wait until each call that has come is in the ledger."""
        while True:
            # Of two sockets that are ready, this one may have been looked at first.
            await asyncio.sleep(0.01)
            if not self._in_flight:
                return

    async def _answer(self, payload: dict[str, Any]) -> bytes | None:
        if "to" not in payload:
            return _http(200, {"success": True})  # a receipt of ours, and no message
        script = self._current_script()
        outcome = script.outcome(payload["biz_opaque_callback_data"])
        if outcome == LATE:
            await asyncio.sleep(script.seconds)
        wamid = self._write_down(payload, outcome)
        if outcome == SLOW:
            await asyncio.sleep(script.seconds)
        whole = _http(200, _acceptance(payload["to"], wamid))
        match outcome:
            case "cut":
                return None
            case "half":
                return whole.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)[: len(whole) // 2]
            case "garbage":
                return _http(200, "It works!")
            case "broken" | "broken_after":
                return _http(500, {"error": {"code": 1, "message": "An unknown error occurred"}})
            case "throttled":
                return _http(400, {"error": {"code": 130429, "message": "Rate limit hit"}})
            case "refused":
                return _http(400, {"error": {"code": 131026, "message": "Undeliverable"}})
        return whole

    def _write_down(self, payload: dict[str, Any], outcome: str) -> str:
        wamid = f"wamid.{secrets.token_hex(12)}"
        line = {
            "opaque": payload["biz_opaque_callback_data"],
            "to": payload["to"],
            "template": payload.get("template", {}).get("name", ""),
            "wamid": wamid,
            "accepted": outcome not in _NOT_ACCEPTED,
            "outcome": outcome,
            # The same clock in all processes of this machine.
            "at": time.monotonic(),
        }
        self._ledger.write(json.dumps(line).encode() + b"\n")
        return wamid

    def _current_script(self) -> Script:
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return self._script
        if self._read_at != (found.st_ino, found.st_mtime_ns):
            self._read_at = (found.st_ino, found.st_mtime_ns)
            self._script = Script(**json.loads(self._file.read_text()))
        return self._script


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def _acceptance(to: str, wamid: str) -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "contacts": [{"input": to, "wa_id": to.lstrip("+")}],
        "messages": [{"id": wamid, "message_status": "accepted"}],
    }


def _http(status: int, content: object) -> bytes:
    body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
    kind = "text/html" if isinstance(content, str) else "application/json"
    head = f"HTTP/1.1 {status} Scripted\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


async def main(port: int, folder: Path) -> None:
    """This will serve until the process is ended, or whoever started it is gone."""
    parent = os.getppid()
    server = await asyncio.start_server(_Server(folder).serve, "127.0.0.1", port, backlog=1024)
    async with server:
        while os.getppid() == parent:
            await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
