# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Points of each application under a power cap: the Pareto front of each group.

In each group (equal processor and frequency), a point that draws no less power than another and
ranks no better is not needed. The rest is a front, the best point first and the power falling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dynofa_ros.runtime.decision.clock_search import best_option
from dynofa_ros.runtime.decision.clocks import Clocks, group_options
from dynofa_ros.runtime.decision.joint_keys import joint_keys
from dynofa_ros.runtime.decision.prediction import EQUAL_POWER_W, powers_w
from dynofa_ros.runtime.decision.ranking import REFUSED, Forecast, Ranking
from dynofa_ros.runtime.decision.state import ApplicationState
from dynofa_ros.runtime.operating_points.table import Floats, Indices
from dynofa_ros.runtime.power_capped.knapsack import new_minima

# Violation of the placeholder of an empty group, which is never taken: its power is infinite.
NOTHING = REFUSED + 1.0


@dataclass(frozen=True, eq=False)
class CappedPoints:
    """The fronts of one application, one after another, and a placeholder as last entry."""

    application: ApplicationState
    rows: Indices  # (entries - 1,) of the profile's table
    ranking: Ranking  # (entries,)
    power_w: Floats  # (entries,)
    value: Floats  # (entries, keys) contribution of each to `joint_keys`
    starts: Indices  # (groups + 1,) first entry of each group; the last is the placeholder
    ends: Indices  # (groups + 1,)
    ascending: Floats  # (entries,) by group, then by falling power

    @classmethod
    def of(
        cls, forecast: Forecast, *, priorities: Sequence[int], headroom: float, lenient: bool
    ) -> CappedPoints:
        """Find the fronts of the points that can run; of all points if `lenient`.

        `priorities` are the distinct ones of all applications, the highest first.
        """
        table, ranking = forecast.application.profile.table, forecast.ranking(headroom=headroom)
        power_w = powers_w(forecast.application)
        group = table.group_of
        rows = np.lexsort((power_w, *ranking.keys[::-1], group))
        if not lenient:
            rows = rows[ranking.violation[rows] < REFUSED]
        # Each group is shifted below the one before it, so that one running minimum serves all.
        step_w = power_w.max() + 1.0
        falling = power_w[rows] - step_w * group[rows]
        kept = new_minima(falling)
        rows, falling = rows[kept], falling[kept]
        bounds = np.searchsorted(group[rows], np.arange(len(table.group_starts) + 1))
        nothing = [len(rows)]
        taken = ranking.take(rows)
        with_nothing = Ranking(np.column_stack((taken.keys, (NOTHING, 0.0, 0.0))))
        return cls(
            application=forecast.application,
            rows=rows,
            ranking=with_nothing,
            power_w=np.append(power_w[rows], np.inf),
            value=_value(forecast.application, with_nothing, priorities=priorities),
            starts=np.concatenate((bounds[:-1], nothing)),
            ends=np.concatenate((bounds[1:], [len(rows) + 1])),
            ascending=np.append(-falling, step_w * len(table.group_starts)),
        )

    def options(self, clocks: Clocks, *, combinations: Indices, lenient: bool) -> list[Indices]:
        """Return the groups to choose from at each combination, each (combinations,)."""
        options = group_options(self.application.profile.table, clocks, combinations=combinations)
        nothing = len(self.starts) - 1
        return [
            groups if known is None or lenient else np.where(known, groups, nothing)
            for groups, known in options
        ]

    def least(self, options: Sequence[Indices]) -> Indices:
        """Return the entry of least power at each combination, (combinations,)."""
        entries = np.array([self._last(groups) for groups in options])
        return np.asarray(
            np.take_along_axis(entries, self.power_w[entries].argmin(axis=0)[None], axis=0)[0]
        )

    def _last(self, groups: Indices) -> Indices:
        """Return each group's last entry; the placeholder if the group is empty."""
        ends = self.ends[groups]
        return np.where(ends > self.starts[groups], ends - 1, len(self.rows))

    def best_within(self, options: Sequence[Indices], budget_w: Floats) -> Indices:
        """Return the best entry at each combination within its budget, (combinations,)."""
        step_w = self.ascending[-1] / (len(self.starts) - 1)
        # Power falls along a front, so the first entry within the budget is the best one.
        reach_w = np.minimum(budget_w + EQUAL_POWER_W, step_w - 0.5)
        found = []
        for groups in options:
            entries = np.searchsorted(self.ascending, groups * step_w - reach_w)
            entries = np.where(entries < self.ends[groups], entries, len(self.rows))
            found.append((entries, self.ranking.take(entries)))
        return best_option(found)[0]

    def least_of(self, options: Sequence[Indices], *, cost: Floats) -> Floats:
        """Return the least cost at each combination, (combinations, columns).

        `cost` holds all entries but the last, (entries - 1, columns).
        """
        filled = self.ends[:-1] > self.starts[:-1]
        least = np.full((len(self.starts), cost.shape[1]), np.inf)
        least[:-1][filled] = np.minimum.reduceat(cost, self.starts[:-1][filled], axis=0)
        result = least[options[0]]
        for groups in options[1:]:
            np.minimum(result, least[groups], out=result)
        return result

    def entries_at(self, options: Sequence[Indices], index: int) -> Indices:
        """Return the entries to choose from at one combination."""
        ranges = {int(groups[index]) for groups in options}
        return np.concatenate(
            [np.arange(self.starts[group], self.ends[group]) for group in sorted(ranges)]
        )


