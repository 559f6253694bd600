# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The base load of the board: steps, noise, and commands that are not in force yet."""

import math

import numpy as np
import pytest

from dynofa_ros.runtime.estimation.base_power import BaseLoad, BaseLoadEstimator

EXPECTED_W = 5.0  # of the applications


def observe(power, *powers_w, expected_w=(EXPECTED_W,)):
    for power_w in powers_w:
        power.observe(power_w, expected_w=expected_w)


def after(*powers_w: float) -> BaseLoadEstimator:
    power = BaseLoadEstimator()
    observe(power, *powers_w)
    return power


@pytest.fixture
def noise():
    return np.random.default_rng(0).normal(size=500)


def test_it_is_unknown_before_the_first_sample():
    assert BaseLoadEstimator().estimate() is None


def test_it_stays_unknown_while_the_applications_power_is_uncertain():
    power = BaseLoadEstimator()
    observe(power, 8.0, expected_w=[1.0, 5.0])
    assert power.estimate() is None
    observe(power, 8.0)
    assert power.estimate().mean_w == 3.0


def test_it_is_the_power_without_the_applications():
    assert after(*[8.0] * 10).estimate().mean_w == pytest.approx(3.0)


def test_a_step_is_followed_in_two_samples(noise):
    power = after(*(8.0 + 0.1 * noise[:50]), 12.0, 12.0)
    assert power.estimate().mean_w == pytest.approx(7.0, abs=0.1)


def test_a_step_down_after_a_step_up_is_followed_as_fast():
    power = after(8.0, 8.0, 8.0, 8.0, 10.0, 12.0, 12.0, 12.0, 8.4, 8.4)
    assert power.estimate().mean_w == pytest.approx(3.4, abs=0.2)


def test_a_slow_change_is_followed(noise):
    power = after(*(8.0 + 0.02 * np.arange(60) + 0.1 * noise[:60]))
    assert power.estimate().mean_w == pytest.approx(4.2, abs=0.2)


def test_an_outlier_moves_it_a_little():
    power = after(*[8.0] * 50)
    before = power.estimate()
    observe(power, 12.0)
    assert before.mean_w < power.estimate().mean_w < 3.2


def test_a_command_that_is_not_in_force_yet_is_not_a_step():
    power = after(*[8.0] * 20)
    observe(power, 8.0, 4.0, expected_w=[5.0, 1.0])
    observe(power, 4.0, expected_w=[1.0])
    assert power.estimate().mean_w == pytest.approx(3.0, abs=0.01)


def test_it_is_zero_if_the_profile_overestimates_the_energy():
    assert after(*[4.0] * 20).estimate().mean_w == 0.0


def test_its_uncertainty_is_that_of_the_mean_and_not_of_the_samples():
    samples_w = 8.0 + 0.5 * np.random.default_rng(1).normal(size=500)
    base = after(*samples_w).estimate()
    assert abs(base.mean_w - 3.0) < 2.0 * base.std_w < 0.5


def test_a_step_increases_the_uncertainty():
    power = after(*[8.0] * 50)
    before = power.estimate()
    observe(power, 11.0, 12.0, 13.0, 11.0)
    assert power.estimate().std_w > 3.0 * before.std_w


def test_the_quantile_is_above_the_mean():
    assert BaseLoad(3.0, 0.5).quantile_w(0.95) == pytest.approx(3.0 + 1.645 * 0.5, rel=1e-3)
    assert BaseLoad(3.0, 0.5).quantile_w(0.5) == 3.0


def test_the_quantile_is_never_below_zero():
    assert BaseLoad(0.1, 1.0).quantile_w(0.2) == 0.0


@pytest.mark.parametrize('power_w', [-1.0, math.nan, math.inf])
def test_an_impossible_power_is_rejected(power_w):
    with pytest.raises(ValueError, match=r'power_w is .*; expected a finite number from 0'):
        after(power_w)


