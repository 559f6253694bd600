# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The best plan within a power cap for all applications together.

The cap is hard: it comes before every target. The best plan without the cap is also the best within
it if it satisfies it. Otherwise each combination of frequencies is a knapsack: one point of each
application, with their total power within the cap. Combinations are searched in the order of their
bounds (`price_bound`); once a bound is no better than the best plan found, the search ends and is
exact. Beyond `EXACT_ROWS` of work, it returns the best plan so far with a bound on the loss.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dynofa_ros.runtime.decision.clock_search import Plan, search
from dynofa_ros.runtime.decision.clocks import Clocks, every_combination, extremes, line_through
from dynofa_ros.runtime.decision.joint_keys import first_best, is_before
from dynofa_ros.runtime.decision.loss_bound import loss_bound
from dynofa_ros.runtime.decision.prediction import EQUAL_POWER_W, powers_w, total_power_w, within
from dynofa_ros.runtime.decision.ranking import Forecast
from dynofa_ros.runtime.operating_points.table import Floats, Indices
from dynofa_ros.runtime.power_capped.knapsack import Items, choose
from dynofa_ros.runtime.power_capped.price_bound import PriceBound
from dynofa_ros.runtime.power_capped.problem import CappedProblem

# Pairs of points evaluated: for two fronts, and in total. Tens of milliseconds.
MERGED_ROWS = 20_000
EXACT_ROWS = 50_000
# Overhead of one combination of frequencies, in rows.
ROWS_PER_COMBINATION = 500


@dataclass(frozen=True, eq=False)
class _Found:
    """The best plan of some combinations of frequencies."""

    combination: Indices  # (domains,)
    entries: tuple[int, ...]  # one an application
    keys: tuple[float, ...]  # power above the cap [W], then `joint_keys`
    exact: bool


def search_within(
    forecasts: Sequence[Forecast], clocks: Clocks, *, cap_w: float, headroom: float = 0.0
) -> Plan:
    """Return the best plan within `cap_w` [W], or else the plan of least power."""
    plan = search(forecasts, clocks, headroom=headroom)
    if cap_w == math.inf or _fits(forecasts, plan, cap_w=cap_w):
        return plan
    if len(forecasts) == 1:  # the cap applies to each of its points
        excluded = powers_w(forecasts[0].application) > cap_w + EQUAL_POWER_W
        plan = search([forecasts[0].excluding(excluded)], clocks, headroom=headroom)
        if _fits(forecasts, plan, cap_w=cap_w):
            return plan
    for lenient in (False, True):
        problem = CappedProblem.of(
            forecasts, clocks, cap_w=cap_w, headroom=headroom, lenient=lenient
        )
        found = _search(problem)
        if math.isfinite(found.keys[0]):
            break
    chosen = tuple(
        each.application.profile.table.points[each.rows[entry]]
        for each, entry in zip(problem.applications, found.entries, strict=True)
    )
    loss = 0.0
    if not found.exact:
        loss = loss_bound(forecasts, chosen, clocks, headroom=headroom, cap_w=cap_w)
    return Plan(chosen, clocks.frequencies_hz(found.combination), found.exact, loss)


def _fits(forecasts: Sequence[Forecast], plan: Plan, *, cap_w: float) -> bool:
    """Whether the plan is within the cap."""
    return within(total_power_w([each.application for each in forecasts], plan.points), cap_w)


def _search(problem: CappedProblem) -> _Found:
    """Search all combinations of frequencies or, if too many, one domain at a time."""
    every = every_combination(problem.clocks)
    if every is not None:
        return _best_of(problem, every)
    ends = [_descend(problem, start) for start in extremes(problem.clocks)]
    best = ends[1] if is_before(ends[1].keys, ends[0].keys) else ends[0]
    return _Found(best.combination, best.entries, best.keys, exact=False)


