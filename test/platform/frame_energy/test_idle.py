"""Idle power, of which the noise is known."""

import math

import numpy as np
import pytest

from dynofa_ros.platform.frame_energy.idle import LEAST_IDLE_S, MEMORY_S, IdlePower

STEP_S = 0.05
NOISE = 2e-3  # [J^2/s]


def idle_of(powers_w, *, step_s=STEP_S):
    idle = IdlePower()
    for index, power_w in enumerate(powers_w):
        idle.add(energy_j=power_w * step_s, start_s=index * step_s, end_s=(index + 1) * step_s)
    return idle


def noisy(seed, count=400):
    std_w = (NOISE / STEP_S) ** 0.5
    return np.random.default_rng(seed).normal(5.0, std_w, count)


def test_it_is_the_mean_power():
    assert idle_of([4.0, 5.0, 6.0]).mean_w == pytest.approx(5.0, abs=0.01)


def test_a_longer_interval_counts_more():
    idle = IdlePower()
    idle.add(energy_j=3.0, start_s=0.0, end_s=1.0)
    idle.add(energy_j=15.0, start_s=1.0, end_s=4.0)
    assert idle.mean_w == pytest.approx(4.5, abs=0.05)


def test_it_is_known_after_half_a_second():
    enough = math.ceil(LEAST_IDLE_S / STEP_S)
    assert not idle_of([5.0] * (enough - 1)).ready
    assert idle_of([5.0] * (enough + 1)).ready


def test_what_is_old_is_forgotten():
    minutes = [3.0] * 1200 + [5.0] * round(5 * MEMORY_S / STEP_S)
    assert idle_of(minutes).mean_w == pytest.approx(5.0, abs=0.02)


def test_the_noise_is_found():
    found = [idle_of(noisy(seed)).noise_j2_per_s for seed in range(30)]
    assert np.mean(found) == pytest.approx(NOISE, rel=0.05)


def test_the_mean_is_as_wrong_as_it_is_said_to_be():
    idles = [idle_of(noisy(seed)) for seed in range(300)]
    said_w = np.mean([idle.std_w(400 * STEP_S) for idle in idles])
    assert np.std([idle.mean_w for idle in idles]) == pytest.approx(said_w, rel=0.15)


def test_unseen_for_long_it_may_be_any_that_was_seen():
    idle = idle_of(noisy(0))
    spread_w = (idle.noise_j2_per_s / STEP_S) ** 0.5
    stds_w = [idle.std_w(20.0 + later_s) for later_s in (0.0, 10.0, 60.0, 1e4)]
    assert stds_w == sorted(stds_w)
    assert stds_w[-1] == pytest.approx(spread_w, rel=0.05)
