"""Pages of figures and charts, as a person sees them."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.looking import WatchedPage


class TestFigures:
    @pytest.mark.parametrize(
        ("address", "heading", "charts"),
        [
            ("/admin/whatsapp_notify/survey/board/?days=365", "Survey board", 2),
            ("/admin/whatsapp_notify/overview/answer-times/?days=365", "Answer times", 1),
        ],
        ids=["survey board", "answer times"],
    )
    def test_stand_in_pages_that_are_full_and_sound(
        self, staff: BrowserContext, address: str, heading: str, charts: int
    ) -> None:
        watched = WatchedPage(staff)

        watched.page.goto(address)

        expect(watched.page.get_by_role("heading", name=heading)).to_be_visible()
        assert watched.page.locator(".wn-chart").count() >= charts
        watched.look()
        assert "\n".join(watched.faults) == ""

    @pytest.mark.parametrize("staff", [1280], indirect=True, ids=["desk"])
    def test_follow_the_chosen_survey_and_period(self, staff: BrowserContext) -> None:
        watched = WatchedPage(staff)
        page = watched.page
        page.goto("/admin/whatsapp_notify/survey/")
        page.get_by_role("link", name="Board", exact=True).first.click()
        page.get_by_label("Period").select_option("30")

        page.get_by_role("button", name="Show").click()

        page.wait_for_url("**days=30")
        expect(page.get_by_label("Period")).to_have_value("30")
        expect(page.get_by_label("Survey", exact=True)).not_to_have_value("")
        watched.look()
        assert "\n".join(watched.faults) == ""
