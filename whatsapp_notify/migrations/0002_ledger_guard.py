"""Guards what the models alone cannot: the consent ledger, and room for updates in place."""

from django.db import migrations

LEDGER = "whatsapp_notify_consentrecord"

POSTGRESQL = [
    f"""
    CREATE FUNCTION wn_refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'The consent ledger is append-only';
    END $$
    """,
    f"""
    CREATE TRIGGER wn_ledger_append_only BEFORE UPDATE OR DELETE ON {LEDGER}
    FOR EACH ROW EXECUTE FUNCTION wn_refuse_ledger_change()
    """,
    # Room in each page for new versions of a row: status updates then touch no index (HOT).
    "ALTER TABLE whatsapp_notify_message SET (fillfactor = 70)",
]
POSTGRESQL_BACK = [
    "ALTER TABLE whatsapp_notify_message RESET (fillfactor)",
    f"DROP TRIGGER wn_ledger_append_only ON {LEDGER}",
    "DROP FUNCTION wn_refuse_ledger_change()",
]

# Only updates: Django empties tables with DELETE on SQLite after each transactional test, also
# in the test suites of shops. Deletion is refused by the model there.
SQLITE = [
    f"""
    CREATE TRIGGER wn_ledger_append_only BEFORE UPDATE ON {LEDGER}
    BEGIN SELECT RAISE(ABORT, 'The consent ledger is append-only'); END
    """,
]
SQLITE_BACK = ["DROP TRIGGER wn_ledger_append_only"]


def guard(apps, schema_editor):
    statements = {"postgresql": POSTGRESQL, "sqlite": SQLITE}
    for statement in statements.get(schema_editor.connection.vendor, []):
        schema_editor.execute(statement)


def unguard(apps, schema_editor):
    statements = {"postgresql": POSTGRESQL_BACK, "sqlite": SQLITE_BACK}
    for statement in statements.get(schema_editor.connection.vendor, []):
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("whatsapp_notify", "0001_initial")]
    operations = [migrations.RunPython(guard, unguard)]
