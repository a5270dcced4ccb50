"""Customer messaging on WhatsApp for Django shops."""

__version__ = "0.1.0"
