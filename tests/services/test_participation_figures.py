"""How many take part, and for how long."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import factories
from tests.factories import NOW
from whatsapp_notify.models import InteractiveCampaign, Participation
from whatsapp_notify.services import participation_figures
from whatsapp_notify.services.participation_figures import Figures

pytestmark = pytest.mark.django_db


def took_part(campaign: InteractiveCampaign, seconds: int, entries: int = 1) -> None:
    Participation.objects.create(
        campaign=campaign,
        contact=factories.contact(consents=()),
        first_at=NOW,
        last_at=NOW,
        spent_seconds=seconds,
        entry_count=entries,
    )


class TestFigures:
    def test_of_nobody_are_nothing(self) -> None:
        campaign = factories.interactive_campaign()

        assert participation_figures.figures(campaign=campaign) == Figures(
            participants=0,
            with_entry=0,
            entries=0,
            seconds=0,
            mean_seconds=None,
            median_seconds=None,
        )

    @pytest.mark.parametrize(
        ("seconds", "mean", "median"),
        [((30,), 30, 30), ((0, 60, 600), 220, 60), ((0, 60, 120, 600), 195, 90)],
    )
    def test_are_sums_mean_and_median(
        self, seconds: tuple[int, ...], mean: int, median: int
    ) -> None:
        campaign = factories.interactive_campaign()
        for each in seconds:
            took_part(campaign, each, entries=2)

        found = participation_figures.figures(campaign=campaign)

        assert (found.participants, found.entries) == (len(seconds), 2 * len(seconds))
        assert (found.seconds, found.mean_seconds, found.median_seconds) == (
            sum(seconds),
            mean,
            median,
        )

    def test_leave_out_other_campaigns_and_who_came_at_the_wrong_time(self) -> None:
        campaign = factories.interactive_campaign()
        took_part(factories.interactive_campaign(), 60)
        took_part(campaign, 0, entries=0)
        Participation.objects.create(campaign=campaign, contact=factories.contact(), told_at=NOW)

        found = participation_figures.figures(campaign=campaign)

        assert (found.participants, found.with_entry) == (1, 0)

    def test_take_two_queries(self) -> None:
        campaign = factories.interactive_campaign()
        for each in range(5):
            took_part(campaign, each)

        with CaptureQueriesContext(connection) as seen:
            participation_figures.figures(campaign=campaign)

        assert len(seen) == 2
