"""Pages of interactive campaigns: what staff sees, may see, and may save."""

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests import factories
from tests.admin import factories as make
from whatsapp_notify.models import (
    InboundMedia,
    InteractiveCampaign,
    KeywordReply,
    Participation,
    Survey,
)

pytestmark = pytest.mark.django_db

Staff = Callable[..., Client]
LIST = "/admin/whatsapp_notify/interactivecampaign/"
PEOPLE = "/admin/whatsapp_notify/participation/"
WORDS = "At the lake, said only to some"
SEES = ("view_interactivecampaign", "view_participation")
SEES_TEXT = "view_inboundmessage_text"


@pytest.fixture
def campaign(now: datetime) -> InteractiveCampaign:
    return factories.interactive_campaign(starts_at=now - timedelta(days=1), ends_at=None)


@pytest.fixture
def take_part(campaign: InteractiveCampaign, now: datetime) -> Callable[..., Participation]:
    """Makes somebody who sent so many photos, and how long that took."""

    def make_row(entries: int = 1, *, seconds: int = 60, **fields: Any) -> Participation:
        number = Participation.objects.count()
        contact = make.make_contact(f"+35840123456{number}")
        row = Participation.objects.create(
            campaign=campaign, contact=contact, first_at=now, last_at=now,
            entry_count=entries, spent_seconds=seconds, **fields,
        )  # fmt: skip
        for each in range(entries):
            inbound = make.make_inbound(
                contact, at=now, number=100 * number + each, kind="image", text=WORDS
            )
            InboundMedia.objects.create(
                inbound=inbound, media_id="1", kind="image", state="kept", file="ab/x",
                detected_type="image/jpeg", size=9,
            )  # fmt: skip
            row.messages.create(inbound=inbound, is_entry=True, at=now)
        return row

    return make_row


def page(client: Client, row: Any) -> str:
    url = reverse(f"admin:whatsapp_notify_{row._meta.model_name}_change", args=[row.pk])
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def save(client: Client, **fields: str) -> str:
    """Fill in the form of a new campaign; returns the page that follows."""
    data = {
        "name": "Summer", "keywords": "summer", "asks_for": "photo", "invitation": "Send one!",
        "thanks": "Thanks!", "not_begun": "On Monday.", "over": "Over.",
        "starts_at": "2026-06-01T09:00", "ends_at": "2026-08-31T20:00", "is_active": "on",
    }  # fmt: skip
    return client.post(f"{LIST}add/", {**data, **fields}, follow=True).content.decode()


class TestForm:
    def test_saves_what_is_right_in_the_shop_s_own_time(self, owner: Client) -> None:
        save(owner, keywords=" summer \n\nKesä\nsummer")

        row = InteractiveCampaign.objects.get()
        assert row.keywords == "summer\nKesä"
        assert row.starts_at.isoformat() == "2026-06-01T06:00:00+00:00"

    def test_shows_the_times_that_were_saved(self, owner: Client) -> None:
        save(owner)

        html = page(owner, InteractiveCampaign.objects.get())

        assert 'type="datetime-local" name="starts_at" value="2026-06-01T09:00"' in html
        assert "Taking part is no consent" in html

    @pytest.mark.parametrize(
        ("fields", "told"),
        [
            ({"keywords": "STOP"}, "“STOP” ends or begins our messages, always."),
            ({"keywords": "summer\nmaybe stop?"}, "may ask for an end of our messages"),
            ({"keywords": "thanks"}, "“thanks” is no more than a courtesy"),
            ({"keywords": "Good morning"}, "“Good morning” is a mere hello"),
            ({"keywords": "x" * 121}, "a keyword has at most 120 characters"),
            ({"keywords": " \n "}, "This field is required."),
            ({"keywords": "Returns"}, "“Returns” is answered by the keyword reply “returns”."),
            ({"keywords": "SHOP"}, "“SHOP” is the keyword of the survey “Feedback”."),
            ({"keywords": "dogs!"}, "“dogs!” is a keyword of the interactive campaign “Dogs”."),
            ({"ends_at": "2026-06-01T09:00"}, "It ends before it begins."),
            ({"thanks": "Dear {name}"}, "Not known here: {name}."),
            ({"over": ""}, "This field is required."),
        ],
    )
    def test_refuses(self, owner: Client, fields: dict[str, str], told: str) -> None:
        KeywordReply.objects.create(phrases="returns", body="x")
        Survey.objects.create(name="Feedback", keyword="shop")
        other = factories.interactive_campaign(name="Dogs", keywords="dogs", ends_at=None)
        InteractiveCampaign.objects.update(starts_at=datetime.fromisoformat("2026-01-01T00:00Z"))

        html = save(owner, **fields)

        assert told in html
        assert InteractiveCampaign.objects.get() == other

    def test_takes_a_keyword_of_another_while_it_is_off(self, owner: Client) -> None:
        KeywordReply.objects.create(phrases="summer", body="x")

        save(owner, is_active="")

        assert not InteractiveCampaign.objects.get().is_active

    def test_a_keyword_reply_is_refused_what_a_campaign_takes(
        self, owner: Client, campaign: InteractiveCampaign
    ) -> None:
        data = {"phrases": "Kesä", "body": "x", "buttons": "", "language": "", "is_active": "on"}

        html = owner.post("/admin/whatsapp_notify/keywordreply/add/", data).content.decode()

        assert "“Kesä” is a keyword of the interactive campaign “Summer”." in html


