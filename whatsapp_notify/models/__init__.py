"""Rows: one file per aggregate."""

from whatsapp_notify.models.automation import Automation
from whatsapp_notify.models.consent import ConsentRecord, ConsentState
from whatsapp_notify.models.contact import Contact, Conversation, Identity
from whatsapp_notify.models.inbound import InboundMessage
from whatsapp_notify.models.message import DeliveryEvent, Message
from whatsapp_notify.models.operations import Heartbeat, Installation, Lease, Overview, Watermark
from whatsapp_notify.models.sender import Sender
from whatsapp_notify.models.shop_event import ShopEvent
from whatsapp_notify.models.survey import Survey, SurveyAnswer
from whatsapp_notify.models.template import Template
from whatsapp_notify.models.topic import Topic
from whatsapp_notify.models.webhook import UnmatchedStatus, WebhookBatch, WebhookEvent

__all__ = [
    "Automation",
    "ConsentRecord",
    "ConsentState",
    "Contact",
    "Conversation",
    "DeliveryEvent",
    "Heartbeat",
    "Identity",
    "InboundMessage",
    "Installation",
    "Lease",
    "Message",
    "Overview",
    "Sender",
    "ShopEvent",
    "Survey",
    "SurveyAnswer",
    "Template",
    "Topic",
    "UnmatchedStatus",
    "Watermark",
    "WebhookBatch",
    "WebhookEvent",
]
