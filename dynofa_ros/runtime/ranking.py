"""Rank one application's operating points: which meet its targets, and which is best at a clock.

Three keys, smaller is better, compared in this order:
`violation`: 0 meets deadline and floor; 1 to 2 gives up the accuracy floor, by how much; 2 to 3
misses the deadline, by how much; 3 cannot run: the application refused it, or the clock is below
all that were profiled.
`primary` and `secondary` are the objective and its tie-break.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.decision_state import ApplicationState, Policy
from dynofa_ros.runtime.objective import Objective
from dynofa_ros.runtime.operating_point import OperatingPoint
from dynofa_ros.runtime.point_table import Floats, Indices, PointTable

FLOOR_GIVEN_UP = 1
DEADLINE_GIVEN_UP = 2
REFUSED = 3
# Accuracies that differ by rounding are equal.
EQUAL_ACCURACY = 1e-9
# Standard deviations before the next image that a frame must be done: 97.7 % of them are.
IN_TIME_STD = 2.0


@dataclass(frozen=True, eq=False)
class Prediction:
    """Latency of each point's next frame, normally distributed."""

    mean_s: Floats
    std_s: Floats


@dataclass(frozen=True, eq=False)
class Ranking:
    """The three keys, one row a point, group or combination of clocks."""

    violation: Floats
    primary: Floats
    secondary: Floats

    def take(self, rows: Indices) -> Ranking:
        """Return the given rows."""
        return Ranking(self.violation[rows], self.primary[rows], self.secondary[rows])


def predict(application: ApplicationState, table: PointTable) -> Prediction:
    """Predict latency: profiled latency x slowdown + overhead + wait for the frame before.

    The spread is the larger of the slowdown's (what was seen) and the profile's (what was measured
    beforehand). An application that is not done before the next image comes, with two standard
    deviations to spare, finds an image waiting, up to one period old: the wait is uniform on
    [0, period], with mean period / 2 and variance period^2 / 12. Without the spare time, a queue
    would grow out of the spread alone, frame after frame.
    """
    mean = np.empty_like(table.latency_s)
    std = np.empty_like(table.latency_s)
    for name, groups in table.processors.items():
        rows, slowdown = groups.points, application.slowdown(name)
        mean[rows] = table.latency_s[rows] * slowdown.mean
        std[rows] = np.maximum(
            table.latency_s[rows] * slowdown.std, table.latency_std_s[rows] * slowdown.mean
        )
    mean += application.overhead_s
    variance = std**2 + application.overhead_std_s**2
    if not math.isnan(application.frame_period_s):
        waits = mean + IN_TIME_STD * np.sqrt(variance) > application.frame_period_s
        mean += np.where(waits, application.frame_period_s / 2, 0.0)
        variance += np.where(waits, application.frame_period_s**2 / 12, 0.0)
    return Prediction(mean_s=mean, std_s=np.sqrt(variance))


def rank_points(
    application: ApplicationState, table: PointTable, *, policy: Policy, headroom: float = 0.0
) -> Ranking:
    """Rank every point of `table`; `headroom` is the share of latency asked for to spare."""
    target = application.target
    shortfall = np.maximum(target.min_accuracy - table.accuracy - EQUAL_ACCURACY, 0.0)
    violation = np.where(shortfall > 0.0, FLOOR_GIVEN_UP + _squash(shortfall), 0.0)
    if not math.isnan(target.deadline_s):
        prediction = predict(application, table)
        quantile = NormalDist().inv_cdf(policy.deadline_probability)
        late = (prediction.mean_s + quantile * prediction.std_s) * (1.0 + headroom)
        excess = late / target.deadline_s - 1.0
        missed = DEADLINE_GIVEN_UP + _squash(np.maximum(excess, 0.0))
        violation = np.where(excess > 0.0, missed, violation)
    violation = np.where(_refused(application, table), REFUSED, violation)
    if policy.objective is Objective.MIN_ENERGY:
        return Ranking(violation, table.cost_j, -table.accuracy)
    return Ranking(violation, -table.accuracy, table.cost_j)


def _squash(loss: Floats) -> Floats:
    """Map a loss from 0 to infinity onto 0 to 1, in the same order."""
    return np.asarray(loss / (1.0 + loss))


def _refused(application: ApplicationState, table: PointTable) -> npt.NDArray[np.bool_]:
    """Which points the application cannot run; none if it were all."""
    if not application.refused:
        return np.zeros(len(table.points), dtype=bool)
    refused = np.array([each.key in application.refused for each in table.points])
    return refused & ~refused.all()


def best_of_groups(ranking: Ranking, table: PointTable) -> Indices:
    """Return the row of the best point of each group, (groups,)."""
    alive = np.ones(len(table.points), dtype=bool)
    for key in (ranking.violation, ranking.primary, ranking.secondary):
        candidates = np.where(alive, key, math.inf)
        best = np.minimum.reduceat(candidates, table.group_starts)
        alive &= candidates <= best[table.group_of]
    rows = np.arange(len(table.points))
    return np.asarray(np.minimum.reduceat(np.where(alive, rows, len(rows)), table.group_starts))


def rank_one(
    application: ApplicationState,
    point: OperatingPoint,
    *,
    policy: Policy,
    headroom: float = 0.0,
) -> Ranking:
    """Rank a single point, by the same rules."""
    return rank_points(
        application, single(application, point), policy=policy, headroom=headroom
    )


def single(application: ApplicationState, point: OperatingPoint) -> PointTable:
    """Return a table of one point, its cost reckoned as in the whole profile."""
    return PointTable.from_points((point,), energy_known=application.profile.energy_known)
