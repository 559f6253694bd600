"""A profile's operating points as arrays, grouped by processor and clock, for a fast decision."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.operating_points.point import OperatingPoint, PointKey

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

# Energy unknown: as though every point drew this power, so that the latency decides.
PROXY_POWER_W = 1.0
# Two clocks this close are one: drivers round.
SAME_CLOCK = 1e-3


@dataclass(frozen=True, eq=False)
class ProcessorGroups:
    """The groups (equal clock) of one processor."""

    points: slice  # rows of the table
    clocks_hz: Floats  # (groups with a clock,) ascending
    first_group: int  # group of clocks_hz[0]
    unclocked_group: int | None  # group of the points whose clock cannot be set

    def reaches(self, frequencies_hz: Floats) -> npt.NDArray[np.bool_]:
        """Whether a clock not above each frequency was profiled, so that latency is no guess."""
        return np.asarray(frequencies_hz * (1 + SAME_CLOCK) >= self.clocks_hz[0])

    def groups_at(self, frequencies_hz: Floats) -> Indices:
        """Return the group to expect at each frequency: the nearest profiled clock not above it.

        Below every profiled clock: the lowest. Unknown (NaN): the highest, because a Linux
        governor raises the clock under load. Only where `clocks_hz` is not empty.
        """
        # searchsorted puts NaN behind every number.
        below = np.searchsorted(self.clocks_hz, frequencies_hz * (1 + SAME_CLOCK), 'right')
        return self.first_group + np.maximum(below - 1, 0)


@dataclass(frozen=True, eq=False)
class PointTable:
    """Operating points sorted by processor, clock and latency."""

    points: tuple[OperatingPoint, ...]
    latency_s: Floats  # (points,)
    latency_std_s: Floats  # (points,)
    cost_j: Floats  # (points,) energy; latency x PROXY_POWER_W where the profile lacks an energy
    accuracy: Floats  # (points,)
    group_starts: Indices  # (groups,) first row of each group
    group_sizes: Indices  # (groups,)
    group_of: Indices  # (points,)
    most_accurate_first: Indices  # (points,) rows, group by group; of equals the cheapest first
    cheapest_first: Indices  # (points,) likewise; of equals the most accurate first
    keys: tuple[PointKey, ...]  # (keys,) what is run where, each once
    key_of: Indices  # (points,) index in `keys`
    processors: dict[str, ProcessorGroups]
    row_of: Mapping[OperatingPoint, int]

    @classmethod
    def from_points(cls, points: Iterable[OperatingPoint], *, energy_known: bool) -> PointTable:
        """Build the table of at least one point; `energy_known`: of every point of the profile."""
        rows = tuple(
            sorted(
                points,
                key=lambda each: (
                    each.processor,
                    _order(each.frequency_hz),
                    each.latency_s,
                    each.key,
                ),
            )
        )
        clocks = np.array([each.frequency_hz for each in rows])
        names = [each.processor for each in rows]
        new_group = [
            index == 0
            or names[index] != names[index - 1]
            or _order(clocks[index]) != _order(clocks[index - 1])
            for index in range(len(rows))
        ]
        starts = np.flatnonzero(new_group)
        group_of = np.cumsum(new_group) - 1
        cost_j = np.array([cost(each, energy_known=energy_known) for each in rows])
        accuracy = np.array([each.accuracy for each in rows])
        keys = {key: index for index, key in enumerate(dict.fromkeys(each.key for each in rows))}
        return cls(
            points=rows,
            latency_s=np.array([each.latency_s for each in rows]),
            latency_std_s=np.array([each.latency_std_s for each in rows]),
            cost_j=cost_j,
            accuracy=accuracy,
            group_starts=starts,
            group_sizes=np.diff(starts, append=len(rows)),
            group_of=group_of,
            most_accurate_first=np.lexsort((cost_j, -accuracy, group_of)),
            cheapest_first=np.lexsort((-accuracy, cost_j, group_of)),
            keys=tuple(keys),
            key_of=np.array([keys[each.key] for each in rows]),
            processors=_processor_groups(names, clocks=clocks, starts=starts),
            row_of={each: row for row, each in enumerate(rows)},
        )

    def among(self, keys: Collection[PointKey]) -> npt.NDArray[np.bool_]:
        """Return which points run what `keys` holds, (points,)."""
        found = np.fromiter(map(keys.__contains__, self.keys), bool, len(self.keys))
        return found[self.key_of]


def cost(point: OperatingPoint, *, energy_known: bool) -> float:
    """Return what a frame of `point` costs [J]."""
    return point.energy_j if energy_known else point.latency_s * PROXY_POWER_W


def _order(frequency_hz: float) -> float:
    """Sort points whose clock cannot be set (NaN) behind the others."""
    return math.inf if math.isnan(frequency_hz) else frequency_hz


def _processor_groups(
    names: Sequence[str], *, clocks: Floats, starts: Indices
) -> dict[str, ProcessorGroups]:
    """Find each processor's rows and groups in the sorted table."""
    owners = [names[start] for start in starts]
    result = {}
    for name in dict.fromkeys(owners):
        first, count = owners.index(name), owners.count(name)
        group_clocks = clocks[starts[first : first + count]]
        clocked = group_clocks[~np.isnan(group_clocks)]
        end = starts[first + count] if first + count < len(starts) else len(names)
        result[name] = ProcessorGroups(
            points=slice(int(starts[first]), int(end)),
            clocks_hz=clocked,
            first_group=first,
            # Points without a clock sort last.
            unclocked_group=first + count - 1 if len(clocked) < count else None,
        )
    return result
