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
def test_an_impossible_observation_is_refused(ratio):
    with pytest.raises(ValueError, match=r'slowdown ratio is .*expected a finite number above 0'):
        SlowdownFilter().observe(ratio)


def test_it_learns_a_constant_slowdown_and_its_noise():
    estimate = warmed_up(level=1.05, noise=0.02).estimate()
    assert estimate.mean == pytest.approx(1.05, abs=0.01)
    assert 0.01 < estimate.std < 0.04


def test_noise_larger_than_expected_widens_the_estimate():
    tracked = SlowdownFilter(noise_std=0.01)
    for ratio in np.random.default_rng(2).normal(1.0, 0.1, 300):
        tracked.observe(ratio)
    assert tracked.estimate().std > 0.06


@pytest.mark.parametrize('step', [1.3, 2.0, 4.0])
def test_contention_is_recognised_in_two_frames(step):
    tracked = warmed_up()
    assert not tracked.observe(step)
    assert tracked.observe(step * 1.01)
    assert tracked.estimate().mean == pytest.approx(step, rel=0.02)


def test_the_end_of_contention_is_recognised_in_two_frames():
    tracked = warmed_up(level=2.0)
    tracked.observe(1.0)
    tracked.observe(1.01)
    assert tracked.estimate().mean == pytest.approx(1.0, rel=0.02)


def test_a_single_slow_frame_counts_but_is_no_contention():
    tracked, before = warmed_up(), warmed_up().estimate()
    tracked.observe(3.0)
    after = tracked.estimate()
    assert before.mean < after.mean < 1.1
    assert after.std > before.std


def test_two_surprises_on_opposite_sides_are_no_contention():
    tracked = warmed_up()
    tracked.observe(1.5)
    assert not tracked.observe(0.6)


@pytest.mark.parametrize('seed', range(5))
def test_stationary_noise_holds_no_contention(seed):
    tracked = SlowdownFilter(noise_std=0.05)
    for ratio in np.random.default_rng(seed).normal(1.0, 0.05, 2000):
        assert not tracked.observe(max(ratio, 0.01))


@pytest.mark.parametrize('seed', range(5))
def test_the_stated_probability_is_kept(seed):
    """The 95 % bound predicted for the next frame holds for 95 % of frames, give or take noise."""
    tracked, held = warmed_up(noise=0.05, seed=seed), []
    for ratio in np.random.default_rng(100 + seed).normal(1.0, 0.05, 2000):
        estimate = tracked.estimate()
        held.append(ratio <= estimate.mean + 1.6449 * estimate.std)
        tracked.observe(ratio)
    assert 0.92 < np.mean(held) < 0.98


def bound(tracked: SlowdownFilter, probability: float = 0.95) -> float:
    """What the next frame exceeds with 1 - p."""
    return tracked.estimate().quantile(probability)


def normal_bound(tracked: SlowdownFilter) -> float:
    estimate = tracked.estimate()
    return estimate.mean + NormalDist().inv_cdf(0.95) * estimate.std


@pytest.mark.parametrize('every', [3, 5, 8])
def test_frames_that_now_and_then_meet_those_of_another_camera_are_foreseen(every):
    tracked, held = warmed_up(), []
    noise = np.random.default_rng(3).normal(0.0, 0.03, 400)
    for index, spread in enumerate(noise):
        ratio = (1.9 if index % every == 0 else 1.0) + spread
        held.append(ratio <= bound(tracked))
        tracked.observe(ratio)
    assert np.mean(held[40:]) > 0.93


def test_the_quantile_of_normal_noise_is_about_the_normal_one():
    tracked = warmed_up(noise=0.05)
    assert bound(tracked) == pytest.approx(normal_bound(tracked), abs=0.04)


def test_one_slow_frame_alone_does_not_count_as_it_was():
    tracked = warmed_up()
    tracked.observe(3.0)
    assert bound(tracked) < 1.3


def test_two_slow_frames_apart_count_as_they_were():
    tracked = warmed_up()
    for ratio in (1.9, 1.0, 1.0, 1.0, 1.85, 1.0, 1.0):
        tracked.observe(ratio)
    assert bound(tracked) >= 1.85


def contention(tracked: SlowdownFilter, *, frames: int) -> None:
    for _ in range(frames):
        tracked.observe(1.9)
    for _ in range(3):
        tracked.observe(1.0)


def test_contention_that_ended_once_is_over():
    tracked = warmed_up()
    contention(tracked, frames=30)
    assert bound(tracked) < 1.5


def test_contention_that_comes_back_is_expected_to_come_again():
    tracked = warmed_up()
    contention(tracked, frames=10)
    contention(tracked, frames=10)
    assert bound(tracked) >= 1.9


def test_contention_that_stays_away_is_forgotten():
    tracked = warmed_up()
    contention(tracked, frames=10)
    contention(tracked, frames=10)
    for _ in range(60):
        tracked.observe(1.0)
    assert bound(tracked) < 1.1


@pytest.mark.parametrize('probability', [0.5, 0.9999])
def test_any_probability_that_is_allowed_has_a_spread(probability):
    estimate = warmed_up().estimate()
    assert estimate.std_for(probability) >= estimate.std


def test_without_observations_it_returns_to_one_with_more_doubt():
    tracked = warmed_up(level=2.0)
    before = tracked.estimate()
    tracked.forget(100.0, time_constant_s=10.0)
    after = tracked.estimate()
    assert after.mean == pytest.approx(1.0, abs=0.001)
    assert after.std > before.std


def test_forgetting_in_two_parts_is_forgetting_once():
    at_once, in_parts = warmed_up(level=2.0), warmed_up(level=2.0)
    at_once.forget(6.0, time_constant_s=10.0)
    in_parts.forget(2.0, time_constant_s=10.0)
    in_parts.forget(4.0, time_constant_s=10.0)
    assert in_parts.estimate().mean == pytest.approx(at_once.estimate().mean)
    assert in_parts.estimate().std == pytest.approx(at_once.estimate().std)
