"""Room for as much again in each page of messages, so that news of them touch no index (HOT).

Messages that stand in one page leave together, and so their news come together. With room for less
than all of them a third of the updates went to another page, and into five indexes or more.
"""

from typing import Any

from django.db import migrations

TABLE = "whatsapp_notify_message"


def make_room(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"ALTER TABLE {TABLE} SET (fillfactor = 50)")


def make_less_room(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"ALTER TABLE {TABLE} SET (fillfactor = 70)")


class Migration(migrations.Migration):
    dependencies = [("whatsapp_notify", "0016_webhooks_written_once")]
    operations = [migrations.RunPython(make_room, make_less_room)]
