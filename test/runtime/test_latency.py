# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The distribution of a frame's latency."""

import math

import numpy as np
import pytest

from dynofa_ros.runtime import Slowdown
from dynofa_ros.runtime.latency import LatencyForecast

LATENCY_S, STD_S = np.array([0.02, 0.04]), np.array([0.0, 0.008])


def forecast(**changes):
    slowdown = changes.pop('slowdown', Slowdown(1.5, 0.15))
    return LatencyForecast.of_inference(
        LATENCY_S, STD_S, slowdown=slowdown, probability=0.95, **changes
    )


def test_the_larger_spread_of_profile_and_slowdown_counts():
    found = forecast()
    np.testing.assert_allclose(found.mean_s, [0.03, 0.06])
    np.testing.assert_allclose(found.std_s, [0.003, 0.012])


def test_a_correction_scales_the_latency_and_adds_its_own_spread():
    found = forecast(correction=np.array([2.0, 1.0]), correction_std=np.array([0.0, 0.1]))
    np.testing.assert_allclose(found.mean_s, [0.06, 0.06])
    np.testing.assert_allclose(found.std_s, [0.006, math.hypot(0.012, 0.006)])


def test_a_heavier_tail_of_recent_frames_counts_at_the_probability_asked_for():
    heavy = Slowdown(1.0, 0.01, scores=(0.0,) * 30 + (100.0 * math.log(2.0),) * 5)
    assert forecast(slowdown=heavy).quantile_s(0.95)[0] == pytest.approx(0.04)


def test_quantile_and_probability_are_inverse():
    found = forecast()
    for probability in (0.5, 0.9, 0.99):
        for row, limit_s in enumerate(found.quantile_s(probability)):
            assert found.probability_within(limit_s)[row] == pytest.approx(probability)


def test_without_spread_or_without_a_limit_the_probability_is_certain():
    exact = LatencyForecast(np.array([0.02]), np.array([0.0]))
    assert exact.probability_within(0.02) == 1.0
    assert exact.probability_within(0.0199) == 0.0
    assert exact.probability_within(math.nan) == 1.0


def test_an_independent_delay_adds_mean_and_variance():
    found = forecast().plus(0.01, variance_s2=0.004**2)
    np.testing.assert_allclose(found.mean_s, [0.04, 0.07])
    np.testing.assert_allclose(found.std_s, [0.005, math.hypot(0.012, 0.004)])
