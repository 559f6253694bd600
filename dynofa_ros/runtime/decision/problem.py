# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The joint decision as an optimisation problem: one point of each application, and the clocks.

Given the clocks, the applications are independent but for the power cap. A point has four keys,
smaller is better, compared in this order: its violation, the objective, its tie-break, and the
change: 0 for what runs now, 1 for the same sub-network at another frequency, 2 for another one.
What runs now has inertia: keys that are better by less than a margin count as equal to its keys,
and every other point needs a share of the deadline and of the power cap to spare.

The value of a plan is a vector of keys, summed over applications and compared in order: the
applications that cannot run; for each priority from the highest, the violated deadlines, then the
violated floors; in the same order the extents of the violations; the objective and its tie-break;
the number of changes. Keys are whole multiples of `QUANTUM`, so that sums are exact and do not
depend on the order of addition.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.decision.clocks import Clocks, Reach
from dynofa_ros.runtime.decision.forecast import (
    DEADLINE_VIOLATED,
    FLOOR_VIOLATED,
    REFUSED,
    Basis,
    Forecast,
    Load,
)
from dynofa_ros.runtime.decision.interference import Interference
from dynofa_ros.runtime.decision.points import Points, Ranking
from dynofa_ros.runtime.operating_points.objective import EQUAL_ACCURACY, objective_keys
from dynofa_ros.runtime.operating_points.table import Floats, Indices
from dynofa_ros.runtime.settings import Objective

# Resolution of all keys: accuracy as a fraction, energy [J].
QUANTUM = 1e-9
# The last keys: objective, tie-break, number of changes.
OBJECTIVE_KEYS = 3
# Powers that differ by rounding are equal [W].
EQUAL_POWER_W = 1e-9
NOWHERE = -1  # instead of a row


@dataclass(frozen=True)
class Plan:
    """One point for every application, and the frequencies of all domains."""

    rows: tuple[int, ...]  # of `Points`
    combination: tuple[int, ...]  # (domains,) index of each one's frequency
    exact: bool = True
    limited: bool = False  # whether the power cap excludes the plan that would be best without it


