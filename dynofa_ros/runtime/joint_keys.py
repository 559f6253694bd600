"""The keys by which joint choices are compared, and the comparison."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dynofa_ros.runtime.decision_state import ApplicationState
from dynofa_ros.runtime.point_table import Floats
from dynofa_ros.runtime.ranking import DEADLINE_GIVEN_UP, FLOOR_GIVEN_UP, Ranking

# Sums over applications that differ by rounding are equal.
EQUAL = 1e-9


def joint_keys(
    applications: Sequence[ApplicationState], rankings: Sequence[Ranking]
) -> list[Floats]:
    """Return the keys of the joint choice, most important first, smaller is better.

    For each priority from the highest: deadlines given up, then floors given up. Then, in the same
    order, by how much. Then the objective, then its tie-break, summed over applications.
    """
    violations = np.array([each.violation for each in rankings])
    primary = np.array([each.primary for each in rankings]).sum(axis=0)
    secondary = np.array([each.secondary for each in rankings]).sum(axis=0)
    if violations.max(initial=0.0) < FLOOR_GIVEN_UP:  # mostly nothing is given up
        different = len({each.target.priority for each in applications})
        nothing = np.zeros_like(primary)
        return [*[nothing] * (4 * different), primary, secondary]
    late = violations >= DEADLINE_GIVEN_UP
    low = (violations >= FLOOR_GIVEN_UP) & ~late
    priorities = np.array([each.target.priority for each in applications])
    counts: list[Floats] = []
    losses: list[Floats] = []
    for priority in sorted(set(priorities.tolist()), reverse=True):
        rows = priorities == priority
        counts += [given_up[rows].sum(axis=0, dtype=float) for given_up in (late, low)]
        losses += [(violations[rows] * given_up[rows]).sum(axis=0) for given_up in (late, low)]
    return [*counts, *losses, primary, secondary]


def first_best(keys: Sequence[Floats]) -> int:
    """Return the first index at which the keys are best, the most important key first."""
    best = np.arange(len(keys[0]))
    for key in keys:
        values = key[best]
        best = best[values <= values.min() + EQUAL]
    return int(best[0])


def is_before(left: Sequence[float], right: Sequence[float]) -> bool:
    """Whether the first keys that differ by more than rounding are better on the left."""
    for mine, other in zip(left, right, strict=True):
        if mine < other - EQUAL:
            return True
        if mine > other + EQUAL:
            return False
    return False
