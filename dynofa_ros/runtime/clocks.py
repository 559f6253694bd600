"""Which clocks there are to choose from, and what each application can run at them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.decision_state import DecisionState, Domain
from dynofa_ros.runtime.point_table import SAME_CLOCK, Indices, PointTable

# More combinations of clocks than these are not all looked at.
EXACT_COMBINATIONS = 4096


@dataclass(frozen=True)
class Clocks:
    """The domains that matter, and the frequencies to choose from in each."""

    domains: tuple[Domain, ...]
    options_hz: tuple[tuple[float, ...], ...]  # (domains, options)

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
        groups.clocks_hz
        for each in state.applications
        for name, groups in each.profile.table.processors.items()
        if name in domain.processors
    ]
    clocks_hz = np.sort(np.concatenate(profiled))
    if not len(clocks_hz):
        return (domain.frequency_hz,)
    available = np.array(sorted(domain.frequencies_hz) or np.unique(clocks_hz))
    lowest = np.searchsorted(clocks_hz, available * (1 - SAME_CLOCK), 'left')
    highest = np.searchsorted(clocks_hz, available * (1 + SAME_CLOCK), 'right')
    both = available[highest > lowest]
    return tuple((both if len(both) else available).tolist())


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
    everywhere. No clock is chosen at which the latency would be a guess.
    """
    result: list[tuple[Indices, npt.NDArray[np.bool_] | None]] = []
    count = len(combinations)
    for name, processor in table.processors.items():
        if processor.unclocked_group is not None:
            result.append((np.full(count, processor.unclocked_group, dtype=np.intp), None))
        if not len(processor.clocks_hz):
            continue
        domain = clocks.domain_of(name)
        options = np.array([math.nan] if domain is None else clocks.options_hz[domain])
        column = np.zeros(count, np.intp) if domain is None else combinations[:, domain]
        settable = domain is not None and clocks.domains[domain].settable
        known = processor.reaches(options)[column] if settable else None
        result.append((processor.groups_at(options)[column], known))
    return result
