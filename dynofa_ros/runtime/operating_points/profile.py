# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The profile of an application: its operating points on one platform, measured or modelled."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from dynofa_ros.runtime.checks import check_count, check_name
from dynofa_ros.runtime.estimation.correction import Correction
from dynofa_ros.runtime.operating_points.cascade import Cascade, CascadePoint, cascade_points
from dynofa_ros.runtime.operating_points.frequency import highest_same
from dynofa_ros.runtime.operating_points.pareto import pareto_front
from dynofa_ros.runtime.operating_points.point import OperatingPoint, PointKey
from dynofa_ros.runtime.operating_points.table import Floats, PointTable
from dynofa_ros.runtime.ranges import CASCADES_MAX, POINTS_MAX, PROCESSORS_MAX

SubnetOn = tuple[str, str]  # subnet_id, processor

# A point is not worse for certain unless another one is better by this share: profiles err.
PROFILE_MARGIN = 0.2


@dataclass(frozen=True)
class Profile:
    """All operating points of one application on one platform; mirrors msg/SubnetProfile."""

    app: str
    supernet: str
    platform: str
    latency_source: str
    energy_source: str
    points: tuple[OperatingPoint, ...]  # of sub-networks; those of cascades follow from them
    cascades: tuple[Cascade, ...] = ()
    # What an earlier run learned, by sub-network and processor. Not part of what the profile is.
    corrections: Mapping[SubnetOn, Correction] = field(
        default_factory=dict, repr=False, compare=False
    )
    # Sub-networks and processors whose latency turned out to differ from their points.
    unlike: frozenset[SubnetOn] = field(default=frozenset(), repr=False)

    def __post_init__(self) -> None:
        """Raise ValueError for a profile without a name or points, or with a duplicate point.

        Also for names that cannot be printed, and for too many points or processors.
        """
        check_name('app', self.app)
        for name in ('supernet', 'platform', 'latency_source', 'energy_source'):
            check_name(name, getattr(self, name), empty=True)
        if not self.points:
            raise ValueError(f'profile of {self.app!r}: points is empty; expected one or more')
        check_count(f'profile of {self.app!r}: points', self.points, most=POINTS_MAX)
        processors = {each.processor for each in self.points}
        check_count(f'profile of {self.app!r}: processors', processors, most=PROCESSORS_MAX)
        seen: set[tuple[PointKey, float]] = set()
        for point in self.points:
            identity = (point.key, _frequency_order(point))
            if identity in seen:
                raise ValueError(
                    f'profile of {self.app!r}: points holds {point.key} at '
                    f'{point.frequency_hz:g} Hz twice; expected once'
                )
            seen.add(identity)
        check_count(f'profile of {self.app!r}: cascades', self.cascades, most=CASCADES_MAX)
        names = {point.subnet_id for point in self.points}
        for cascade in self.cascades:
            if cascade.cascade_id in names:
                raise ValueError(
                    f'profile of {self.app!r}: cascades holds {cascade.cascade_id!r}; expected a '
                    'name that no sub-network and no other cascade has'
                )
            names.add(cascade.cascade_id)

    def with_unlike(self, subnet: SubnetOn) -> Profile:
        """Return the profile with one more sub-network and processor that is `unlike` it."""
        return replace(self, unlike=self.unlike | {subnet})

    def is_same_as(self, other: Profile) -> bool:
        """Whether all values but the corrections are equal, with NaN equal to NaN."""
        return repr(self) == repr(other)  # of floats, repr is exact; == is false for NaN

    @cached_property
    def every_point(self) -> tuple[OperatingPoint, ...]:
        """The points of the sub-networks, then those of the cascades."""
        return (*self.points, *cascade_points(self.cascades, self.points))

    def without_cascades(self) -> Profile:
        """Return the profile of the sub-networks alone."""
        return replace(self, cascades=()) if self.cascades else self

    @cached_property
    def _by_key(self) -> dict[PointKey, tuple[OperatingPoint, ...]]:
        """Points by key, ascending in frequency; those without a frequency first."""
        groups: dict[PointKey, list[OperatingPoint]] = {}
        for point in sorted(self.every_point, key=_frequency_order):
            groups.setdefault(point.key, []).append(point)
        return {key: tuple(points) for key, points in groups.items()}

    @cached_property
    def subnet_ids(self) -> tuple[str, ...]:
        """Names of the sub-networks and the cascades, sorted."""
        return tuple(sorted({each.subnet_id for each in self.every_point}))

    def prepare(self) -> None:
        """Build the look-up tables ahead of the first decision: 1 s for 20,000 points."""
        _ = self.table, self._by_key

    @cached_property
    def table(self) -> PointTable:
        """The pruned points as arrays."""
        return PointTable.from_points(
            prune(self.every_point, unlike=self.unlike, margin=PROFILE_MARGIN),
            energy_known=self.energy_known,
        )

    @cached_property
    def energy_known(self) -> bool:
        """Whether every point has an energy."""
        return not any(math.isnan(point.energy_j) for point in self.points)

    def at(self, key: PointKey, frequency_hz: float) -> OperatingPoint | None:
        """Return the point of `key` at the highest profiled frequency up to `frequency_hz`.

        Below all profiled frequencies: the lowest. NaN (unknown): the highest, because a Linux
        governor raises the frequency under load. None if the profile does not have `key`.
        """
        points = self._by_key.get(key)
        if points is None:
            return None
        if math.isnan(frequency_hz):
            return points[-1]
        below = bisect.bisect_right(points, highest_same(frequency_hz), key=_frequency_order)
        return points[max(below - 1, 0)]


