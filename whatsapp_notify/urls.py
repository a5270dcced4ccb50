"""Addresses of the plugin; include them under a path of your own, such as ``whatsapp/``."""

from django.urls import include, path

from whatsapp_notify.pages.qr_codes import QrCodeView
from whatsapp_notify.webhooks.views import WebhookView

app_name = "whatsapp_notify"

urlpatterns = [
    path("api/v1/", include("whatsapp_notify.api.urls")),
    path("qr/<str:token>.png", QrCodeView.as_view(), name="qr_code"),
    path("webhook/", WebhookView.as_view(), name="webhook"),
]
