# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""One processor: slowdown, corrections, steps, and the margin for single frames."""

import math

import numpy as np
import pytest

from dynofa_ros.runtime.estimation.correction import Correction
from dynofa_ros.runtime.estimation.latency_filter import LATER_FRAMES, MOST_SUBNETS, LatencyFilter
from dynofa_ros.runtime.ranges import CORRECTION

NOISE = 0.02


class Processor:
    """Frames of sub-networks a, b, ... with true slowdown and corrections."""

    def __init__(self, *, noise=NOISE, seed=1, stored=None, **corrections):
        self.filter = LatencyFilter(noise_std=noise, corrections=stored)
        self.corrections = corrections
        self.slowdown = 1.0
        self.noise = noise
        self.rng = np.random.default_rng(seed)

    def run(self, subnet_id, frames=1):
        """Run frames; return how many completed a step."""
        truth = self.slowdown * self.corrections.get(subnet_id, 1.0)
        return sum(
            self.filter.observe(subnet_id, truth * math.exp(self.rng.normal(0.0, self.noise)))
            for _ in range(frames)
        )

    @property
    def level(self):
        return self.filter.slowdown().mean

    def correction(self, subnet_id):
        return self.filter.correction(subnet_id).mean


@pytest.mark.parametrize('ratio', [0.0, -1.0, math.nan, math.inf])
def test_an_impossible_observation_is_rejected(ratio):
    with pytest.raises(ValueError, match=r'slowdown ratio is .*expected a finite number above 0'):
        LatencyFilter().observe('a', ratio)


def test_a_constant_latency_and_its_noise_are_learned():
    processor = Processor(a=1.05)
    processor.run('a', 300)
    assert processor.filter.expected('a') == pytest.approx(1.05, abs=0.01)
    assert processor.filter.slowdown().std == pytest.approx(NOISE, rel=0.5)


def test_noise_above_the_profile_s_widens_the_estimate():
    processor = Processor()
    processor.noise = 0.1
    processor.run('a', 300)
    assert processor.filter.slowdown().std > 0.06


@pytest.mark.parametrize('step', [1.3, 2.0, 4.0])
def test_contention_is_detected_in_two_frames(step):
    processor = Processor()
    processor.run('a', 60)
    processor.slowdown = step
    assert processor.run('a', 2) == 1
    assert processor.level == pytest.approx(step, rel=0.05)
    assert processor.correction('a') == pytest.approx(1.0, abs=0.03)


def test_the_end_of_contention_is_detected_in_two_frames():
    processor = Processor()
    processor.run('a', 60)
    processor.slowdown = 2.0
    processor.run('a', 60)
    processor.slowdown = 1.0
    assert processor.run('a', 2) == 1
    assert processor.level == pytest.approx(1.0, rel=0.05)


def test_contention_is_expected_of_all_sub_networks():
    processor = Processor()
    for name in 'abab':
        processor.run(name, 20)
    processor.run('a', 20)
    processor.slowdown = 2.0
    processor.run('a', 10)
    assert processor.filter.expected('b') == pytest.approx(2.0, rel=0.05)
    assert processor.filter.expected('never ran') == pytest.approx(2.0, rel=0.05)


def test_a_single_slow_frame_counts_but_is_not_contention():
    processor = Processor()
    processor.run('a', 60)
    before = processor.filter.slowdown()
    assert not processor.filter.observe('a', 3.0)
    after = processor.filter.slowdown()
    assert before.mean < after.mean < 1.1
    assert after.std > before.std


def test_two_outliers_on_opposite_sides_are_not_contention():
    processor = Processor()
    processor.run('a', 60)
    processor.filter.observe('a', 1.5)
    assert not processor.filter.observe('a', 0.6)


@pytest.mark.parametrize('seed', range(5))
def test_stationary_noise_is_not_contention(seed):
    assert Processor(noise=0.05, seed=seed).run('a', 2000) == 0


def test_a_surprising_frame_is_pending_until_the_next_one():
    processor = Processor(a=1.1)
    processor.run('a', 60)
    assert math.isnan(processor.filter.surprise)
    processor.filter.observe('a', 2.2)
    assert processor.filter.surprise == pytest.approx(2.2 / processor.correction('a'), rel=0.05)
    processor.run('a')
    assert math.isnan(processor.filter.surprise)


@pytest.mark.parametrize('wrong', [0.5, 0.77, 1.3, 2.0])
def test_a_wrong_profile_is_a_correction_of_that_sub_network(wrong):
    processor = Processor(b=wrong)
    processor.run('a', 100)
    processor.run('b', 20)
    assert processor.filter.expected('b') == pytest.approx(wrong, rel=0.05)
    assert processor.filter.expected('a') == pytest.approx(1.0, rel=0.2)
    processor.run('a', 20)
    assert processor.filter.expected('a') == pytest.approx(1.0, rel=0.03)
    assert processor.filter.expected('b') == pytest.approx(wrong, rel=0.05)


