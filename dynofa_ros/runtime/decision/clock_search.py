"""Search the clocks of all frequency domains together; at each, every application at its best.

Given the clocks, applications do not depend on each other, so the best joint choice is the best
combination of clocks with each application's best point there. Combinations are enumerated where
there are at most `EXACT_COMBINATIONS`; beyond that one domain at a time is improved from the
lowest and from the highest clocks until nothing improves, which need not be the optimum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

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
    """One point for every application, and the clocks it takes."""

    points: tuple[OperatingPoint, ...]  # in the order of DecisionState.applications
    clocks_hz: Mapping[str, float]  # by domain, also those that no point uses
    exact: bool = True
    loss_bound: float = 0.0  # see Decision
    kept: bool = False  # it is what runs already


@dataclass(frozen=True, eq=False)
class _Groups:
    """One application, boiled down to the best point of each group."""

    application: ApplicationState
    rows: Indices  # (groups,)
    ranking: Ranking  # (groups,)


def search(forecasts: Sequence[Forecast], clocks: Clocks, *, headroom: float = 0.0) -> Plan:
    """Return the best plan; `headroom` is the share of latency asked for to spare."""
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
    index, rows = _pick(groups, clocks, combinations=combinations)
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
    index = best_of([each.application for each in groups], rankings)
    return index, tuple(int(rows[index]) for rows in chosen)


def _best_processor(
    groups: _Groups, clocks: Clocks, *, combinations: Indices
) -> tuple[Indices, Ranking]:
    """Return, for each combination of clocks, the application's best row and its ranking."""
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
    """Return the best of an application's options, combination by combination."""
    best, ranking = options[0]
    for rows, other in options[1:]:
        better = _better(other, ranking)
        best = np.where(better, rows, best)
        ranking = _merge(better, other, ranking)
    return best, ranking


def _merge(choose: npt.NDArray[np.bool_], left: Ranking, right: Ranking) -> Ranking:
    """Take `left` where chosen, else `right`."""
    return Ranking(np.where(choose, left.keys, right.keys))


def _better(left: Ranking, right: Ranking) -> npt.NDArray[np.bool_]:
    """Whether `left` comes before `right`, row by row."""
    less, equal = left.keys < right.keys, left.keys == right.keys
    return np.asarray(less[0] | equal[0] & (less[1] | equal[1] & less[2]))
