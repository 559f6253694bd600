# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import math

import pytest

from dynofa_ros.runtime.operating_points.frequency import highest_same, is_same, reads_as


@pytest.mark.parametrize(
    ('frequency_hz', 'same', 'reads'),
    [
        (1e9, True, True),
        (1.0009e9, True, True),
        (0.9991e9, True, True),
        (1.002e9, False, True),
        (0.991e9, False, True),
        (0.98e9, False, False),
    ],
)
def test_a_frequency_read_back_may_be_further_off_than_a_profiled_one(frequency_hz, same, reads):
    assert is_same(frequency_hz, 1e9) == same
    assert reads_as(frequency_hz, 1e9) == reads


def test_the_highest_same_frequency_is_the_same():
    assert is_same(highest_same(1e9), 1e9)


def test_an_unknown_frequency_reads_as_any():
    assert reads_as(math.nan, 1e9)


def test_the_tolerances():
    assert highest_same(1e9) == pytest.approx(1.001e9)
    assert is_same(1.001e9, 1e9)
    assert is_same(0.999e9, 1e9)
    assert not is_same(1.00101e9, 1e9)
    assert reads_as(1.01e9, 1e9)
    assert reads_as(0.99e9, 1e9)
    assert not reads_as(0.9899e9, 1e9)
    assert not reads_as(1.0101e9, 1e9)
