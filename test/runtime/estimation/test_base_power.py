"""What the board draws beside the applications: steps, noise, and commands under way."""

import math

import numpy as np
import pytest

from dynofa_ros.runtime.estimation.base_power import BaseLoad, BaseLoadEstimator


def test_before_the_first_sample_it_is_unknown():
    assert BaseLoadEstimator().estimate() is None


def test_it_stays_unknown_while_it_is_not_known_what_the_applications_draw():
    power = BaseLoadEstimator()
    power.observe(8.0, expected_w=[1.0, 5.0])
    assert power.estimate() is None
    power.observe(8.0, expected_w=[5.0])
    assert power.estimate().mean_w == 3.0


def test_it_is_what_the_applications_do_not_draw():
    power = BaseLoadEstimator()
    for _ in range(10):
        power.observe(8.0, expected_w=[5.0])
    assert power.estimate().mean_w == pytest.approx(3.0)


def test_a_step_is_followed_in_two_samples():
    power = BaseLoadEstimator()
    rng = np.random.default_rng(0)
    for _ in range(50):
        power.observe(8.0 + 0.1 * rng.normal(), expected_w=[5.0])
    power.observe(12.0, expected_w=[5.0])
    power.observe(12.0, expected_w=[5.0])
    assert power.estimate().mean_w == pytest.approx(7.0, abs=0.1)


def test_a_step_down_right_after_one_up_is_followed_as_soon():
    power = BaseLoadEstimator()
    for power_w in (8.0, 8.0, 8.0, 8.0, 10.0, 12.0, 12.0, 12.0, 8.4, 8.4):
        power.observe(power_w, expected_w=[5.0])
    assert power.estimate().mean_w == pytest.approx(3.4, abs=0.2)


def test_a_slow_change_is_followed_too():
    power, rng = BaseLoadEstimator(), np.random.default_rng(0)
    for second in range(60):
        power.observe(8.0 + 0.02 * second + 0.1 * rng.normal(), expected_w=[5.0])
    assert power.estimate().mean_w == pytest.approx(4.2, abs=0.2)


def test_one_high_sample_moves_it_little_but_counts():
    power = BaseLoadEstimator()
    for _ in range(50):
        power.observe(8.0, expected_w=[5.0])
    before = power.estimate()
    power.observe(12.0, expected_w=[5.0])
    after = power.estimate()
    assert before.mean_w < after.mean_w < 3.2


def test_a_command_under_way_is_no_step():
    power = BaseLoadEstimator()
    for _ in range(20):
        power.observe(8.0, expected_w=[5.0])
    power.observe(8.0, expected_w=[5.0, 1.0])
    power.observe(4.0, expected_w=[5.0, 1.0])
    power.observe(4.0, expected_w=[1.0])
    assert power.estimate().mean_w == pytest.approx(3.0, abs=0.01)


def test_a_profile_that_promises_too_much_energy_leaves_little_rest():
    power = BaseLoadEstimator()
    for _ in range(20):
        power.observe(4.0, expected_w=[5.0])
    assert power.estimate().mean_w == 0.0


def test_the_doubt_is_about_the_mean_and_not_the_noise_of_the_samples():
    power, rng = BaseLoadEstimator(), np.random.default_rng(1)
    for _ in range(500):
        power.observe(8.0 + 0.5 * rng.normal(), expected_w=[5.0])
    rest = power.estimate()
    assert abs(rest.mean_w - 3.0) < 2.0 * rest.std_w < 0.5


def test_a_step_brings_doubt():
    power = BaseLoadEstimator()
    for _ in range(50):
        power.observe(8.0, expected_w=[5.0])
    before = power.estimate()
    for power_w in (11.0, 12.0, 13.0, 11.0):
        power.observe(power_w, expected_w=[5.0])
    assert power.estimate().std_w > 3.0 * before.std_w


def test_the_quantile_is_above_the_mean_and_never_below_zero():
    assert BaseLoad(3.0, 0.5).quantile_w(0.95) == pytest.approx(3.0 + 1.645 * 0.5, rel=1e-3)
    assert BaseLoad(3.0, 0.5).quantile_w(0.5) == 3.0


@pytest.mark.parametrize('power_w', [-1.0, math.nan, math.inf])
def test_an_impossible_power_is_refused(power_w):
    with pytest.raises(ValueError, match=r'power_w is .*; expected a finite number from 0'):
        BaseLoadEstimator().observe(power_w, expected_w=[0.0])