def _frequency_order(point: OperatingPoint) -> float:
    """Return the frequency [Hz], -1 instead of NaN, which has no order and equals nothing."""
    return -1.0 if math.isnan(point.frequency_hz) else point.frequency_hz


def prune(
    points: Iterable[OperatingPoint],
    *,
    unlike: frozenset[SubnetOn] = frozenset(),
    margin: float = 0.0,
) -> tuple[OperatingPoint, ...]:
    """Return the Pareto-optimal points of each processor and frequency, in the order given.

    A point is dropped if another one of the same processor and frequency is no worse in latency,
    its standard deviation, energy and accuracy. Points of different frequencies are not compared:
    applications that share a frequency domain may need a frequency that is not the best for one.
    With a `margin` the other one has to be better by that share in all but accuracy. Points of
    `unlike` sub-networks and processors are all kept, and no other is dropped for them: a
    sub-network that is slower than its profile states must not hide the others. So are cascades
    with such a stage.
    """
    groups: dict[tuple[str, float, bool], list[tuple[int, OperatingPoint]]] = {}
    kept: list[tuple[int, OperatingPoint]] = []
    for index, point in enumerate(points):
        if unlike and not unlike.isdisjoint(subnets_on(point)):
            kept.append((index, point))
            continue
        # Unknown energies are equal to each other, and not compared with known ones.
        unknown = math.isnan(point.energy_j)
        key = (point.processor, _frequency_order(point), unknown)
        groups.setdefault(key, []).append((index, point))
    for group in groups.values():
        costs = np.nan_to_num(
            [[p.latency_s, p.latency_std_s, p.energy_j, -p.accuracy] for _, p in group]
        )
        front = pareto_front(costs)
        kept += [group[row] for row in (_near(costs, front, margin) if margin else front)]
    return tuple(point for _, point in sorted(kept, key=lambda each: each[0]))


def subnets_on(point: OperatingPoint) -> tuple[SubnetOn, ...]:
    """Return the sub-network of a point, or those of a cascade's stages, and their processor."""
    stages = point.stages if isinstance(point, CascadePoint) else (point,)
    return tuple((each.subnet_id, each.processor) for each in stages)


def _near(costs: Floats, front: Sequence[int], margin: float) -> Iterator[int]:
    """Yield the rows of the Pareto front, and those that it dominates by less than the margin.

    What any row dominates by the margin, one of the front does as well.
    """
    better = costs[front] * (1.0 + margin, 1.0 + margin, 1.0 + margin, 1.0)
    best = frozenset(front)
    for row, own in enumerate(costs):
        if row in best or not (better <= own).all(axis=1).any():
            yield row
