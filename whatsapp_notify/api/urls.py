"""Addresses of the REST API; included under ``api/v1/``."""

from django.urls import path

from whatsapp_notify.api.views import ConsentsView, HealthView

urlpatterns = [
    path("consents/", ConsentsView.as_view(), name="api-consents"),
    path("health/", HealthView.as_view(), name="api-health"),
]