def _descend(problem: CappedProblem, start: Indices) -> _Found:
    """Improve one domain at a time until a whole round improves nothing."""
    best = _best_of(problem, start[None, :])
    while True:
        before = best
        for domain in range(len(problem.clocks.domains)):
            line = line_through(best.combination, domain=domain, clocks=problem.clocks)
            found = _best_of(problem, line)
            best = found if is_before(found.keys, best.keys) else best
        if best is before:
            return best


def _best_of(problem: CappedProblem, combinations: Indices) -> _Found:
    """Return the best plan within the cap at some combinations, or else the least power."""
    options = problem.options(combinations)
    least = [each.least(at) for each, at in zip(problem.applications, options, strict=True)]
    least_w = np.array(
        [each.power_w[entry] for each, entry in zip(problem.applications, least, strict=True)]
    )
    spare_w = problem.cap_w - least_w.sum(axis=0)
    fits = spare_w >= -EQUAL_POWER_W
    if not fits.any():
        keys = np.column_stack((-spare_w, problem.value(least)))
        index = first_best(keys.T)
        entries = tuple(int(each[index]) for each in least)
        return _Found(combinations[index], entries, tuple(keys[index].tolist()), exact=True)
    options = [[groups[fits] for groups in at] for at in options]
    # The best point of each application if it had all the remaining power to itself.
    alone = [
        each.best_within(at, budget_w)
        for each, at, budget_w in zip(
            problem.applications, options, least_w[:, fits] + spare_w[fits], strict=True
        )
    ]
    return _best_fitting(
        problem, combinations[fits], options=options, optimistic=problem.value(alone)
    )


def _best_fitting(
    problem: CappedProblem,
    combinations: Indices,
    *,
    options: Sequence[Sequence[Indices]],
    optimistic: Floats,
) -> _Found:
    """Return the best plan.

    `optimistic` holds keys that no plan at a combination improves on, (combinations, keys).
    """
    first = int(np.lexsort(optimistic.T[::-1])[0])
    best, rows = _knapsack(problem, combinations, options=options, at=first)
    if len(combinations) == 1:
        return best
    exact = best.exact
    bound = PriceBound.of(problem, options=options, keys=best.keys[1:])
    limit = bound.limit(best.keys[1:])
    left = bound.order(but=first)
    while len(left):
        index, left = int(left[0]), left[1:]
        if bound.bounds[index] > limit:
            break  # bounds ascend
        if not is_before((0.0, *optimistic[index].tolist()), best.keys):
            continue
        if rows > EXACT_ROWS:
            return replace(best, exact=False)
        found, evaluated = _knapsack(problem, combinations, options=options, at=index)
        rows += evaluated + ROWS_PER_COMBINATION
        exact = exact and found.exact
        if is_before(found.keys, best.keys):
            best = found
            if not bound.applies_to(best.keys[1:]):
                bound = PriceBound.of(problem, options=options, keys=best.keys[1:])
                left = left[np.argsort(bound.bounds[left], kind='stable')]
            limit = bound.limit(best.keys[1:])
    return replace(best, exact=exact)


def _knapsack(
    problem: CappedProblem, combinations: Indices, *, options: Sequence[Sequence[Indices]], at: int
) -> tuple[_Found, int]:
    """Return the best plan at one combination, and the number of rows evaluated."""
    entries = [
        each.entries_at(groups, at)
        for each, groups in zip(problem.applications, options, strict=True)
    ]
    taken = choose(
        [
            Items(each.power_w[own], each.value[own])
            for each, own in zip(problem.applications, entries, strict=True)
        ],
        capacity=problem.cap_w + EQUAL_POWER_W,
        most_rows=max(MERGED_ROWS, 2 * max(map(len, entries))),
    )
    chosen = tuple(int(own[item]) for own, item in zip(entries, taken.items, strict=True))
    return _Found(combinations[at], chosen, (0.0, *taken.value), taken.exact), taken.rows
