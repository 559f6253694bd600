# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Rank one application's operating points: which meet its targets, and which is best.

Three keys, smaller is better, compared in this order:
`violation`: 0 if deadline and floor are met; 1 to 2 if the accuracy floor is violated, 2 to 3 if
the deadline is, by extent; 3 if the point cannot run: the application refused it, or the frequency
is below all profiled ones.
`primary` and `secondary` are the objective and its tie-break.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.decision.prediction import predict
from dynofa_ros.runtime.decision.state import ApplicationState, DecisionPolicy
from dynofa_ros.runtime.operating_points.point import OperatingPoint, PointKey
from dynofa_ros.runtime.operating_points.table import Floats, Indices, PointTable, cost
from dynofa_ros.runtime.settings import Objective
from dynofa_ros.runtime.targets import Target

FLOOR_VIOLATED = 1.0
DEADLINE_VIOLATED = 2.0
REFUSED = 3.0
# Accuracies that differ by rounding are equal.
EQUAL_ACCURACY = 1e-9

Number = TypeVar('Number', float, Floats)


class Rank(NamedTuple):
    """The three keys of one point."""

    violation: float
    primary: float
    secondary: float

    @property
    def met(self) -> bool:
        """Whether all targets are met."""
        return self.violation < FLOOR_VIOLATED


@dataclass(frozen=True, eq=False)
class Ranking:
    """The three keys of many points, groups or combinations of frequencies."""

    keys: Floats  # (3, rows): violation, primary, secondary

    @property
    def violation(self) -> Floats:
        """The first key, (rows,)."""
        return np.asarray(self.keys[0])

    @property
    def primary(self) -> Floats:
        """The second key, (rows,)."""
        return np.asarray(self.keys[1])

    def take(self, rows: Indices) -> Ranking:
        """Return the given rows."""
        return Ranking(self.keys.take(rows, axis=1))


@dataclass(frozen=True, eq=False)
class Forecast:
    """Predicted latency of one application's points, computed once per decision."""

    application: ApplicationState
    policy: DecisionPolicy
    mean_s: Floats  # (points of the table,) latency of the next frame, normally distributed
    std_s: Floats  # (points of the table,)
    quantile_s: Floats  # (points of the table,) latency at the deadline probability
    refused: npt.NDArray[np.bool_] | None = None  # (points of the table,); None: none
    _violations: dict[float, Floats] = field(default_factory=dict)  # by headroom; none refused

    @classmethod
    def of(cls, application: ApplicationState, *, policy: DecisionPolicy) -> Forecast:
        """Predict every point of the application's table."""
        table = application.profile.table
        prediction = predict(
            application,
            {name: groups.points for name, groups in table.processors.items()},
            points=table.points,
            latency_s=table.latency_s,
            latency_std_s=table.latency_std_s,
            probability=policy.deadline_probability,
        )
        return cls(application, policy, *prediction).without(application.refused)

    def without(self, keys: frozenset[PointKey]) -> Forecast:
        """Return the same forecast for an application that refuses `keys` as well."""
        if not keys:
            return self
        refused = self.application.profile.table.among(keys)
        if self.refused is not None:
            refused |= self.refused
        application = replace(
            self.application,
            refused=self.application.refused | keys,
            unready=self.application.unready - keys,
        )
        # If all points were refused, all are tried again.
        return replace(self, application=application, refused=None if refused.all() else refused)

    def predict(self, point: OperatingPoint) -> tuple[float, float, float]:
        """Predict a single point: mean, standard deviation and quantile [s]."""
        row = self.application.profile.table.row_of.get(point)
        if row is not None:
            return float(self.mean_s[row]), float(self.std_s[row]), float(self.quantile_s[row])
        mean_s, std_s, quantile_s = predict(  # pruned from the table, but it may run at present
            self.application,
            {point.processor: slice(1)},
            points=(point,),
            latency_s=np.array([point.latency_s]),
            latency_std_s=np.array([point.latency_std_s]),
            probability=self.policy.deadline_probability,
        )
        return float(mean_s[0]), float(std_s[0]), float(quantile_s[0])

    def rank(self, point: OperatingPoint, *, headroom: float = 0.0) -> Rank:
        """Rank a single point, whether refused or not."""
        *_, quantile_s = self.predict(point)
        cost_j = cost(point, energy_known=self.application.profile.energy_known)
        return Rank(
            _violation_of(
                quantile_s, point.accuracy, target=self.application.target, headroom=headroom
            ),
            *_objective(self.policy, accuracy=point.accuracy, cost_j=cost_j),
        )

    def violations(self, *, headroom: float = 0.0) -> Floats:
        """Return the first key of every point; `headroom`: required relative latency margin."""
        if headroom not in self._violations:
            self._violations[headroom] = _violation(
                self.quantile_s,
                self.application.profile.table.accuracy,
                target=self.application.target,
                headroom=headroom,
            )
        violation = self._violations[headroom]
        return violation if self.refused is None else np.where(self.refused, REFUSED, violation)

    def best_of_groups(self, *, headroom: float = 0.0) -> tuple[Indices, Ranking]:
        """Return the row of the best point of each group, and its ranking, each (groups,)."""
        table, violation = self.application.profile.table, self.violations(headroom=headroom)
        order = self._order
        candidate = _least_of_groups(violation.take(order), table)
        if self.policy.objective is Objective.WEIGHTED:
            primary, _ = _objective(self.policy, accuracy=table.accuracy, cost_j=table.cost_j)
            candidate = _least_of_groups(np.where(candidate, primary.take(order), math.inf), table)
        candidates = np.flatnonzero(candidate)
        rows = order[candidates[np.searchsorted(candidates, table.group_starts)]]
        keys = _objective(self.policy, accuracy=table.accuracy[rows], cost_j=table.cost_j[rows])
        return rows, Ranking(np.array([violation[rows], *keys]))

    def best_of_group(self, group: int) -> tuple[OperatingPoint, Rank]:
        """Return one group's entry of `best_of_groups`."""
        table = self.application.profile.table
        start = table.group_starts[group]
        rows = self._order[start : start + table.group_sizes[group]]
        accuracy, cost_j = table.accuracy[rows], table.cost_j[rows]
        violation = _violation(
            self.quantile_s[rows], accuracy, target=self.application.target, headroom=0.0
        )
        if self.refused is not None:
            violation[self.refused[rows]] = REFUSED
        keys = _objective(self.policy, accuracy=accuracy, cost_j=cost_j)
        best = violation.argmin()
        if self.policy.objective is Objective.WEIGHTED:
            best = np.where(violation == violation[best], keys[0], math.inf).argmin()
        rank = Rank(float(violation[best]), float(keys[0][best]), float(keys[1][best]))
        return table.points[rows[best]], rank

    @property
    def _order(self) -> Indices:
        """Return the rows of the table, group by group, best objective first.

        The first of the rows with the least violation is the best one. The order of the weighted
        objective depends on the weight, so it is not in the table.
        """
        table = self.application.profile.table
        accurate = self.policy.objective is Objective.MAX_ACCURACY
        return table.most_accurate_first if accurate else table.cheapest_first

    def ranking(self, *, headroom: float = 0.0) -> Ranking:
        """Return the ranking of every point, (points,)."""
        table = self.application.profile.table
        keys = _objective(self.policy, accuracy=table.accuracy, cost_j=table.cost_j)
        return Ranking(np.array([self.violations(headroom=headroom), *keys]))

    def excluding(self, excluded: npt.NDArray[np.bool_]) -> Forecast:
        """Return the same forecast with these points, (points,), refused as well."""
        return replace(self, refused=excluded if self.refused is None else self.refused | excluded)


