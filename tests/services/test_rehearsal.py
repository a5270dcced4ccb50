"""What would happen if a customer wrote: the real way, and nothing of it stays."""

from datetime import time, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.dispatch import Signal

from tests import factories, shop
from tests.factories import NOW
from whatsapp_notify import signals
from whatsapp_notify.models import (
    AutomaticReply,
    Conversation,
    KeywordReply,
    OpeningHours,
    Survey,
)
from whatsapp_notify.services import rehearsal, senders
from whatsapp_notify.services.rehearsal import Outcome, Situation

#: One of each kind of end, so that each is shown to leave nothing behind.
TEXTS = (
    "returns",
    "STOP",
    "START",
    "maybe stop?",
    "10023",
    "9",
    "Thanks!",
    "",
    "To the moon?",
    "hello",
    "summer",
)


pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def words_of_the_shop(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = shop.configured(BUSINESS_NAME="The Shop", DEFAULT_LANGUAGE="en")
    for key in ("service", "orders", "feedback", "offers"):
        factories.topic(key)
    for kind in ("greeting", "handed_over", "away"):
        AutomaticReply.objects.create(kind=kind, language="en", body=f"Words for {kind}.")
    KeywordReply.objects.create(
        phrases="returns", language="en", body="Within 30 days.", buttons="A person, please"
    )
    factories.interactive_campaign()
    KeywordReply.objects.create(phrases="palautus", language="fi", body="30 päivän kuluessa.")


def write(text: str, **fields: Any) -> Outcome:
    return rehearsal.rehearse(situation=Situation(text=text, **fields), now=NOW)


def said(outcome: Outcome) -> list[str]:
    return [reply.preview.body for reply in outcome.replies]


def rows() -> dict[str, list[Any]]:
    """All that stands in our tables."""
    return {
        model._meta.label: sorted(map(repr, model._default_manager.order_by("pk").values()))
        for model in apps.get_app_config("whatsapp_notify").get_models()
    }


class TestRehearse:
    def test_invites_to_a_campaign(self) -> None:
        outcome = write("Summer!")

        assert (outcome.handled_as, outcome.called_because) == ("campaign", "")
        assert outcome.route[-1][2]["step"] == "invited"
        assert said(outcome) == ["Send us a photo, there!"]

    def test_goes_the_way_of_a_real_message(self) -> None:
        outcome = write("Returns, please!")

        name, step, seen = outcome.route[-1]
        assert (outcome.handled_as, name, step) == ("keyword", "keyword", "acted")
        assert seen["keyword_reply"] == KeywordReply.objects.get(language="en").pk
        assert said(outcome) == ["Within 30 days."]
        assert outcome.replies[0].state == "queued"
        assert (outcome.called_because, outcome.errand) == ("", "")

    def test_greets_who_writes_for_the_first_time(self) -> None:
        outcome = write("returns", is_first_contact=True)

        assert said(outcome) == ["Words for greeting.\n\nWithin 30 days."]

    def test_speaks_the_language_of_the_customer(self) -> None:
        KeywordReply.objects.create(phrases="palautus", language="en", body="In English.")

        assert said(write("palautus", language="fi")) == ["30 päivän kuluessa."]
        assert said(write("palautus", language="en")) == ["In English."]

    def test_says_why_a_person_would_be_called(self) -> None:
        outcome = write("To the moon?")

        assert outcome.called_because == "not_understood"
        assert said(outcome) == ["Words for handed_over."]
        assert outcome.is_open

    def test_goes_by_the_hours_of_this_moment(self) -> None:
        OpeningHours.objects.create(weekday=6, opens=time(9), closes=time(10))

        outcome = write("To the moon?")

        assert not outcome.is_open
        assert said(outcome) == ["Words for away."]

    def test_answers_a_survey_that_has_asked(self) -> None:
        survey = Survey.objects.create(name="Shop", keyword="SHOP")

        assert write("9").handled_as != "survey"
        outcome = write("9", asked=survey)

        assert outcome.handled_as == "survey"
        assert outcome.route[-1][2]["score"] == 9

    def test_names_what_a_worker_would_be_asked(self) -> None:
        outcome = write("where is my order 10023")

        assert (outcome.handled_as, outcome.errand, said(outcome)) == ("order", "order", [])

    def test_says_that_promotions_would_rest(self) -> None:
        outcome = write("stop?")

        assert outcome.promotions_paused_because == "opt_out_unclear"
        assert outcome.called_because == "opt_out_unclear"

    def test_tells_what_would_keep_the_reply_from_leaving(self) -> None:
        senders.stop(sender=senders.current(), actor="owner", now=NOW)

        (reply,) = write("returns").replies

        assert reply.reason == "red_button"

    def test_works_without_any_number_topic_or_reply(self) -> None:
        for model in (KeywordReply, AutomaticReply):
            model.objects.all().delete()
        for key in ("service", "orders", "feedback", "offers"):
            factories.topic(key).delete()

        outcome = write("9", asked=Survey.objects.create(name="Shop", keyword="SHOP"))

        assert (outcome.handled_as, outcome.replies) == ("survey", ())

    def test_shows_no_words_of_people_in_reports(self) -> None:
        assert "moon" not in repr(Situation(text="To the moon?"))


class TestNothing:
    """Of a rehearsal nothing stays, and nobody hears of it."""

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("text", TEXTS)
    def test_stays_in_the_database_and_nothing_rings(self, text: str) -> None:
        survey = Survey.objects.create(name="Shop", keyword="SHOP", low_score=10)
        before, heard = rows(), []

        def listen(**told: Any) -> None:
            heard.append(told)

        bells = [each for each in vars(signals).values() if isinstance(each, Signal)]
        for bell in bells:
            bell.connect(listen)
        try:
            write(text, asked=survey, is_first_contact=True)
        finally:
            for bell in bells:
                bell.disconnect(listen)

        assert bells
        assert heard == []
        assert rows() == before
        assert not connection.in_atomic_block

    def test_waits_for_a_commit_around_it(self, django_capture_on_commit_callbacks: Any) -> None:
        with django_capture_on_commit_callbacks() as waiting, transaction.atomic():
            write("To the moon?")

        assert waiting == []

    def test_of_the_transaction_around_it_is_taken_back(self) -> None:
        with transaction.atomic():
            contact = factories.contact()
            write("returns")
            conversation = factories.open_window(contact, until=NOW + timedelta(hours=1))

        assert list(Conversation.objects.all()) == [conversation]
