"""Each page opens, empty and with a row."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests import factories
from tests.admin import factories as make
from whatsapp_notify.models import (
    AutomaticReply,
    CannedReply,
    Holiday,
    InboundMedia,
    KeywordReply,
    Label,
    Lead,
    OpeningHours,
    Participation,
    Rate,
    Survey,
    SurveyAnswer,
    UnmatchedStatus,
)

PAGES = sorted(
    model._meta.model_name
    for model in admin.site._registry
    if model._meta.app_label == "whatsapp_notify"
)


@pytest.fixture
def rows(db: None, now: datetime) -> dict[str, Any]:
    contact, topic = make.make_contact(), make.make_topic()
    record = make.make_consent(contact, topic, at=now)
    event = make.make_event(at=now, contact=contact, data={"discount": "15"}, order_ref="A1001")
    message = make.make_message(contact, at=now, event=event, topic=topic, order_ref="A1001")
    make.make_line(message, "planned", at=now)
    inbound = make.make_inbound(contact, at=now, answers=message)
    survey = Survey.objects.create(name="Shop", keyword="SHOP")
    answer = SurveyAnswer.objects.create(
        survey=survey, contact=contact, inbound=inbound, score=9, answered_at=now
    )
    sender = make.make_sender()
    campaign = factories.interactive_campaign()
    return {
        "automaticreply": AutomaticReply.objects.create(kind="away", language="en", body="Closed."),
        "cannedreply": CannedReply.objects.create(
            title="Thanks", shortcut="thanks", body="Thanks!"
        ),
        "holiday": Holiday.objects.create(date=now.date(), name="Midsummer"),
        "interactivecampaign": campaign,
        "participation": Participation.objects.create(
            campaign=campaign, contact=contact, first_at=now, last_at=now
        ),
        "keywordreply": KeywordReply.objects.create(phrases="returns", body="Yes.", buttons="Help"),
        "label": Label.objects.create(name="New order", set_by="order.confirmed, our.event"),
        "lead": Lead.objects.create(
            contact=contact, inbound=inbound, source_type="ad", headline="Lanterns", came_at=now
        ),
        "openinghours": OpeningHours.objects.create(weekday=0, opens=time(9), closes=time(17)),
        "rate": Rate.objects.create(
            country="FI", category="service", currency="EUR", amount="0.05", effective_from=now
        ),
        "automation": make.make_automation(topic),
        "consentrecord": record,
        "contact": contact,
        "conversation": make.make_conversation(contact, sender=sender, at=now),
        "inboundmedia": InboundMedia.objects.create(inbound=inbound, media_id="1", kind="image"),
        "inboundmessage": inbound,
        "message": message,
        "sender": sender,
        "shopevent": event,
        "survey": survey,
        "surveyanswer": answer,
        "template": make.make_template(),
        "topic": topic,
        "unmatchedstatus": UnmatchedStatus.objects.create(
            provider_message_id="wamid.9", status="sent", at=now, received_at=now
        ),
        "webhookevent": make.make_webhook(at=now - timedelta(minutes=1)),
    }


class TestPages:
    @pytest.mark.parametrize("name", PAGES)
    def test_list_opens_without_rows(self, name: str, owner: Client) -> None:
        answer = owner.get(reverse(f"admin:whatsapp_notify_{name}_changelist"))

        assert answer.status_code == 200

    @pytest.mark.parametrize("name", PAGES)
    def test_list_opens_with_a_row(self, name: str, owner: Client, rows: dict[str, Any]) -> None:
        answer = owner.get(reverse(f"admin:whatsapp_notify_{name}_changelist"))

        assert answer.status_code == 200

    @pytest.mark.parametrize("name", [name for name in PAGES if name != "overview"])
    def test_page_of_a_row_opens(self, name: str, owner: Client, rows: dict[str, Any]) -> None:
        url = reverse(f"admin:whatsapp_notify_{name}_change", args=[rows[name].pk])

        answer = owner.get(url)

        assert answer.status_code == 200

    @pytest.mark.parametrize("name", PAGES)
    def test_no_page_needs_inline_script_or_style(
        self, name: str, owner: Client, rows: dict[str, Any]
    ) -> None:
        urls = [reverse(f"admin:whatsapp_notify_{name}_changelist")]
        if name in rows:
            urls.append(reverse(f"admin:whatsapp_notify_{name}_change", args=[rows[name].pk]))

        for url in urls:
            html = owner.get(url).content.decode()
            assert " style=" not in html
            assert "<style" not in html
            assert "<script>" not in html
            assert " onclick=" not in html

    def test_app_index_links_to_the_overview(self, owner: Client) -> None:
        html = owner.get("/admin/whatsapp_notify/").content.decode()

        assert html.count('href="/admin/whatsapp_notify/overview/"') >= 2
