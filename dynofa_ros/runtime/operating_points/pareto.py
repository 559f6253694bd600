"""The Pareto filter of the package."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def pareto_front(costs: npt.NDArray[np.float64]) -> list[int]:
    """Return the rows of (N, K) costs that no other row dominates; of equal rows, the first.

    A row dominates another if none of its costs is higher. Rows are returned by rising first cost;
    with two costs, the second one falls strictly.
    """
    front: list[int] = []
    for row in np.lexsort(costs.T[::-1]):
        if not (costs[front] <= costs[row]).all(axis=1).any():
            front.append(int(row))
    return front
