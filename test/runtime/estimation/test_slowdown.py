# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import math
from statistics import NormalDist

import numpy as np
import pytest

from dynofa_ros.runtime import SlowdownFilter


def warmed_up(*, level: float = 1.0, noise: float = 0.02, seed: int = 1) -> SlowdownFilter:
    tracked = SlowdownFilter(noise_std=noise)
    for ratio in np.random.default_rng(seed).normal(level, noise, 60):
        tracked.observe(ratio)
    return tracked


@pytest.mark.parametrize('ratio', [0.0, -1.0, math.nan, math.inf])
def test_an_impossible_observation_is_rejected(ratio):
    with pytest.raises(ValueError, match=r'slowdown ratio is .*expected a finite number above 0'):
        SlowdownFilter().observe(ratio)


def test_it_learns_a_constant_slowdown_and_its_noise():
    estimate = warmed_up(level=1.05, noise=0.02).estimate()
    assert estimate.mean == pytest.approx(1.05, abs=0.01)
    assert 0.01 < estimate.std < 0.04


def test_noise_above_the_prior_widens_the_estimate():
    tracked = SlowdownFilter(noise_std=0.01)
    for ratio in np.random.default_rng(2).normal(1.0, 0.1, 300):
        tracked.observe(ratio)
    assert tracked.estimate().std > 0.06


@pytest.mark.parametrize('step', [1.3, 2.0, 4.0])
def test_contention_is_detected_in_two_frames(step):
    tracked = warmed_up()
    assert not tracked.observe(step)
    assert tracked.observe(step * 1.01)
    assert tracked.estimate().mean == pytest.approx(step, rel=0.02)


def test_the_end_of_contention_is_detected_in_two_frames():
    tracked = warmed_up(level=2.0)
    tracked.observe(1.0)
    tracked.observe(1.01)
    assert tracked.estimate().mean == pytest.approx(1.0, rel=0.02)


def test_a_single_slow_frame_counts_but_is_not_contention():
    tracked, before = warmed_up(), warmed_up().estimate()
    tracked.observe(3.0)
    after = tracked.estimate()
    assert before.mean < after.mean < 1.1
    assert after.std > before.std


def test_two_outliers_on_opposite_sides_are_not_contention():
    tracked = warmed_up()
    tracked.observe(1.5)
    assert not tracked.observe(0.6)


@pytest.mark.parametrize('seed', range(5))
def test_stationary_noise_is_not_contention(seed):
    tracked = SlowdownFilter(noise_std=0.05)
    for ratio in np.random.default_rng(seed).normal(1.0, 0.05, 2000):
        assert not tracked.observe(max(ratio, 0.01))


@pytest.mark.parametrize('seed', range(5))
def test_the_bound_holds_with_its_probability(seed):
    """About 95 % of the frames are within the predicted 95 % bound."""
    tracked, held = warmed_up(noise=0.05, seed=seed), []
    for ratio in np.random.default_rng(100 + seed).normal(1.0, 0.05, 2000):
        estimate = tracked.estimate()
        held.append(ratio <= estimate.mean + 1.6449 * estimate.std)
        tracked.observe(ratio)
    assert 0.92 < np.mean(held) < 0.98


def bound(tracked: SlowdownFilter) -> float:
    """Return the slowdown that the next frame exceeds with a probability of 5 %."""
    return tracked.estimate().quantile(0.95)


def normal_bound(tracked: SlowdownFilter) -> float:
    estimate = tracked.estimate()
    return estimate.mean + NormalDist().inv_cdf(0.95) * estimate.std


@pytest.mark.parametrize('every', [3, 5, 8])
def test_periodic_overlap_with_another_camera_is_within_the_bound(every):
    tracked, held = warmed_up(), []
    noise = np.random.default_rng(3).normal(0.0, 0.03, 400)
    for index, spread in enumerate(noise):
        ratio = (1.9 if index % every == 0 else 1.0) + spread
        held.append(ratio <= bound(tracked))
        tracked.observe(ratio)
    assert np.mean(held[40:]) > 0.93


def test_the_bound_of_normal_noise_is_about_the_normal_quantile():
    tracked = warmed_up(noise=0.05)
    assert bound(tracked) == pytest.approx(normal_bound(tracked), abs=0.04)


def test_one_slow_frame_is_an_outlier():
    tracked = warmed_up()
    tracked.observe(3.0)
    assert bound(tracked) < 1.3


def test_two_slow_frames_set_the_bound():
    tracked = warmed_up()
    for ratio in (1.9, 1.0, 1.0, 1.0, 1.85, 1.0, 1.0):
        tracked.observe(ratio)
    assert bound(tracked) >= 1.85


def contention(tracked: SlowdownFilter, *, frames: int) -> None:
    for _ in range(frames):
        tracked.observe(1.9)
    for _ in range(3):
        tracked.observe(1.0)


def test_the_bound_falls_after_contention():
    tracked = warmed_up()
    contention(tracked, frames=30)
    assert bound(tracked) < 1.5


def test_after_repeated_contention_the_bound_stays_high():
    tracked = warmed_up()
    contention(tracked, frames=10)
    contention(tracked, frames=10)
    assert bound(tracked) >= 1.9


def test_the_bound_falls_long_after_repeated_contention():
    tracked = warmed_up()
    contention(tracked, frames=10)
    contention(tracked, frames=10)
    for _ in range(60):
        tracked.observe(1.0)
    assert bound(tracked) < 1.1


@pytest.mark.parametrize('probability', [0.5, 0.9999])
def test_the_standard_deviation_is_at_least_the_normal_one(probability):
    estimate = warmed_up().estimate()
    assert estimate.std_for(probability) >= estimate.std


def test_without_observations_it_returns_to_the_prior():
    tracked = warmed_up(level=2.0)
    before = tracked.estimate()
    tracked.forget(100.0, time_constant_s=10.0)
    after = tracked.estimate()
    assert after.mean == pytest.approx(1.0, abs=0.001)
    assert after.std > before.std


def test_forgetting_does_not_depend_on_the_step_size():
    at_once, in_parts = warmed_up(level=2.0), warmed_up(level=2.0)
    at_once.forget(6.0, time_constant_s=10.0)
    in_parts.forget(2.0, time_constant_s=10.0)
    in_parts.forget(4.0, time_constant_s=10.0)
    assert in_parts.estimate().mean == pytest.approx(at_once.estimate().mean)
    assert in_parts.estimate().std == pytest.approx(at_once.estimate().std)
