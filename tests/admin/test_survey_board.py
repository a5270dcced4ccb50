"""The board of surveys."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.admin import factories as make
from whatsapp_notify.admin import bar_chart
from whatsapp_notify.admin.bar_chart import Bar
from whatsapp_notify.models import Contact, Survey, SurveyAnswer

SEES_BOARD = ("view_survey", "view_surveyanswer")


@pytest.fixture
def survey(db: None) -> Survey:
    return Survey.objects.create(name="Shop", keyword="SHOP")


def answer(survey: Survey, *scores: int, at: datetime, **fields: str) -> Contact:
    phone = f"+3584012345{Contact.objects.count():02d}"
    contact = make.make_contact(phone=phone, first_name="Customer")
    for score in scores:
        number = SurveyAnswer.objects.count()
        SurveyAnswer.objects.create(
            survey=survey, contact=contact, score=score, answered_at=at,
            inbound=make.make_inbound(contact, at=at, number=number), **fields,
        )  # fmt: skip
    return contact


def open_board(client: Client, **query: str) -> str:
    answer = client.get(reverse("admin:whatsapp_notify_survey_board"), query)
    assert answer.status_code == 200
    return answer.content.decode()


class TestBoard:
    def test_says_that_nobody_has_answered(self, survey: Survey, owner: Client) -> None:
        html = open_board(owner)

        assert "No answers in this time." in html
        assert "wn-chart" not in html

    def test_says_that_few_answers_say_nothing(
        self, survey: Survey, owner: Client, now: datetime
    ) -> None:
        answer(survey, 10, 10, 9, 1, at=now)

        html = open_board(owner)

        assert "Not enough answers yet: 1 more is needed" in html
        assert "+50" not in html

    @pytest.mark.parametrize(("language", "verb"), [("fi", "vastattu"), ("ru", "ответ на")])
    def test_calls_answers_by_their_name_and_not_by_what_one_does(
        self, survey: Survey, owner: Client, now: datetime, language: str, verb: str
    ) -> None:
        answer(survey, 10, 10, 9, at=now)

        for page in ("survey_board", "survey_changelist"):
            address = reverse(f"admin:whatsapp_notify_{page}")
            html = owner.get(address, headers={"accept-language": language}).content.decode()

            assert f'lang="{language}"' in html
            assert verb not in html

    def test_shows_nps_mean_and_how_sure_they_are(
        self, survey: Survey, owner: Client, now: datetime
    ) -> None:
        answer(survey, *[10] * 6, 7, 7, 1, 1, at=now, product="Lantern")

        html = open_board(owner)

        assert '<span class="wn-number">+40</span> NPS' in html
        assert '<span class="wn-number">7.6</span> mean' in html
        assert "the NPS would lie between −13 and +74" in html
        assert "1 to 6 (detractors)" in html
        assert '<th scope="row">Lantern</th><td class="wn-num">10</td>' in html

    @pytest.mark.parametrize(("days", "is_in"), [("30", False), ("90", True), ("x", True)])
    def test_looks_back_as_far_as_chosen(
        self, survey: Survey, owner: Client, now: datetime, days: str, is_in: bool
    ) -> None:
        answer(survey, 9, at=now - timedelta(days=40))

        assert ("No answers in this time." not in open_board(owner, days=days)) is is_in

    def test_shows_one_survey_alone(self, survey: Survey, owner: Client, now: datetime) -> None:
        other = Survey.objects.create(name="Delivery", keyword="TOIMITUS")
        answer(survey, 9, at=now)

        assert "No answers in this time." in open_board(owner, survey=str(other.pk))
        assert "No answers in this time." not in open_board(owner, survey=str(survey.pk))

    def test_low_scores_lead_to_the_customer_with_a_masked_number(
        self, survey: Survey, owner: Client, now: datetime
    ) -> None:
        contact = answer(survey, 2, at=now)
        Contact.objects.update(promotions_paused_at=now, promotions_paused_reason="low_score")

        html = open_board(owner)

        assert f"/admin/whatsapp_notify/contact/{contact.pk}/change/" in html
        assert "promotions paused" in html
        assert "+3584012345" not in html

    def test_is_reached_from_the_list(self, survey: Survey, owner: Client) -> None:
        html = owner.get("/admin/whatsapp_notify/survey/").content.decode()

        assert f"/admin/whatsapp_notify/survey/board/?survey={survey.pk}" in html
        assert "Board of all surveys" in html

    def test_needs_no_inline_style(self, survey: Survey, owner: Client, now: datetime) -> None:
        answer(survey, 2, 9, at=now, comment="<b>x</b>")

        html = open_board(owner)

        assert " style=" not in html
        assert "<script>" not in html
        assert "&lt;b&gt;x" in html

    def test_asks_for_the_same_number_of_queries(
        self, survey: Survey, owner: Client, now: datetime
    ) -> None:
        def queries() -> int:
            with CaptureQueriesContext(connection) as seen:
                open_board(owner)
            return len(seen)

        answer(survey, 2, at=now, comment="a")
        few = queries()
        Survey.objects.create(name="Delivery", keyword="TOIMITUS")
        answer(survey, *range(1, 11), at=now, comment="b")

        assert queries() == few


class TestPermissions:
    @pytest.mark.parametrize("missing", SEES_BOARD)
    def test_needs_both_to_open(
        self, survey: Survey, staff: Callable[..., Client], missing: str
    ) -> None:
        client = staff(*(name for name in SEES_BOARD if name != missing))

        assert client.get(reverse("admin:whatsapp_notify_survey_board")).status_code == 403

    def test_words_need_their_own(
        self, survey: Survey, staff: Callable[..., Client], now: datetime
    ) -> None:
        answer(survey, 2, at=now, comment="Rikki tullessa")

        html = open_board(staff(*SEES_BOARD))

        assert "Rikki tullessa" not in html
        assert "You may not see what customers write." in html
        assert "/contact/" not in html
        assert "Rikki tullessa" in open_board(staff(*SEES_BOARD, "view_inboundmessage_text"))


class TestBarChart:
    def test_leaves_a_gap_where_nothing_is_known(self) -> None:
        bars = [Bar(value=None, label="a", text="–"), Bar(value=5, label="b", text="5.0")]

        drawn = bar_chart.draw(bars, name="x", title="X")

        assert "–" not in drawn
        assert ">5.0<" in drawn

    @pytest.mark.parametrize("bars", [[], [Bar(value=None, label="a")], [Bar(value=0, label="a")]])
    def test_draws_nothing_of_nothing(self, bars: list[Bar]) -> None:
        assert bar_chart.draw(bars, name="x", title="X") == ""

    def test_leaves_labels_out_that_would_run_into_each_other(self) -> None:
        bars = [Bar(value=1, label="23 Nov", text="8.5") for _each in range(53)]

        drawn = bar_chart.draw(bars, name="x", title="X")

        assert drawn.count("23 Nov") == 8
        assert ">8.5<" not in drawn
