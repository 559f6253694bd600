"""Rank one application's operating points: which meet its targets, and which is best at a clock.

Three keys, smaller is better, compared in this order:
`violation`: 0 meets deadline and floor; 1 to 2 gives up the accuracy floor, by how much; 2 to 3
misses the deadline, by how much; 3 cannot run: the application refused it, or the clock is below
all that were profiled.
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
from dynofa_ros.runtime.objective import Objective
from dynofa_ros.runtime.operating_points.point import OperatingPoint, PointKey
from dynofa_ros.runtime.operating_points.table import Floats, Indices, PointTable, cost
from dynofa_ros.runtime.targets import Target

FLOOR_GIVEN_UP = 1.0
DEADLINE_GIVEN_UP = 2.0
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
        """Whether it gives up no target."""
        return self.violation < FLOOR_GIVEN_UP


@dataclass(frozen=True, eq=False)
class Ranking:
    """The three keys of many: points, groups or combinations of clocks."""

    keys: Floats  # (3, rows): violation, primary, secondary

    @property
    def violation(self) -> Floats:
        """The first key, (rows,)."""
        return np.asarray(self.keys[0])

    @property
    def primary(self) -> Floats:
        """The second key, (rows,)."""
        return np.asarray(self.keys[1])

    @property
    def secondary(self) -> Floats:
        """The third key, (rows,)."""
        return np.asarray(self.keys[2])

    def take(self, rows: Indices) -> Ranking:
        """Return the given rows."""
        return Ranking(self.keys.take(rows, axis=1))


@dataclass(frozen=True, eq=False)
class Forecast:
    """How late one application's points may be; worked out once a decision, however often asked."""

    application: ApplicationState
    policy: DecisionPolicy
    mean_s: Floats  # (points of the table,) latency of the next frame, normally distributed
    std_s: Floats  # (points of the table,)
    late_s: Floats  # (points of the table,) latency at the stated probability
    refused: npt.NDArray[np.bool_] | None = None  # (points of the table,); None: nothing is
    _violations: dict[float, Floats] = field(default_factory=dict)  # by headroom; none is refused

    @classmethod
    def of(cls, application: ApplicationState, *, policy: DecisionPolicy) -> Forecast:
        """Predict every point of the application's table."""
        table = application.profile.table
        prediction = predict(
            application,
            {name: groups.points for name, groups in table.processors.items()},
            latency_s=table.latency_s,
            latency_std_s=table.latency_std_s,
            probability=policy.deadline_probability,
        )
        return cls(application, policy, *prediction).without(application.refused)

    def without(self, keys: frozenset[PointKey]) -> Forecast:
        """Return the same forecast for an application that cannot run `keys` either."""
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
        # If it is all, they are tried again.
        return replace(self, application=application, refused=None if refused.all() else refused)

    def predict(self, point: OperatingPoint) -> tuple[float, float, float]:
        """Predict a single point: what `predict` returns [s]."""
        row = self.application.profile.table.row_of.get(point)
        if row is not None:
            return float(self.mean_s[row]), float(self.std_s[row]), float(self.late_s[row])
        mean_s, std_s, late_s = predict(  # it was pruned: another one is better, but this one runs
            self.application,
            {point.processor: slice(1)},
            latency_s=np.array([point.latency_s]),
            latency_std_s=np.array([point.latency_std_s]),
            probability=self.policy.deadline_probability,
        )
        return float(mean_s[0]), float(std_s[0]), float(late_s[0])

    def rank(self, point: OperatingPoint, *, headroom: float = 0.0) -> Rank:
        """Rank a single point; that it was refused does not count."""
        *_, late_s = self.predict(point)
        cost_j = cost(point, energy_known=self.application.profile.energy_known)
        return Rank(
            _violation_of(
                late_s, point.accuracy, target=self.application.target, headroom=headroom
            ),
            *_objective(self.policy, accuracy=point.accuracy, cost_j=cost_j),
        )

    def violations(self, *, headroom: float = 0.0) -> Floats:
        """Return the first key of every point; `headroom`: share of latency asked for to spare."""
        if headroom not in self._violations:
            self._violations[headroom] = _violation(
                self.late_s,
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
        if self.policy.objective is Objective.WEIGHTED:  # whose order changes with the weight
            primary, _ = _objective(self.policy, accuracy=table.accuracy, cost_j=table.cost_j)
            candidate = _least_of_groups(np.where(candidate, primary.take(order), math.inf), table)
        candidates = np.flatnonzero(candidate)
        rows = order[candidates[np.searchsorted(candidates, table.group_starts)]]
        keys = _objective(self.policy, accuracy=table.accuracy[rows], cost_j=table.cost_j[rows])
        return rows, Ranking(np.array([violation[rows], *keys]))

    def best_of_group(self, group: int) -> tuple[OperatingPoint, Rank]:
        """Return the best point of one group: what `best_of_groups` has there."""
        table = self.application.profile.table
        start = table.group_starts[group]
        rows = self._order[start : start + table.group_sizes[group]]
        accuracy, cost_j = table.accuracy[rows], table.cost_j[rows]
        violation = _violation(
            self.late_s[rows], accuracy, target=self.application.target, headroom=0.0
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

        It never changes: of those that violate least, the first is best. The weighted objective
        alone is no order of the table, for it changes with the weight.
        """
        table = self.application.profile.table
        spending = self.policy.objective is Objective.MAX_ACCURACY
        return table.most_accurate_first if spending else table.cheapest_first

    def ranking(self, *, headroom: float = 0.0) -> Ranking:
        """Return the ranking of every point, (points,)."""
        table = self.application.profile.table
        keys = _objective(self.policy, accuracy=table.accuracy, cost_j=table.cost_j)
        return Ranking(np.array([self.violations(headroom=headroom), *keys]))

    def barring(self, barred: npt.NDArray[np.bool_]) -> Forecast:
        """Return the same forecast with these points, (points,), refused as well."""
        return replace(self, refused=barred if self.refused is None else self.refused | barred)


def _least_of_groups(ordered: Floats, table: PointTable) -> npt.NDArray[np.bool_]:
    """Say which values, sorted by group, are their group's least, (points,)."""
    least = np.minimum.reduceat(ordered, table.group_starts)
    return np.asarray(ordered == np.repeat(least, table.group_sizes))


def _violation(late_s: Floats, accuracy: Floats, *, target: Target, headroom: float) -> Floats:
    """Say what points that take up to `late_s` give up, and by how much."""
    violation = np.zeros_like(late_s)
    floor = target.min_accuracy - EQUAL_ACCURACY
    if floor > accuracy.min():
        _give_up(violation, loss=floor - accuracy, at_least=FLOOR_GIVEN_UP)
    if not math.isnan(target.deadline_s):  # what is late gives up more than any floor
        loss = late_s * ((1.0 + headroom) / target.deadline_s)
        loss -= 1.0
        _give_up(violation, loss=loss, at_least=DEADLINE_GIVEN_UP)
    return violation


def _give_up(violation: Floats, *, loss: Floats, at_least: float) -> None:
    """Where there is a loss, map 0 to infinity onto `at_least` to `at_least` + 1, in order."""
    lost = loss > 0.0
    np.divide(loss, 1.0 + loss, out=violation, where=lost)
    np.add(violation, at_least, out=violation, where=lost)


def _violation_of(late_s: float, accuracy: float, *, target: Target, headroom: float) -> float:
    """Return `_violation` of a single point."""
    if not math.isnan(target.deadline_s):
        loss = late_s * ((1.0 + headroom) / target.deadline_s) - 1.0
        if loss > 0.0:
            return loss / (1.0 + loss) + DEADLINE_GIVEN_UP
    loss = target.min_accuracy - EQUAL_ACCURACY - accuracy
    return loss / (1.0 + loss) + FLOOR_GIVEN_UP if loss > 0.0 else 0.0


def _objective(
    policy: DecisionPolicy, *, accuracy: Number, cost_j: Number
) -> tuple[Number, Number]:
    """Return the objective and its tie-break, smaller is better."""
    if policy.objective is Objective.MIN_ENERGY:
        return cost_j, -accuracy
    if policy.objective is Objective.WEIGHTED:
        return policy.energy_weight * cost_j - accuracy, cost_j
    return -accuracy, cost_j
