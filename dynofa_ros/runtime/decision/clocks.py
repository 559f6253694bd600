# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The frequencies to choose from, and which operating points an application has at them."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.decision.state import DecisionState, Domain
from dynofa_ros.runtime.operating_points.frequency import SAME_FREQUENCY, highest_same, is_same
from dynofa_ros.runtime.operating_points.table import Indices, PointTable


@dataclass(frozen=True, eq=False)
class Reached:
    """The groups of points (one processor, one frequency) that an application can reach.

    Each entry is an option of a domain, and the group that runs there.
    """

    domain: Indices  # (entries,) index of the domain; the last one: points without a frequency
    option: Indices  # (entries,) index of the domain's frequency
    group: Indices  # (entries,) of the profile's table
    known: npt.NDArray[np.bool_]  # (entries,) whether its latency is known


@dataclass(frozen=True)
class Clocks:
    """The domains that matter, and the frequencies to choose from in each."""

    domains: tuple[Domain, ...]
    options_hz: tuple[tuple[float, ...], ...]  # (domains, options), ascending
    present: tuple[int, ...]  # (domains,) option that was commanded last, or runs; -1: unknown
    _reached: dict[PointTable, Reached] = field(default_factory=dict, compare=False)

    @property
    def most_options(self) -> int:
        """The largest number of frequencies of a domain."""
        return max([1, *(len(options) for options in self.options_hz)])

    def domain_of(self, processor: str) -> int | None:
        """Return the index of the processor's domain, None if it has none."""
        for index, domain in enumerate(self.domains):
            if processor in domain.processors:
                return index
        return None

    def frequencies_hz(self, combination: Sequence[int]) -> dict[str, float]:
        """Return the frequency of each domain; `combination`: index of each one's option."""
        named = zip(self.domains, self.options_hz, combination, strict=True)
        return {domain.name: float(options[option]) for domain, options, option in named}

    def every_combination(self, *, most: int) -> Indices | None:
        """Return all combinations of frequencies, (combinations, domains); None if too many."""
        sizes = [len(options) for options in self.options_hz]
        count = math.prod(sizes)
        return np.indices(sizes).reshape(len(sizes), count).T if count <= most else None

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

    def reached(self, table: PointTable) -> Reached:
        """Return what an application with this table can reach; cached."""
        if table not in self._reached:
            self._reached[table] = self._find_reached(table)
        return self._reached[table]

    def _find_reached(self, table: PointTable) -> Reached:
        none = len(self.domains)
        parts: list[tuple[int, Indices, npt.NDArray[np.bool_]]] = []
        for name, groups in table.processors.items():
            domain = self.domain_of(name)
            if groups.unclocked_group is not None:
                parts.append((none, np.array([groups.unclocked_group]), np.array([True])))
            if not len(groups.clocks_hz):
                continue
            if domain is None:
                parts.append((none, groups.groups_at(np.array([math.nan])), np.array([True])))
                continue
            options = np.array(self.options_hz[domain])
            # A frequency below all profiled ones, whose latency is unknown, must not be chosen.
            reaches = groups.reaches(options) | (not self.domains[domain].settable)
            parts.append((domain, groups.groups_at(options), reaches))
        return Reached(
            domain=np.repeat([domain for domain, *_ in parts], [len(each) for _, each, _ in parts]),
            option=np.concatenate([np.arange(len(each)) for _, each, _ in parts]),
            group=np.concatenate([each for _, each, _ in parts]),
            known=np.concatenate([each for *_, each in parts]),
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
