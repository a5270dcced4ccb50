"""Webhooks are written once; those that wait to be read stand in a table of their own."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Length


def take_apart(apps: Any, schema_editor: Any) -> None:
    webhooks = apps.get_model("whatsapp_notify", "WebhookEvent").objects
    unread = apps.get_model("whatsapp_notify", "UnreadWebhook")
    webhooks.filter(state="quarantined").update(is_quarantined=True)
    waiting = webhooks.filter(is_pending=True).annotate(size=Length("body"))
    columns = ("pk", "size", "received_at", "attempts", "processed_at")
    rows = (
        unread(
            webhook_id=pk,
            size=size,
            received_at=received_at,
            attempts=attempts,
            tried_at=tried_at,
        )
        for pk, size, received_at, attempts, tried_at in waiting.values_list(*columns).iterator()
    )
    unread.objects.bulk_create(rows, batch_size=1000)


def put_together(apps: Any, schema_editor: Any) -> None:
    webhooks = apps.get_model("whatsapp_notify", "WebhookEvent").objects
    rows = apps.get_model("whatsapp_notify", "UnreadWebhook").objects
    unread = rows.filter(pk=models.OuterRef("pk"))
    webhooks.filter(models.Exists(unread)).update(
        attempts=models.Subquery(unread.values("attempts")),
        processed_at=models.Subquery(unread.values("tried_at")),
    )
    webhooks.exclude(models.Exists(unread)).update(
        is_pending=False, state="processed", attempts=1, processed_at=models.F("received_at")
    )
    webhooks.filter(is_quarantined=True).update(state="quarantined")


class Migration(migrations.Migration):
    dependencies = [("whatsapp_notify", "0015_new_number")]
    operations = [
        migrations.CreateModel(
            name="UnreadWebhook",
            fields=[
                (
                    "webhook",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="unread",
                        serialize=False,
                        to="whatsapp_notify.webhookevent",
                    ),
                ),
                ("size", models.PositiveIntegerField()),
                ("received_at", models.DateTimeField()),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("tried_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "unread webhook",
                "verbose_name_plural": "unread webhooks",
            },
        ),
        migrations.AddField(
            model_name="webhookevent",
            name="is_quarantined",
            field=models.BooleanField(default=False, verbose_name="quarantined"),
        ),
        migrations.RunPython(take_apart, put_together),
        migrations.RemoveIndex(model_name="webhookevent", name="wn_webhookevent_waiting_idx"),
        migrations.RemoveIndex(model_name="webhookevent", name="wn_webhookevent_poison_idx"),
        migrations.AddIndex(
            model_name="webhookevent",
            index=models.Index(
                fields=["-id"],
                condition=models.Q(is_quarantined=True),
                name="wn_webhookevent_poison_idx",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookevent",
            index=models.Index(
                fields=["-id"],
                condition=models.Q(is_quarantined=False) & ~models.Q(problem=""),
                name="wn_webhookevent_dropped_idx",
            ),
        ),
        migrations.RemoveField(model_name="webhookevent", name="state"),
        migrations.RemoveField(model_name="webhookevent", name="is_pending"),
        migrations.RemoveField(model_name="webhookevent", name="attempts"),
        migrations.RemoveField(model_name="webhookevent", name="processed_at"),
    ]