def _value(application: ApplicationState, ranking: Ranking, *, priorities: Sequence[int]) -> Floats:
    """Return the contribution of each row of a ranking to `joint_keys`, (rows, keys)."""
    late, low, late_by, low_by, primary, secondary = joint_keys([application], [ranking])
    value = np.zeros((len(primary), 4 * len(priorities) + 2))
    place = 2 * priorities.index(application.target.priority)
    value[:, place], value[:, place + 1] = late, low
    place += 2 * len(priorities)
    value[:, place], value[:, place + 1] = late_by, low_by
    value[:, -2], value[:, -1] = primary, secondary
    return value


@dataclass(frozen=True, eq=False)
class CappedProblem:
    """The points of all applications, with values in the same keys."""

    applications: tuple[CappedPoints, ...]
    clocks: Clocks
    cap_w: float
    counts: int  # keys that count violated targets: the first ones
    losses: int  # keys of their extents: the next ones, before the two of the objective
    lenient: bool  # includes points that cannot run, if an application has no other

    @classmethod
    def of(
        cls,
        forecasts: Sequence[Forecast],
        clocks: Clocks,
        *,
        cap_w: float,
        headroom: float,
        lenient: bool,
    ) -> CappedProblem:
        """Find every application's fronts; targets that no point violates have no keys."""
        priorities = sorted({each.application.target.priority for each in forecasts}, reverse=True)
        points = [
            CappedPoints.of(each, priorities=priorities, headroom=headroom, lenient=lenient)
            for each in forecasts
        ]
        used = np.any([(each.value[:-1] != 0.0).any(axis=0) for each in points], axis=0)
        used[-2:] = True
        violated_targets = used[:-2].reshape(2, -1).sum(axis=1)
        return cls(
            applications=tuple(replace(each, value=each.value[:, used]) for each in points),
            clocks=clocks,
            cap_w=cap_w,
            counts=int(violated_targets[0]),
            losses=int(violated_targets[1]),
            lenient=lenient,
        )

    def options(self, combinations: Indices) -> list[list[Indices]]:
        """Return each application's groups at each combination of frequencies."""
        return [
            each.options(self.clocks, combinations=combinations, lenient=self.lenient)
            for each in self.applications
        ]

    def value(self, entries: Sequence[Indices]) -> Floats:
        """Return the keys of plans, (plans, keys); `entries`: of each application, (plans,)."""
        values = [each.value[own] for each, own in zip(self.applications, entries, strict=True)]
        return np.asarray(np.sum(values, axis=0))
