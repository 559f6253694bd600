"""Operating points: sub-network x engine x processor x threads x frequency, and what each costs.

The table that the offline stage hands to the runtime (Dynamic DNNs Meet Runtime Resource
Management, arXiv 2206.02525, section 3); mirrors `msg/OperatingPoint` and `msg/SubnetProfile`.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dynofa_ros.runtime.checks import check_name
from dynofa_ros.runtime.operating_points.point import OperatingPoint, PointKey
from dynofa_ros.runtime.operating_points.table import PointTable


@dataclass(frozen=True)
class Profile:
    """All operating points of one application on one platform."""

    app: str
    supernet: str
    platform: str
    latency_source: str
    energy_source: str
    points: tuple[OperatingPoint, ...]

    def __post_init__(self) -> None:
        """Raise ValueError for a profile without a name or points, or with a point twice."""
        check_name('app', self.app)
        if not self.points:
            raise ValueError(f'profile of {self.app!r}: points is empty; expected one or more')
        if len(self._by_place) != len(self.points):
            seen: set[tuple[PointKey, float]] = set()
            for point in self.points:
                if _place(point) in seen:
                    raise ValueError(
                        f'profile of {self.app!r}: points holds {point.key} at '
                        f'{point.frequency_hz:g} Hz twice; expected once'
                    )
                seen.add(_place(point))

    @cached_property
    def _by_place(self) -> dict[tuple[PointKey, float], OperatingPoint]:
        """Points by what is run where and at which clock."""
        return {_place(point): point for point in self.points}

    def is_same_as(self, other: Profile) -> bool:
        """Return whether nothing differs, an unknown value (NaN) being equal to another."""
        return repr(self) == repr(other)  # of floats, repr is exact; == is false for NaN

    @cached_property
    def _by_key(self) -> dict[PointKey, tuple[OperatingPoint, ...]]:
        """Points by what is run where, ascending in frequency; first what has no clock to set."""
        groups: dict[PointKey, list[OperatingPoint]] = {}
        for point in sorted(self.points, key=lambda each: _place(each)[1]):
            groups.setdefault(point.key, []).append(point)
        return {key: tuple(points) for key, points in groups.items()}

    def prepare(self) -> None:
        """Make what decisions look up: up to a second for 10,000 points, and not in the first."""
        _ = self.table, self._by_key

    @cached_property
    def table(self) -> PointTable:
        """The pruned points as arrays, made once a profile."""
        return PointTable.from_points(prune(self.points), energy_known=self.energy_known)

    @cached_property
    def energy_known(self) -> bool:
        """Whether every point says what a frame costs."""
        return not any(math.isnan(point.energy_j) for point in self.points)

    def at(self, key: PointKey, frequency_hz: float) -> OperatingPoint | None:
        """Return the point of `key` at the highest profiled clock not above `frequency_hz`.

        Below every profiled clock: the lowest. Unknown clock (NaN): the highest, because a Linux
        governor raises the clock under load. None if the profile does not have `key`.
        """
        points = self._by_key.get(key)
        if points is None:
            return None
        if math.isnan(frequency_hz):
            return points[-1]
        limit_hz = frequency_hz * (1 + 1e-3)
        below = bisect.bisect_right(points, limit_hz, key=lambda each: _place(each)[1])
        return points[max(below - 1, 0)]


def _place(point: OperatingPoint) -> tuple[PointKey, float]:
    """What, where and how fast; NaN, which equals nothing, becomes -1."""
    return (point.key, -1.0 if math.isnan(point.frequency_hz) else point.frequency_hz)


def prune(points: Iterable[OperatingPoint]) -> tuple[OperatingPoint, ...]:
    """Return the Pareto-optimal points of each processor and clock, in the order given.

    A point goes if another of the same processor and clock is no slower, no less steady, takes no
    more energy and is no less accurate. Only the same clock counts: applications that share a
    frequency domain may need a clock that is not the best for this one.
    """
    groups: dict[tuple[str, float], list[tuple[int, OperatingPoint]]] = {}
    for index, point in enumerate(points):
        groups.setdefault((point.processor, _place(point)[1]), []).append((index, point))
    kept = [each for group in groups.values() for each in _prune_group(group)]
    return tuple(point for _, point in sorted(kept, key=lambda each: each[0]))


def _prune_group(
    group: list[tuple[int, OperatingPoint]],
) -> list[tuple[int, OperatingPoint]]:
    """Prune points that share processor and clock; of equal points the first is kept."""
    costs = np.array(
        [[each.latency_s, each.latency_std_s, each.energy_j, -each.accuracy] for _, each in group]
    )
    # An unknown energy is neither better nor worse than another unknown one, and no rival to a
    # known one.
    unknown = np.isnan(costs[:, 2])
    costs[unknown, 2] = 0.0
    order = np.lexsort(costs.T[::-1])
    kept: list[int] = []
    for index in order:
        rivals = costs[kept]
        beaten = (rivals <= costs[index]).all(axis=1) & (unknown[kept] == unknown[index])
        if not beaten.any():
            kept.append(int(index))
    return [group[index] for index in kept]
