"""The Django app of the simulator."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SimulatorConfig(AppConfig):
    """Registers the simulator's tables and its system checks."""

    name = "whatsapp_notify.simulator"
    label = "whatsapp_simulator"
    verbose_name = _("WhatsApp simulator")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from . import checks  # noqa: F401 - registers the checks
