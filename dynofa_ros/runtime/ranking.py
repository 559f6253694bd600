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
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.decision_state import ApplicationState, PointKey, Policy
from dynofa_ros.runtime.objective import Objective
from dynofa_ros.runtime.operating_point import OperatingPoint
from dynofa_ros.runtime.point_table import Floats, Indices, PointTable, cost
from dynofa_ros.runtime.target import Target

FLOOR_GIVEN_UP = 1.0
DEADLINE_GIVEN_UP = 2.0
REFUSED = 3.0
# Accuracies that differ by rounding are equal.
EQUAL_ACCURACY = 1e-9
# Standard deviations before the next image that a frame must be done: 97.7 % of them are.
IN_TIME_STD = 2.0


@dataclass(frozen=True, eq=False)
class Prediction:
    """Latency of each point's next frame, normally distributed."""

    mean_s: Floats
    std_s: Floats

    def at(self, rows: slice) -> Prediction:
        """Return the given rows."""
        return Prediction(self.mean_s[rows], self.std_s[rows])

    def quantile_s(self, probability: float) -> Floats:
        """Return what the latency does not exceed with this probability."""
        return self.mean_s + NormalDist().inv_cdf(probability) * self.std_s


@dataclass(frozen=True, eq=False)
class Ranking:
    """The three keys, one row a point, group or combination of clocks."""

    violation: Floats
    primary: Floats
    secondary: Floats

    @property
    def met(self) -> bool:
        """Whether no row gives up a target."""
        return bool((self.violation < FLOOR_GIVEN_UP).all())

    def take(self, rows: Indices) -> Ranking:
        """Return the given rows."""
        return Ranking(self.violation[rows], self.primary[rows], self.secondary[rows])


def predict(
    application: ApplicationState,
    processor: str,
    *,
    latency_s: Floats,
    latency_std_s: Floats,
    probability: float,
) -> Prediction:
    """Predict latency: profiled latency x slowdown + overhead + wait for the frame before.

    `latency_s` and `latency_std_s` are of points of one processor, as profiled. The spread is the
    larger of the slowdown's (what was seen) and the profile's (what was measured beforehand), and
    such that the latency's quantile at `probability` is right, of all quantiles. An
    application that is not done before the next image comes, with two standard deviations to
    spare, finds an image waiting, up to one period old: the wait is uniform on [0, period], with
    mean period / 2 and variance period^2 / 12. Without the spare time, a queue would grow out of
    the spread alone, frame after frame.
    """
    slowdown, period_s = application.slowdown(processor), application.frame_period_s
    mean_s = latency_s * slowdown.mean
    mean_s += application.overhead_s
    variance = np.maximum(latency_s * slowdown.std_for(probability), latency_std_s * slowdown.mean)
    variance *= variance
    variance += application.overhead_std_s**2
    std_s = np.sqrt(variance)
    if not math.isnan(period_s):
        waits = mean_s + IN_TIME_STD * std_s > period_s
        if waits.any():
            mean_s += (period_s / 2) * waits
            variance += (period_s**2 / 12) * waits
            np.sqrt(variance, out=std_s)
    return Prediction(mean_s=mean_s, std_s=std_s)


