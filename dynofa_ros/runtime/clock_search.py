"""Search the clocks of all frequency domains together; at each, every application at its best.

Given the clocks, applications do not depend on each other, so the best joint choice is the best
combination of clocks with each application's best point there. Combinations are enumerated where
there are at most `EXACT_COMBINATIONS`; beyond that one domain at a time is improved from the
lowest and from the highest clocks until nothing improves, which need not be the optimum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.decision_state import ApplicationState, DecisionState, Domain
from dynofa_ros.runtime.operating_point import OperatingPoint
from dynofa_ros.runtime.point_table import SAME_CLOCK, Floats, Indices
from dynofa_ros.runtime.ranking import (
    DEADLINE_GIVEN_UP,
    FLOOR_GIVEN_UP,
    REFUSED,
    Forecast,
    Ranking,
)

EXACT_COMBINATIONS = 4096
# Sums over applications that differ by rounding are equal.
EQUAL = 1e-9


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


@dataclass(frozen=True)
class Plan:
    """One point for every application, and the clocks it takes."""

    points: tuple[OperatingPoint, ...]  # in the order of DecisionState.applications
    clocks_hz: Mapping[str, float]  # by domain, also those that no point uses
    exact: bool = True


@dataclass(frozen=True, eq=False)
class _Groups:
    """One application, boiled down to the best point of each group."""

    application: ApplicationState
    rows: Indices  # (groups,)
    ranking: Ranking  # (groups,)


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


def search(forecasts: Sequence[Forecast], clocks: Clocks, *, headroom: float = 0.0) -> Plan:
    """Return the best plan; `headroom` is the share of latency asked for to spare."""
    groups = [
        _Groups(each.application, *each.best_of_groups(headroom=headroom)) for each in forecasts
    ]
    sizes = [len(options) for options in clocks.options_hz]
    if math.prod(sizes) <= EXACT_COMBINATIONS:
        every = np.indices(sizes).reshape(len(sizes), math.prod(sizes)).T
        return _plan(groups, clocks, combinations=every, exact=True)
    starts = np.array([[0] * len(sizes), [size - 1 for size in sizes]])
    ends = [_descend(groups, clocks, start=start) for start in starts]
    return _plan(groups, clocks, combinations=np.array(ends), exact=False)


def _plan(
    groups: Sequence[_Groups], clocks: Clocks, *, combinations: Indices, exact: bool
) -> Plan:
    """Return the plan of the best of `combinations`, (combinations, domains)."""
    index, rows = _pick(groups, clocks, combinations=combinations)
    named = zip(clocks.domains, clocks.options_hz, combinations[index], strict=True)
    return Plan(
        points=tuple(
            each.application.profile.table.points[row]
            for each, row in zip(groups, rows, strict=True)
        ),
        clocks_hz={domain.name: float(options[option]) for domain, options, option in named},
        exact=exact,
    )


def _descend(groups: Sequence[_Groups], clocks: Clocks, *, start: Indices) -> Indices:
    """Improve one domain at a time until a whole round changes nothing."""
    now: Indices = start.copy()
    while True:
        before = now.copy()
        for domain, options in enumerate(clocks.options_hz):
            # The present option comes first, so that a tie changes nothing and the search ends.
            order = [now[domain], *(each for each in range(len(options)) if each != now[domain])]
            line = np.repeat(now[None, :], len(options), axis=0)
            line[:, domain] = order
            now = np.asarray(line[_pick(groups, clocks, combinations=line)[0]])
        if bool((now == before).all()):
            return now


def _pick(
    groups: Sequence[_Groups], clocks: Clocks, *, combinations: Indices
) -> tuple[int, tuple[int, ...]]:
    """Return the index of the best combination, the first of equals, and each table's row there."""
    chosen, rankings = [], []
    for each in groups:
        rows, ranking = _best_processor(each, clocks, combinations=combinations)
        chosen.append(rows)
        rankings.append(ranking)
    best = np.arange(len(combinations))
    for key in joint_keys([each.application for each in groups], rankings):
        values = key[best]
        best = best[values <= values.min() + EQUAL]
    index = int(best[0])
    return index, tuple(int(rows[index]) for rows in chosen)