@pytest.mark.parametrize('wrong', [0.5, 1.3, 2.0])
def test_the_first_sub_network_may_be_the_wrong_one(wrong):
    processor = Processor(a=wrong)
    processor.run('a', 20)
    processor.run('b', 20)
    assert processor.filter.expected('a') == pytest.approx(wrong, rel=0.05)
    assert processor.filter.expected('b') == pytest.approx(1.0, rel=0.05)
    assert processor.filter.expected('c') == pytest.approx(1.0, rel=0.2)


@pytest.mark.parametrize('wrong', [0.5, 1.3, 2.0])
def test_switching_to_and_fro_is_no_more_surprising_once_both_are_known(wrong):
    processor = Processor(b=wrong)
    for name in 'abab':
        processor.run(name, 10)
    assert sum(processor.run(name, 10) for name in 'abababab') == 0


@pytest.mark.parametrize('step', [1.3, 1.5, 2.0, 3.0])
def test_contention_that_began_with_a_switch_is_no_surprise_after_two_more(step):
    processor = Processor()
    processor.run('a', 100)
    processor.slowdown = step
    for name in 'bab':
        processor.run(name, 30)
    assert sum(processor.run(name, 30) for name in 'abab') == 0
    processor.slowdown = 1.0
    for name in 'abab':
        processor.run(name, 30)
    for name in 'ab':
        assert processor.filter.expected(name) == pytest.approx(1.0, rel=0.05)


def test_contention_that_ends_after_a_wrong_attribution_heals_it():
    """A step down from no slowdown cannot be the end of contention."""
    processor = Processor()
    processor.slowdown = 2.0
    processor.run('a', 30)
    processor.slowdown = 1.0
    processor.run('a', 30)
    assert processor.filter.expected('a') == pytest.approx(1.0, rel=0.03)
    assert processor.level == pytest.approx(1.0, abs=0.15)
    assert processor.correction('a') == pytest.approx(1.0, abs=0.15)


def test_contention_seen_by_two_sub_networks_is_no_correction():
    """The frame after a slow one may be another sub-network's: that switch was not the cause."""
    processor = Processor()
    for name in 'abab':
        processor.run(name, 20)
    processor.slowdown = 2.0
    assert processor.run('b') + processor.run('a') == 1
    assert processor.level == pytest.approx(2.0, rel=0.05)


def test_silence_returns_the_slowdown_to_one_and_keeps_corrections():
    processor = Processor(b=1.5)
    for name in 'abab':
        processor.run(name, 20)
    processor.run('a', 20)
    processor.slowdown = 2.0
    processor.run('a', 20)
    certain = processor.filter.slowdown().std / processor.level
    processor.filter.forget(1000.0, time_constant_s=10.0)
    assert processor.level == pytest.approx(1.0, abs=0.001)
    assert processor.filter.slowdown().std > certain
    assert processor.correction('b') / processor.correction('a') == pytest.approx(1.5, rel=0.05)


def test_stored_corrections_are_the_start_of_another_run():
    first = Processor(b=1.5)
    for name in 'abab':
        first.run(name, 20)
    learned = first.filter.learned()
    second = Processor(stored=learned, b=1.5)
    assert second.filter.expected('b') == pytest.approx(1.5, rel=0.1)
    assert second.run('a', 20) + second.run('b', 20) == 0
    assert set(second.filter.learned()) == {'a', 'b'}


def test_the_running_sub_network_has_no_doubt_about_its_correction():
    processor = Processor()
    processor.run('a', 20)
    assert processor.filter.correction('a').std == 0.0
    assert processor.filter.correction('b').std > 0.05
    processor.run('b', 20)
    assert 0.0 < processor.filter.correction('a').std < 0.02


def test_corrections_are_bounded():
    processor = Processor(b=1e4)
    processor.run('a', 20)
    processor.run('b', 20)
    assert processor.correction('b') == CORRECTION.high


def test_of_many_sub_networks_the_corrections_are_kept():
    processor = Processor(n0=1.5)
    for _ in range(3):
        processor.run('n0', 10)
        processor.run('n1', 10)
    for index in range(2, 2 * MOST_SUBNETS):
        processor.run(f'n{index}', 2)
    assert len(processor.filter.seen) == MOST_SUBNETS
    assert processor.correction('n0') == pytest.approx(1.5, rel=0.15)


