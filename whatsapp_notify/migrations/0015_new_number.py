"""A number that was only typed in the shop lets consent be confirmed anew."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("whatsapp_notify", "0014_stop_of_everything")]
    operations = [
        migrations.AlterField(
            model_name="consentrecord",
            name="source",
            field=models.CharField(
                choices=[
                    ("checkout", "checkout"),
                    ("registration", "registration"),
                    ("api", "API"),
                    ("keyword", "keyword in the chat"),
                    ("button", "button in the chat"),
                    ("provider", "WhatsApp's own control"),
                    ("staff", "recorded by staff"),
                    ("import", "import"),
                    ("new_number", "new number in the shop"),
                ],
                max_length=15,
                verbose_name="source",
            ),
        ),
    ]
