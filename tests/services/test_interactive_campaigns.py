"""Taking part in a campaign: who is counted, who is answered, and what is left to others."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import chat, concurrency, factories, shop
from tests.factories import NOW
from whatsapp_notify.cloud_api.webhooks import contents
from whatsapp_notify.models import (
    AutomaticReply,
    ConsentRecord,
    Contact,
    Conversation,
    Enquiry,
    InboundMessage,
    InteractiveCampaign,
    KeywordReply,
    Message,
    Participation,
    ParticipationMessage,
    Survey,
)
from whatsapp_notify.services import replaying, shared_reads

pytestmark = pytest.mark.django_db

HandledAs = InboundMessage.HandledAs
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
INVITATION, THANKS = "Send us a photo, Customer!", "Thank you for the photo!"


@pytest.fixture(autouse=True)
def words_of_the_shop(settings: Any) -> None:
    settings.WHATSAPP_NOTIFY = shop.configured(BUSINESS_NAME="The Shop", DEFAULT_LANGUAGE="en")
    for key in ("service", "orders", "feedback", "offers"):
        factories.topic(key)
    for kind in ("greeting", "handed_over", "flood"):
        AutomaticReply.objects.create(kind=kind, language="en", body=f"Words for {kind}.")
    KeywordReply.objects.create(phrases="returns", language="en", body="Within 30 days.")


@pytest.fixture
def campaign() -> InteractiveCampaign:
    return factories.interactive_campaign()


@pytest.fixture
def contact() -> Contact:
    """Somebody who has been greeted before."""
    row = factories.contact()
    conversation = factories.open_window(row, until=NOW + HOUR)
    conversation.greeted_at = NOW - timedelta(days=30)
    conversation.save()
    return row


def photo(caption: str = "", **fields: Any) -> contents.Media:
    return contents.Media(
        **{
            "kind": "image",
            "media_id": "1",
            "mime_type": "image/jpeg",
            "caption": caption,
            **fields,
        }
    )


def send(contact: Contact, content: Any, *, at: datetime = NOW, **fields: Any) -> InboundMessage:
    return chat.write(content, by=chat.person(contact), at=at, **fields)


def said(contact: Contact) -> list[str]:
    rows = Message.objects.filter(contact=contact, key__startswith="answer:").order_by("id")
    return [row.content["body"] for row in rows]


def waits(contact: Contact) -> list[str]:
    rows = Enquiry.objects.filter(conversation__contact=contact, ended_at=None)
    return list(rows.values_list("reason", flat=True))


def step(row: InboundMessage) -> tuple[str, str]:
    """What the campaign made of it, and what was said; of another handler its name alone."""
    row.refresh_from_db()
    name, _outcome, seen = row.route[-1]
    return (seen["step"], seen["reply"]) if name == "campaign" else (name, "")


def counted() -> tuple[int, int]:
    """Entries and seconds of the only participant."""
    row = Participation.objects.get()
    return row.entry_count, row.spent_seconds


@pytest.mark.usefixtures("campaign")
class TestWay:
    def test_from_the_keyword_to_the_thanks(self, contact: Contact) -> None:
        invited = send(contact, "Summer, please")
        entry = send(contact, photo(), at=NOW + 2 * MINUTE)

        assert (step(invited), step(entry)) == (("invited", "said"), ("entry", "said"))
        assert {invited.handled_as, entry.handled_as} == {HandledAs.CAMPAIGN}
        assert said(contact) == [INVITATION, THANKS]
        assert waits(contact) == []
        row = Participation.objects.get(contact=contact)
        assert (row.first_at, row.last_at) == (NOW, NOW + 2 * MINUTE)
        assert counted() == (1, 120)
        kept = row.messages.order_by("at").values_list("inbound_id", "is_entry")
        assert list(kept) == [(invited.pk, False), (entry.pk, True)]

    @pytest.mark.parametrize("caption", ["kesä", "KESÄ!", "Kesä mökillä, kuva on Saimaalta"])
    def test_a_photo_with_the_keyword_is_an_entry_at_once(
        self, contact: Contact, caption: str
    ) -> None:
        assert step(send(contact, photo(caption))) == ("entry", "said")
        assert said(contact) == [THANKS]
        assert counted() == (1, 0)

    def test_a_photo_as_a_document_counts(self, contact: Contact) -> None:
        row = send(contact, photo("kesä", kind="document", mime_type="image/png"))

        assert step(row) == ("entry", "said")

    def test_a_tap_on_a_button_counts_as_the_keyword(self, contact: Contact) -> None:
        row = send(contact, contents.ButtonReply(reply_id="wn:say:Summer", title="Summer"))

        assert step(row) == ("invited", "said")

    def test_the_greeting_goes_with_the_invitation(self) -> None:
        stranger = factories.contact(consents=())

        send(stranger, "summer")

        assert said(stranger) == [f"Words for greeting.\n\n{INVITATION}"]

    def test_is_no_consent(self, contact: Contact) -> None:
        before = ConsentRecord.objects.count()

        send(contact, "summer")
        send(contact, photo())

        assert ConsentRecord.objects.count() == before

    def test_several_take_part_each_for_themselves(self, contact: Contact) -> None:
        other = factories.contact()
        send(contact, photo("kesä"))
        send(other, photo("kesä"))

        assert list(Participation.objects.values_list("entry_count", flat=True)) == [1, 1]

    @concurrency.on_postgresql
    @pytest.mark.django_db(transaction=True)
    def test_photos_at_the_same_moment_are_all_counted(self, contact: Contact) -> None:
        one = [photo("kesä"), photo("kesä"), photo("kesä")]

        concurrency.together(*(lambda each=each: send(contact, each) for each in one))

        assert counted() == (3, 0)
        assert said(contact) == [THANKS]

    def test_a_replay_counts_and_says_nothing(self, contact: Contact) -> None:
        with replaying.begin(former={}):
            send(contact, photo("kesä"))

        assert counted() == (1, 0)
        assert said(contact) == []

    def test_goes_with_the_message_and_with_the_contact(
        self, campaign: InteractiveCampaign, contact: Contact
    ) -> None:
        row = send(contact, photo("kesä"))
        stranger = Contact.objects.create()
        Participation.objects.create(campaign=campaign, contact=stranger)

        Message.objects.filter(in_reply_to=row).update(in_reply_to=None)
        row.delete()
        stranger.delete()

        assert not ParticipationMessage.objects.exists()
        assert Participation.objects.get().contact == contact


@pytest.mark.usefixtures("campaign")
class TestThanks:
    def test_are_said_once_a_sitting(self, contact: Contact) -> None:
        rows = [send(contact, photo("kesä"), at=NOW + n * 9 * MINUTE) for n in range(4)]

        assert [step(row)[1] for row in rows] == ["said", "thanked", "thanked", "thanked"]
        assert counted() == (4, 27 * 60)

    def test_are_said_again_in_the_next_one(self, contact: Contact) -> None:
        send(contact, photo("kesä"))
        send(contact, photo(), at=NOW + 11 * MINUTE)

        assert said(contact) == [THANKS, THANKS]
        assert counted() == (2, 0)

    def test_an_older_one_that_comes_later_counts_and_is_not_thanked_again(
        self, contact: Contact
    ) -> None:
        send(contact, "summer")
        send(contact, photo(), at=NOW + 8 * MINUTE)

        late = send(contact, photo(), at=NOW + 4 * MINUTE, now=NOW + 8 * MINUTE)

        assert step(late) == ("entry", "thanked")
        assert counted() == (2, 8 * 60)

    def test_that_came_too_late_are_left_out_and_the_entry_counts(self, contact: Contact) -> None:
        row = send(contact, photo("kesä"), now=NOW + 2 * HOUR)

        assert step(row) == ("entry", "too_late")
        assert counted() == (1, 0)
        assert waits(contact) == []

    def test_beyond_the_limit_the_entry_counts(self, contact: Contact, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY |= {"AUTOMATIC_REPLIES_PER_HOUR": 1}
        send(contact, "summer")

        row = send(contact, photo(), at=NOW + MINUTE)

        assert step(row) == ("entry", "limit")
        assert row.handled_as == HandledAs.CAMPAIGN
        assert said(contact)[1:] == ["Words for flood."]


@pytest.mark.usefixtures("campaign")
class TestFollowing:
    @pytest.mark.parametrize(
        ("later", "handler"),
        [(6 * HOUR, "entry"), (6 * HOUR + timedelta(seconds=1), "person")],
    )
    def test_counts_for_six_hours(self, contact: Contact, later: timedelta, handler: str) -> None:
        send(contact, "summer")

        row = send(contact, photo(), at=NOW + later)

        assert step(row)[0] == handler

    def test_without_a_keyword_a_photo_is_for_a_person(self, contact: Contact) -> None:
        assert step(send(contact, photo())) == ("person", "")
        assert waits(contact) == ["file"]
        assert not Participation.objects.exists()

    @pytest.mark.parametrize(
        ("content", "handler"),
        [
            (photo(kind="video", mime_type="video/mp4"), "person"),
            (photo(kind="document", mime_type="application/pdf"), "person"),
            (photo(kind="sticker", mime_type="image/webp"), "courtesy"),
            (photo("Order 10023 came broken"), "person"),
            ("Which size do you want?", "person"),
            ("Thanks!", "courtesy"),
            ("returns", "keyword"),
            ("STOP", "consent_word"),
        ],
        ids=["video", "pdf", "sticker", "about an order", "question", "thanks", "keyword", "stop"],
    )
    def test_other_things_go_their_own_way(
        self, contact: Contact, content: Any, handler: str
    ) -> None:
        send(contact, "summer")

        assert step(send(contact, content, at=NOW + MINUTE))[0] == handler
        assert counted() == (0, 0)

    def test_an_answer_to_another_bubble_is_about_that(self, contact: Contact) -> None:
        news = factories.queued(contact)
        news.provider_message_id, news.called_at = "wamid.NEWS", NOW - HOUR
        news.save()
        send(contact, "summer")

        row = send(contact, photo(), at=NOW + MINUTE, answers=news)

        assert step(row)[0] == "person"

    def test_an_answer_to_the_invitation_is_an_entry(self, contact: Contact) -> None:
        send(contact, "summer")
        invitation = Message.objects.get(contact=contact)
        invitation.provider_message_id = "wamid.INVITATION"
        invitation.save()

        row = send(contact, photo(), at=NOW + MINUTE, answers=invitation)

        assert step(row) == ("entry", "said")

    def test_goes_to_the_campaign_of_the_last_keyword(self, contact: Contact) -> None:
        other = factories.interactive_campaign(name="Dogs", keywords="dogs")
        send(contact, "summer")
        send(contact, "dogs", at=NOW + MINUTE)

        send(contact, photo(), at=NOW + 2 * MINUTE)

        assert Participation.objects.get(entry_count=1).campaign == other

    def test_is_not_taken_for_the_receipt_of_an_order(self, contact: Contact) -> None:
        news = factories.queued(contact, order_ref="A1001")
        news.called_at, news.state, news.is_pending = NOW - HOUR, "delivered", False
        news.save()
        send(contact, "summer")

        entry = send(contact, photo(), at=NOW + MINUTE)
        receipt = send(contact, photo(), at=NOW + 7 * HOUR)

        for row, order_ref in ((entry, ""), (receipt, "A1001")):
            row.refresh_from_db()
            assert (row.order_ref, row.media.order_ref) == (order_ref, order_ref)


class TestTalkWithPerson:
    @pytest.fixture(autouse=True)
    def in_a_talk(self, campaign: InteractiveCampaign, contact: Contact) -> None:
        send(contact, "summer", at=NOW - MINUTE)
        Conversation.objects.update(mode=Conversation.Mode.PERSON)

    def test_what_is_sent_is_for_the_person(self, contact: Contact) -> None:
        assert step(send(contact, photo())) == ("with_person", "")
        assert counted() == (0, 0)

    def test_with_the_keyword_it_counts_and_nothing_is_said(self, contact: Contact) -> None:
        assert step(send(contact, photo("kesä"))) == ("entry", "with_person")
        assert counted() == (1, 60)
        assert said(contact) == [INVITATION]
        assert waits(contact) == []

    def test_the_keyword_alone_is_left_to_the_person(self, contact: Contact) -> None:
        assert step(send(contact, "summer")) == ("invited", "with_person")
        assert waits(contact) == ["with_person"]


class TestWrongTime:
    @pytest.mark.parametrize("content", ["summer", photo("summer")], ids=["alone", "with a photo"])
    @pytest.mark.parametrize(
        ("days", "what", "words"),
        [((1, 2), "not_begun", "It begins on Monday."), ((-2, -1), "over", "It is over.")],
    )
    def test_is_said_once(
        self, contact: Contact, content: Any, days: tuple[int, int], what: str, words: str
    ) -> None:
        starts_at, ends_at = (NOW + timedelta(days=each) for each in days)
        factories.interactive_campaign(starts_at=starts_at, ends_at=ends_at)

        rows = [send(contact, content, at=NOW + n * HOUR) for n in range(2)]

        assert [step(row) for row in rows] == [(what, "said"), (what, "told")]
        assert said(contact) == [words]
        assert waits(contact) == []
        assert not Participation.objects.filter(first_at__isnull=False).exists()

    def test_who_was_too_early_is_told_when_too_late(self, contact: Contact) -> None:
        factories.interactive_campaign(starts_at=NOW + HOUR, ends_at=NOW + 2 * HOUR)

        rows = [send(contact, "summer", at=NOW + n * HOUR) for n in range(3)]

        assert [step(row)[0] for row in rows] == ["not_begun", "invited", "over"]
        assert said(contact) == ["It begins on Monday.", INVITATION, "It is over."]

    def test_a_photo_after_the_end_is_told_so(self, contact: Contact) -> None:
        factories.interactive_campaign(ends_at=NOW + MINUTE)
        send(contact, "summer")

        row = send(contact, photo(), at=NOW + MINUTE)

        assert step(row) == ("over", "said")
        assert counted() == (0, 0)

    def test_counts_by_the_time_at_which_it_was_sent(self, contact: Contact) -> None:
        factories.interactive_campaign(ends_at=NOW + MINUTE)

        row = send(contact, photo("kesä"), now=NOW + 30 * MINUTE)

        assert step(row) == ("entry", "said")

    def test_a_shared_keyword_means_the_one_that_runs(self, contact: Contact) -> None:
        factories.interactive_campaign(name="Last year", ends_at=NOW - HOUR)
        running = factories.interactive_campaign(name="Now", starts_at=NOW - HOUR, ends_at=None)

        send(contact, "summer")

        assert Participation.objects.get().campaign == running

    def test_what_could_not_be_said_is_left_to_a_person(self, contact: Contact) -> None:
        factories.interactive_campaign(ends_at=NOW - HOUR)

        row = send(contact, "summer", now=NOW + 2 * HOUR)

        assert step(row) == ("over", "too_late")
        assert waits(contact) == ["not_understood"]


class TestWords:
    @pytest.fixture(autouse=True)
    def poems(self) -> None:
        factories.interactive_campaign(keywords="poem", asks_for="words", invitation="Write!")

    def test_may_come_with_the_keyword(self, contact: Contact) -> None:
        assert step(send(contact, "Poem: the lake is still")) == ("entry", "said")

    def test_may_follow_it_once(self, contact: Contact) -> None:
        rows = [
            send(contact, text, at=NOW + n * MINUTE)
            for n, text in enumerate(["poem", "the lake is still", "Do you have tents?"])
        ]

        assert [step(row)[0] for row in rows] == ["invited", "entry", "person"]
        assert counted() == (1, 60)

    @pytest.mark.parametrize(
        ("text", "handler"),
        [
            ("Thanks!", "courtesy"),
            ("hello", "person"),
            ("returns", "keyword"),
            ("where is my order 10023", "order_number"),
            ("maybe stop?", "person"),
        ],
    )
    def test_about_something_else_are_none(self, contact: Contact, text: str, handler: str) -> None:
        send(contact, "poem")

        assert step(send(contact, text, at=NOW + MINUTE))[0] == handler

    def test_are_no_photo(self, contact: Contact) -> None:
        assert step(send(contact, photo("poem"))) == ("invited", "said")


class TestFile:
    @pytest.mark.parametrize("kind", ["image", "video", "audio", "document"])
    def test_may_be_any(self, contact: Contact, kind: str) -> None:
        factories.interactive_campaign(asks_for="file")
        send(contact, "summer")

        row = send(contact, photo(kind=kind), at=NOW + MINUTE)

        assert step(row) == ("entry", "said")


class TestOthers:
    def test_one_that_is_off_hears_nothing(self, contact: Contact) -> None:
        factories.interactive_campaign(is_active=False)

        assert step(send(contact, "summer"))[0] == "person"

    @pytest.mark.usefixtures("campaign")
    def test_a_survey_answer_goes_first(self, contact: Contact) -> None:
        Survey.objects.create(name="Shop", keyword="SUMMER")

        assert step(send(contact, "summer 9"))[0] == "survey_answer"

    @pytest.mark.usefixtures("campaign")
    def test_what_is_said_in_a_group_is_none(self, contact: Contact) -> None:
        assert step(send(contact, "summer", group_id="group-1"))[0] == "group"

    def test_without_any_a_message_of_a_batch_asks_for_nothing(self, contact: Contact) -> None:
        with shared_reads.shared():
            send(contact, "Do you have tents?")
            with CaptureQueriesContext(connection) as seen:
                send(contact, "Do you have boots?", at=NOW + MINUTE)

        tables = [each["sql"] for each in seen if "participation" in each["sql"]]
        tables += [each["sql"] for each in seen if "interactivecampaign" in each["sql"]]
        assert tables == []
