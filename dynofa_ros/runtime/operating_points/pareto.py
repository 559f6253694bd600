# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The Pareto filter of the package."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def pareto_front(costs: npt.NDArray[np.float64]) -> list[int]:
    """Return the rows of (N, K) costs that no other row dominates; of equal rows, the first.

    A row dominates another if none of its costs is higher. Rows are returned by rising first cost;
    with two costs, the second one falls strictly.
    """
    order = np.lexsort(costs.T[::-1])
    # The costs of the front so far, by columns: one comparison of contiguous memory per cost.
    kept = np.empty((costs.shape[1], len(order)))
    front: list[int] = []
    for row in order:
        size = len(front)
        dominated = np.ones(size, bool)
        for column, cost in zip(kept, costs[row], strict=True):
            dominated &= column[:size] <= cost
        if not dominated.any():
            kept[:, size] = costs[row]
            front.append(int(row))
    return front
