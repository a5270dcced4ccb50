"""Statuses that found no message are looked for, and let go, by when they came."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("whatsapp_notify", "0011_watched_digest")]
    operations = [
        migrations.AddIndex(
            model_name="unmatchedstatus",
            index=models.Index(fields=["received_at"], name="wn_unmatched_received_idx"),
        ),
    ]
