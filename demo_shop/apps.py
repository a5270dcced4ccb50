"""App configuration of the shop."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DemoShopConfig(AppConfig):
    """The shop."""

    name = "demo_shop"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Shop")
