"""Of news that come in any order the latest counts."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("whatsapp_notify", "0009_waiting_webhooks")]
    operations = [
        migrations.AddField(
            model_name="sender",
            name="ban_told_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="template",
            name="told_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
