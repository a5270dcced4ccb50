"""What has broken off its processing is found without a look at all that wait."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("whatsapp_notify", "0017_room_for_messages")]
    operations = [
        migrations.AddIndex(
            model_name="unreadwebhook",
            index=models.Index(
                fields=["tried_at"],
                condition=models.Q(attempts__gt=0),
                name="wn_unreadwebhook_tried_idx",
            ),
        ),
    ]
