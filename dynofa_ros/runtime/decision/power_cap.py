# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The best plan within the power cap, which comes before every target.

The cap is priced (Lagrangian relaxation; Geoffrion, Mathematical Programming Study 2, 1974): every
plan within the cap has, at any price from 0,

    score >= sum over applications of min(score + price x power) - price x cap

so the best price bounds each combination of frequencies from below. Combinations are solved in the
order of their bounds, until none is left that may hold a better plan. There, a point stays only if
its cost leaves the bound below the best plan; the rest is a multiple-choice knapsack, of which the
Pareto front of power and value is folded application by application (Nemhauser and Ullmann,
Management Science 15(9), 1969).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from dynofa_ros.runtime.decision.clocks import Combinations
from dynofa_ros.runtime.decision.forecast import REFUSED
from dynofa_ros.runtime.decision.problem import (
    OBJECTIVE_KEYS,
    DecisionProblem,
    Plan,
    lexicographic_minimum,
    without_constant,
)
from dynofa_ros.runtime.decision.search import (
    EXACT_COMBINATIONS,
    Options,
    descend,
    lexicographic_weights,
    search,
    starts,
)
from dynofa_ros.runtime.operating_points.table import Floats, Indices

# Prices tried, as multiples of the span of the score over the cap.
PRICES = np.concatenate(([0.0], np.geomspace(1e-2, 1e2, 17)))
# The same for the search for promising combinations: over all keys, down to the objective's.
WIDE_PRICES = np.concatenate(([0.0], np.geomspace(1e-9, 1e6, 16)))
# Pairs of points evaluated in all folds, and points in a front: tens of milliseconds.
MOST_PAIRS = 200_000
MOST_FRONT = 4000
# Combinations that are solved together, and their plans.
TOGETHER = 16
MOST_TOGETHER = 30_000
ROUNDING = 1e-12


def search_within(problem: DecisionProblem) -> Plan:
    """Return the best plan within the power cap, or else the plan of least power."""
    plan, runs = search(problem)
    if problem.basis.policy.power_cap_w == np.inf or (runs and problem.fits(plan.rows)):
        return plan
    knapsack = _Knapsack.of(problem)
    found = knapsack.solve() or knapsack.lightest() or replace(plan, exact=False)
    return replace(found, limited=True)


@dataclass(frozen=True, eq=False)
class _Found:
    """A plan within the cap, or that of least power."""

    taken: Indices  # (applications,) points that can run
    combination: Indices  # (domains,)
    value: tuple[float, ...]  # (keys,)


@dataclass(frozen=True, eq=False)
class _Bounds:
    """A bound on the score of a plan at each combination of frequencies."""

    bound: Floats  # (combinations,)
    price: Floats  # (combinations,) that gives the bound [1/W]
    scores: Floats  # (points,)
    weights: Floats  # (keys,) of the score

    def limit(self, value: Sequence[float]) -> float:
        """Return the score that no plan with a better value exceeds."""
        return _rounded_up(float(self.weights @ np.array(value)))


