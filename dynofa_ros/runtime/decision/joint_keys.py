# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The keys by which joint choices are compared, and the comparison."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dynofa_ros.runtime.decision.ranking import DEADLINE_VIOLATED, FLOOR_VIOLATED, Rank, Ranking
from dynofa_ros.runtime.decision.state import ApplicationState
from dynofa_ros.runtime.operating_points.table import Floats

# Sums over applications that differ by rounding are equal.
EQUAL = 1e-9


def joint_keys(
    applications: Sequence[ApplicationState], rankings: Sequence[Ranking]
) -> list[Floats]:
    """Return the keys of the joint choice, most important first, smaller is better.

    For each priority from the highest: violated deadlines, then violated floors. Then, in the same
    order, the extents of the violations. Then the objective and its tie-break, summed over
    applications.
    """
    violations = np.array([each.violation for each in rankings])
    late = violations >= DEADLINE_VIOLATED
    low = (violations >= FLOOR_VIOLATED) & ~late
    violated_targets = (late, low)
    extents = [violations * each for each in violated_targets]
    counts: list[Floats] = []
    losses: list[Floats] = []
    for rows in _by_priority(applications):
        counts += [each[rows].sum(axis=0, dtype=float) for each in violated_targets]
        losses += [each[rows].sum(axis=0) for each in extents]
    return [*counts, *losses, *_objective(rankings)]


def plan_keys(applications: Sequence[ApplicationState], ranks: Sequence[Rank]) -> list[float]:
    """Return `joint_keys` of a single plan: one point of each application."""
    counts: list[float] = []
    losses: list[float] = []
    for rows in _by_priority(applications):
        violations = [ranks[row].violation for row in rows]
        late = [each for each in violations if each >= DEADLINE_VIOLATED]
        low = [each for each in violations if FLOOR_VIOLATED <= each < DEADLINE_VIOLATED]
        counts += [float(len(late)), float(len(low))]
        losses += [sum(late), sum(low)]
    objective = sum(each.primary for each in ranks), sum(each.secondary for each in ranks)
    return [*counts, *losses, *objective]


def best_of(applications: Sequence[ApplicationState], rankings: Sequence[Ranking]) -> int:
    """Return the first index at which the joint choice is best."""
    worst = np.max([each.violation for each in rankings], axis=0)
    # Without violations only the objective differs.
    met = np.flatnonzero(worst < FLOOR_VIOLATED)
    if not len(met):
        return first_best(joint_keys(applications, rankings))
    return int(met[first_best([each[met] for each in _objective(rankings)])])


def _objective(rankings: Sequence[Ranking]) -> Floats:
    """Return the objective and its tie-break, summed over applications, (2, rows)."""
    return np.asarray(np.sum([each.keys[1:] for each in rankings], axis=0))


def _by_priority(applications: Sequence[ApplicationState]) -> list[list[int]]:
    """Return the indices of the applications of each priority, the highest first."""
    rows: dict[int, list[int]] = {}
    for row, each in enumerate(applications):
        rows.setdefault(each.target.priority, []).append(row)
    return [rows[priority] for priority in sorted(rows, reverse=True)]


def first_best(keys: Sequence[Floats]) -> int:
    """Return the first index at which the keys are best, the most important key first."""
    best = np.arange(len(keys[0]))
    for key in keys:
        values = key[best]
        best = best[values <= values.min() + EQUAL]
    return int(best[0])


def is_before(left: Sequence[float], right: Sequence[float]) -> bool:
    """Whether `left` is better in the first key that differs by more than rounding."""
    for mine, other in zip(left, right, strict=True):
        if mine < other - EQUAL:
            return True
        if mine > other + EQUAL:
            return False
    return False
