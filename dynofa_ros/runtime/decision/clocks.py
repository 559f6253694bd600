"""Which clocks there are to choose from, and what each application can run at them."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.decision.state import DecisionState, Domain
from dynofa_ros.runtime.operating_points.table import SAME_CLOCK, Indices, PointTable

# More combinations of clocks than these are not all looked at.
EXACT_COMBINATIONS = 4096


class _Reached(NamedTuple):
    """What an application can run on one processor at each option of its domain's clock."""

    domain: int | None  # None: no clock matters
    groups: Indices  # (options,)
    known: npt.NDArray[np.bool_] | None  # (options,) whether the latency is; None: everywhere


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
        """Return the clock of each domain; `combination`: index of each one's option."""
        named = zip(self.domains, self.options_hz, combination, strict=True)
        return {domain.name: float(options[option]) for domain, options, option in named}

    def reached(self, table: PointTable) -> list[_Reached]:
        """Return what there is to choose from; worked out once a decision, however often asked."""
        if table not in self._reached:
            self._reached[table] = [
                each for name in table.processors for each in self._reached_on(name, table)
            ]
        return self._reached[table]

    def _reached_on(self, name: str, table: PointTable) -> Iterator[_Reached]:
        """Yield what one processor offers."""
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
        # No clock is chosen at which the latency would be a guess. If the lowest reaches, all do.
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
    """Return available frequencies that were profiled; all available ones if none was."""
    if not domain.settable:
        return (domain.frequency_hz,)
    profiled = [
        clock_hz
        for each in state.applications
        for name, groups in each.profile.table.processors.items()
        if name in domain.processors
        for clock_hz in groups.clocks_hz.tolist()
    ]
    clocks_hz = sorted(profiled)
    if not clocks_hz:
        return (domain.frequency_hz,)
    available = sorted(domain.frequencies_hz) or sorted(set(clocks_hz))
    exactly = set(clocks_hz)
    both = [each for each in available if each in exactly or _holds(clocks_hz, each)]
    return tuple(both or available)


def _holds(ascending_hz: Sequence[float], clock_hz: float) -> bool:
    """Whether one of the clocks is this one."""
    lowest = bisect.bisect_left(ascending_hz, clock_hz * (1 - SAME_CLOCK))
    return lowest < len(ascending_hz) and ascending_hz[lowest] <= clock_hz * (1 + SAME_CLOCK)


def every_combination(clocks: Clocks) -> Indices | None:
    """Return all combinations of clocks, (combinations, domains); None if they are too many."""
    sizes = [len(options) for options in clocks.options_hz]
    count = math.prod(sizes)
    return np.indices(sizes).reshape(len(sizes), count).T if count <= EXACT_COMBINATIONS else None


def extremes(clocks: Clocks) -> tuple[Indices, Indices]:
    """Return the combinations of all lowest and of all highest clocks, each (domains,)."""
    highest = np.array([len(options) - 1 for options in clocks.options_hz], np.intp)
    return np.zeros_like(highest), highest


def line_through(combination: Indices, *, domain: int, clocks: Clocks) -> Indices:
    """Return all that differ in one domain's clock, (options, domains), `combination` first.

    So a tie changes nothing, and a search along such lines ends.
    """
    now, count = combination[domain], len(clocks.options_hz[domain])
    line = np.repeat(combination[None, :], count, axis=0)
    line[:, domain] = [now, *(each for each in range(count) if each != now)]
    return line


def group_options(
    table: PointTable, clocks: Clocks, *, combinations: Indices
) -> list[tuple[Indices, npt.NDArray[np.bool_] | None]]:
    """Return what an application can choose from at each combination: one group a processor.

    Each (combinations,): the group, and whether its latency is known there; None where it is
    everywhere.
    """
    result: list[tuple[Indices, npt.NDArray[np.bool_] | None]] = []
    for domain, groups, known in clocks.reached(table):
        if domain is None:
            result.append((groups.repeat(len(combinations)), None))
        else:
            column = combinations[:, domain]
            result.append((groups[column], None if known is None else known[column]))
    return result
