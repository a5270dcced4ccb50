"""A small shop that uses whatsapp_notify as any shop would."""

from demo_shop.celery import app as celery_app

__all__ = ["celery_app"]
