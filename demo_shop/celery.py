"""The shop's Celery application."""

import os

from celery import Celery

from demo_shop import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo_shop.settings")

broker.install()
app = Celery("demo_shop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
