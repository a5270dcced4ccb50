"""Pages for shop owners and staff, on the stock admin: one file per aggregate."""

from whatsapp_notify.admin.answers import AutomaticReplyAdmin, CannedReplyAdmin, KeywordReplyAdmin
from whatsapp_notify.admin.automation import AutomationAdmin
from whatsapp_notify.admin.consent import ConsentRecordAdmin
from whatsapp_notify.admin.contact import ContactAdmin
from whatsapp_notify.admin.desk import DeskAdmin
from whatsapp_notify.admin.inbound import InboundMessageAdmin
from whatsapp_notify.admin.inbound_media import InboundMediaAdmin
from whatsapp_notify.admin.interactive_campaign import InteractiveCampaignAdmin, ParticipationAdmin
from whatsapp_notify.admin.label import LabelAdmin
from whatsapp_notify.admin.lead import LeadAdmin
from whatsapp_notify.admin.message import MessageAdmin
from whatsapp_notify.admin.opening_hours import HolidayAdmin, OpeningHoursAdmin
from whatsapp_notify.admin.overview import OverviewAdmin
from whatsapp_notify.admin.rate import RateAdmin
from whatsapp_notify.admin.sender import SenderAdmin
from whatsapp_notify.admin.shop_event import ShopEventAdmin
from whatsapp_notify.admin.survey import SurveyAdmin, SurveyAnswerAdmin
from whatsapp_notify.admin.template import TemplateAdmin
from whatsapp_notify.admin.topic import TopicAdmin
from whatsapp_notify.admin.webhook import UnmatchedStatusAdmin, WebhookEventAdmin

__all__ = [
    "AutomaticReplyAdmin",
    "AutomationAdmin",
    "CannedReplyAdmin",
    "ConsentRecordAdmin",
    "ContactAdmin",
    "DeskAdmin",
    "HolidayAdmin",
    "InboundMediaAdmin",
    "InboundMessageAdmin",
    "InteractiveCampaignAdmin",
    "KeywordReplyAdmin",
    "LabelAdmin",
    "LeadAdmin",
    "MessageAdmin",
    "OpeningHoursAdmin",
    "OverviewAdmin",
    "ParticipationAdmin",
    "RateAdmin",
    "SenderAdmin",
    "ShopEventAdmin",
    "SurveyAdmin",
    "SurveyAnswerAdmin",
    "TemplateAdmin",
    "TopicAdmin",
    "UnmatchedStatusAdmin",
    "WebhookEventAdmin",
]
