# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A profile's operating points as arrays, grouped by processor and frequency."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.operating_points.cascade_table import CascadeTable
from dynofa_ros.runtime.operating_points.frequency import highest_same
from dynofa_ros.runtime.operating_points.point import OperatingPoint, PointKey, cost

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class ProcessorGroups:
    """The groups (equal frequency) of one processor."""

    points: slice  # rows of the table
    clocks_hz: Floats  # (groups with a frequency,) ascending
    clocks: tuple[float, ...]  # the same
    first_group: int  # group of clocks_hz[0]
    unclocked_group: int | None  # group of the points whose frequency cannot be set

    def reaches(self, frequencies_hz: Floats) -> npt.NDArray[np.bool_]:
        """Whether some frequency up to each of these was profiled, so that latency is known."""
        return np.asarray(highest_same(frequencies_hz) >= self.clocks_hz[0])

    def groups_at(self, frequencies_hz: Floats) -> Indices:
        """Return the group at each frequency, as `Profile.at`; `clocks_hz` must not be empty."""
        # searchsorted sorts NaN behind every number.
        below = np.searchsorted(self.clocks_hz, highest_same(frequencies_hz), 'right')
        return self.first_group + np.maximum(below - 1, 0)


@dataclass(frozen=True, eq=False)
class PointTable:
    """Operating points sorted by processor, frequency and latency."""

    points: tuple[OperatingPoint, ...]
    latency_s: Floats  # (points,)
    latency_std_s: Floats  # (points,)
    cost_j: Floats  # (points,) energy, or latency x PROXY_POWER_W if the profile lacks an energy
    accuracy: Floats  # (points,)
    group_starts: Indices  # (groups,) first row of each group
    group_sizes: Indices  # (groups,)
    group_of: Indices  # (points,)
    most_accurate_first: Indices  # (points,) rows, group by group; ties: cheapest first
    cheapest_first: Indices  # (points,) rows, group by group; ties: most accurate first
    processor_of: Indices  # (points,) index in `processors`
    subnets: tuple[tuple[str, str], ...]  # distinct sub-networks and processors
    subnet_of: Indices  # (points,) index in `subnets`
    keys: tuple[PointKey, ...]  # (keys,) distinct
    key_of: Indices  # (points,) index in `keys`
    processors: dict[str, ProcessorGroups]
    row_of: Mapping[OperatingPoint, int]
    cascades: CascadeTable | None  # those among the points; None: there are none

    @classmethod
    def from_points(cls, points: Iterable[OperatingPoint], *, energy_known: bool) -> PointTable:
        """Build the table of at least one point; `energy_known`: of every point of the profile."""

        def group(point: OperatingPoint) -> tuple[str, float]:
            """Return processor and frequency; points without a frequency (NaN) sort last."""
            unclocked = math.isnan(point.frequency_hz)
            return point.processor, math.inf if unclocked else point.frequency_hz

        rows = tuple(sorted(points, key=lambda each: (*group(each), each.latency_s, each.key)))
        groups = [group(each) for each in rows]
        new_group = [index == 0 or groups[index] != groups[index - 1] for index in range(len(rows))]
        starts = np.flatnonzero(new_group)
        group_of = np.cumsum(new_group) - 1
        cost_j = np.array([cost(each, energy_known=energy_known) for each in rows])
        accuracy = np.array([each.accuracy for each in rows])
        on = [(each.subnet_id, each.processor) for each in rows]
        subnets = {each: index for index, each in enumerate(dict.fromkeys(on))}
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
            processor_of=np.unique([each.processor for each in rows], return_inverse=True)[1],
            subnets=tuple(subnets),
            subnet_of=np.array([subnets[each] for each in on]),
            keys=tuple(keys),
            key_of=np.array([keys[each.key] for each in rows]),
            processors=_processor_groups(groups, starts),
            row_of={each: row for row, each in enumerate(rows)},
            cascades=CascadeTable.of(rows, energy_known=energy_known),
        )

    def among(self, keys: Collection[PointKey]) -> npt.NDArray[np.bool_]:
        """Return which points have one of these keys, (points,)."""
        found = np.fromiter(map(keys.__contains__, self.keys), bool, len(self.keys))
        return found[self.key_of]

    def row_in(self, group: int, key: PointKey) -> int | None:
        """Return the row of a key in a group, None if it is not there."""
        start = int(self.group_starts[group])
        for row in range(start, start + int(self.group_sizes[group])):
            if self.points[row].key == key:
                return row
        return None


def _processor_groups(
    groups: Sequence[tuple[str, float]], starts: Indices
) -> dict[str, ProcessorGroups]:
    """Find each processor's rows and groups; `groups`: processor and frequency of each row."""
    owners = [groups[start][0] for start in starts]
    result = {}
    for name, count in Counter(owners).items():
        first = owners.index(name)
        clocks = np.array([groups[start][1] for start in starts[first : first + count]])
        clocked = clocks[np.isfinite(clocks)]
        end = starts[first + count] if first + count < len(starts) else len(groups)
        result[name] = ProcessorGroups(
            points=slice(int(starts[first]), int(end)),
            clocks_hz=clocked,
            clocks=tuple(clocked.tolist()),
            first_group=first,
            unclocked_group=first + count - 1 if len(clocked) < count else None,
        )
    return result
