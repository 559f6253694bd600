# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import random

import pytest

from dynofa_ros.runtime.estimation.step_detector import CumulativeSum, StepDetector


@pytest.fixture
def observe():
    """Return a function that observes samples around 10 with a limit of 1."""
    detector = StepDetector()
    return lambda sample: (detector.observe(sample, estimate=10.0, limit=1.0), detector.pending)


def test_two_surprising_samples_on_one_side_are_a_step(observe):
    assert observe(12.0) == (None, True)
    assert observe(13.0) == (12.0, False)


def test_an_outlier_is_not_a_step(observe):
    assert observe(12.0) == (None, True)
    assert observe(10.5) == (None, False)
    assert observe(12.0) == (None, True)


def test_outliers_on_opposite_sides_are_not_a_step(observe):
    assert observe(12.0) == (None, True)
    assert observe(8.0) == (None, True)
    assert observe(7.0) == (8.0, False)


def steps(deviations, *, std=1.0):
    detector = CumulativeSum()
    return [detector.observe(each, std=std) for each in deviations]


@pytest.mark.parametrize(
    ('deviation', 'samples'), [(5.0, 2), (3.0, 2), (2.4, 3), (2.0, 4), (-5.0, 2), (-2.0, 4)]
)
def test_the_smaller_a_step_the_more_samples_it_takes(deviation, samples):
    *before, found = steps([deviation] * samples)
    assert before == [None] * (samples - 1)
    assert (found.size, found.samples) == (pytest.approx(deviation), samples)
    assert found.spread == pytest.approx(0.0)


def test_noise_before_a_step_does_not_belong_to_it():
    found = steps([1.2, 6.0, 8.0])[-1]
    assert (found.size, found.spread, found.samples) == (7.0, 1.0, 2)
    found = steps([1.2, 2.0, 2.0, 2.0, 2.0])[-1]  # two standard deviations are a beginning
    assert (found.size, found.samples) == (2.0, 4)


def test_a_weaker_deviation_after_a_strong_one_belongs_to_the_step():
    found = steps([2.5, 1.5, 2.5, 2.5])[-1]
    assert (found.size, found.samples) == (2.25, 4)


def test_a_stronger_deviation_on_the_other_side_begins_anew():
    assert steps([1.5, -3.0, -3.0])[-1] == (-3.0, 0.0, 2)
    assert steps([3.0, -1.5, 3.0])[-1] is None  # but a weaker one does not


@pytest.mark.parametrize('deviations', [[9.0, 0.0, 0.0, 9.0], [9.0, -9.0] * 5, [1.0] * 50])
def test_single_outliers_and_small_deviations_are_no_step(deviations):
    assert set(steps(deviations)) == {None}


def test_normal_noise_hardly_ever_is_a_step():
    rng = random.Random(1)
    assert sum(each is not None for each in steps([rng.gauss(0, 1) for _ in range(30_000)])) <= 8


def test_an_uncertain_sample_does_not_deny_a_step():
    detector = CumulativeSum()
    assert detector.observe(5.0, std=1.0) is None
    assert detector.doubtful(2.0)
    assert not detector.doubtful(1.2)
    assert detector.observe(0.0, std=2.0) is None
    assert detector.observe(5.0, std=1.0).size == pytest.approx(5.0)


def test_an_uncertain_sample_confirms_a_step_by_its_weight():
    detector = CumulativeSum()
    detector.observe(5.0, std=1.0)
    found = detector.observe(9.0, std=3.0)
    assert found.size == pytest.approx((5.0 + 9.0 / 9) / (1 + 1 / 9))
