"""What the search within a power cap is given: all applications' points, clocks, and the cap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dynofa_ros.runtime.capped_points import CappedPoints
from dynofa_ros.runtime.clocks import Clocks
from dynofa_ros.runtime.point_table import Floats, Indices
from dynofa_ros.runtime.ranking import Forecast


@dataclass(frozen=True, eq=False)
class CappedProblem:
    """The points of all applications, valued by the same keys."""

    applications: tuple[CappedPoints, ...]
    clocks: Clocks
    cap_w: float
    counts: int  # keys that count targets given up: the first of all
    losses: int  # keys that say by how much: the next; two more are the objective's
    lenient: bool  # also points that cannot run, because an application has no other

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
        """Find every application's fronts; targets that no point gives up have no keys."""
        priorities = sorted({each.application.target.priority for each in forecasts}, reverse=True)
        points = [
            CappedPoints.of(each, priorities=priorities, headroom=headroom, lenient=lenient)
            for each in forecasts
        ]
        used = np.any([(each.value[:-1] != 0.0).any(axis=0) for each in points], axis=0)
        used[-2:] = True
        given_up = used[:-2].reshape(2, -1).sum(axis=1)
        return cls(
            applications=tuple(replace(each, value=each.value[:, used]) for each in points),
            clocks=clocks,
            cap_w=cap_w,
            counts=int(given_up[0]),
            losses=int(given_up[1]),
            lenient=lenient,
        )

    def options(self, combinations: Indices) -> list[list[Indices]]:
        """Return each application's groups at each combination of clocks."""
        return [
            each.options(self.clocks, combinations=combinations, lenient=self.lenient)
            for each in self.applications
        ]

    def value(self, entries: Sequence[Indices]) -> Floats:
        """Return the keys of plans, (plans, keys); `entries`: of each application, (plans,)."""
        values = [each.value[own] for each, own in zip(self.applications, entries, strict=True)]
        return np.asarray(np.sum(values, axis=0))
