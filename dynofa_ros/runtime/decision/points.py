# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The operating points of all applications of a decision, one after another in the same arrays.

A row is a point of one application. A *place* is one application on one processor, a *group* is a
place at one frequency; the rows of each are contiguous.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from dynofa_ros.runtime.operating_points.cascade_table import CascadeTable
from dynofa_ros.runtime.operating_points.objective import objective_keys
from dynofa_ros.runtime.operating_points.point import OperatingPoint, PointKey
from dynofa_ros.runtime.operating_points.table import Floats, Indices, PointTable
from dynofa_ros.runtime.settings import Objective


@dataclass(frozen=True, eq=False)
class Points:
    """What does not depend on targets and estimates."""

    tables: tuple[PointTable, ...]  # of each application
    starts: Indices  # (applications + 1,) first row of each application
    latency_s: Floats  # (points,), as are the next two
    latency_std_s: Floats
    accuracy: Floats
    cost_j: Floats  # (points,) as `PointTable.cost_j`
    processors: tuple[str, ...]
    place_app: Indices  # (places,)
    place_processor: Indices  # (places,) index in `processors`
    place_sizes: Indices  # (places,) points
    group_starts: Indices  # (groups,) first row
    group_sizes: Indices  # (groups,) points
    group_place: Indices  # (groups,)
    first_groups: Indices  # (applications,) first group of each

    @staticmethod
    @lru_cache(maxsize=8)
    def of(tables: tuple[PointTable, ...]) -> Points:
        """Join the tables; the last results are kept, as tables hardly ever change."""
        starts = np.cumsum([0, *(len(each.points) for each in tables)])
        places = [(app, name) for app, each in enumerate(tables) for name in each.processors]
        processors = tuple(dict.fromkeys(sorted(name for _, name in places)))
        spans = [tables[app].processors[name].points for app, name in places]
        sizes = np.array([each.stop - each.start for each in spans])
        group_starts = np.concatenate(
            [each.group_starts + start for each, start in zip(tables, starts[:-1], strict=True)]
        )
        ends = np.cumsum(sizes)
        return Points(
            tables=tables,
            starts=starts,
            latency_s=np.concatenate([each.latency_s for each in tables]),
            latency_std_s=np.concatenate([each.latency_std_s for each in tables]),
            accuracy=np.concatenate([each.accuracy for each in tables]),
            cost_j=np.concatenate([each.cost_j for each in tables]),
            processors=processors,
            place_app=np.array([app for app, _ in places]),
            place_processor=np.array([processors.index(name) for _, name in places]),
            place_sizes=sizes,
            group_starts=group_starts,
            group_sizes=np.diff(group_starts, append=starts[-1]),
            group_place=np.searchsorted(ends, group_starts, 'right'),
            first_groups=np.searchsorted(group_starts, starts[:-1]),
        )

    @cached_property
    def group_of(self) -> Indices:
        """The group of each row, (points,)."""
        return np.repeat(np.arange(len(self.group_starts)), self.group_sizes)

    @cached_property
    def place_of(self) -> Indices:
        """The place of each row, (points,)."""
        return np.repeat(np.arange(len(self.place_app)), self.place_sizes)

    @cached_property
    def place_counts(self) -> list[int]:
        """The same as `place_sizes`."""
        return self.place_sizes.tolist()

    @cached_property
    def app_of(self) -> Indices:
        """The application of each row, (points,)."""
        return self.place_app[self.place_of]

    @cached_property
    def key_of(self) -> Indices:
        """A number for the key of each row, (points,); distinct for each application."""
        counts = np.cumsum([0, *(len(each.keys) for each in self.tables)])
        return np.concatenate(
            [each.key_of + first for each, first in zip(self.tables, counts[:-1], strict=True)]
        )

    @cached_property
    def cascades(self) -> CascadeTable | None:
        """The cascades among the points; None: there are none."""
        tables = [each.cascades for each in self.tables]
        starts = self.starts[:-1].tolist()
        found = [(each, start) for each, start in zip(tables, starts, strict=True) if each]
        return CascadeTable.joined(found) if found else None

    def each(self, values: Sequence[float]) -> Floats:
        """Return a value of each application for its rows: (points,), or a number for only one."""
        return np.repeat(values, np.diff(self.starts)) if len(values) > 1 else np.array(values[0])

    def rows_of(self, app: int) -> slice:
        """Return the rows of one application."""
        return slice(int(self.starts[app]), int(self.starts[app + 1]))

    def point(self, row: int) -> OperatingPoint:
        """Return the point of a row."""
        app = int(self.app_of[row])
        return self.tables[app].points[row - int(self.starts[app])]

    def places(self, processors: Indices) -> Indices:
        """Return the place of each application on a processor that it has, (applications,)."""
        on = self.place_processor == processors[self.place_app]
        return np.flatnonzero(on)

    def rows_in(self, group: int) -> Indices:
        """Return the rows of a group."""
        return np.arange(self.group_sizes[group]) + self.group_starts[group]

    def row_in(self, app: int, group: int, key: PointKey) -> int | None:
        """Return the row of a key in a group of an application's table, None if it is not there."""
        row = self.tables[app].row_in(group, key)
        return None if row is None else row + int(self.starts[app])

    def rows_like(self, row: int) -> Indices:
        """Return the rows with the same key, (rows,)."""
        app = int(self.app_of[row])
        start = int(self.starts[app])
        return self.tables[app].rows_like(row - start) + start


@dataclass(frozen=True, eq=False)
class Ranking:
    """The rows in the order of an objective."""

    primary: Floats  # (points,) smaller is better, as is the next one
    secondary: Floats  # (points,)
    order: Indices  # (points,) rows, group by group, the best of each first

    @classmethod
    def of(cls, points: Points, keys: tuple[Floats, Floats]) -> Ranking:
        """Rank the rows by their keys, as of `objective_keys`."""
        primary, secondary = keys
        return cls(primary, secondary, np.lexsort((secondary, primary, points.group_of)))

    @staticmethod
    @lru_cache(maxsize=8)
    def profiled(points: Points, objective: Objective, energy_weight: float) -> Ranking:
        """Rank the rows as profiled; the last results are kept, as only the objective changes."""
        accuracy, cost_j = points.accuracy, points.cost_j
        keys = objective_keys(
            objective, energy_weight=energy_weight, accuracy=accuracy, cost_j=cost_j
        )
        return Ranking.of(points, keys)
