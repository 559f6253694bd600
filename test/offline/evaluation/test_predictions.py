# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest

from dynofa_ros.offline.evaluation.predictions import Predictions, wilson_interval
from dynofa_ros.offline.evaluation.report import class_figures, draw_confusion

LABELS = ('cat', 'dog', 'ship', 'bird')


@pytest.fixture
def found():
    """Two cats, of which one is taken for a dog; two dogs; a ship that is taken for a dog."""
    return Predictions(
        classes=np.array([0, 0, 1, 1, 2]),
        best=np.array([[0, 1], [1, 0], [1, 0], [1, 2], [1, 0]]),
        scores=np.array([[0.9, 0.1], [0.6, 0.4], [0.8, 0.1], [0.7, 0.1], [0.95, 0.05]], np.float32),
    )


def test_the_confusion_matrix_has_true_classes_as_rows(found):
    assert found.confusion(3).tolist() == [[1, 1, 0], [0, 2, 0], [0, 1, 0]]


def test_figures_of_a_class_are_recall_precision_and_interval(found):
    cat, dog, ship = class_figures(found, LABELS)
    assert (cat['top1'], dog['top1'], ship['top1']) == (0.5, 1, 0)
    assert (cat['precision'], dog['precision']) == (1, 0.5)
    assert math.isnan(ship['precision'])
    assert (cat['top1_low'], cat['top1_high']) == pytest.approx((0.0945, 0.9055), abs=1e-4)


def test_the_most_confident_mistake_comes_first(found):
    assert found.worst() == [4, 1]


def test_the_top5_counts_the_listed_classes(found):
    assert found.top5 == 0.8


@pytest.mark.parametrize(
    ('correct', 'images', 'expected'),
    [(0, 10, (0.0, 0.2775)), (10, 10, (0.7225, 1.0)), (50, 100, (0.4038, 0.5962)), (0, 0, (0, 1))],
)
def test_the_interval_is_that_of_wilson(correct, images, expected):
    assert wilson_interval(correct, images) == pytest.approx(expected, abs=1e-4)


def test_a_matrix_of_many_classes_shows_those_that_are_confused(tmp_path):
    count = 60
    classes = np.arange(count).repeat(2)
    best = np.stack([np.where(classes < 2, 1 - classes, classes), classes], 1)
    found = Predictions(classes, best, np.ones(best.shape, np.float32))
    draw_confusion(tmp_path / 'x.png', 'x', found, tuple(f'${n}' for n in range(count)))
    assert (tmp_path / 'x.png').stat().st_size > 1000
