"""ASGI entry point of the demo shop: webhooks are answered in the event loop, before Django."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo_shop.settings")

django_application = get_asgi_application()

from whatsapp_notify.webhooks.asgi import WebhookFirst  # noqa: E402  # once Django is set up

application = WebhookFirst(django_application)
