# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The frequencies to choose from, and which operating points an application has at them."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.decision.points import Points
from dynofa_ros.runtime.decision.state import DecisionState, Domain
from dynofa_ros.runtime.operating_points.frequency import SAME_FREQUENCY, highest_same, is_same
from dynofa_ros.runtime.operating_points.table import Floats, Indices, PointTable

Values = TypeVar('Values', Floats, Indices)

_YES = np.array([True])


@dataclass(frozen=True, eq=False)
class Reach:
    """The groups of points that applications can reach, each at an option of a domain.

    A *cell* is one application at one option of one domain; entries are sorted by it. The last
    domain stands for the points without a frequency, with one option.
    """

    app: Indices  # (entries,)
    domain: Indices  # (entries,)
    option: Indices  # (entries,) index of the domain's frequency
    group: Indices  # (entries,)
    known: npt.NDArray[np.bool_]  # (entries,) whether its latency is known
    place: Indices  # (entries,)
    cell: Indices  # (entries,) index in the flattened grid
    shape: tuple[int, int, int]  # of the grid: applications, domains + 1, options

    @cached_property
    def _first(self) -> Indices:
        """The first entry of each cell that has one."""
        return np.flatnonzero(np.diff(self.cell, prepend=-1))

    def least(self, costs: Values, *, missing: float) -> Values:
        """Return the least cost of the entries in each cell, (*shape, ...); `costs`: entries."""
        grid = np.full((math.prod(self.shape), *costs.shape[1:]), missing, costs.dtype)
        grid[self.cell[self._first]] = np.minimum.reduceat(costs, self._first, axis=0)
        return cast(Values, grid.reshape(*self.shape, *costs.shape[1:]))

    def least_of_groups(self, costs: Floats) -> Floats:
        """Return the least cost in each cell, infinite if there is none or it is unknown.

        `costs` is that of each group, (groups, columns); the result is (*shape, columns).
        """
        entries = np.where(self.known[:, None], costs[self.group], np.inf)
        return self.least(entries, missing=np.inf)


@dataclass(frozen=True, eq=False)
class Combinations:
    """Combinations of an option of each domain."""

    options: Indices  # (combinations, domains)
    sizes: tuple[int, ...] = ()  # of the domains, if these are all combinations

    def least(self, grid: Values) -> Values:
        """Return the least of each application, (applications, combinations, ...).

        `grid` is as of `Reach.least`.
        """
        best = grid[:, -1, :1]
        for domain, size in enumerate(self.sizes):
            both = np.minimum(best[:, :, None], grid[:, domain, None, :size])
            best = both.reshape(len(grid), -1, *grid.shape[3:])
        if not self.sizes:
            for domain, option in enumerate(self.options.T):
                best = np.minimum(best, grid[:, domain, option])
        return best


@dataclass(frozen=True)
class Clocks:
    """The domains that matter, and the frequencies to choose from in each."""

    domains: tuple[Domain, ...]
    options_hz: tuple[tuple[float, ...], ...]  # (domains, options), ascending
    present: tuple[int, ...]  # (domains,) option that was commanded last, or runs; -1: unknown

    @cached_property
    def _domain_of(self) -> dict[str, int]:
        return {name: index for index, each in enumerate(self.domains) for name in each.processors}

    def domain_of(self, processor: str) -> int | None:
        """Return the index of the processor's domain, None if it has none."""
        return self._domain_of.get(processor)

    def frequencies_hz(self, combination: Sequence[int]) -> dict[str, float]:
        """Return the frequency of each domain; `combination`: index of each one's option."""
        named = zip(self.domains, self.options_hz, combination, strict=True)
        return {domain.name: float(options[option]) for domain, options, option in named}

    def every_combination(self, *, most: int) -> Combinations | None:
        """Return all combinations of frequencies; None if there are too many."""
        sizes = tuple(len(options) for options in self.options_hz)
        return _combinations(sizes) if math.prod(sizes) <= most else None

    def present_group(self, table: PointTable, processor: str) -> int | None:
        """Return the group at the present frequency, None if that is unknown."""
        groups, domain = table.processors[processor], self.domain_of(processor)
        if domain is None or not len(groups.clocks_hz):
            return groups.unclocked_group
        if self.present[domain] < 0:
            return None
        clock_hz = self.options_hz[domain][self.present[domain]]
        return int(groups.groups_at(np.array([clock_hz]))[0])

    def running_group(self, table: PointTable, processor: str) -> int:
        """Return the group at the frequency in force; if that is unknown, the highest."""
        groups, domain = table.processors[processor], self.domain_of(processor)
        if not len(groups.clocks_hz):
            return int(groups.unclocked_group or 0)
        clock_hz = math.nan if domain is None else self.domains[domain].frequency_hz
        return int(groups.groups_at(np.array([clock_hz]))[0])

    def reach(self, points: Points) -> Reach:
        """Return what applications with these points can reach."""
        domains = tuple((each.processors, each.settable) for each in self.domains)
        return _reach(points, domains, self.options_hz)


