"""What customers and shops write is shown, never run."""

from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse

from tests.admin import factories as make
from whatsapp_notify.admin import bubble
from whatsapp_notify.domain.content import Preview, PreviewButton

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "*<b>bold</b>*",
    "_<i onmouseover=alert(1)>_",
    "```</code><script>alert(1)</script>```",
    "javascript:alert(1)",
    "{{ constructor.constructor('alert(1)')() }}",
    "{% load static %}",
    "</textarea><script>alert(1)</script>",
    "<a href='javascript:alert(1)'>x</a>",
    "\u202e<script>",
]


class TestMarked:
    @pytest.mark.parametrize(
        ("text", "html"),
        [
            ("*bold*", "<strong>bold</strong>"),
            ("_italic_", "<em>italic</em>"),
            ("~gone~", "<s>gone</s>"),
            ("`code`", "<code>code</code>"),
            ("```two\nlines```", "<code>two\nlines</code>"),
            ("*bold _and italic_*", "<strong>bold <em>and italic</em></strong>"),
            ("a *b* c *d*", "a <strong>b</strong> c <strong>d</strong>"),
            ("2 * 3 * 4", "2 * 3 * 4"),
            ("snake_case_name", "snake_case_name"),
            ("* not bold*", "* not bold*"),
            ("*not bold *", "*not bold *"),
            ("*over\nlines*", "*over\nlines*"),
            ("a*b*c", "a*b*c"),
            ("`*as it is*`", "<code>*as it is*</code>"),
            ("Tom & Co <tag>", "Tom &amp; Co &lt;tag&gt;"),
        ],
    )
    def test_draws_whatsapps_marks(self, text: str, html: str) -> None:
        assert bubble.marked(text) == html

    @pytest.mark.parametrize("text", HOSTILE)
    def test_escapes_all_else(self, text: str) -> None:
        html = bubble.marked(text)

        for tag in ("strong", "em", "s", "code"):
            html = html.replace(f"<{tag}>", "").replace(f"</{tag}>", "")
        assert "<" not in html

    def test_is_quick_on_hostile_length(self) -> None:
        for text in ("*a" * 4000, "_" * 8000, "*a*" * 2600, "```" * 2700, "*_~" * 2700):
            assert bubble.marked(text)


class TestDraw:
    @pytest.mark.parametrize("text", HOSTILE)
    def test_escapes_each_part(self, text: str) -> None:
        html = bubble.draw(
            Preview(
                body=text,
                header=text,
                footer=text,
                buttons=(PreviewButton(kind="url", label=text, value=text),),
                cards=(Preview(body=text),),
            ),
            label=text,
        )

        lowered = html.lower()
        assert "<script" not in lowered
        assert "<img" not in lowered
        assert "<svg" not in lowered
        assert "<a " not in lowered

    def test_says_what_kind_of_media(self) -> None:
        assert "Document" in bubble.draw(Preview(body="Invoice", header_media="document"))


@pytest.mark.django_db
class TestPages:
    @pytest.mark.parametrize("text", HOSTILE[:3])
    def test_hostile_names_and_texts_are_escaped_everywhere(
        self, text: str, owner: Client, now: datetime
    ) -> None:
        contact = make.make_contact(first_name=text[:80])
        topic = make.make_topic(name=text[:80])
        record = make.make_consent(
            contact, topic, at=now, wording=text, user_agent=text, evidence={text: text}
        )
        automation = make.make_automation(topic, name=text[:80])
        event = make.make_event(at=now, name=text[:60], order_ref=text[:60], note=text)
        message = make.make_message(
            contact, at=now, topic=topic, automation=automation, event=event, body=text,
            order_ref=text[:60], reason=text[:40], error_detail=text, trace_id=text[:60],
            checks=[[text, "blocked", {text: text}]],
        )  # fmt: skip
        make.make_line(message, "failed", at=now, detail=text, reason=text[:40], actor=text)
        inbound = make.make_inbound(contact, at=now, text=text, kind=text[:30])
        webhook = make.make_webhook(at=now, body=text.encode(), problem=text)
        template = make.make_template(rejected_reason=text)
        make.make_sender(verified_name=text, stopped_at=now, stopped_by=text)
        rows = [record, automation, event, message, inbound, webhook, template, contact, topic]

        for row in rows:
            name = f"admin:whatsapp_notify_{row._meta.model_name}"
            for url in (reverse(f"{name}_changelist"), reverse(f"{name}_change", args=[row.pk])):
                assert text not in owner.get(url).content.decode(), url
        assert text not in owner.get("/admin/whatsapp_notify/overview/").content.decode()
