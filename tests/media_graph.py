"""A Graph over real sockets that has one file of a customer."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from tests import files
from tests.cloud_api.scripted_server import Exchange, ScriptedServer, http


class MediaGraph:
    """A Graph with one file, which it describes and hands out as it is told."""

    def __init__(self) -> None:
        self.body = files.JPEG
        self.told: dict[str, Any] = {}
        self.error: tuple[int, int] | None = None
        self.file_status = 200
        #: What happens when the file itself is asked for.
        self.on_file: Callable[[Exchange], None] | None = None
        self.server = ScriptedServer(self._serve)

    @property
    def requests(self) -> list[bytes]:
        return [each.split(b" ")[1] for each in self.server.requests]

    def _serve(self, exchange: Exchange) -> None:
        if exchange.request.split(b" ")[1] == b"/the-file":
            (self.on_file or self._hand_out)(exchange)
        elif self.error:
            code, status = self.error
            exchange.send(http(status, json.dumps({"error": {"code": code}}).encode()))
        else:
            exchange.send(http(200, json.dumps(self._node()).encode()))

    def _hand_out(self, exchange: Exchange) -> None:
        exchange.send(http(self.file_status, self.body, content_type="image/jpeg"))

    def _node(self) -> dict[str, Any]:
        return {
            "url": f"{self.server.url}/the-file",
            "mime_type": "image/jpeg",
            "sha256": hashlib.sha256(self.body).hexdigest(),
            "file_size": len(self.body),
            "id": "77",
            **self.told,
        }
