"""A failure that is told after the repair stops nothing again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("whatsapp_notify", "0012_unmatched_by_time")]
    operations = [
        migrations.AddField(
            model_name="sender",
            name="resumed_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="sender",
            name="calmed_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="template",
            name="resumed_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
