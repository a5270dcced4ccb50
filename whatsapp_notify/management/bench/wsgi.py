"""The shop as its web server runs it, with its own middleware, on the bench's database."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

from whatsapp_notify.management.bench.shop import set_up

_setup = set_up()
if _setup.changes.get("BENCH_IS_NAIVE"):
    settings.ROOT_URLCONF = "whatsapp_notify.management.bench.naive_urls"

from celery import current_app  # noqa: E402  # after the shop's own application

current_app.conf.task_default_queue = _setup.queue
application = get_wsgi_application()
if _setup.changes.get("BENCH_IS_DIRECT"):
    # By its name: commands and webhooks are layers beside each other.
    first = import_string("whatsapp_notify.webhooks.wsgi.WebhookFirst")
    application = first(application)
