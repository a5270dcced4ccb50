"""Topics, and whether consent to them has to be confirmed in the chat."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.admin import factories as make
from whatsapp_notify.models import ConsentState, Topic

LIST = reverse("admin:whatsapp_notify_topic_changelist")


def url_of(row: Any) -> str:
    return reverse(f"admin:whatsapp_notify_{row._meta.model_name}_change", args=[row.pk])


def save(client: Client, topic: Topic, **fields: Any) -> str:
    data = {
        "name": topic.name,
        "description": "",
        "purpose": topic.purpose,
        "lawful_basis": topic.lawful_basis,
        "is_offered": "on",
        "confirmation_days": "14",
        **fields,
    }
    return client.post(url_of(topic), data, follow=True).content.decode()


@pytest.mark.django_db
class TestConfirmationDays:
    def test_are_saved_where_an_automation_asks(self, owner: Client) -> None:
        topic = make.make_topic("offers", purpose="promotion")
        make.make_automation(topic, event="consent.unconfirmed")

        save(owner, topic)

        topic.refresh_from_db()
        assert topic.confirmation_days == 14

    @pytest.mark.parametrize("automation", [{}, {"event": "consent.unconfirmed"}])
    def test_are_refused_where_nobody_would_ask(
        self, owner: Client, automation: dict[str, Any]
    ) -> None:
        topic = make.make_topic("offers", purpose="promotion")
        make.make_automation(topic, is_active=not automation, **automation)

        html = save(owner, topic)

        topic.refresh_from_db()
        assert topic.confirmation_days == 0
        assert "No automation asks customers to confirm." in html

    @pytest.mark.parametrize(
        "fields", [{"lawful_basis": "contract"}, {"purpose": "service"}], ids=["basis", "service"]
    )
    def test_are_refused_where_there_is_no_consent(
        self, owner: Client, fields: dict[str, str]
    ) -> None:
        topic = make.make_topic("offers", purpose="promotion")
        make.make_automation(make.make_topic("orders"), event="consent.unconfirmed")

        html = save(owner, topic, **fields)

        topic.refresh_from_db()
        assert topic.confirmation_days == 0
        assert "Only consent to what the shop sends by itself can be confirmed." in html

    def test_of_zero_need_nothing(self, owner: Client) -> None:
        topic = make.make_topic("offers", purpose="promotion", confirmation_days=14)

        save(owner, topic, confirmation_days="0")

        topic.refresh_from_db()
        assert topic.confirmation_days == 0


@pytest.mark.django_db
class TestPurpose:
    """From answers to the customer nobody can withdraw."""

    def to_service(self, owner: Client, topic: Topic) -> str:
        html = save(owner, topic, purpose="service", confirmation_days="0")
        topic.refresh_from_db()
        return html

    @pytest.mark.parametrize("action", ["grant", "withdraw"])
    def test_becomes_no_service_where_customers_have_chosen(
        self, owner: Client, now: datetime, action: str
    ) -> None:
        topic = make.make_topic("offers", purpose="promotion")
        make.make_consent(make.make_contact(), topic, at=now, action=action)

        html = self.to_service(owner, topic)

        assert topic.purpose == "promotion"
        assert "Customers have given or withdrawn consent to this topic." in html

    def test_becomes_no_service_where_automations_use_it(self, owner: Client) -> None:
        topic = make.make_topic("offers", purpose="promotion")
        automation = make.make_automation(topic)

        html = self.to_service(owner, topic)

        assert topic.purpose == "promotion"
        assert f"Automations use this topic: {automation.name}." in html

    def test_becomes_service_where_nothing_stands_against_it(self, owner: Client) -> None:
        topic = make.make_topic("offers", purpose="promotion")

        self.to_service(owner, topic)

        assert topic.purpose == "service"

    def test_may_become_another_one(self, owner: Client, now: datetime) -> None:
        topic = make.make_topic("offers", purpose="promotion")
        make.make_consent(make.make_contact(), topic, at=now)

        save(owner, topic, purpose="survey", confirmation_days="0")

        topic.refresh_from_db()
        assert topic.purpose == "survey"

    def test_that_is_service_already_can_be_edited(self, owner: Client, now: datetime) -> None:
        topic = make.make_topic("help", purpose="service")
        make.make_consent(make.make_contact(), topic, at=now)

        save(owner, topic, name="Help", confirmation_days="0")

        topic.refresh_from_db()
        assert topic.name == "Help"


@pytest.mark.django_db
class TestUnconfirmed:
    @pytest.fixture
    def state(self, now: datetime) -> ConsentState:
        contact, topic = make.make_contact(), make.make_topic(name="Offers")
        record = make.make_consent(
            contact, topic, at=now, evidence={"confirm_by": (now + timedelta(days=14)).isoformat()}
        )
        ConsentState.objects.update(confirm_by=now + timedelta(days=14))
        return ConsentState.objects.get(record=record)

    def test_does_not_count_as_agreed(self, owner: Client, state: ConsentState) -> None:
        def agreed() -> str:
            html = owner.get(LIST).content.decode()
            return html.split('class="field-agreed">')[1].split("<")[0]

        assert agreed() == "0"
        ConsentState.objects.update(confirm_by=None)
        assert agreed() == "1"

    def test_is_shown_as_such_and_can_be_withdrawn(
        self, owner: Client, state: ConsentState
    ) -> None:
        html = owner.get(url_of(state.contact)).content.decode()

        assert "… Offers: not confirmed in the chat" in html
        assert "Withdraw consent…" in html

    def test_record_says_until_when_it_could_be_confirmed(
        self, owner: Client, state: ConsentState
    ) -> None:
        html = owner.get(url_of(state.record)).content.decode()

        assert "Needed a confirmation in the chat by" in html

    def test_record_of_a_stop_says_that_it_was_about_everything(
        self, owner: Client, state: ConsentState, now: datetime
    ) -> None:
        record = make.make_consent(
            make.make_contact("+358401112223"), state.topic, at=now, evidence={"everything": True}
        )

        assert (
            "Said of everything that the shop sends" in owner.get(url_of(record)).content.decode()
        )

    def test_record_of_an_answer_leads_to_its_question(
        self, owner: Client, state: ConsentState, now: datetime
    ) -> None:
        question = make.make_message(state.contact, at=now)
        record = make.make_consent(
            make.make_contact("+358401112223"),
            state.topic,
            at=now,
            source="button",
            evidence={"question_id": question.pk},
        )

        html = owner.get(url_of(record)).content.decode()

        assert f'href="{url_of(question)}"' in html
