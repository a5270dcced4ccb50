"""The way of a message in words."""

from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.admin import factories as make
from whatsapp_notify.admin import route_words
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.models import Enquiry, InboundMessage
from whatsapp_notify.services import routing
from whatsapp_notify.services.interactive_campaigns import Step


class TestHandlers:
    def test_all_have_words(self) -> None:
        names = {handle.__name__.removeprefix("_") for handle in routing.HANDLERS}

        assert set(route_words.HANDLERS) == names | set(InboundMessage.Errand.values)

    @pytest.mark.parametrize("handled_as", InboundMessage.HandledAs.values)
    def test_each_outcome_has_a_colour(self, handled_as: str) -> None:
        quiet = {"kept", "notice"}

        tone = route_words.tone(InboundMessage(handled_as=handled_as))

        assert (tone is Tone.OFF) is (handled_as in quiet)


class TestSentence:
    @pytest.mark.parametrize(
        ("seen", "words"),
        [
            ({}, ""),
            (
                {"meaning": "opt_out", "rule": "stop sending"},
                "The customer wants no more messages. Rule: stop sending.",
            ),
            ({"meaning": "opt_in", "rule": ""}, "The customer wants messages."),
            (
                {"campaign": 3, "step": "entry", "reply": "said"},
                "Interactive campaign #3. It counts as an entry. It was answered.",
            ),
            (
                {"campaign": 3, "step": "over", "reply": "told"},
                "Interactive campaign #3. The campaign is over. Not answered: told so before.",
            ),
            ({"survey": 4, "score": 9}, "Survey #4. Score 9."),
            ({"products": 2}, "2 products."),
            ({"numbers": 1}, "1 order number was found."),
            ({"keyword_reply": 7, "reply": "said"}, "Reply #7 fits. It was answered."),
            ({"why": "sticker"}, "A sticker needs no answer."),
            ({"bot": "none"}, "No bot is set up."),
            ({"told": 2, "numbers": 3}, "3 order numbers were found. 2 orders were told."),
            ({"lines": 1, "is_drafted": True}, "1 product. The shop made a draft order."),
            ({"is_drafted": False}, "No draft order was made."),
            ({"why": "limit"}, "Too many order numbers within an hour."),
            (
                {"why": "restored"},
                (
                    "Not answered: the database was restored from a backup, and the customer may "
                    "have been answered before."
                ),
            ),
            ({"unusable": "late"}, "The bot was late."),
            ({"dropped": "newer_message"}, "The customer had written again meanwhile."),
            ({"handed_over": "prices"}, "The bot handed over: prices."),
            ({"given_up": "KeyError"}, "Given up because of KeyError."),
            ({"kind": "system"}, "Kind: system."),
            ({"of_tomorrow": 1, "empty": ""}, "of_tomorrow: 1 empty: –"),
        ],
    )
    def test_says_what_was_seen(self, seen: dict[str, Any], words: str) -> None:
        assert route_words.sentence(seen) == words

    @pytest.mark.parametrize("step", list(Step))
    def test_names_each_step_of_a_campaign(self, step: Step) -> None:
        said = route_words.sentence({"step": str(step)})

        assert said != str(step)
        assert said.endswith(".")

    @pytest.mark.parametrize("reason", Enquiry.Reason.values)
    def test_names_each_reason_to_call_a_person(self, reason: str) -> None:
        label = Enquiry.Reason(reason).label

        assert route_words.sentence({"why": reason}) == f"A person is called: {label}."


class TestShown:
    def test_marks_the_one_that_acted(self) -> None:
        steps = route_words.shown(
            [
                ["keyword", "passed", {}],
                ["of_tomorrow", "acted", {"why": "greeting"}],
                ["order", "failed", {"given_up": "KeyError", "tries": 3}],
                ["bot", "slept", {}],
            ]
        )

        assert [(str(step.name), step.sign, step.style) for step in steps] == [
            ("Keyword reply", "–", "not_applicable"),
            ("of_tomorrow", "✓", "passed"),
            ("Question to the shop", "✕", "blocked"),
            ("Bot", "?", "not_applicable"),
        ]


@pytest.mark.django_db
class TestInbox:
    def page(self, client: Client, inbound: InboundMessage) -> str:
        url = reverse("admin:whatsapp_notify_inboundmessage_change", args=[inbound.pk])
        return client.get(url).content.decode()

    def test_shows_the_way_of_a_message(self, owner: Client, now: datetime) -> None:
        route = [["keyword", "passed", {}], ["person", "acted", {"why": "<b>", "reply": "limit"}]]
        inbound = make.make_inbound(make.make_contact(), at=now, route=route, handled_as="flood")

        html = self.page(owner, inbound)

        assert "Not answered: too many answers to this customer within an hour." in html
        assert "&lt;b&gt;" in html
        assert "wn-bad" in html

    def test_shows_the_rule_of_messages_without_a_way(self, owner: Client, now: datetime) -> None:
        understood = {"as": "opt_out", "rule": "stop sending", "is_held": True}
        inbound = make.make_inbound(make.make_contact(), at=now, content={"understood": understood})

        assert "stop sending – one of too many at once" in self.page(owner, inbound)

    def test_is_filtered_by_what_was_done(self, owner: Client, now: datetime) -> None:
        contact = make.make_contact()
        make.make_inbound(contact, at=now, handled_as="flood", text="again and again")
        make.make_inbound(contact, at=now, number=2, handled_as="cart", text="two lanterns")

        html = owner.get("/admin/whatsapp_notify/inboundmessage/?handled_as__exact=cart").content

        assert b"two lanterns" in html
        assert b"again and again" not in html