@dataclass(frozen=True, eq=False)
class _Knapsack:
    """Points that can run, and what they contribute to power and value of a plan."""

    problem: DecisionProblem
    rows: Indices  # (points,) that can run, ascending by group
    app: Indices  # (points,)
    values: Floats  # (points, keys)
    weights_w: Floats  # (points,)

    @classmethod
    def of(cls, problem: DecisionProblem) -> _Knapsack:
        """Collect the points that may be in the best plan, or in that of least power."""
        points, weights_w = problem.points, problem.weights_w
        rows = np.flatnonzero(problem.possible)
        keys = problem.keys(rows)
        # Those that cannot run are here only if nothing else can.
        np.minimum(keys[0], np.nextafter(REFUSED, 0.0), out=keys[0])
        # Of each group only the Pareto front of power and value is needed.
        front = _pareto(weights_w[rows], keys.T, points.group_of[rows])
        rows, keys = rows[front], keys[:, front]
        app = points.app_of[rows]
        value = without_constant(problem.values(keys, app))
        return cls(problem, rows, app, value, weights_w[rows])

    @cached_property
    def starts(self) -> Indices:
        """The first point of each application."""
        return np.searchsorted(self.app, np.arange(self.problem.basis.count))

    @cached_property
    def exact(self) -> bool:
        """Whether all combinations of frequencies are searched."""
        return self.problem.clocks.every_combination(most=EXACT_COMBINATIONS) is not None

    @cached_property
    def combinations(self) -> Combinations:
        """The combinations of frequencies to search."""
        every = self.problem.clocks.every_combination(most=EXACT_COMBINATIONS)
        return self._promising() if every is None else every

    @cached_property
    def _least_w(self) -> Floats:
        """The least power at each combination, (combinations,) [W]."""
        return self._least(self.weights_w[:, None])[:, 0]

    def lightest(self) -> Plan | None:
        """Return the plan of least power; None if not all applications can run together."""
        if not np.isfinite(self._least_w.min()):
            return None
        return self._plan(self._lightest(), self.exact)

    def _lightest(self) -> _Found:
        """Return the plan of least power; of equal ones, the better value."""
        combination = self.combinations.options[self._least_w.argmin()]
        own = self._at(combination)
        order = np.lexsort((*self.values[own].T[::-1], self.weights_w[own], self.app[own]))
        own = own[order]
        first = np.searchsorted(self.app[own], np.arange(self.problem.basis.count))
        return self._found(own[first], combination)

    def solve(self) -> Plan | None:
        """Return the best plan within the cap, None if there is none."""
        problem = self.problem
        combinations, exact = self.combinations.options, self.exact
        left = self._least_w <= problem.capacity_w
        if not left.any():
            return None
        best, pairs, key = self._lightest(), 0, -1
        while True:
            if key != self._key_to_improve(best.value):
                key = self._key_to_improve(best.value)
                bounds = self._bounds(key)
            left &= bounds.bound <= bounds.limit(best.value)
            if not left.any():
                return self._plan(best, exact)
            if pairs > MOST_PAIRS:
                return self._plan(best, False)
            order = np.flatnonzero(left)
            order = order[np.argsort(bounds.bound[order], kind='stable')[:TOGETHER]]
            if not pairs:
                pairs, greedy = 1, self._greedy(combinations[order[0]], bounds)
                best = min(best, greedy or best, key=_value)
                continue
            spare = bounds.limit(best.value) - bounds.bound[order]
            plans, found = self._enumerate(combinations[order], bounds, bounds.price[order], spare)
            if plans > MOST_TOGETHER:
                order = order[:1]
                found, plans, complete = self._fold(
                    combinations[order[0]], bounds, price=bounds.price[order[0]], spare=spare[0]
                )
                exact &= complete
            best = best if found is None else min(best, found, key=_value)
            left[order] = False
            pairs += plans

    def _plan(self, found: _Found, exact: bool) -> Plan:
        rows, combination = self.rows[found.taken], found.combination
        return Plan(tuple(rows.tolist()), tuple(combination.tolist()), exact)

    def _found(self, taken: Indices, combination: Indices) -> _Found:
        return _Found(taken, combination, tuple(self.values[taken].sum(axis=0).tolist()))

    def _key_to_improve(self, value: Sequence[float]) -> int:
        """Return the first extent of a violation above 0, or else the objective.

        Of the counts of violations before it, half of the keys, a better plan has no more; earlier
        extents cannot be less.
        """
        objective = len(value) - OBJECTIVE_KEYS
        return next((key for key in range(objective // 2, objective) if value[key]), objective)

    def _spans(self, values: Floats) -> Floats:
        """Return by how much plans can differ, (keys,), if points have `values`, (points, keys)."""
        highest = np.maximum.reduceat(values, self.starts, axis=0)
        return np.asarray((highest - np.minimum.reduceat(values, self.starts, axis=0)).sum(axis=0))

    def _bounds(self, key: int) -> _Bounds:
        """Bound the score at each combination: the counts of violations, then one other key."""
        spans = self._spans(self.values)
        weights = np.zeros(len(spans))
        weights[key], total = 1.0, 1.0 + spans[key]
        for count in reversed(range((len(spans) - OBJECTIVE_KEYS) // 2)):
            weights[count] = total
            total += total * spans[count]
        scores, capacity_w = self.values @ weights, self.problem.capacity_w
        prices = PRICES * ((spans[key] or 1.0) / capacity_w)
        costs = scores[:, None] + prices * self.weights_w[:, None]
        bounds = self._least(costs) - prices * capacity_w
        best = bounds.argmax(axis=1)
        return _Bounds(bounds.max(axis=1), prices[best], scores, weights)

    def _promising(self) -> Combinations:
        """Return combinations that a coordinate descent finds at each price."""
        scores = self.values @ lexicographic_weights(self.problem, self.values)
        span = float(self._spans(scores[:, None])[0]) or 1.0
        prices = WIDE_PRICES * (span / self.problem.capacity_w)
        costs = scores[:, None] + prices * self.weights_w[:, None]
        # Finite where an application cannot run, so that each one that can is an improvement.
        least = np.minimum(self._least_of_cells(costs), 10.0 * float(costs.max()))
        found = [
            descend(least, starts=start[None].repeat(len(prices), axis=0))
            for start in starts(self.problem, Options.of(self.problem))
        ]
        return Combinations(np.unique(np.concatenate(found), axis=0))

    def _least_of_cells(self, costs: Floats) -> Floats:
        """Return the least cost in each cell, (*shape, columns); `costs`: (points, columns)."""
        group_of = self.problem.points.group_of[self.rows]
        first = np.flatnonzero(np.diff(group_of, prepend=-1))
        groups = np.full((len(self.problem.points.group_starts), costs.shape[1]), np.inf)
        groups[group_of[first]] = np.minimum.reduceat(costs, first, axis=0)
        return self.problem.reach.least_of_groups(groups)

    def _least(self, costs: Floats) -> Floats:
        """Return the least total cost at each combination, (combinations, columns)."""
        return np.asarray(self.combinations.least(self._least_of_cells(costs)).sum(axis=0))

    @cached_property
    def _cells(self) -> Indices:
        """The points in each cell, (applications, domains + 1, options, points), padded."""
        reach, points = self.problem.reach, self.problem.points
        groups = np.arange(len(points.group_starts) + 1)
        bounds = np.searchsorted(points.group_of[self.rows], groups)
        sizes = np.diff(bounds)[reach.group] * reach.known
        ends = np.cumsum(sizes)
        # Several processors of a domain have an option of it each: one after another in a cell.
        before = (ends - sizes)[np.searchsorted(reach.cell, reach.cell)]
        within = np.arange(int(ends[-1]))
        cell, start = np.repeat([reach.cell, before], sizes, axis=1)
        item = within - np.repeat(ends - sizes, sizes) + np.repeat(bounds[reach.group], sizes)
        cells = np.full((int(np.prod(reach.shape)), int((ends - before).max())), len(self.rows))
        cells[cell, within - start] = item
        return cells.reshape(*reach.shape, -1)

    def _at_each(self, combinations: Indices) -> Indices:
        """Return the points at combinations, (applications, combinations, points), padded."""
        count, domains = combinations.shape
        options = np.column_stack((combinations, np.zeros(count, np.intp)))
        at = self._cells[:, np.arange(domains + 1), options]
        return at.reshape(len(at), count, -1)

    def _at(self, combination: Indices) -> Indices:
        """Return the points that can be had at a combination, by application."""
        found = self._at_each(combination[None]).ravel()
        return found[found < len(self.rows)]

    def _enumerate(
        self, combinations: Indices, bounds: _Bounds, price: Floats, spare: Floats
    ) -> tuple[int, _Found | None]:
        """Return the number of plans at some combinations, and the best one.

        Points of which the cost exceeds the least one by more than `spare` are left out: no better
        plan has them. None if no plan is left, or if there are more than `MOST_TOGETHER`.
        """
        at = self._at_each(combinations)
        score, weight = np.append(bounds.scores, np.inf), np.append(self.weights_w, 0.0)  # none
        cost = score[at] + price[:, None] * weight[at]
        cost[cost > cost.min(axis=2, keepdims=True) + spare[:, None]] = np.inf
        sizes = np.isfinite(cost).sum(axis=2).max(axis=1).tolist()
        plans = len(combinations) * int(np.prod(sizes, dtype=float))
        if plans > MOST_TOGETHER:
            return plans, None
        order = np.argsort(cost, axis=2)[:, :, : max(sizes)]
        at = np.take_along_axis(at, order, axis=2)
        at[np.isinf(np.take_along_axis(cost, order, axis=2))] = len(self.rows)
        total_w, total = np.zeros((2, len(combinations), 1))
        for own, size in zip(at, sizes, strict=True):
            own = own[:, :size]
            total_w = (total_w[:, :, None] + weight[own][:, None]).reshape(len(own), -1)
            total = (total[:, :, None] + score[own][:, None]).reshape(len(own), -1)
        total[total_w > self.problem.capacity_w] = np.inf
        least = total.min()
        if np.isinf(least):
            return plans, None
        which, plan = np.nonzero(total <= _rounded_up(float(least)))
        items = np.array(np.unravel_index(plan, sizes))
        taken = at[np.arange(len(at))[:, None], which, items]
        best = lexicographic_minimum(self.values[taken].sum(axis=0))
        return plans, self._found(taken[:, best], combinations[which[best]])

    def _greedy(self, combination: Indices, bounds: _Bounds) -> _Found | None:
        """Return a good plan within the cap: the best one at the lowest price that allows it."""
        own = self._at(combination)
        span = float(np.ptp(bounds.scores)) or 1.0
        prices = PRICES * (span / self.problem.capacity_w)
        costs = bounds.scores[own, None] + prices * self.weights_w[own, None]
        ends = np.searchsorted(self.app[own], np.arange(self.problem.basis.count + 1))
        taken = np.array([own[i:j][costs[i:j].argmin(axis=0)] for i, j in pairwise(ends)])
        within = self.weights_w[taken].sum(axis=0) <= self.problem.capacity_w
        return self._found(taken[:, within.argmax()], combination) if within.any() else None

    def _fold(
        self, combination: Indices, bounds: _Bounds, *, price: float, spare: float
    ) -> tuple[_Found | None, int, bool]:
        """Return the best plan at a combination, the pairs evaluated, and whether it is proven.

        Points of which the cost exceeds the least one by more than `spare` are left out: no better
        plan has them. None if no plan is left.
        """
        own = self._at(combination)
        cost = bounds.scores[own] + price * self.weights_w[own]
        starts = np.searchsorted(self.app[own], np.arange(self.problem.basis.count))
        near = cost <= np.minimum.reduceat(cost, starts)[self.app[own]] + spare
        own = own[near]
        points = np.split(own, np.searchsorted(self.app[own], np.arange(1, len(starts))))
        least = [float(self.weights_w[each].min()) for each in points]
        power_w, value = np.zeros(1), np.zeros((1, self.values.shape[1]))
        before: list[tuple[Indices, Indices]] = []
        pairs, exact = 0, True
        for app, each in enumerate(points):
            total_w = power_w[:, None] + self.weights_w[each]
            pairs += total_w.size
            left_w = self.problem.capacity_w - sum(least[app + 1 :])
            front, item = np.nonzero(total_w <= left_w)
            power_w, value = total_w[front, item], value[front] + self.values[each[item]]
            kept = _pareto(power_w, value)
            if len(kept) > MOST_FRONT:
                kept = kept[np.linspace(0, len(kept) - 1, MOST_FRONT).astype(np.intp)]
                exact = False
            power_w, value = power_w[kept], value[kept]
            before.append((front[kept], each[item[kept]]))
        if not len(power_w):
            return None, pairs, exact
        row, taken = 0, []
        for front, item in reversed(before):
            taken.append(int(item[row]))
            row = int(front[row])
        return self._found(np.array(taken[::-1]), combination), pairs, exact


def _rounded_up(score: float) -> float:
    return score + ROUNDING * abs(score)


def _value(found: _Found) -> tuple[float, ...]:
    return found.value


def _pareto(power_w: Floats, value: Floats, group: Indices | None = None) -> Indices:
    """Return the rows of the Pareto front of each group, by group, best value first."""
    keys = (power_w, *value.T[::-1])
    order = np.lexsort(keys if group is None else (*keys, group))
    power_w = power_w[order]
    if group is not None:  # each group is shifted below the one before it
        power_w = power_w - group[order] * (power_w.max() + 1.0)
    kept = np.ones(len(order), bool)
    kept[1:] = power_w[1:] < np.minimum.accumulate(power_w)[:-1]
    return np.asarray(order[kept])


def loss_bound(problem: DecisionProblem, plan: Plan) -> float:
    """Return an upper bound on what a plan loses against the best one, in the objective.

    Only plans within the cap in which no application violates its targets more are compared,
    because a violated deadline would be a cheap way to accuracy. Where the combinations are too
    many, each application may have frequencies of its own.
    """
    points, cap_w, rows = problem.points, problem.capacity_w, np.arange(len(problem.possible))
    violation, primary, *_ = problem.keys(rows)
    found = np.array(plan.rows)
    prices = np.zeros(1)
    if np.isfinite(cap_w):
        lowest, highest = (
            each.reduceat(primary, points.starts[:-1]) for each in (np.minimum, np.maximum)
        )
        prices = PRICES * ((float((highest - lowest).sum()) or 1.0) / cap_w)
    cost = primary[:, None] + prices * problem.weights_w[:, None]
    cost[~problem.possible | (violation > violation[found][points.app_of])] = np.inf
    groups = np.minimum.reduceat(cost, points.group_starts, axis=0)
    least = problem.reach.least_of_groups(groups)
    combinations = problem.clocks.every_combination(most=EXACT_COMBINATIONS)
    if combinations is None:
        bound = least.min(axis=(1, 2)).sum(axis=0)[None]
    else:
        bound = combinations.least(least).sum(axis=0)
    if np.isfinite(cap_w):
        bound = bound - prices * cap_w
    return max(0.0, float(primary[found].sum()) - float(bound.max(axis=1).min()))