@dataclass(frozen=True, eq=False)
class DecisionProblem:
    """All that a joint choice depends on."""

    forecast: Forecast
    clocks: Clocks
    interference: Interference
    current: tuple[int, ...]  # current point of each application; NOWHERE: it cannot be kept
    inert: bool = False  # whether the current points have inertia
    headroom: float = 0.0  # of deadline and cap, for every point but those that run now
    only: Indices | None = None  # (applications,) the place of each; None: any

    @property
    def basis(self) -> Basis:
        """What does not depend on the load."""
        return self.forecast.basis

    @property
    def points(self) -> Points:
        """The points of all applications."""
        return self.basis.points

    @cached_property
    def reach(self) -> Reach:
        """The groups that can be reached."""
        return self.clocks.reach(self.points)

    def under(self, load: Load) -> DecisionProblem:
        """Return the problem with the latencies predicted for another load."""
        return replace(self, forecast=self.basis.predict(load))

    @property
    def present(self) -> tuple[int, ...] | None:
        """The points that run now and have inertia, None if that of some application is unknown."""
        return self.current if self.inert and NOWHERE not in self.current else None

    @cached_property
    def possible(self) -> npt.NDArray[np.bool_]:
        """Which points may run, (points,): of refused ones those of which nothing else is left."""
        if self.only is None:
            return ~self.basis.refused
        runs = np.zeros(len(self.points.place_app), bool)
        runs[self.only] = True
        on = runs[self.points.place_of]
        both = on & ~self.basis.refused
        left = np.bincount(self.points.app_of[both], minlength=self.basis.count)
        return np.asarray(both | on & (left == 0)[self.points.app_of])

    # The keys of points.

    @cached_property
    def ranking(self) -> Ranking:
        """The points in the order of the objective."""
        policy, forecast = self.basis.policy, self.forecast
        if self.basis.cascades is None:
            return Ranking.profiled(self.points, policy.objective, policy.energy_weight)
        keys = objective_keys(
            policy.objective,
            energy_weight=policy.energy_weight,
            accuracy=forecast.accuracy,
            cost_j=forecast.cost_j,
        )
        return Ranking.of(self.points, keys)

    @cached_property
    def late(self) -> Floats:
        """The first key, (points,), with headroom.

        All points need it but the present one, and those that meet a target which that violates.
        """
        forecast = self.forecast
        if not (self.inert and self.headroom):
            return forecast.violation
        present = np.array(self.current)
        now = np.where(present < 0, np.inf, np.floor(forecast.violation[present]))
        needs = np.floor(forecast.violation) >= self.points.each(now.tolist())
        needs[present[present >= 0]] = False
        needed_s = np.where(needs, forecast.quantile_s * (1.0 + self.headroom), forecast.quantile_s)
        return forecast.violation_for(needed_s)

    def keys(self, rows: Indices) -> Floats:
        """Return the keys of points, (4, rows), with inertia."""
        keys = np.zeros((4, len(rows)))
        keys[0], keys[1], keys[2] = self._exact_keys(rows)
        if not self.inert:
            return keys
        app, present = self.points.app_of[rows], np.array(self.current)
        key_of = self.points.key_of
        now = np.where(present < 0, -1, key_of[present])
        keys[3] = 2.0 - (key_of[rows] == now[app]) - (rows == present[app])
        return self._indifferent(keys, self._reference[:, app])

    def _exact_keys(self, rows: Indices) -> Floats:
        return np.array([self.late[rows], self.ranking.primary[rows], self.ranking.secondary[rows]])

    @cached_property
    def _reference(self) -> Floats:
        """The keys of what runs now, (3, applications); NaN: unknown."""
        present = np.array(self.current)
        return np.where(present < 0, np.nan, self._exact_keys(present))

    def _indifferent(self, keys: Floats, reference: Floats) -> Floats:
        """Let keys that are better than a reference by less than the margin equal it."""
        policy = self.basis.policy
        violation, primary, secondary = reference
        accuracy = policy.accuracy_margin
        saving = policy.objective is Objective.MIN_ENERGY
        energy = policy.switch_margin * np.abs(primary if saving else secondary)
        late = violation >= DEADLINE_VIOLATED
        margins = (
            np.where(late, policy.switch_margin, accuracy),
            energy if saving else accuracy,
            accuracy if saving else energy,
        )
        for value, now, margin in zip(keys, reference, margins, strict=False):
            equal = (value < now) & (value >= now - margin - EQUAL_ACCURACY)
            if now is violation:  # a target met is better than one violated, by however little
                equal &= np.floor(value) == np.floor(now)
            np.copyto(value, now, where=equal)
        return keys

    @cached_property
    def best(self) -> Indices:
        """The row of the best point of each group, (groups,)."""
        points, order = self.points, self.ranking.order
        # The first of those with the least violation.
        violation = self.late[order]
        least = np.minimum.reduceat(violation, points.group_starts)
        candidates = np.flatnonzero(violation == np.repeat(least, points.group_sizes))
        rows = order[candidates[np.searchsorted(candidates, points.group_starts)]]
        present = [row for row in self.current if row >= 0] if self.inert else []
        if not present:
            return rows
        # In each group, the sub-network that runs now stays unless another one gains the margin.
        same = np.concatenate([points.rows_like(row) for row in present])
        same = same[~self.basis.refused[same]]
        groups = points.group_of[same]
        old = self._exact_keys(same)
        new = self._indifferent(self._exact_keys(rows[groups]), old)
        less, equal = new < old, new == old
        pays = less[0] | equal[0] & (less[1] | equal[1] & less[2])
        rows[groups] = np.where(pays, rows[groups], same)
        return rows

    # The value of plans.

    @cached_property
    def _priority_of(self) -> Indices:
        """The rank of each application's priority, 0 for the highest, (applications,)."""
        priorities = [-each.target.priority for each in self.basis.applications]
        return np.unique(priorities, return_inverse=True)[1].reshape(-1)

    def values(self, keys: Floats, app: Indices) -> Floats:
        """Return what points contribute to the value of a plan, (points, keys).

        `keys` are those of `keys`, (4, points); `app` is the application of each, (points,).
        """
        violation, *objective = keys
        value = self.violation_values(violation, app)
        value[:, -3], value[:, -2] = np.rint(np.array(objective[:2]) * (1.0 / QUANTUM))
        value[:, -1] = objective[2]
        return value

    def violation_values(self, violation: Floats, app: Indices) -> Floats:
        """Return what violations contribute, (..., keys); `app`: application, (points,)."""
        priorities = int(self._priority_of.max()) + 1
        place, each = self._priority_of[app], np.arange(len(app))
        value = np.zeros((*violation.shape, 1 + 4 * priorities + OBJECTIVE_KEYS))
        late = violation >= DEADLINE_VIOLATED
        value[..., 0] = violation >= REFUSED
        extent = np.rint(violation * (1.0 / QUANTUM))
        low = (violation >= FLOOR_VIOLATED) & ~late
        for first, which in ((1, late), (2, low)):
            value[..., each, first + 2 * place] = which
            value[..., each, first + 2 * (place + priorities)] = which * extent
        return value

    def value(self, rows: tuple[int, ...]) -> tuple[float, ...]:
        """Return all keys of a plan, smaller is better."""
        keys = self.keys(np.array(rows))
        return tuple(self.values(keys, np.arange(len(rows))).sum(axis=0).tolist())

    @cached_property
    def weights_w(self) -> Floats:
        """The power that counts against the cap, (points,) [W].

        A point that does not run now needs headroom.
        """
        if not self.headroom:
            return self.forecast.power_w
        weight = self.forecast.power_w * (1.0 + self.headroom)
        for row in self.current if self.inert else ():
            if row >= 0:
                weight[row] = self.forecast.power_w[row]
        return weight

    def power_w(self, rows: tuple[int, ...]) -> float:
        """Return the power of one point of each application together [W]."""
        return float(sum(self.forecast.power_w[list(rows)].tolist()))

    def fits(self, rows: tuple[int, ...]) -> bool:
        """Whether a plan is within the power cap, with headroom, up to rounding."""
        return sum(self.weights_w[list(rows)].tolist()) <= self.capacity_w

    @property
    def capacity_w(self) -> float:
        """The power cap, up to rounding [W]."""
        return self.basis.policy.power_cap_w + EQUAL_POWER_W

    def met(self, rows: tuple[int, ...]) -> int:
        """Return the number of applications of which a plan violates no target."""
        return int((self.forecast.violation[list(rows)] < FLOOR_VIOLATED).sum())

    @property
    def attainable(self) -> int:
        """How many applications could meet their targets without headroom, at most."""
        points, power_w = self.points, self.forecast.power_w
        least_w = np.minimum.reduceat(power_w, points.starts[:-1])
        spare_w = self.capacity_w - least_w.sum() + least_w
        met = (self.forecast.violation < FLOOR_VIOLATED) & self.possible
        met &= power_w <= points.each(spare_w.tolist())
        return int(np.logical_or.reduceat(met, points.starts[:-1]).sum())

    def all_met(self, rows: tuple[int, ...]) -> bool:
        """Whether a plan violates no target."""
        return self.met(rows) == len(rows)


def without_constant(values: Floats) -> Floats:
    """Return the values, (points, keys), without keys that are 0 for all, but for the last ones."""
    used: npt.NDArray[np.bool_] = np.asarray(values.any(axis=0))
    used[-OBJECTIVE_KEYS:] = True
    return values if used.all() else values[:, used]


def lexicographic_minimum(values: Floats) -> int:
    """Return the first of the best rows of (rows, keys)."""
    rows = np.arange(len(values))
    for key in values.T:
        value = key[rows]
        rows = rows[value == value.min()]
        if len(rows) == 1:
            break
    return int(rows[0])
