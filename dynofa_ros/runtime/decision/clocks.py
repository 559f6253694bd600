# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The frequencies to choose from, and the operating points of each application at them."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.decision.state import DecisionState, Domain
from dynofa_ros.runtime.operating_points.frequency import SAME_FREQUENCY, highest_same
from dynofa_ros.runtime.operating_points.table import Indices, PointTable

# With more combinations of frequencies than this, the search is not exhaustive.
EXACT_COMBINATIONS = 4096


class _Reached(NamedTuple):
    """The group of points of one processor at each frequency of its domain."""

    domain: int | None  # None: the frequency does not matter
    groups: Indices  # (options,)
    known: npt.NDArray[np.bool_] | None  # (options,) whether the latency is known; None: all are


@dataclass(frozen=True)
class Clocks:
    """The domains that matter, and the frequencies to choose from in each."""

    domains: tuple[Domain, ...]
    options_hz: tuple[tuple[float, ...], ...]  # (domains, options), ascending
    _reached: dict[PointTable, list[_Reached]] = field(default_factory=dict, compare=False)

    def domain_of(self, processor: str) -> int | None:
        """Return the index of the processor's domain, None if it has none."""
        for index, domain in enumerate(self.domains):
            if processor in domain.processors:
                return index
        return None

    def frequencies_hz(self, combination: Indices) -> dict[str, float]:
        """Return the frequency of each domain; `combination`: index of each one's option."""
        named = zip(self.domains, self.options_hz, combination, strict=True)
        return {domain.name: float(options[option]) for domain, options, option in named}

    def reached(self, table: PointTable) -> list[_Reached]:
        """Return the groups that can be reached on each processor; cached."""
        if table not in self._reached:
            self._reached[table] = [
                each for name in table.processors for each in self._reached_on(name, table)
            ]
        return self._reached[table]

    def _reached_on(self, name: str, table: PointTable) -> Iterator[_Reached]:
        """Yield the groups of one processor."""
        processor, domain = table.processors[name], self.domain_of(name)
        if processor.unclocked_group is not None:
            yield _Reached(None, np.array([processor.unclocked_group], np.intp), None)
        if not len(processor.clocks_hz):
            return
        if domain is None:
            yield _Reached(None, processor.groups_at(np.array([math.nan])), None)
            return
        options = np.array(self.options_hz[domain])
        known = None
        # A frequency below all profiled ones, whose latency is unknown, must not be chosen.
        if self.domains[domain].settable and not processor.reaches(options[:1])[0]:
            known = processor.reaches(options)
        yield _Reached(domain, processor.groups_at(options), known)


def clock_options(state: DecisionState) -> Clocks:
    """Return the domains that some application can use, by name, with their frequencies."""
    used = {name for each in state.applications for name in each.profile.table.processors}
    domains = sorted(
        (each for each in state.domains if used & set(each.processors)), key=lambda each: each.name
    )
    return Clocks(tuple(domains), tuple(_options(each, state) for each in domains))


def _options(domain: Domain, state: DecisionState) -> tuple[float, ...]:
    """Return the available frequencies that were profiled; all available ones if none was."""
    if not domain.settable:
        return (domain.frequency_hz,)
    profiled = sorted(
        clock_hz
        for each in state.applications
        for name, groups in each.profile.table.processors.items()
        if name in domain.processors
        for clock_hz in groups.clocks_hz.tolist()
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


def every_combination(clocks: Clocks) -> Indices | None:
    """Return all combinations of frequencies, (combinations, domains); None if too many."""
    sizes = [len(options) for options in clocks.options_hz]
    count = math.prod(sizes)
    return np.indices(sizes).reshape(len(sizes), count).T if count <= EXACT_COMBINATIONS else None


def extremes(clocks: Clocks) -> tuple[Indices, Indices]:
    """Return the combinations of all lowest and of all highest frequencies, each (domains,)."""
    highest = np.array([len(options) - 1 for options in clocks.options_hz], np.intp)
    return np.zeros_like(highest), highest


def line_through(combination: Indices, *, domain: int, clocks: Clocks) -> Indices:
    """Return all combinations that differ in one domain at most, (options, domains).

    `combination` is the first, so that a tie changes nothing and a line search ends.
    """
    now, count = combination[domain], len(clocks.options_hz[domain])
    line = np.repeat(combination[None, :], count, axis=0)
    line[:, domain] = [now, *(each for each in range(count) if each != now)]
    return line


def group_options(
    table: PointTable, clocks: Clocks, *, combinations: Indices
) -> list[tuple[Indices, npt.NDArray[np.bool_] | None]]:
    """Return the groups to choose from at each combination, one per processor.

    Each is the group and whether its latency is known, both (combinations,); None: all are known.
    """
    result: list[tuple[Indices, npt.NDArray[np.bool_] | None]] = []
    for domain, groups, known in clocks.reached(table):
        if domain is None:
            result.append((groups.repeat(len(combinations)), None))
        else:
            column = combinations[:, domain]
            result.append((groups[column], None if known is None else known[column]))
    return result
