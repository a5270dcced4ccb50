"""The shop's Celery application on the bench's queue, for ``celery --app``."""

from celery import current_app

from whatsapp_notify.management.bench.shop import set_up

_setup = set_up()

app = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy
app.conf.task_default_queue = _setup.queue
# The naive design is a task as well.
app.loader.import_module("whatsapp_notify.management.bench.naive")
