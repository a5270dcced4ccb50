"""Which keywords of interactive campaigns something else would hear."""

from datetime import timedelta

import pytest

from tests import factories
from tests.factories import NOW
from whatsapp_notify.models import InteractiveCampaign, KeywordReply, Survey
from whatsapp_notify.services import campaign_keywords
from whatsapp_notify.services.campaign_keywords import Clash, Owner

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def draft(keywords: str = "Summer!\nkesä") -> InteractiveCampaign:
    return InteractiveCampaign(keywords=keywords, starts_at=NOW, ends_at=NOW + 7 * DAY)


class TestClashes:
    def test_are_those_with_what_is_on(self) -> None:
        factories.interactive_campaign(name="Other", keywords="summer")
        KeywordReply.objects.create(phrases="returns\nKesa", body="x")
        Survey.objects.create(name="Shop", keyword="KESÄ")

        assert campaign_keywords.clashes(draft()) == [
            Clash(phrase="Summer!", owner=Owner.CAMPAIGN, name="Other"),
            Clash(phrase="kesä", owner=Owner.KEYWORD_REPLY, name="returns"),
            Clash(phrase="kesä", owner=Owner.SURVEY, name="Shop"),
        ]

    def test_are_none_with_itself_or_what_is_off(self) -> None:
        own = factories.interactive_campaign()
        factories.interactive_campaign(is_active=False)
        KeywordReply.objects.create(phrases="summer", body="x", is_active=False)
        Survey.objects.create(name="Shop", keyword="SUMMER", is_active=False)

        assert campaign_keywords.clashes(own) == []

    @pytest.mark.parametrize(
        ("starts", "ends", "is_clash"),
        [(-2, -1, False), (-2, 0, False), (-2, 1, True), (-2, None, True), (2, 3, True),
         (7, 9, False), (8, None, False)],
    )  # fmt: skip
    def test_are_none_where_one_is_over_before_the_other(
        self, starts: int, ends: int | None, is_clash: bool
    ) -> None:
        factories.interactive_campaign(
            starts_at=NOW + starts * DAY, ends_at=None if ends is None else NOW + ends * DAY
        )

        assert bool(campaign_keywords.clashes(draft())) is is_clash


class TestTaken:
    def test_names_what_a_campaign_takes(self) -> None:
        factories.interactive_campaign(name="Other")
        factories.interactive_campaign(keywords="returns", is_active=False)

        assert campaign_keywords.taken("returns\nSUMMER, please") == [
            Clash(phrase="SUMMER, please", owner=Owner.CAMPAIGN, name="Other")
        ]
