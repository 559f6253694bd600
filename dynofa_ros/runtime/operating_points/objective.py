# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The order of operating points in an objective."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.settings import Objective

# Accuracies that differ by rounding are equal.
EQUAL_ACCURACY = 1e-9

Number = TypeVar('Number', float, npt.NDArray[np.float64])


def objective_keys(
    objective: Objective, *, energy_weight: float, accuracy: Number, cost_j: Number
) -> tuple[Number, Number]:
    """Return the objective and its tie-break, smaller is better.

    `energy_weight` counts in the weighted objective only: accuracy that a joule is worth [1/J].
    """
    if objective is Objective.MIN_ENERGY:
        return cost_j, -accuracy
    if objective is Objective.WEIGHTED:
        return energy_weight * cost_j - accuracy, cost_j
    return -accuracy, cost_j
