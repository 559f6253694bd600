# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import pytest

from dynofa_ros.runtime import Slowdown
from dynofa_ros.runtime.estimation.frame_scores import FRAMES


def test_without_frames_the_quantile_is_that_of_a_normal_distribution():
    assert Slowdown(1.2, 0.1).quantile(0.95) == pytest.approx(1.2 + 1.644854 * 0.1)


def test_impossible_frames_make_no_impossible_number():
    worst = Slowdown(1.0, 50.0, tuple(1e3 * (index + 1) for index in range(FRAMES)))
    assert worst.quantile(0.95) == pytest.approx(1e3)
    assert worst.std_for(0.95) > worst.mean


@pytest.mark.parametrize(
    ('mean', 'std', 'text'),
    [
        (0.0, 0.1, 'mean is 0; expected a finite number above 0'),
        (1.0, -0.1, 'std is -0.1; expected a finite number from 0'),
    ],
)
def test_an_impossible_slowdown_is_rejected(mean, std, text):
    with pytest.raises(ValueError, match=text):
        Slowdown(mean, std)