class TestList:
    def test_shows_how_many_take_part_and_how_long(
        self, owner: Client, campaign: InteractiveCampaign, take_part: Any
    ) -> None:
        take_part(2, seconds=90)
        take_part(1, seconds=60)
        take_part(0, seconds=0)
        Participation.objects.create(campaign=campaign, contact=make.make_contact(""))

        html = owner.get(LIST).content.decode()

        assert f'<a href="{PEOPLE}?campaign__id__exact={campaign.pk}">3</a>' in html
        assert '<td class="field-entries">3</td>' in html
        assert '<td class="field-minutes">2.5</td>' in html

    @pytest.mark.parametrize(
        ("starts", "ends", "is_active", "state"),
        [(-1, 1, True, "running"), (-1, None, True, "running"), (1, 2, True, "not begun"),
         (-2, -1, True, "over"), (-1, 1, False, "off")],
    )  # fmt: skip
    def test_says_whether_it_runs(
        self, owner: Client, now: datetime, starts: int, ends: int | None, is_active: bool,
        state: str,
    ) -> None:  # fmt: skip
        day = timedelta(days=1)
        factories.interactive_campaign(
            starts_at=now + starts * day,
            ends_at=None if ends is None else now + ends * day,
            is_active=is_active,
        )

        assert f"{state}</span>" in owner.get(LIST).content.decode()

    def test_says_what_to_do_where_there_is_none(self, owner: Client) -> None:
        assert "No interactive campaigns yet." in owner.get(LIST).content.decode()
        assert "Nobody takes part yet." in owner.get(PEOPLE).content.decode()

    def test_is_in_the_navigation_of_those_who_may(self, staff: Staff) -> None:
        link = f'<a href="{LIST}"'

        assert (
            link
            in staff("view_survey", *SEES).get("/admin/whatsapp_notify/survey/").content.decode()
        )
        assert (
            link not in staff("view_survey").get("/admin/whatsapp_notify/survey/").content.decode()
        )


class TestPage:
    def test_shows_figures_and_how_they_are_counted(
        self, owner: Client, campaign: InteractiveCampaign, take_part: Any
    ) -> None:
        for seconds in (0, 60, 600):
            take_part(1, seconds=seconds)
        take_part(0, seconds=0)

        html = page(owner, campaign)

        assert '<span class="wn-number">4</span> participants' in html
        assert "3 of them with an entry" in html
        assert '<span class="wn-number">11.0</span> minutes' in html
        assert '<span class="wn-number">0.5</span> minutes in the middle' in html
        assert "the mean is 2.8" in html
        assert "no longer than ten minutes" in html

    def test_says_that_nobody_has_sent_anything(
        self, owner: Client, campaign: InteractiveCampaign
    ) -> None:
        assert "Nobody has sent anything yet." in page(owner, campaign)

    @pytest.mark.parametrize("is_person", [False, True])
    def test_shows_the_photos_with_who_sent_them(
        self, owner: Client, campaign: InteractiveCampaign, take_part: Any, is_person: bool
    ) -> None:
        row = take_part()
        media = InboundMedia.objects.get()

        html = page(owner, row if is_person else campaign)

        file = reverse("admin:whatsapp_notify_inboundmedia_file", args=[media.pk])
        assert f'src="{file}"' in html
        assert WORDS in html
        assert "+358 40 *** **60" in html
        assert "401234560" not in html

    def test_asks_as_often_for_many_as_for_one(
        self, owner: Client, campaign: InteractiveCampaign, take_part: Any
    ) -> None:
        def queries() -> int:
            with CaptureQueriesContext(connection) as seen:
                page(owner, campaign)
                owner.get(LIST)
                owner.get(PEOPLE)
            return len(seen)

        take_part()
        queries()
        few = queries()
        for _each in range(4):
            take_part(3)

        assert queries() == few


class TestPermissions:
    @pytest.mark.parametrize("url", [LIST, PEOPLE])
    def test_staff_alone_opens_no_page(self, staff: Staff, url: str) -> None:
        assert staff().get(url).status_code == 403

    def test_the_form_alone_shows_nobody(
        self, staff: Staff, campaign: InteractiveCampaign, take_part: Any
    ) -> None:
        take_part()

        html = page(staff("view_interactivecampaign", SEES_TEXT), campaign)

        assert "Latest entries" not in html
        assert WORDS not in html

    def test_what_was_sent_needs_its_own(
        self, staff: Staff, campaign: InteractiveCampaign, take_part: Any
    ) -> None:
        person, client = take_part(), staff(*SEES)

        for row in (campaign, person):
            html = page(client, row)
            assert WORDS not in html
            assert "wn-shot" not in html
            assert "You may not see what customers send." in html

    def test_with_it_all_is_seen(
        self, staff: Staff, campaign: InteractiveCampaign, take_part: Any
    ) -> None:
        take_part()

        html = page(staff(*SEES, SEES_TEXT), campaign)

        assert "wn-shot" in html
        assert WORDS in html
        assert "/contact/" not in html
        assert "/inboundmessage/" not in html

    @pytest.mark.parametrize(
        ("more", "phone"),
        [((), None), (("export_participation",), "'+358 40 *** **60"),
         (("export_participation", "view_full_phone"), "'+358401234560")],
    )  # fmt: skip
    def test_export_needs_its_own(
        self, staff: Staff, take_part: Any, more: tuple[str, ...], phone: str | None
    ) -> None:
        row = take_part(2, seconds=90)
        data = {"action": "export_rows", "_selected_action": [row.pk]}

        answer = staff(*SEES, *more).post(PEOPLE, data)

        if phone is None:
            assert answer["Content-Type"].startswith("text/html") or answer.status_code == 302
            return
        text = b"".join(answer.streaming_content).decode().removeprefix("\ufeff")  # type: ignore[attr-defined]
        (written,) = csv.DictReader(io.StringIO(text, newline=""))
        assert (written["campaign"], written["phone"]) == ("Summer", phone)
        assert (written["entries"], written["seconds"]) == ("2", "90")
        assert WORDS not in text
