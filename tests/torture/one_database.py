"""All campaigns on one database: the part of ``python -m tests.torture`` that knows Django.

``python -m tests.torture.one_database FOLDER ORDER`` prints counts as JSON; the address of the
database is in ``DATABASE_URL``. ORDER is ``{"seed": ..., "sizes": {campaign: ...}}``.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connection

from tests.torture.campaign import Campaign, Counts, Run


def main(folder: Path, order: str) -> None:
    """This will run the campaigns one after the other and print the sum of their counts."""
    django.setup()
    from tests.torture import world as worlds
    from tests.torture.__main__ import PLUGS

    call_command("migrate", verbosity=0, interactive=False)
    asked = json.loads(order)
    total = Counts()
    with worlds.opened(folder) as world:
        for plug in PLUGS:
            if size := asked["sizes"][plug.name]:
                campaign: Campaign = importlib.import_module(f"tests.torture.{plug.module}").run
                total += campaign(world, Run(seed=asked["seed"], size=size, say=_say))
    sys.stdout.write(json.dumps(dataclasses.asdict(total)))


def _say(words: str) -> None:
    sys.stderr.write(f"{connection.vendor}: {words}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
