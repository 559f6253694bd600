# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from statistics import NormalDist

import pytest

from dynofa_ros.runtime.estimation.frame_scores import FRAMES, SPARE, FrameScores, score_quantile


@pytest.mark.parametrize('probability', [0.05, 0.5, 0.95, 0.99])
@pytest.mark.parametrize('scores', [(), FrameScores().ascending()])
def test_before_any_frame_the_quantile_is_normal(probability, scores):
    expected = NormalDist().inv_cdf(probability)
    assert score_quantile(scores, probability) == pytest.approx(expected, abs=0.3)


def test_frames_replace_the_normal_scores_from_the_oldest_on():
    scores = FrameScores()
    for score in range(FRAMES + 3):
        scores.add(float(score))
    assert scores.ascending() == tuple(float(each) for each in range(3, FRAMES + 3))


def test_the_quantile_is_the_order_statistic_that_is_exceeded_as_often_as_promised():
    scores = FrameScores()
    for score in range(1, FRAMES + 1):
        scores.add(float(score))
    # At most 10 of 200 are above it.
    assert score_quantile(scores.ascending(), 0.95) == 190.0 + SPARE


def test_beyond_what_so_many_frames_tell_the_higher_of_highest_and_normal_counts():
    normal = NormalDist().inv_cdf(0.9999)
    assert score_quantile((0.0, 9.0), 0.9999) == 9.0
    assert score_quantile((0.0, 1.0), 0.9999) == pytest.approx(normal)