def test_the_filter_step_by_step():
    """The second sample by hand, with the prior variance 0.3^2 + (0.02 x 3)^2 = 0.0936 W^2.

    Its gain is 0.0936 / (0.0936 + 0.09) = 0.5098 and its residual variance 0.4^2 - 0.0936, of which
    a tenth replaces a tenth of the noise: 0.08764 W^2, which the third sample shows.
    """
    power = after(8.0)
    assert power.estimate() == BaseLoad(3.0, 0.3)
    observe(power, 8.4)
    assert power.estimate().mean_w == pytest.approx(3.0 + 0.0936 / 0.1836 * 0.4)
    assert power.estimate().std_w == pytest.approx(math.sqrt(0.09 / 0.1836 * 0.0936))
    before = power.estimate()
    prior = before.std_w**2 + (0.02 * before.mean_w) ** 2
    observe(power, 7.9)
    gain = prior / (prior + 0.08764)
    assert power.estimate().mean_w == pytest.approx(before.mean_w + gain * (2.9 - before.mean_w))
    assert power.estimate().std_w == pytest.approx(math.sqrt((1.0 - gain) * prior))


def test_an_outlier_counts_as_three_standard_deviations():
    power = after(8.0)
    observe(power, 20.0)
    limit_w = 3.0 * math.sqrt(0.0936 + 0.09)
    assert power.estimate().mean_w == pytest.approx(3.0 + 0.0936 / 0.1836 * limit_w)
    power = after(8.0)
    observe(power, 5.0)
    assert power.estimate().mean_w == pytest.approx(3.0 - 0.0936 / 0.1836 * limit_w)


def test_a_step_counts_with_its_own_variance():
    power = after(8.0, 20.0)
    before = power.estimate()
    noise = 0.9 * 0.09 + 0.1 * (9.0 * 0.1836 - 0.0936)
    observe(power, 20.0)
    innovation_w = 15.0 - before.mean_w
    prior = before.std_w**2 + (0.02 * before.mean_w) ** 2 + innovation_w**2
    gain = prior / (prior + noise)
    assert power.estimate().mean_w == pytest.approx(before.mean_w + gain * innovation_w)
    assert power.estimate().std_w == pytest.approx(math.sqrt((1.0 - gain) * prior))


def test_a_spread_of_expectations_adds_to_the_noise():
    power = after(8.0)
    observe(power, 8.2, expected_w=[6.0, 5.0])
    noise = 0.09 + 1.0  # of the sample; the closer expectation is 5 W
    assert power.estimate().mean_w == pytest.approx(3.0 + 0.0936 / (0.0936 + noise) * 0.2)


def test_a_spread_does_not_count_as_noise_of_the_board():
    power = after(8.0)
    observe(power, 9.0, expected_w=[6.0, 5.0])
    before = power.estimate()
    prior = before.std_w**2 + (0.02 * before.mean_w) ** 2
    observe(power, 8.5)
    gain = prior / (prior + 0.9 * 0.09)
    assert power.estimate().mean_w == pytest.approx(before.mean_w + gain * (3.5 - before.mean_w))


def test_the_noise_has_a_minimum():
    power = after(*[8.0] * 200)
    variance = power.estimate().std_w ** 2
    prior = variance + 0.06**2
    assert variance == pytest.approx(prior * 0.02**2 / (prior + 0.02**2), rel=1e-3)


@pytest.mark.parametrize(('spread_w', 'used'), [(0.8, True), (0.81, False)])
def test_the_first_sample_needs_expectations_within_a_tenth_of_the_power(spread_w, used):
    power = BaseLoadEstimator()
    observe(power, 8.0, expected_w=[5.0 + spread_w, 5.0])
    assert (power.estimate() is not None) == used
    if used:
        assert power.estimate().mean_w == 3.0


@pytest.mark.parametrize(
    ('values', 'text'),
    [
        ((-1.0, 0.0), 'mean_w is -1'),
        ((0.0, -1.0), 'std_w is -1'),
        ((math.nan, 0.0), 'mean_w is nan'),
    ],
)
def test_an_impossible_base_load_is_refused(values, text):
    with pytest.raises(ValueError, match=f'^{text}; expected a finite number from 0$'):
        BaseLoad(*values)
