# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""benchmarks/cascade.py: the figures of a cascade on images, and which cascade is compared."""

import numpy as np
import pytest

from dynofa_ros.supernet.cascade_record import CascadeRecord

pytestmark = pytest.mark.no_cover

CASCADE = CascadeRecord(
    cascade_id='small+large@0.7',
    stages=('small', 'large'),
    thresholds=(0.7,),
    temperatures=(1.0,),
    reached=(0.5,),
    accuracy=0.9,
    answer_accuracy=(0.9, 0.9),
    early_accuracy=(0.2,),
    flops=100,
    images=10,
    fingerprint='x',
)


@pytest.fixture
def cascade(load):
    return load('cascade')


def test_a_cascade_is_measured_on_the_images(cascade, model):
    classes = np.zeros(4, np.int64)
    small = np.eye(10, dtype=np.float32)[[0, 0, 1, 1]] * np.array([[9], [9], [9], [0.1]])
    large = np.eye(10, dtype=np.float32)[[0, 0, 0, 0]] * 9
    row = cascade.cascade_row(CASCADE, model, {'small': small, 'large': large}, classes)
    assert (row['top1'], row['difference'], row['reached']) == (0.75, -0.25, [0.25])
    expected = model.subnet('small').flops + 0.25 * model.subnet('large').flops
    assert row['flops'] == pytest.approx(expected)


def test_the_cheapest_accurate_cascade_is_compared(cascade):
    rows = [{'top1': 0.8, 'flops': 1.0}, {'top1': 0.9, 'flops': 3.0}, {'top1': 0.9, 'flops': 2.0}]
    assert cascade.cheapest(rows, 0.85) is rows[2]
    assert cascade.cheapest(rows, 0.95) is None


def test_a_model_without_cascades_is_refused(cascade, model_folder, capsys):
    assert cascade.main(['--model', str(model_folder), '--data', 'nowhere']) == 1
    assert 'untrained has no cascades; expected some: dynofa cascade' in capsys.readouterr().err
