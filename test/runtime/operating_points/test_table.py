# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The operating points of a profile as arrays."""

import math

import numpy as np
import pytest

from dynofa_ros.runtime.operating_points.objective import objective_keys
from dynofa_ros.runtime.operating_points.point import cost
from dynofa_ros.runtime.operating_points.table import PointTable
from dynofa_ros.runtime.settings import Objective


@pytest.fixture
def points(make_point):
    """Rows of the table in order: two groups on the CPU, one of a clock and one without on GPU."""
    values = [
        ('a', 'cpu', 1e9, 0.2, 3.0, 0.7),
        ('b', 'cpu', 1e9, 0.3, 1.0, 0.9),
        ('a', 'cpu', 2e9, 0.1, 2.0, 0.7),
        ('a', 'gpu', 5e8, 0.05, 1.0, 0.7),
        ('a', 'gpu', math.nan, 0.04, 2.0, 0.7),
        ('b', 'gpu', math.nan, 0.06, 2.0, 0.8),
        ('c', 'gpu', math.nan, 0.07, 1.0, 0.8),
    ]
    fields = ('processor', 'frequency_hz', 'latency_s', 'energy_j', 'accuracy')
    return [make_point(name, **dict(zip(fields, row, strict=True))) for name, *row in values]


@pytest.fixture
def table(points):
    return PointTable.from_points(points[::-1], energy_known=True)


def test_rows_are_sorted_by_processor_frequency_and_latency(table, points):
    assert table.points == tuple(points)
    assert table.latency_s.tolist() == [0.2, 0.3, 0.1, 0.05, 0.04, 0.06, 0.07]
    assert table.accuracy.tolist() == [0.7, 0.9, 0.7, 0.7, 0.7, 0.8, 0.8]
    assert table.latency_std_s.tolist() == [0.0] * 7
    assert table.row_of == {point: row for row, point in enumerate(points)}


def test_groups_share_processor_and_frequency(table):
    assert table.group_starts.tolist() == [0, 2, 3, 4]
    assert table.group_sizes.tolist() == [2, 1, 1, 3]
    cpu, gpu = table.processors['cpu'], table.processors['gpu']
    assert (cpu.points, gpu.points) == (slice(0, 3), slice(3, 7))
    assert (cpu.clocks_hz.tolist(), gpu.clocks_hz.tolist()) == ([1e9, 2e9], [5e8])
    assert (cpu.first_group, gpu.first_group) == (0, 2)
    assert (cpu.unclocked_group, gpu.unclocked_group) == (None, 3)


def test_keys_are_distinct_points_without_frequency(table, points):
    assert table.keys == tuple(dict.fromkeys(each.key for each in points))
    assert [table.keys[each] for each in table.key_of] == [each.key for each in points]
    assert table.subnets == (('a', 'cpu'), ('b', 'cpu'), ('a', 'gpu'), ('b', 'gpu'), ('c', 'gpu'))
    assert table.subnet_of.tolist() == [0, 1, 0, 2, 2, 3, 4]
    wanted = {points[0].key}
    assert table.among(wanted).tolist() == [each.key in wanted for each in points]
    assert table.among(set()).tolist() == [False] * 7


def test_the_row_of_a_key_in_a_group(table, points):
    assert table.row_in(3, points[6].key) == 6
    assert table.row_in(3, points[4].key) == 4
    assert table.row_in(0, points[1].key) == 1
    assert table.row_in(1, points[1].key) is None
    assert table.row_in(2, points[4].key) == 3
    assert table.row_in(0, points[3].key) is None
    assert table.row_in(0, ('d', 'torch', 'cpu', 1)) is None


def test_the_rows_like_one_have_its_key(table):
    assert [table.rows_like(row).tolist() for row in (0, 4, 6)] == [[0, 2], [3, 4], [6]]


def test_without_energies_latency_decides(points):
    table = PointTable.from_points(points, energy_known=False)
    assert table.cost_j.tolist() == table.latency_s.tolist()
    assert cost(points[0], energy_known=True) == 3.0
    assert cost(points[0], energy_known=False) == 0.2


@pytest.mark.parametrize(
    ('frequency_hz', 'group', 'reached'),
    [
        (0.5e9, 0, False),
        (1e9, 0, True),
        (0.9995e9, 0, True),
        (0.9985e9, 0, False),
        (1.9e9, 0, True),
        (2e9, 1, True),
        (1.9985e9, 1, True),
        (9e9, 1, True),
        (math.nan, 1, False),
    ],
)
def test_the_group_at_a_frequency_is_the_highest_profiled_up_to_it(
    table, frequency_hz, group, reached
):
    cpu = table.processors['cpu']
    assert cpu.groups_at(np.array([frequency_hz])).tolist() == [group]
    assert cpu.reaches(np.array([frequency_hz])).tolist() == [reached]


def test_groups_count_from_the_first_of_the_processor(table):
    assert table.processors['gpu'].groups_at(np.array([1e8, 1e9])).tolist() == [2, 2]


@pytest.mark.parametrize(
    ('objective', 'keys'),
    [
        (Objective.MIN_ENERGY, (3.0, -0.75)),
        (Objective.MAX_ACCURACY, (-0.75, 3.0)),
        (Objective.WEIGHTED, (0.5 * 3.0 - 0.75, 3.0)),
    ],
)
def test_an_objective_is_a_key_and_its_tie_break(objective, keys):
    assert objective_keys(objective, energy_weight=0.5, accuracy=0.75, cost_j=3.0) == keys
