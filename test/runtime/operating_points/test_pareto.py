# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from dynofa_ros.runtime.operating_points.pareto import pareto_front


@pytest.mark.parametrize(
    ('costs', 'front'),
    [
        ([[3, 1], [1, 3], [2, 4], [4, 1]], [1, 0]),
        ([[1, 2], [1, 2], [1, 3]], [0]),
        ([[2, 1, 1], [1, 2, 1], [1, 1, 2], [2, 2, 2]], [2, 1, 0]),
    ],
    ids=['two costs', 'equal rows', 'three costs'],
)
def test_the_front_has_the_rows_that_no_other_dominates(costs, front):
    assert pareto_front(np.array(costs, float)) == front


@pytest.mark.parametrize('seed', range(20))
def test_the_front_is_that_of_the_definition(seed):
    costs = np.random.default_rng(seed).integers(0, 6, (60, 4)).astype(float)
    front = pareto_front(costs)
    for row, cost in enumerate(costs):
        dominated = (costs <= cost).all(axis=1) & (costs < cost).any(axis=1)
        first = not (costs[:row] == cost).all(axis=1).any()
        assert (row in front) == (first and not dominated.any())
