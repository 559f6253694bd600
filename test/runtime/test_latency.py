# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The distribution of a frame's latency."""

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from dynofa_ros.runtime import Slowdown
from dynofa_ros.runtime.latency import LatencyForecast, Paths, Stages, normal_cdf

EXACT = Slowdown(1.0, 0.0)
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


# Cascades of two and three sub-networks, between two points that are none.
STAGES = Stages(
    rows=np.array([1, 2]),
    shares=np.array([[0.66, 0.34, 0.0], [0.5, 0.3, 0.2]]),
    latency_s=np.array([[0.010, 0.040, 0.0], [0.010, 0.020, 0.050]]),
    latency_std_s=np.array([[0.001, 0.002, 0.0], [0.002, 0.001, 0.004]]),
    correction=np.array([[1.0, 1.2, 1.0], [0.9, 1.0, 1.1]]),
    correction_std=np.array([[0.0, 0.1, 0.0], [0.05, 0.0, 0.05]]),
)
FRAMES = 200_000


def cascades(*, slowdown=EXACT, stages=STAGES, shares=None):
    stages = stages if shares is None else replace(stages, shares=np.array(shares))
    return LatencyForecast.of_inference(
        np.array([0.02, 0.0, 0.0, 0.05]),
        np.array([0.001, 0.0, 0.0, 0.002]),
        slowdown=slowdown,
        probability=0.95,
        correction=np.ones(4),
        correction_std=np.zeros(4),
        stages=stages,
    )


def draw(row, *, slowdown_std=0.0):
    """Draw frames of a cascade."""
    rng = np.random.default_rng(row)
    shape = (FRAMES, 3)
    correction = rng.normal(STAGES.correction[row], STAGES.correction_std[row], shape)
    noise_s = STAGES.correction[row] * rng.normal(0.0, STAGES.latency_std_s[row], shape)
    each_s = STAGES.latency_s[row] * correction + noise_s * (slowdown_std == 0.0)
    each_s = each_s * rng.normal(1.0, slowdown_std, (FRAMES, 1))
    ends = rng.choice(3, FRAMES, p=STAGES.shares[row])
    return np.cumsum(each_s, axis=1)[np.arange(FRAMES), ends]


@pytest.mark.parametrize('slowdown_std', [0.0, 0.2])
@pytest.mark.parametrize('row', [0, 1])
def test_a_cascade_is_the_mixture_of_its_paths(row, slowdown_std):
    """Each frame has one slowdown; the corrections of its stages are independent."""
    frames_s = draw(row, slowdown_std=slowdown_std)
    found = cascades(slowdown=Slowdown(1.0, slowdown_std))
    assert found.mean_s[1 + row] == pytest.approx(frames_s.mean(), rel=0.005)
    assert found.std_s[1 + row] == pytest.approx(frames_s.std(), rel=0.01)
    for probability in (0.6, 0.9, 0.95, 0.99):
        quantile_s = found.quantile_s(probability)[1 + row]
        assert np.mean(frames_s <= quantile_s) == pytest.approx(probability, abs=0.004)
        assert found.probability_within(quantile_s)[1 + row] == pytest.approx(probability, abs=1e-3)


def test_the_quantile_of_a_cascade_jumps_to_the_longer_path_when_it_is_likely_enough():
    rare = cascades(shares=[[0.96, 0.04, 0.0], [1.0, 0.0, 0.0]])
    often = cascades(shares=[[0.94, 0.06, 0.0], [1.0, 0.0, 0.0]])
    assert rare.quantile_s(0.95)[1] < 0.02
    assert often.quantile_s(0.95)[1] > 0.04