def _least_of_groups(ordered: Floats, table: PointTable) -> npt.NDArray[np.bool_]:
    """Return which values, sorted by group, are the minimum of their group, (points,)."""
    least = np.minimum.reduceat(ordered, table.group_starts)
    return np.asarray(ordered == np.repeat(least, table.group_sizes))


def _violation(quantile_s: Floats, accuracy: Floats, *, target: Target, headroom: float) -> Floats:
    """Return the first key of points with these latencies and accuracies."""
    violation = np.zeros_like(quantile_s)
    floor = target.min_accuracy - EQUAL_ACCURACY
    if floor > accuracy.min():
        _set_violation(violation, extent=floor - accuracy, base=FLOOR_VIOLATED)
    if not math.isnan(target.deadline_s):  # overrides the floor
        extent = quantile_s * ((1.0 + headroom) / target.deadline_s)
        extent -= 1.0
        _set_violation(violation, extent=extent, base=DEADLINE_VIOLATED)
    return violation


def _set_violation(violation: Floats, *, extent: Floats, base: float) -> None:
    """Where `extent` is above 0, map it from 0..infinity to `base`..`base` + 1."""
    violated = extent > 0.0
    np.divide(extent, 1.0 + extent, out=violation, where=violated)
    np.add(violation, base, out=violation, where=violated)


def _violation_of(quantile_s: float, accuracy: float, *, target: Target, headroom: float) -> float:
    """Return `_violation` of a single point, several times as fast as by an array of one."""
    if not math.isnan(target.deadline_s):
        extent = quantile_s * ((1.0 + headroom) / target.deadline_s) - 1.0
        if extent > 0.0:
            return extent / (1.0 + extent) + DEADLINE_VIOLATED
    extent = target.min_accuracy - EQUAL_ACCURACY - accuracy
    return extent / (1.0 + extent) + FLOOR_VIOLATED if extent > 0.0 else 0.0


def _objective(
    policy: DecisionPolicy, *, accuracy: Number, cost_j: Number
) -> tuple[Number, Number]:
    """Return the objective and its tie-break, smaller is better."""
    if policy.objective is Objective.MIN_ENERGY:
        return cost_j, -accuracy
    if policy.objective is Objective.WEIGHTED:
        return policy.energy_weight * cost_j - accuracy, cost_j
    return -accuracy, cost_j
