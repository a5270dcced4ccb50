"""A broker made of folders, for a demo without a server.

Kombu's own filesystem transport writes a message into the file that a worker may already be
reading: the worker then meets an empty file and ends. Here a message appears whole.
"""

import os
import uuid
from pathlib import Path
from time import monotonic_ns
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    # Kombu's own classes name the second argument in two ways.
    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:  # type: ignore[override]
        # Files are read in the order of their names.
        name = f"{monotonic_ns():020}_{uuid.uuid4()}.{queue}.msg"
        folder = Path(self.data_folder_out)
        draft = folder / f".{name}.draft"
        draft.write_text(dumps(message), encoding="utf-8")
        os.replace(draft, folder / name)


class Transport(filesystem.Transport):
    Channel = Channel


def install() -> None:
    """This will let ``filesystem://`` addresses use this transport."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
