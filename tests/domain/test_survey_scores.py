"""Means, NPS and intervals."""

import random

import pytest

from whatsapp_notify.domain.survey_scores import Scores


def scores(*given: int) -> Scores:
    return Scores(counts={score: given.count(score) for score in set(given)})


class TestScores:
    @pytest.mark.parametrize(
        ("given", "nps"),
        [
            pytest.param((9, 10), 100, id="promoters only: 2/2 - 0/2"),
            pytest.param((1, 6), -100, id="detractors only: 0/2 - 2/2"),
            pytest.param((7, 8), 0, id="neither: 0/2 - 0/2"),
            pytest.param((10, 9, 8, 6), 25, id="2/4 - 1/4"),
            pytest.param((10, 1, 1, 7), -25, id="1/4 - 2/4"),
        ],
    )
    def test_nps_is_promoters_less_detractors(self, given: tuple[int, ...], nps: float) -> None:
        assert scores(*given).nps == nps

    def test_mean_weighs_each_answer(self) -> None:
        assert scores(10, 10, 1).mean == 7

    def test_nothing_is_said_without_answers(self) -> None:
        none = Scores()

        assert (none.total, none.mean, none.nps, none.nps_interval) == (0, None, None, None)

    @pytest.mark.parametrize(("number", "is_enough"), [(4, False), (5, True)])
    def test_five_answers_are_enough(self, number: int, is_enough: bool) -> None:
        assert scores(*[9] * number).is_enough is is_enough

    def test_equal_answers_are_no_certainty(self) -> None:
        interval = scores(*[10] * 5).nps_interval

        assert interval is not None
        assert interval[0] < 60
        assert interval[1] == 100

    def test_interval_stays_on_the_scale(self) -> None:
        for given in ([1] * 3, [10] * 3, [7]):
            low, high = scores(*given).nps_interval or (0, 0)

            assert -100 <= low < high <= 100

    def test_interval_narrows_with_more_answers(self) -> None:
        def width(times: int) -> float:
            low, high = scores(*[10, 8, 3] * times).nps_interval or (0, 0)
            return high - low

        assert width(4) > width(40) > width(400)

    def test_interval_holds_the_truth_about_95_times_in_100(self) -> None:
        rng = random.Random(7)  # a sample, no secret
        truth, hits, rounds = 100 * (0.6 - 0.15), 0, 1000
        for _each in range(rounds):
            given = rng.choices([10, 7, 2], weights=[60, 25, 15], k=30)
            low, high = scores(*given).nps_interval or (0, 0)
            hits += low <= truth <= high

        assert 0.92 <= hits / rounds <= 0.985
