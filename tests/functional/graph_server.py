"""A Graph API in a process of its own, for tests that kill and stop what calls it.

``python -m tests.functional.graph_server PORT FOLDER``. Each call that it accepts is one line in
``FOLDER/ledger.jsonl``, written to disk before the answer:
``{"opaque", "to", "template", "wamid"}``. ``FOLDER/seconds`` holds how long it takes from there
to the answer.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LEDGER, SECONDS = "ledger.jsonl", "seconds"


class _Ledger:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def accept(self, payload: dict[str, Any]) -> str:
        wamid = f"wamid.{secrets.token_hex(12)}"
        line = {
            "opaque": payload["biz_opaque_callback_data"],
            "to": payload["to"],
            "template": payload["template"]["name"],
            "wamid": wamid,
        }
        with self._lock, (self._folder / LEDGER).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        return wamid

    def seconds(self) -> float:
        file = self._folder / SECONDS
        return float(file.read_text()) if file.exists() else 0.0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    ledger: _Ledger

    def do_POST(self) -> None:
        payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        wamid = self.ledger.accept(payload)
        time.sleep(self.ledger.seconds())
        digits = payload["to"].lstrip("+")
        body = json.dumps(
            {
                "messaging_product": "whatsapp",
                "contacts": [{"input": payload["to"], "wa_id": digits}],
                "messages": [{"id": wamid, "message_status": "accepted"}],
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Payloads are personal; the ledger is enough."""


def main(port: int, folder: Path) -> None:
    """This will serve until the process is ended."""
    _Handler.ledger = _Ledger(folder)
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer(("127.0.0.1", port), _Handler).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
