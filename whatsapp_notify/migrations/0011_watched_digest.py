"""A watch whose value or field is another begins anew."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("whatsapp_notify", "0010_latest_notices")]
    operations = [
        migrations.AddField(
            model_name="watermark",
            name="watched",
            field=models.CharField(blank=True, db_default="", default="", max_length=16),
        ),
    ]
