# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The camera's period, and the exponential mean that it uses."""

import math

import numpy as np
import pytest

from dynofa_ros.runtime.estimation.frame_rate import CameraPeriod, ExponentialMean


def after(*gaps_s: float) -> CameraPeriod:
    period = CameraPeriod()
    for gap_s in gaps_s:
        period.observe(gap_s)
    return period


def test_the_period_is_unknown_before_two_images():
    assert math.isnan(CameraPeriod().mean_s)


def test_jitter_is_averaged():
    jitter = np.random.default_rng(1).normal(0.1, 0.01, 300)
    assert after(*jitter).mean_s == pytest.approx(0.1, rel=0.03)


@pytest.mark.parametrize('after_s', [0.05, 0.14, 0.4])
def test_a_new_frame_rate_is_detected_after_two_images(after_s):
    period = after(*[0.1] * 50)
    assert not period.observe(after_s)
    assert period.observe(after_s * 1.01)
    assert period.mean_s == pytest.approx(after_s, rel=0.01)


@pytest.mark.parametrize('gaps_s', [(0.19, 0.1, 0.1), (0.16, 0.04, 0.1)])
def test_a_late_image_is_not_a_new_frame_rate(gaps_s):
    assert after(*[0.1] * 50, *gaps_s).mean_s == pytest.approx(0.1)


@pytest.mark.parametrize('gap_s', [0.0, -1.0, 60.0, math.nan])
def test_an_impossible_period_is_ignored(gap_s):
    assert after(0.1, gap_s, gap_s).mean_s == 0.1


def test_the_exponential_mean_is_unknown_before_the_first_sample():
    assert math.isnan(ExponentialMean(0.1).mean(unknown=math.nan))


def test_the_exponential_mean_learns_mean_and_standard_deviation():
    estimate = ExponentialMean(0.02)
    for sample in np.random.default_rng(3).normal(5.0, 0.5, 3000):
        estimate.add(sample)
    assert estimate.mean(unknown=0.0) == pytest.approx(5.0, abs=0.2)
    assert estimate.std() == pytest.approx(0.5, rel=0.3)
