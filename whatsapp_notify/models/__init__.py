"""Rows: one file per aggregate."""

from whatsapp_notify.models.answers import AutomaticReply, CannedReply, KeywordReply
from whatsapp_notify.models.automation import Automation
from whatsapp_notify.models.consent import ConsentRecord, ConsentState
from whatsapp_notify.models.contact import Contact, Identity
from whatsapp_notify.models.conversation import Conversation, DeskPresence, Enquiry
from whatsapp_notify.models.inbound import InboundMessage
from whatsapp_notify.models.inbound_media import InboundMedia
from whatsapp_notify.models.interactive_campaign import (
    InteractiveCampaign,
    Participation,
    ParticipationMessage,
)
from whatsapp_notify.models.label import ContactLabel, Label
from whatsapp_notify.models.lead import Lead
from whatsapp_notify.models.message import DeliveryEvent, Message
from whatsapp_notify.models.opening_hours import Holiday, OpeningHours
from whatsapp_notify.models.operations import Heartbeat, Installation, Lease, Overview, Watermark
from whatsapp_notify.models.outbound_media import OutboundMedia
from whatsapp_notify.models.rate import Rate
from whatsapp_notify.models.sender import Sender
from whatsapp_notify.models.shop_event import ShopEvent
from whatsapp_notify.models.survey import Survey, SurveyAnswer
from whatsapp_notify.models.template import Template
from whatsapp_notify.models.topic import Topic
from whatsapp_notify.models.webhook import (
    UnmatchedStatus,
    UnreadWebhook,
    WebhookBatch,
    WebhookEvent,
)

__all__ = [
    "AutomaticReply",
    "Automation",
    "CannedReply",
    "ConsentRecord",
    "ConsentState",
    "Contact",
    "ContactLabel",
    "Conversation",
    "DeliveryEvent",
    "DeskPresence",
    "Enquiry",
    "Heartbeat",
    "Holiday",
    "Identity",
    "InboundMedia",
    "InboundMessage",
    "Installation",
    "InteractiveCampaign",
    "KeywordReply",
    "Label",
    "Lead",
    "Lease",
    "Message",
    "OpeningHours",
    "OutboundMedia",
    "Overview",
    "Participation",
    "ParticipationMessage",
    "Rate",
    "Sender",
    "ShopEvent",
    "Survey",
    "SurveyAnswer",
    "Template",
    "Topic",
    "UnmatchedStatus",
    "UnreadWebhook",
    "Watermark",
    "WebhookBatch",
    "WebhookEvent",
]