def joint_keys(
    applications: Sequence[ApplicationState], rankings: Sequence[Ranking]
) -> list[Floats]:
    """Return the keys of the joint choice, most important first, smaller is better.

    For each priority from the highest: deadlines given up, then floors given up. Then, in the same
    order, by how much. Then the objective, then its tie-break, summed over applications.
    """
    violations = np.array([each.violation for each in rankings])
    late = violations >= DEADLINE_GIVEN_UP
    low = (violations >= FLOOR_GIVEN_UP) & ~late
    priorities = np.array([each.target.priority for each in applications])
    counts: list[Floats] = []
    losses: list[Floats] = []
    for priority in sorted(set(priorities.tolist()), reverse=True):
        rows = priorities == priority
        counts += [given_up[rows].sum(axis=0, dtype=float) for given_up in (late, low)]
        losses += [(violations[rows] * given_up[rows]).sum(axis=0) for given_up in (late, low)]
    primary = np.array([each.primary for each in rankings]).sum(axis=0)
    secondary = np.array([each.secondary for each in rankings]).sum(axis=0)
    return [*counts, *losses, primary, secondary]


def _best_processor(
    groups: _Groups, clocks: Clocks, *, combinations: Indices
) -> tuple[Indices, Ranking]:
    """Return, for each combination of clocks, the application's best row and its ranking."""
    options = _groups_at(groups, clocks, combinations=combinations)
    best, ranking = options[0]
    for group, other in options[1:]:
        better = _better(other, ranking)
        best = np.where(better, group, best)
        ranking = _merge(better, other, ranking)
    return groups.rows[best], ranking


def _groups_at(
    groups: _Groups, clocks: Clocks, *, combinations: Indices
) -> list[tuple[Indices, Ranking]]:
    """Return the application's groups that can run, with rankings, each (combinations,)."""
    result = []
    count = len(combinations)
    for name, processor in groups.application.profile.table.processors.items():
        if processor.unclocked_group is not None:
            rows: Indices = np.full(count, processor.unclocked_group, dtype=np.intp)
            result.append((rows, groups.ranking.take(rows)))
        if not len(processor.clocks_hz):
            continue
        domain = clocks.domain_of(name)
        options = np.array([math.nan] if domain is None else clocks.options_hz[domain])
        column = np.zeros(count, np.intp) if domain is None else combinations[:, domain]
        rows = processor.groups_at(options)[column]
        ranking = groups.ranking.take(rows)
        if domain is not None and clocks.domains[domain].settable:
            # No clock is chosen at which the latency would be a guess.
            known = processor.reaches(options)[column]
            violation = np.where(known, ranking.violation, np.maximum(ranking.violation, REFUSED))
            ranking = Ranking(violation, ranking.primary, ranking.secondary)
        result.append((rows, ranking))
    return result


def _merge(choose: npt.NDArray[np.bool_], left: Ranking, right: Ranking) -> Ranking:
    """Take `left` where chosen, else `right`."""
    return Ranking(
        np.where(choose, left.violation, right.violation),
        np.where(choose, left.primary, right.primary),
        np.where(choose, left.secondary, right.secondary),
    )


def _better(left: Ranking, right: Ranking) -> npt.NDArray[np.bool_]:
    """Whether `left` comes before `right`, row by row."""
    better = np.zeros(len(left.violation), dtype=bool)
    equal = np.ones(len(left.violation), dtype=bool)
    for mine, other in (
        (left.violation, right.violation),
        (left.primary, right.primary),
        (left.secondary, right.secondary),
    ):
        better |= equal & (mine < other)
        equal &= mine == other
    return better
