"""The REST API, version 1. Who may call it is decided by the shop's Django REST settings."""
