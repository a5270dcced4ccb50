"""Addresses of the demo shop."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("whatsapp/", include("whatsapp_notify.urls")),
    path("", include("demo_shop.shop_urls")),
]
if "whatsapp_notify.simulator" in settings.INSTALLED_APPS:
    urlpatterns.insert(0, path("simulator/", include("whatsapp_notify.simulator.urls")))