@dataclass(frozen=True, eq=False)
class Forecast:
    """How late one application's points may be; worked out once a decision, however often asked."""

    application: ApplicationState
    policy: Policy
    prediction: Prediction  # (points of the table,)
    late_s: Floats  # (points of the table,) latency at the stated probability
    refused: npt.NDArray[np.bool_] | None = None  # (points of the table,); None: nothing is
    _violations: dict[float, Floats] = field(default_factory=dict)  # by headroom; none is refused

    @classmethod
    def of(cls, application: ApplicationState, *, policy: Policy) -> Forecast:
        """Predict every point of the application's table."""
        table = application.profile.table
        mean_s, std_s = np.empty_like(table.latency_s), np.empty_like(table.latency_s)
        for name, groups in table.processors.items():
            rows = groups.points
            part = predict(
                application,
                name,
                latency_s=table.latency_s[rows],
                latency_std_s=table.latency_std_s[rows],
                probability=policy.deadline_probability,
            )
            mean_s[rows], std_s[rows] = part.mean_s, part.std_s
        whole = Prediction(mean_s, std_s)
        late_s = whole.quantile_s(policy.deadline_probability)
        return cls(application, policy, whole, late_s).without(application.refused)

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

    def predict(self, point: OperatingPoint) -> Prediction:
        """Predict a single point, (1,)."""
        row = self.application.profile.table.row_of.get(point)
        if row is not None:
            return self.prediction.at(slice(row, row + 1))
        return predict(  # it was pruned: another one is better, but this one runs
            self.application,
            point.processor,
            latency_s=np.array([point.latency_s]),
            latency_std_s=np.array([point.latency_std_s]),
            probability=self.policy.deadline_probability,
        )

    def rank(self, point: OperatingPoint, *, headroom: float = 0.0) -> Ranking:
        """Rank a single point, (1,); that it was refused does not count."""
        application, table = self.application, self.application.profile.table
        row = table.row_of.get(point)
        if row is not None:
            rows = slice(row, row + 1)
            violation, accuracy, cost_j = (
                each[rows] for each in (self._violation(headroom), table.accuracy, table.cost_j)
            )
        else:
            late_s = self.predict(point).quantile_s(self.policy.deadline_probability)
            accuracy = np.array([point.accuracy])
            cost_j = np.array([cost(point, energy_known=application.profile.energy_known)])
            violation = _violation(late_s, accuracy, target=application.target, headroom=headroom)
        return _ranking(violation, accuracy=accuracy, cost_j=cost_j, policy=self.policy)

    def violations(self, *, headroom: float = 0.0) -> Floats:
        """Return the first key of every point; `headroom`: share of latency asked for to spare."""
        violation = self._violation(headroom)
        return violation if self.refused is None else np.where(self.refused, REFUSED, violation)

    def _violation(self, headroom: float) -> Floats:
        if headroom not in self._violations:
            accuracy, target = self.application.profile.table.accuracy, self.application.target
            self._violations[headroom] = _violation(
                self.late_s, accuracy, target=target, headroom=headroom
            )
        return self._violations[headroom]

    def best_of_groups(self, *, headroom: float = 0.0) -> tuple[Indices, Ranking]:
        """Return the row of the best point of each group, and its ranking, each (groups,)."""
        table, violation = self.application.profile.table, self.violations(headroom=headroom)
        # The objective's order never changes: of those that violate least, the first is best.
        spending = self.policy.objective is Objective.MAX_ACCURACY
        order = table.most_accurate_first if spending else table.cheapest_first
        candidate = _least_of_groups(violation.take(order), table)
        if self.policy.objective is Objective.WEIGHTED:  # whose order changes with the weight
            primary = self.ranking(headroom=headroom).primary.take(order)
            candidate = _least_of_groups(np.where(candidate, primary, math.inf), table)
        candidates = np.flatnonzero(candidate)
        rows = order[candidates[np.searchsorted(candidates, table.group_starts)]]
        accuracy, cost_j = table.accuracy[rows], table.cost_j[rows]
        return rows, _ranking(violation[rows], accuracy=accuracy, cost_j=cost_j, policy=self.policy)

    def ranking(self, *, headroom: float = 0.0) -> Ranking:
        """Return the ranking of every point, (points,)."""
        table = self.application.profile.table
        return _ranking(
            self.violations(headroom=headroom),
            accuracy=table.accuracy,
            cost_j=table.cost_j,
            policy=self.policy,
        )

    def barring(self, barred: npt.NDArray[np.bool_]) -> Forecast:
        """Return the same forecast with these points, (points,), refused as well."""
        return replace(self, refused=barred if self.refused is None else self.refused | barred)


def _least_of_groups(ordered: Floats, table: PointTable) -> npt.NDArray[np.bool_]:
    """Say which values, sorted by group, are their group's least, (points,)."""
    least = np.minimum.reduceat(ordered, table.group_starts)
    return np.asarray(ordered == np.repeat(least, table.group_sizes))


def _violation(late_s: Floats, accuracy: Floats, *, target: Target, headroom: float) -> Floats:
    """Say what points that take up to `late_s` give up, and by how much."""
    low = _given_up(target.min_accuracy - EQUAL_ACCURACY - accuracy, FLOOR_GIVEN_UP)
    if math.isnan(target.deadline_s):
        return low
    late = _given_up(late_s * ((1.0 + headroom) / target.deadline_s) - 1.0, DEADLINE_GIVEN_UP)
    return np.maximum(low, late, out=late)  # what is late gives up more than any floor


def _given_up(loss: Floats, violation: float) -> Floats:
    """Map a loss from 0 to infinity onto `violation` to `violation` + 1, in the same order."""
    lost = loss > 0.0
    np.maximum(loss, 0.0, out=loss)
    loss /= 1.0 + loss
    loss += violation * lost
    return loss


def _ranking(violation: Floats, *, accuracy: Floats, cost_j: Floats, policy: Policy) -> Ranking:
    """Put the objective behind the targets."""
    if policy.objective is Objective.MIN_ENERGY:
        return Ranking(violation, cost_j, -accuracy)
    if policy.objective is Objective.WEIGHTED:
        return Ranking(violation, policy.energy_weight * cost_j - accuracy, cost_j)
    return Ranking(violation, -accuracy, cost_j)