def test_a_cascade_that_always_ends_at_its_first_stage_is_that_sub_network():
    found = cascades(shares=[[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    alone = LatencyForecast.of_inference(
        STAGES.latency_s[:, 0],
        STAGES.latency_std_s[:, 0],
        slowdown=EXACT,
        probability=0.95,
        correction=STAGES.correction[:, 0],
        correction_std=STAGES.correction_std[:, 0],
    )
    np.testing.assert_allclose(found.quantile_s(0.95)[1:3], alone.quantile_s(0.95), atol=1e-5)
    np.testing.assert_allclose(found.mean_s[1:3], alone.mean_s)


def test_cascades_change_nothing_for_the_other_points():
    found, plain = cascades(), cascades(stages=None)
    rows = [0, 3]
    np.testing.assert_array_equal(found.quantile_s(0.95)[rows], plain.quantile_s(0.95)[rows])
    np.testing.assert_array_equal(found.mean_s[rows], plain.mean_s[rows])
    assert plain.paths is None


def test_a_path_without_spread_is_a_step():
    none_s = np.zeros((1, 2))
    paths = Paths(np.array([0]), np.array([[0.5, 0.5]]), np.array([[0.1, 0.3]]), none_s, none_s)
    found = LatencyForecast(np.zeros(1), np.zeros(1)).mixed(paths)
    assert found.quantile_s(0.4)[0] == pytest.approx(0.1, abs=1e-4)
    assert found.quantile_s(0.6)[0] == pytest.approx(0.3)
    assert found.probability_within(0.2)[0] == 0.5
    assert found.mean_s[0] == pytest.approx(0.2)
    assert found.std_s[0] == pytest.approx(0.1)


def test_frames_that_take_longer_by_a_factor_are_those_of_a_larger_slowdown():
    found = cascades(slowdown=Slowdown(1.2, 0.1)).scaled(np.full(4, 1.5))
    expected = cascades(slowdown=Slowdown(1.8, 0.15))
    np.testing.assert_allclose(found.mean_s, expected.mean_s)
    np.testing.assert_allclose(found.std_s, expected.std_s)
    np.testing.assert_allclose(found.quantile_s(0.9), expected.quantile_s(0.9))
    np.testing.assert_allclose(found.paths.fits(0.1), expected.paths.fits(0.1), atol=1e-6)


@pytest.mark.parametrize('delay_s', [0.01, np.array([0.0, 0.01, 0.02, 0.0])])
def test_a_delay_moves_every_path(delay_s):
    before, after = cascades(), cascades().plus(delay_s, variance_s2=0.0)
    np.testing.assert_allclose(after.quantile_s(0.9), before.quantile_s(0.9) + delay_s)
    spread = before.plus(0.0, variance_s2=0.003**2)
    np.testing.assert_allclose(spread.std_s, np.hypot(before.std_s, 0.003))
    np.testing.assert_allclose(spread.paths.moments[1], spread.std_s[1:3])


@pytest.mark.parametrize('rows', [np.array([2, 0, 1]), slice(2, 4), slice(0, 1)])
def test_some_of_the_points_have_the_same_distribution(rows):
    found = cascades()
    np.testing.assert_allclose(found.take(rows).quantile_s(0.9), found.quantile_s(0.9)[rows])
    np.testing.assert_array_equal(found.take(rows).mean_s, found.mean_s[rows])


def test_each_cascade_has_the_slowdown_of_its_processor():
    slow = Slowdown(2.0, 0.0)
    both = LatencyForecast.of_inference(
        np.array([0.02, 0.0, 0.0, 0.05]),
        np.zeros(4),
        slowdown=[EXACT, slow],
        counts=[2, 2],
        probability=0.95,
        stages=STAGES,
    )
    one, other = (cascades(slowdown=each) for each in (EXACT, slow))
    assert both.quantile_s(0.9)[1] == one.quantile_s(0.9)[1]
    assert both.quantile_s(0.9)[2] == other.quantile_s(0.9)[2]


@pytest.mark.parametrize('time_s', [0.055, 0.06, 0.065, 0.08, 0.1])
def test_an_escalation_is_cut_where_the_next_stage_alone_would_be_late(time_s):
    slowdown = Slowdown(1.0, 0.1)
    paths = cascades(slowdown=slowdown).paths
    # The same stages as points of their own.
    row = 1
    alone = LatencyForecast.of_inference(
        STAGES.latency_s[row],
        STAGES.latency_std_s[row],
        slowdown=slowdown,
        probability=0.95,
        correction=STAGES.correction[row],
        correction_std=STAGES.correction_std[row],
    ).quantile_s(0.95)
    np.testing.assert_allclose(paths.alone_s[row], alone)
    rng = np.random.default_rng(0)
    before_s = rng.normal(paths.mean_s[row, 1], paths.std_s[row, 1], FRAMES)
    expected = np.mean(time_s - before_s >= alone[2])
    assert paths.fits(time_s)[row, 2] == pytest.approx(expected, abs=0.004)
    assert paths.fits(time_s)[row, 0] == 1.0


def test_the_normal_distribution_function():
    z = np.linspace(-8.0, 8.0, 1001)
    exact = [NormalDist().cdf(each) for each in z]
    np.testing.assert_allclose(normal_cdf(z), exact, atol=1e-7)


def test_the_longest_path_of_a_cascade_keeps_its_processor_busy():
    found = cascades(slowdown=Slowdown(1.0, 0.1), shares=[[0.9, 0.1, 0.0], [1.0, 0.0, 0.0]])
    paths = found.paths
    longest_s = found.longest_s(2.0)
    assert longest_s[1] == pytest.approx(paths.mean_s[0, 1] + 2.0 * paths.std_s[0, 1])
    assert longest_s[2] == pytest.approx(paths.mean_s[1, 0] + 2.0 * paths.std_s[1, 0])
    assert longest_s[3] == found.mean_s[3] + 2.0 * found.std_s[3]
