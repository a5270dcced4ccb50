"""Meta's webhooks, read into frozen values.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/
overview and its reference pages, read 2026-11. Meta's pages contradict each other and the
payloads contradict the pages, so reading is lenient: unknown keys are ignored, unknown
fields and message types are kept as they came, and one bad element never spoils the others.
"""

from whatsapp_notify.cloud_api.exceptions import MalformedBody
from whatsapp_notify.cloud_api.webhooks.inbound import InboundMessage
from whatsapp_notify.cloud_api.webhooks.parser import Parsed, parse
from whatsapp_notify.cloud_api.webhooks.people import Person
from whatsapp_notify.cloud_api.webhooks.statuses import Status

__all__ = ["InboundMessage", "MalformedBody", "Parsed", "Person", "Status", "parse"]
