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
