"""Joins everything when Django starts."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class WhatsAppNotifyConfig(AppConfig):
    name = "whatsapp_notify"
    label = "whatsapp_notify"
    verbose_name = _("WhatsApp")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from whatsapp_notify import checks, receivers  # noqa: F401  # checks register themselves
        from whatsapp_notify.services import schedules

        receivers.connect()
        post_migrate.connect(
            schedules.install_after_migrate, sender=self, dispatch_uid="whatsapp_notify.schedules"
        )
