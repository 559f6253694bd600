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
