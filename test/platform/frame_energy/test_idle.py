# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Idle power with known noise, and at each frequency setting."""

import math

import numpy as np
import pytest

from dynofa_ros.platform.frame_energy.idle import (
    MAX_SETTINGS,
    MEMORY_S,
    MIN_IDLE_S,
    OTHER_SETTING_STD,
    IdleBySetting,
    IdlePower,
)
from dynofa_ros.platform.frame_energy.intervals import Interval

STEP_S = 0.05
NOISE = 2e-3  # [J^2/s]


def interval(start_s, end_s, power_w):
    return Interval(start_s, end_s, energy_j=power_w * (end_s - start_s), known=True)


def idle_of(powers_w):
    idle = IdlePower()
    for index, power_w in enumerate(powers_w):
        idle.add(interval(index * STEP_S, (index + 1) * STEP_S, power_w))
    return idle


def noisy(seed, count=400):
    std_w = (NOISE / STEP_S) ** 0.5
    return np.random.default_rng(seed).normal(5.0, std_w, count)


def test_idle_power_is_the_mean_power():
    assert idle_of([4.0, 5.0, 6.0]).mean_w == pytest.approx(5.0, abs=0.01)


def test_intervals_are_weighted_by_their_length():
    idle = IdlePower()
    idle.add(interval(0.0, 1.0, 3.0))
    idle.add(interval(1.0, 4.0, 5.0))
    assert idle.mean_w == pytest.approx(4.5, abs=0.05)


def test_idle_power_is_ready_after_half_a_second():
    enough = math.ceil(MIN_IDLE_S / STEP_S)
    assert not idle_of([5.0] * (enough - 1)).ready
    assert idle_of([5.0] * (enough + 1)).ready


def test_old_intervals_are_forgotten():
    minutes = [3.0] * 1200 + [5.0] * round(5 * MEMORY_S / STEP_S)
    assert idle_of(minutes).mean_w == pytest.approx(5.0, abs=0.02)


def test_the_noise_is_estimated():
    estimates = [idle_of(noisy(seed)).noise_j2_per_s for seed in range(30)]
    assert np.mean(estimates) == pytest.approx(NOISE, rel=0.05)


def test_the_stated_std_is_the_actual_error_of_the_mean():
    idles = [idle_of(noisy(seed)) for seed in range(300)]
    stated_w = np.mean([idle.std_w(400 * STEP_S) for idle in idles])
    assert np.std([idle.mean_w for idle in idles]) == pytest.approx(stated_w, rel=0.15)


def test_the_std_grows_to_the_spread_of_intervals_while_idle_is_not_observed():
    idle = idle_of(noisy(0))
    spread_w = (idle.noise_j2_per_s / STEP_S) ** 0.5
    stds_w = [idle.std_w(20.0 + later_s) for later_s in (0.0, 10.0, 60.0, 1e4)]
    assert stds_w == sorted(stds_w)
    assert stds_w[-1] == pytest.approx(spread_w, rel=0.05)


def observe(idle, start_s, power_w, *, seconds=1.0):
    """Add idle intervals of a constant power."""
    for step in range(round(seconds / STEP_S)):
        at_s = start_s + step * STEP_S
        idle.add(interval(at_s, at_s + STEP_S, power_w))


@pytest.fixture
def idle():
    """Idle power of 5 W, and from 10 s on, at a lower frequency, of 3 W."""
    idle = IdleBySetting()
    idle.set_frequencies(0.0, 'high')
    observe(idle, 1.0, 5.0)
    idle.set_frequencies(10.0, 'low')
    observe(idle, 10.0, 3.0)
    return idle


def test_idle_power_is_unknown_before_enough_intervals():
    idle = IdleBySetting()
    observe(idle, 0.0, 5.0, seconds=0.2)
    assert idle.at(1.0) is None


def test_each_setting_has_its_own_idle_power(idle):
    assert idle.at(9.0).mean_w == pytest.approx(5.0)
    assert idle.at(11.0).mean_w == pytest.approx(3.0)


def test_the_idle_power_of_an_earlier_setting_is_remembered(idle):
    idle.set_frequencies(20.0, 'high')
    assert idle.at(21.0).mean_w == pytest.approx(5.0)


def test_a_new_setting_uses_the_most_recent_one_with_more_uncertainty(idle):
    idle.set_frequencies(20.0, 'middle')
    found = idle.at(21.0)
    assert found.mean_w == pytest.approx(3.0)
    assert found.std_w == pytest.approx(OTHER_SETTING_STD * 3.0)


def test_an_interval_with_a_change_belongs_to_neither_setting(idle):
    idle.set_frequencies(20.02, 'high')
    across = Interval(20.0, 20.05, energy_j=99.0, known=True)
    assert idle.changed_within(across)
    idle.add(across)
    assert idle.at(21.0).mean_w == pytest.approx(5.0)


def test_after_a_reset_idle_power_is_learned_again_for_the_same_setting(idle):
    idle.reset()
    assert idle.at(11.0) is None
    observe(idle, 12.0, 4.0)
    assert idle.at(13.5).mean_w == pytest.approx(4.0)


def test_the_number_of_settings_is_bounded():
    idle = IdleBySetting()
    for number in range(3 * MAX_SETTINGS):
        idle.set_frequencies(2.0 * number, number)
        observe(idle, 2.0 * number, 5.0)
    assert len(idle._idle) == MAX_SETTINGS
    assert idle.at(6.0 * MAX_SETTINGS).mean_w == pytest.approx(5.0)
