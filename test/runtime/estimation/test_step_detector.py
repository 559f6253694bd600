# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import pytest

from dynofa_ros.runtime.estimation.step_detector import StepDetector


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
