# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Search the frequencies of all domains together, with every application at its best point.

Given the frequencies, applications are independent, so the best joint choice is the best
combination of frequencies with each application's best point there. Up to `EXACT_COMBINATIONS` the
search is exhaustive; beyond, a coordinate descent over domains starts from the lowest and from the
highest frequencies, and may miss the optimum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dynofa_ros.runtime.decision.clocks import (
    Clocks,
    every_combination,
    extremes,
    group_options,
    line_through,
)
from dynofa_ros.runtime.decision.joint_keys import best_of
from dynofa_ros.runtime.decision.loss_bound import loss_bound
from dynofa_ros.runtime.decision.ranking import REFUSED, Forecast, Ranking
from dynofa_ros.runtime.decision.state import ApplicationState
from dynofa_ros.runtime.operating_points.point import OperatingPoint
from dynofa_ros.runtime.operating_points.table import Indices


@dataclass(frozen=True)
class Plan:
    """One point for every application, and the frequencies of their domains."""

    points: tuple[OperatingPoint, ...]  # in the order of DecisionState.applications
    clocks_hz: Mapping[str, float]  # by domain, including those that no point uses
    exact: bool = True
    loss_bound: float = 0.0  # see Decision
    kept: bool = False  # the current plan


@dataclass(frozen=True, eq=False)
class _Groups:
    """The best point of each group of one application."""

    application: ApplicationState
    rows: Indices  # (groups,)
    ranking: Ranking  # (groups,)


def search(forecasts: Sequence[Forecast], clocks: Clocks, *, headroom: float = 0.0) -> Plan:
    """Return the best plan; `headroom` is the required relative latency margin."""
    groups = [
        _Groups(each.application, *each.best_of_groups(headroom=headroom)) for each in forecasts
    ]
    every = every_combination(clocks)
    if every is not None:
        return _plan(groups, clocks, combinations=every, exact=True)
    ends = [_descend(groups, clocks, start=start) for start in extremes(clocks)]
    plan = _plan(groups, clocks, combinations=np.array(ends), exact=False)
    return replace(plan, loss_bound=loss_bound(forecasts, plan.points, clocks, headroom=headroom))


def _plan(groups: Sequence[_Groups], clocks: Clocks, *, combinations: Indices, exact: bool) -> Plan:
    """Return the plan of the best of `combinations`, (combinations, domains)."""
    index, rows = _best(groups, clocks, combinations=combinations)
    return Plan(
        points=tuple(
            each.application.profile.table.points[row]
            for each, row in zip(groups, rows, strict=True)
        ),
        clocks_hz=clocks.frequencies_hz(combinations[index]),
        exact=exact,
    )


def _descend(groups: Sequence[_Groups], clocks: Clocks, *, start: Indices) -> Indices:
    """Improve one domain at a time until a whole round changes nothing."""
    now: Indices = start.copy()
    while True:
        before = now.copy()
        for domain in range(len(clocks.domains)):
            line = line_through(now, domain=domain, clocks=clocks)
            now = np.asarray(line[_best(groups, clocks, combinations=line)[0]])
        if bool((now == before).all()):
            return now


def _best(
    groups: Sequence[_Groups], clocks: Clocks, *, combinations: Indices
) -> tuple[int, tuple[int, ...]]:
    """Return the index of the first best combination, and each application's row there."""
    chosen, rankings = [], []
    for each in groups:
        rows, ranking = _best_processor(each, clocks, combinations=combinations)
        chosen.append(rows)
        rankings.append(ranking)
    index = best_of([each.application for each in groups], rankings)
    return index, tuple(int(rows[index]) for rows in chosen)


def _best_processor(
    groups: _Groups, clocks: Clocks, *, combinations: Indices
) -> tuple[Indices, Ranking]:
    """Return an application's best row and its ranking at each combination."""
    options = []
    table = groups.application.profile.table
    for rows, known in group_options(table, clocks, combinations=combinations):
        ranking = groups.ranking.take(rows)
        if known is not None:
            np.maximum(ranking.violation, REFUSED, out=ranking.violation, where=~known)
        options.append((rows, ranking))
    best, ranking = best_option(options)
    return groups.rows[best], ranking


def best_option(options: Sequence[tuple[Indices, Ranking]]) -> tuple[Indices, Ranking]:
    """Return the best of an application's options at each combination."""
    best, ranking = options[0]
    for rows, other in options[1:]:
        less, equal = other.keys < ranking.keys, other.keys == ranking.keys
        better = less[0] | equal[0] & (less[1] | equal[1] & less[2])
        best = np.where(better, rows, best)
        ranking = Ranking(np.where(better, other.keys, ranking.keys))
    return best, ranking
