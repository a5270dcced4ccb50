"""Who has stopped everything gets nothing of topics that are added later."""

from typing import Any

from django.db import migrations, models
from django.db.models import Count, Max

IN_CHAT = ("keyword", "button")
#: The key of a stop in the chat names the contact; that of "no" or "no promotions" does not.
STOP_IN_CHAT = r"^inbound:[0-9]+:[0-9]+:[0-9]+:withdraw$"


def keep_known_stops(apps: Any, schema_editor: Any) -> None:
    """This will read from the ledger who has stopped everything, and has not started again."""
    contacts = apps.get_model("whatsapp_notify", "Contact").objects
    records = apps.get_model("whatsapp_notify", "ConsentRecord").objects
    topics = apps.get_model("whatsapp_notify", "Topic").objects.exclude(purpose="service")
    withdrawn = records.filter(action="withdraw").exclude(source="provider")
    in_chat = withdrawn.filter(source__in=IN_CHAT, dedupe_key__regex=STOP_IN_CHAT)
    of_all = (
        withdrawn.filter(topic__in=topics.values("pk"))
        .values("contact", "occurred_at")
        .annotate(count=Count("topic", distinct=True))
        .filter(count=topics.count())
    )
    started = records.filter(action="grant", source__in=IN_CHAT, evidence__question_id__isnull=True)
    starts = dict(started.values_list("contact").annotate(at=Max("occurred_at")))
    stops: dict[int, Any] = dict(in_chat.values_list("contact").annotate(at=Max("occurred_at")))
    if topics.exclude(purpose="promotion").exists():
        for pk, at in of_all.values_list("contact", "occurred_at").iterator():
            stops[pk] = max(at, stops.get(pk, at))
    for pk, at in stops.items():
        if pk not in starts or starts[pk] <= at:
            contacts.filter(pk=pk).update(everything_stopped_at=at)


class Migration(migrations.Migration):
    dependencies = [("whatsapp_notify", "0013_told_after_the_repair")]
    operations = [
        migrations.AddField(
            model_name="contact",
            name="everything_stopped_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.RunPython(keep_known_stops, migrations.RunPython.noop),
    ]
