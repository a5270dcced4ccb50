"""The shop's Celery application on the bench's queue, for ``celery --app``."""

from celery import current_app

from whatsapp_notify.management.bench.shop import set_up

_setup = set_up()

app = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy
app.conf.task_default_queue = _setup.queue
# As docs/performance.md tells to: Celery closes the database's connections around each task, and
# a new one costs PostgreSQL more than most of our tasks.
app.conf.CELERY_DB_REUSE_MAX = 1000
# The naive design is a task as well.
app.loader.import_module("whatsapp_notify.management.bench.naive")
