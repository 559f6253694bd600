# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The joint decision as an optimisation problem: one point of each application, and the clocks.

Given the clocks, the applications are independent but for the power cap. The value of a plan is a
vector of keys, summed over applications and compared in order: the applications that cannot run;
for each priority from the highest, the violated deadlines, then the violated floors; in the same
order the extents of the violations; the objective and its tie-break; the number of changes. Keys
are whole multiples of `QUANTUM`, so that sums are exact and do not depend on the order of addition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dynofa_ros.runtime.decision.clocks import Clocks
from dynofa_ros.runtime.decision.forecast import (
    DEADLINE_VIOLATED,
    EQUAL_POWER_W,
    FLOOR_VIOLATED,
    REFUSED,
    Forecast,
)
from dynofa_ros.runtime.decision.state import DecisionPolicy
from dynofa_ros.runtime.operating_points.table import Floats, Indices

# Resolution of all keys: accuracy as a fraction, energy [J].
QUANTUM = 1e-9
# The last keys: objective, tie-break, number of changes.
OBJECTIVE_KEYS = 3


@dataclass(frozen=True)
class Plan:
    """One point for every application, and the frequencies of all domains."""

    rows: tuple[int, ...]  # of each application's table
    combination: tuple[int, ...]  # (domains,) index of each one's frequency
    exact: bool = True
    limited: bool = False  # whether the power cap excludes the plan that would be best without it


@dataclass(frozen=True, eq=False)
class DecisionProblem:
    """All that a joint choice depends on."""

    forecasts: tuple[Forecast, ...]  # by name of the application
    clocks: Clocks
    policy: DecisionPolicy
    contention: Mapping[str, float]  # by processor, see DecisionState
    current: tuple[int | None, ...]  # the current point of each application, if it can be kept
    power_headroom: float = 0.0  # of the cap, for every point but those that run now
    only: tuple[str, ...] | None = None  # the processor of each application; None: any

    def but(
        self,
        forecasts: Iterable[Forecast] | None = None,
        *,
        power_headroom: float | None = None,
        only: Iterable[str] | None = None,
    ) -> DecisionProblem:
        """Return the problem with some things replaced."""
        return DecisionProblem(
            self.forecasts if forecasts is None else tuple(forecasts),
            self.clocks,
            self.policy,
            self.contention,
            self.current,
            self.power_headroom if power_headroom is None else power_headroom,
            self.only if only is None else tuple(only),
        )

    def possible(self, index: int) -> Indices:
        """Return the points that an application may run, rows of its table."""
        forecast = self.forecasts[index]
        if forecast.refused is None and self.only is None:
            return np.arange(len(forecast.violation))
        runs = np.ones(len(forecast.violation), bool)
        if self.only is not None:
            runs = forecast.on(self.only[index])
        if forecast.refused is not None and (runs & ~forecast.refused).any():
            runs &= ~forecast.refused
        return np.flatnonzero(runs)

    @property
    def present(self) -> tuple[int, ...] | None:
        """The points that run now, None if that of some application is unknown."""
        rows = tuple(each.present for each in self.forecasts if each.present is not None)
        return rows if len(rows) == len(self.forecasts) else None

    @cached_property
    def priorities(self) -> list[int]:
        """The distinct priorities, the highest first."""
        return sorted({each.application.target.priority for each in self.forecasts}, reverse=True)

    @property
    def full_keys(self) -> int:
        """The number of keys of a value."""
        return 1 + 4 * len(self.priorities) + OBJECTIVE_KEYS

    def full_value(self, index: int, scores: Floats) -> Floats:
        """Return what points of one application contribute to the value of a plan, (rows, keys).

        `scores` are those of `Forecast`, (4, rows).
        """
        violation, *objective = scores
        value = self.violations_value(violation[:, None], self._place[index : index + 1])
        value[:, -OBJECTIVE_KEYS:] = np.array(objective).T
        value[:, -OBJECTIVE_KEYS:-1] = np.rint(value[:, -OBJECTIVE_KEYS:-1] / QUANTUM)
        return value

    def violations_value(self, violations: Floats, place: Floats | None = None) -> Floats:
        """Return what violations contribute to the value of plans, (plans, keys).

        `violations` is that of each application in each plan, (plans, applications), and `place`
        which priority each of them has, (applications, priorities).
        """
        place = self._place if place is None else place
        counts = 2 * place.shape[1]
        value = np.zeros((len(violations), self.full_keys))
        value[:, 0] = (violations >= REFUSED).sum(axis=1)
        late = violations >= DEADLINE_VIOLATED
        for first, violates in ((1, late), (2, (violations >= FLOOR_VIOLATED) & ~late)):
            value[:, first : 1 + counts : 2] = violates @ place
            extents = np.rint(violates * violations / QUANTUM)
            value[:, counts + first : 1 + 2 * counts : 2] = extents @ place
        return value

    @cached_property
    def _place(self) -> Floats:
        """Which priority each application has, (applications, priorities)."""
        own = [self.priorities.index(each.application.target.priority) for each in self.forecasts]
        return np.eye(len(self.priorities))[own]

    def value(self, rows: Sequence[int]) -> tuple[float, ...]:
        """Return all keys of a plan, smaller is better."""
        total = np.zeros(self.full_keys)
        for index, (forecast, row) in enumerate(zip(self.forecasts, rows, strict=True)):
            total += self.full_value(index, forecast.scores(slice(row, row + 1)))[0]
        return tuple(total.tolist())

    def values(self, scores: Sequence[Floats]) -> list[Floats]:
        """Return `full_value` of each application, without keys in which no plan differs."""
        result = [self.full_value(index, each) for index, each in enumerate(scores)]
        used = np.any([each.any(axis=0) for each in result], axis=0)
        used[-OBJECTIVE_KEYS:] = True
        return result if used.all() else [each[:, used] for each in result]

    def power_w(self, rows: Sequence[int]) -> float:
        """Return the power of one point of each application together [W]."""
        pairs = zip(self.forecasts, rows, strict=True)
        return sum(float(each.power_w(slice(row, row + 1))[0]) for each, row in pairs)

    @cached_property
    def weights_w(self) -> list[Floats]:
        """The power that counts against the cap, of each application (points,) [W].

        A point that does not run now needs headroom.
        """
        result = []
        for each in self.forecasts:
            power_w = each.power_w()
            weight = power_w * (1.0 + self.power_headroom)
            if each.present is not None:
                weight[each.present] = power_w[each.present]
            result.append(weight)
        return result

    def fits(self, rows: Sequence[int]) -> bool:
        """Whether a plan is within the power cap, with headroom, up to rounding."""
        weights = zip(self.weights_w, rows, strict=True)
        return sum(float(each[row]) for each, row in weights) <= self.capacity_w

    @property
    def capacity_w(self) -> float:
        """The power cap, up to rounding [W]."""
        return self.policy.power_cap_w + EQUAL_POWER_W

    def met(self, rows: Sequence[int]) -> int:
        """Return the number of applications of which a plan violates no target."""
        return sum(each.met(row) for each, row in zip(self.forecasts, rows, strict=True))

    def all_met(self, rows: Sequence[int]) -> bool:
        """Whether a plan violates no target."""
        return self.met(rows) == len(self.forecasts)


def lexicographic_minimum(values: Floats) -> Indices:
    """Return the first of the best rows, (...,); `values`: (..., rows, keys)."""
    best = np.ones(values.shape[:-1], bool)
    for key in range(values.shape[-1]):
        value = np.where(best, values[..., key], np.inf)
        best &= value == value.min(axis=-1, keepdims=True)
    return np.asarray(best.argmax(axis=-1))
