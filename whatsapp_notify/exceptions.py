"""Errors that a shop developer may meet. The docstring says what happened and what to do."""


class WhatsAppNotifyError(Exception):
    """Base of all errors raised by whatsapp_notify."""


class ConfigurationError(WhatsAppNotifyError):
    """A setting is missing or wrong. Run ``manage.py check`` for the repair."""


class AppendOnlyError(WhatsAppNotifyError):
    """This row is evidence: it can be added, but neither changed nor deleted."""


class StateChanged(WhatsAppNotifyError):
    """The row has moved on meanwhile. Reload it and look again."""
