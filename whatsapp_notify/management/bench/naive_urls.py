"""The naive webhook at the address of ours."""

from django.urls import include, path

from whatsapp_notify.management.bench.naive import webhook

_names = ([path("webhook/", webhook, name="webhook")], "whatsapp_notify")

urlpatterns = [path("whatsapp/", include(_names))]
