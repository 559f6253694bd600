# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from dynofa_ros.offline.cascade.calibration import (
    Calibration,
    best_scores,
    calibration_error,
    error_floor,
    fit_temperature,
    probabilities,
)
from dynofa_ros.offline.cascade.logits import divided


@pytest.fixture(scope='module')
def images():
    """Logits, three times too large, and classes that are drawn from what they should be."""
    rng = np.random.default_rng(0)
    true = rng.normal(0, 2, (20_000, 10))
    p = probabilities(true, 1.0)
    classes = (p.cumsum(1) < rng.random((len(p), 1))).sum(1)
    return (3 * true).astype(np.float32), classes


def test_the_temperature_undoes_a_factor_of_the_logits(images):
    assert fit_temperature(*images) == pytest.approx(3.0, rel=0.05)


def test_calibrated_scores_have_the_error_of_perfect_ones(images):
    found = Calibration.of('x', fit_temperature(*images), *images)
    assert found.before > 0.1
    assert found.after < 2 * found.floor < 0.02


@pytest.mark.parametrize('right', [True, False])
def test_a_temperature_that_is_not_determined_is_1(right):
    logits = np.eye(4, dtype=np.float32)
    classes = np.arange(4) if right else (np.arange(4) + 1) % 4
    assert fit_temperature(logits, classes) == 1.0


def test_the_error_is_the_mean_distance_of_score_and_accuracy():
    score = np.array([0.95, 0.95, 0.55, 0.55])
    correct = np.array([True, False, True, True])
    assert calibration_error(score, correct) == pytest.approx((0.45 + 0.45) / 2)


def test_a_score_of_1_is_in_the_last_bin():
    assert calibration_error(np.array([1.0]), np.array([True])) == 0.0


def test_the_floor_falls_with_the_number_of_images():
    score = np.random.default_rng(0).uniform(0.3, 1, 8000)
    assert error_floor(score) < error_floor(score[:500])


def test_scores_are_stable_for_large_logits():
    assert best_scores(np.array([[1e4, 0.0]], np.float32), 1.0).tolist() == [1.0]


def test_images_are_divided_by_class_and_seed():
    classes = np.repeat(np.arange(5), 40)
    choosing, measuring = divided(classes, 0.5, seed=1)
    assert sorted([*choosing, *measuring]) == list(range(200))
    assert all(abs(n - 20) <= 1 for n in np.bincount(classes[choosing]))
    assert choosing.tolist() == divided(classes, 0.5, seed=1)[0].tolist()
    assert choosing.tolist() != divided(classes, 0.5, seed=2)[0].tolist()


def test_classes_of_one_image_are_divided_too():
    choosing, measuring = divided(np.arange(100), 0.3, seed=0)
    assert (len(choosing), len(measuring)) == (30, 70)
