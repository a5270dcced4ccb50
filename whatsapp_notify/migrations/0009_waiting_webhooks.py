"""The webhooks that wait are found by how often they were tried, then in order."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("whatsapp_notify", "0008_room_for_contacts")]
    operations = [
        migrations.AddIndex(
            model_name="webhookevent",
            index=models.Index(
                fields=["attempts", "id"],
                condition=models.Q(is_pending=True),
                name="wn_webhookevent_waiting_idx",
            ),
        ),
        migrations.RemoveIndex(model_name="webhookevent", name="wn_webhookevent_pending_idx"),
    ]