@lru_cache(maxsize=8)
def _combinations(sizes: tuple[int, ...]) -> Combinations:
    return Combinations(np.indices(sizes).reshape(len(sizes), math.prod(sizes)).T, sizes)


@lru_cache(maxsize=8)
def _reach(
    points: Points,
    domains: tuple[tuple[tuple[str, ...], bool], ...],
    options_hz: tuple[tuple[float, ...], ...],
) -> Reach:
    """Return `Clocks.reach`; `domains` are the processors of each, and whether it is settable.

    The last results are kept, as frequencies to choose from hardly ever change.
    """
    none = len(domains)
    domain_of = {name: index for index, (names, _) in enumerate(domains) for name in names}
    parts: list[tuple[int, int, Indices, npt.NDArray[np.bool_]]] = []  # app, domain, groups, known
    for app, (table, first) in enumerate(zip(points.tables, points.first_groups, strict=True)):
        for name, groups in table.processors.items():
            domain = domain_of.get(name, none)
            if groups.unclocked_group is not None:
                parts.append((app, none, np.array([groups.unclocked_group + first]), _YES))
            if not len(groups.clocks_hz):
                continue
            if domain == none:
                parts.append((app, none, groups.groups_at(np.array([math.nan])) + first, _YES))
                continue
            options = np.array(options_hz[domain])
            # A frequency below all profiled ones, whose latency is unknown, must not be chosen.
            known = groups.reaches(options) | (not domains[domain][1])
            parts.append((app, domain, groups.groups_at(options) + first, known))
    counts = [len(groups) for *_, groups, _ in parts]
    apps, domains_of = (np.repeat([part[which] for part in parts], counts) for which in (0, 1))
    option = np.concatenate([np.arange(count) for count in counts])
    group = np.concatenate([groups for *_, groups, _ in parts])
    known = np.concatenate([known for *_, known in parts])
    shape = (len(points.tables), none + 1, max([1, *map(len, options_hz)]))
    cell = np.ravel_multi_index((apps, domains_of, option), shape)
    order = np.argsort(cell, kind='stable')
    return Reach(
        app=apps[order],
        domain=domains_of[order],
        option=option[order],
        group=group[order],
        known=known[order],
        place=points.group_place[group[order]],
        cell=cell[order],
        shape=shape,
    )


def clock_options(state: DecisionState) -> Clocks:
    """Return the domains that some application can use, by name, with their frequencies."""
    used = {name for each in state.applications for name in each.profile.table.processors}
    domains = sorted(
        (each for each in state.domains if used & set(each.processors)), key=lambda each: each.name
    )
    options = tuple(_options(each, state) for each in domains)
    return Clocks(tuple(domains), options, tuple(map(_present, domains, options)))


def _present(domain: Domain, options_hz: Sequence[float]) -> int:
    """Return the option that was commanded last, -1 if none; the only one of a fixed domain."""
    if not domain.settable:
        return 0
    for index, clock_hz in enumerate(options_hz):
        if is_same(clock_hz, domain.commanded_hz):
            return index
    return -1


def _options(domain: Domain, state: DecisionState) -> tuple[float, ...]:
    """Return the available frequencies that were profiled; all available ones if none was."""
    if not domain.settable:
        return (domain.frequency_hz,)
    profiled = sorted(
        {
            clock_hz
            for each in state.applications
            for name in domain.processors
            if name in each.profile.table.processors
            for clock_hz in each.profile.table.processors[name].clocks
        }
    )
    if not profiled:
        return (domain.frequency_hz,)
    exact = set(profiled)
    available = sorted(domain.frequencies_hz or exact)
    both = [each for each in available if each in exact or _contains(profiled, each)]
    return tuple(both or available)


def _contains(ascending_hz: Sequence[float], clock_hz: float) -> bool:
    """Whether one of the frequencies is the same as this one."""
    lowest = bisect.bisect_left(ascending_hz, clock_hz * (1 - SAME_FREQUENCY))
    return lowest < len(ascending_hz) and ascending_hz[lowest] <= highest_same(clock_hz)