def outliers(rng, count):
    """1 % noise, and one frame in 50 five times slower."""
    return np.where(rng.random(count) < 0.02, 5.0, 1.0) * np.exp(rng.normal(0.0, 0.01, count))


def bimodal(rng, count):
    """Every fifth frame, at random, overlaps with another camera."""
    return np.where(rng.random(count) < 0.2, 1.9, 1.0) * np.exp(rng.normal(0.0, 0.03, count))


STATIONARY = {
    'normal': lambda rng, count: np.maximum(rng.normal(1.0, 0.05, count), 0.1),
    'log-normal': lambda rng, count: np.exp(rng.normal(0.0, 0.1, count)),
    'pareto': lambda rng, count: 0.97 + 0.03 * (1.0 + rng.pareto(2.5, count)),
    'bimodal': bimodal,
    'rare outliers': outliers,
}


@pytest.mark.parametrize('probability', [0.8, 0.95, 0.99])
@pytest.mark.parametrize('noise', STATIONARY)
def test_frames_exceed_the_quantile_as_often_as_promised(noise, probability):
    tracked, rng = LatencyFilter(), np.random.default_rng(4)
    ratios = STATIONARY[noise](rng, 8000)
    late = []
    for ratio in ratios:
        late.append(ratio > tracked.slowdown().quantile(probability) * tracked.correction('a').mean)
        tracked.observe('a', float(ratio))
    promised = 1.0 - probability
    assert 0.4 * promised < np.mean(late[400:]) < 1.05 * promised


@pytest.mark.parametrize('every', [3, 5, 8])
def test_periodic_overlap_with_another_camera_is_within_the_bound(every):
    tracked, held = LatencyFilter(), []
    noise = np.random.default_rng(3).normal(0.0, 0.03, 600)
    for index, spread in enumerate(noise):
        ratio = (1.9 if index % every == 0 else 1.0) + spread
        held.append(ratio <= tracked.slowdown().quantile(0.95) * tracked.correction('a').mean)
        tracked.observe('a', ratio)
    assert np.mean(held[200:]) > 0.93


def test_a_slowdown_states_the_deviation_that_a_normal_prediction_needs():
    processor = Processor(noise=0.05)
    processor.run('a', 300)
    slowdown = processor.filter.slowdown()
    assert slowdown.quantile(0.95) == pytest.approx(
        slowdown.mean + 1.644854 * slowdown.std_for(0.95)
    )
    assert slowdown.std_for(0.5) == slowdown.std


def test_a_correction_is_checked():
    with pytest.raises(ValueError, match=r'correction is 0; expected 0\.1 to 10'):
        Correction(0.0)


def cascade(found, *, late=1.0, first=1.0, frames=1):
    """Run frames of a cascade that are all escalated."""
    for _ in range(frames):
        found.observe('small', first)
        found.observe('large', late, later=True)


@pytest.mark.parametrize('factor', [1.3, 2.0, 5.0, 0.5])
def test_a_later_stage_that_takes_another_time_is_learned_within_a_few_frames(factor):
    found = LatencyFilter()
    cascade(found, frames=30)
    cascade(found, late=factor, frames=4)
    assert found.expected('large') == pytest.approx(factor, rel=0.1)
    assert found.expected('small') == pytest.approx(1.0, rel=0.03)
    assert found.slowdown().mean == pytest.approx(1.0, rel=0.05)


def test_what_slows_both_stages_is_contention():
    found = LatencyFilter()
    cascade(found, frames=30)
    cascade(found, first=1.5, late=1.5, frames=4)
    assert found.slowdown().mean == pytest.approx(1.5, rel=0.05)
    assert found.expected('large') == pytest.approx(1.5, rel=0.05)


def test_the_surprise_of_a_later_stage_outlasts_the_first_stage_of_the_next_frame():
    found = LatencyFilter()
    cascade(found, frames=30)
    cascade(found, late=2.0)
    found.observe('small', 1.0)
    assert math.isnan(found.surprise)
    assert found.own_surprise('large') == pytest.approx(2.0, rel=0.05)
    assert math.isnan(found.own_surprise('small'))
    found.observe('large', 1.0, later=True)
    assert math.isnan(found.own_surprise('large'))


def test_a_later_stage_that_was_too_slow_is_tried_again_and_then_learned():
    """Otherwise an escalation that a surprise rules out would be ruled out for ever."""
    found = LatencyFilter()
    cascade(found, frames=30)
    cascade(found, late=2.0)
    for _ in range(LATER_FRAMES + 1):
        found.observe('small', 1.0)
    assert math.isnan(found.own_surprise('large'))
    assert found.expected('large') < 1.3  # it may have been an outlier
    cascade(found, late=2.0)
    assert found.expected('large') == pytest.approx(2.0, rel=0.05)
