# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A profile's operating points as arrays, grouped by processor and frequency."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

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
        on = [(each.subnet_id, each.processor) for each in rows]
        subnets = {each: index for index, each in enumerate(dict.fromkeys(on))}
        keys = {key: index for index, key in enumerate(dict.fromkeys(each.key for each in rows))}
        return cls(
            points=rows,
            latency_s=np.array([each.latency_s for each in rows]),
            latency_std_s=np.array([each.latency_std_s for each in rows]),
            cost_j=np.array([cost(each, energy_known=energy_known) for each in rows]),
            accuracy=np.array([each.accuracy for each in rows]),
            group_starts=starts,
            group_sizes=np.diff(starts, append=len(rows)),
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

    @cached_property
    def _rows_by_key(self) -> list[Indices]:
        """The rows of each key."""
        order = np.argsort(self.key_of, kind='stable')
        return np.split(order, np.cumsum(np.bincount(self.key_of))[:-1])

    @cached_property
    def _key_index(self) -> dict[PointKey, int]:
        return {key: index for index, key in enumerate(self.keys)}

    def rows_like(self, row: int) -> Indices:
        """Return the rows with the key of this one."""
        return self._rows_by_key[self.key_of[row]]

    def row_in(self, group: int, key: PointKey) -> int | None:
        """Return the row of a key in a group, None if it is not there."""
        index = self._key_index.get(key)
        if index is None:
            return None
        rows = self._rows_by_key[index]
        at = int(np.searchsorted(rows, self.group_starts[group]))
        row = int(rows[at]) if at < len(rows) else len(self.points)
        return row if row < self.group_starts[group] + self.group_sizes[group] else None


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
