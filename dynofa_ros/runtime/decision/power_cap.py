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

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dynofa_ros.runtime.decision.forecast import REFUSED
from dynofa_ros.runtime.decision.problem import (
    OBJECTIVE_KEYS,
    DecisionProblem,
    Plan,
    lexicographic_minimum,
)
from dynofa_ros.runtime.decision.search import (
    EXACT_COMBINATIONS,
    Options,
    descend,
    least_of_options,
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
    if problem.policy.power_cap_w == math.inf:
        return plan
    if not (runs and problem.fits(plan.rows)):
        possible = _without_impossible(problem)
        best, runs = search(possible)
        if runs and possible.fits(best.rows):
            plan = best
        else:
            found = _Knapsack.of(possible).solve() or _Knapsack.of(problem).lightest()
            plan = found or replace(plan, exact=False)
        plan = replace(plan, limited=True)
    return plan


def _without_impossible(problem: DecisionProblem) -> DecisionProblem:
    """Refuse the points that exceed the cap even if all other applications draw the least."""
    weights = problem.weights_w
    least = [float(weight[problem.possible(index)].min()) for index, weight in enumerate(weights)]
    spare_w = problem.capacity_w - sum(least)
    if spare_w < 0.0:
        return problem
    return problem.but(
        each.excluding(weight > own + spare_w)
        for each, weight, own in zip(problem.forecasts, weights, least, strict=True)
    )


@dataclass(frozen=True, eq=False)
class _Found:
    """A plan within the cap, or that of least power."""

    taken: list[int]  # of each application, index of the points that can run
    combination: Indices  # (domains,)
    value: tuple[float, ...]  # (keys,)


@dataclass(frozen=True, eq=False)
class _Bounds:
    """A bound on the score of a plan at each combination of frequencies."""

    bound: Floats  # (combinations,)
    price: Floats  # (combinations,) that gives the bound [1/W]
    scores: list[Floats]  # of each application, (points,)
    weights: Floats  # (keys,) of the score

    def limit(self, value: Sequence[float]) -> float:
        """Return the score that no plan with a better value exceeds."""
        return _rounded_up(float(self.weights @ np.array(value)))


@dataclass(frozen=True, eq=False)
class _Knapsack:
    """Points that can run, and what they contribute to power and value of a plan."""

    problem: DecisionProblem
    points: list[Indices]  # of each application: rows that can run
    values: list[Floats]  # (points, keys)
    weights_w: list[Floats]  # (points,)

    @classmethod
    def of(cls, problem: DecisionProblem) -> _Knapsack:
        points = [problem.possible(index) for index in range(len(problem.forecasts))]
        pairs = list(zip(problem.forecasts, problem.weights_w, points, strict=True))
        scores = [each.scores(rows) for each, _, rows in pairs]
        for each in scores:  # those that cannot run are here only if nothing else can
            np.minimum(each[0], np.nextafter(REFUSED, 0.0), out=each[0])
        values = problem.values(scores)
        weights = [weight[rows] for _, weight, rows in pairs]
        # Of each group only the Pareto front of power and value is needed.
        fronts = [
            _pareto(weight, value, each.table.group_of[rows])
            for (each, _, rows), weight, value in zip(pairs, weights, values, strict=True)
        ]
        return cls(
            problem,
            [each[front] for each, front in zip(points, fronts, strict=True)],
            [each[front] for each, front in zip(values, fronts, strict=True)],
            [each[front] for each, front in zip(weights, fronts, strict=True)],
        )

    def lightest(self) -> Plan | None:
        """Return the plan of least power; None if not all applications can run together."""
        combinations, exact = self._combinations()
        least_w = self._least_w(combinations)
        if not np.isfinite(least_w.min()):
            return None
        return self._plan(self._cheapest(combinations[least_w.argmin()], self.weights_w), exact)

    def solve(self) -> Plan | None:
        """Return the best plan within the cap, None if there is none."""
        problem = self.problem
        combinations, exact = self._combinations()
        least_w = self._least_w(combinations)
        if least_w.min() > problem.capacity_w:
            return None
        best = self._cheapest(combinations[least_w.argmin()], self.weights_w)
        combinations = combinations[least_w <= problem.capacity_w]
        left, pairs, key = np.ones(len(combinations), bool), 0, -1
        while True:
            if key != self._key_to_improve(best.value):
                key = self._key_to_improve(best.value)
                bounds = self._bounds(combinations, key=key)
            left &= bounds.bound <= bounds.limit(best.value)
            if not left.any():
                return self._plan(best, exact)
            if pairs > MOST_PAIRS:
                return self._plan(best, False)
            order = np.flatnonzero(left)
            order = order[np.argsort(bounds.bound[order], kind='stable')[:TOGETHER]]
            if not pairs:
                best = min(best, self._greedy(combinations[order[0]], bounds), key=_value)
            pairs += 1
            if key != self._key_to_improve(best.value):
                continue
            prices = bounds.price[order]
            spare = bounds.limit(best.value) - bounds.bound[order]
            plans, found = self._enumerate(combinations[order], bounds, prices, spare)
            if plans > MOST_TOGETHER:
                order = order[:1]
                found, plans, complete = self._fold(
                    combinations[order[0]], bounds, price=prices[0], spare=spare[0]
                )
                exact &= complete
            best = best if found is None else min(best, found, key=_value)
            left[order] = False
            pairs += plans

    def _combinations(self) -> tuple[Indices, bool]:
        """Return the combinations of frequencies to search, and whether they are all."""
        every = self.problem.clocks.every_combination(most=EXACT_COMBINATIONS)
        return (self._promising(), False) if every is None else (every, True)

    def _least_w(self, combinations: Indices) -> Floats:
        """Return the least power at each combination, (combinations,) [W]."""
        return _at(self._least([each[:, None] for each in self.weights_w]), combinations)[:, 0]

    def _plan(self, found: _Found, exact: bool) -> Plan:
        rows = [int(rows[item]) for rows, item in zip(self.points, found.taken, strict=True)]
        return Plan(tuple(rows), tuple(found.combination.tolist()), exact)

    def _found(self, taken: Sequence[int], combination: Indices) -> _Found:
        value = sum(each[item] for each, item in zip(self.values, taken, strict=True))
        return _Found([int(each) for each in taken], combination, tuple(np.asarray(value).tolist()))

    def _key_to_improve(self, value: Sequence[float]) -> int:
        """Return the first extent of a violation above 0, or else the objective.

        Of the counts of violations before it, half of the keys, a better plan has no more; earlier
        extents cannot be less.
        """
        objective = len(value) - OBJECTIVE_KEYS
        return next((key for key in range(objective // 2, objective) if value[key]), objective)

    def _bounds(self, combinations: Indices, *, key: int) -> _Bounds:
        """Bound the score at each combination: the counts of violations, then one other key."""
        spans = np.sum([np.ptp(each, axis=0) for each in self.values], axis=0)
        weights = np.zeros(len(spans))
        weights[key], total = 1.0, 1.0 + spans[key]
        for count in reversed(range((len(spans) - OBJECTIVE_KEYS) // 2)):
            weights[count] = total
            total += total * spans[count]
        scores = [each @ weights for each in self.values]
        capacity_w = self.problem.capacity_w
        prices = PRICES * ((spans[key] or 1.0) / capacity_w)
        costs = [
            score[:, None] + prices * weight[:, None]
            for score, weight in zip(scores, self.weights_w, strict=True)
        ]
        bounds = _at(self._least(costs), combinations) - prices * capacity_w
        best = bounds.argmax(axis=1)
        return _Bounds(bounds.max(axis=1), prices[best], scores, weights)

    def _promising(self) -> Indices:
        """Return combinations that a coordinate descent finds at each price."""
        weights = lexicographic_weights(self.values)
        span = sum(float(np.ptp(each @ weights)) for each in self.values) or 1.0
        prices = WIDE_PRICES * (span / self.problem.capacity_w)
        costs = [
            (value @ weights)[:, None] + prices * weight[:, None]
            for value, weight in zip(self.values, self.weights_w, strict=True)
        ]
        # Finite where an application cannot run, so that each one that can is an improvement.
        least = np.minimum(self._least(costs), 10.0 * max(float(each.max()) for each in costs))
        found = [
            descend(least, starts=start[None].repeat(len(prices), axis=0))
            for start in starts(self.problem, Options.of(self.problem))
        ]
        return np.unique(np.concatenate(found), axis=0)

    def _least(self, costs: Sequence[Floats]) -> Floats:
        """Return the least cost of each application at each option.

        `costs`: of each application, (points, columns). The result has the shape
        (applications, domains + 1, options, columns).
        """
        grids = []
        for forecast, rows, cost in zip(self.problem.forecasts, self.points, costs, strict=True):
            group_of = forecast.table.group_of[rows]
            first = np.flatnonzero(np.diff(group_of, prepend=-1))
            groups = np.full((len(forecast.table.group_starts), cost.shape[1]), np.inf)
            groups[group_of[first]] = np.minimum.reduceat(cost, first, axis=0)
            grids.append(least_of_options(self.problem.clocks, forecast.table, groups))
        return np.array(grids)

    @cached_property
    def _grid(self) -> list[Indices]:
        """The points of each application, (domains + 1, options, points); padded with none."""
        result = []
        for forecast, rows in zip(self.problem.forecasts, self.points, strict=True):
            reached = self.problem.clocks.reached(forecast.table)
            groups = np.arange(len(forecast.table.group_starts) + 1)
            starts = np.searchsorted(forecast.table.group_of[rows], groups)
            sizes = np.diff(starts)[reached.group] * reached.known
            # Several processors of a domain have an option of it each: one after another.
            slot = reached.domain * self.problem.clocks.most_options + reached.option
            order = np.argsort(slot, kind='stable')
            ends = np.cumsum(sizes[order])
            first = np.searchsorted(slot[order], slot[order])
            offset = (ends - sizes[order]) - (ends - sizes[order])[first]
            shape = (len(self.problem.clocks.domains) + 1, self.problem.clocks.most_options)
            grid = np.full((*shape, int((offset + sizes[order]).max())), len(rows))
            flat = grid.reshape(shape[0] * shape[1], -1)
            within = np.arange(int(ends[-1])) - np.repeat(ends - sizes[order], sizes[order])
            flat[np.repeat(slot[order], sizes[order]), np.repeat(offset, sizes[order]) + within] = (
                np.repeat(starts[reached.group[order]], sizes[order]) + within
            )
            result.append(grid)
        return result

    def _at_each(self, combinations: Indices) -> list[Indices]:
        """Return the points at combinations, of each application (combinations, points)."""
        count, domains = combinations.shape
        options = np.column_stack((combinations, np.zeros(count, np.intp)))
        return [grid[np.arange(domains + 1), options].reshape(count, -1) for grid in self._grid]

    def _at(self, combination: Indices) -> list[Indices]:
        """Return the points of each application that can be had at a combination."""
        found = self._at_each(combination[None])
        return [at[0][at[0] < len(rows)] for at, rows in zip(found, self.points, strict=True)]

    def _enumerate(
        self, combinations: Indices, bounds: _Bounds, price: Floats, spare: Floats
    ) -> tuple[int, _Found | None]:
        """Return the number of plans at some combinations, and the best one.

        Points of which the cost exceeds the least one by more than `spare` are left out: no better
        plan has them. None if no plan is left, or if there are more than `MOST_TOGETHER`.
        """
        taken, weights, scores = [], [], []
        for at, score, weight in zip(
            self._at_each(combinations), bounds.scores, self.weights_w, strict=True
        ):
            score, weight = np.append(score, np.inf), np.append(weight, 0.0)  # none
            cost = score[at] + price[:, None] * weight[at]
            cost[cost > (cost.min(axis=1) + spare)[:, None]] = np.inf
            order = np.argsort(cost, axis=1)[:, : int(np.isfinite(cost).sum(axis=1).max())]
            near = np.take_along_axis(at, order, axis=1)
            near[np.isinf(np.take_along_axis(cost, order, axis=1))] = len(score) - 1
            taken.append(near)
            weights.append(weight[near])
            scores.append(score[near])
        sizes = [each.shape[1] for each in taken]
        plans = len(combinations) * math.prod(sizes)
        if plans > MOST_TOGETHER:
            return plans, None
        total_w, total = weights[0], scores[0]
        for weight, score in zip(weights[1:], scores[1:], strict=True):
            total_w = (total_w[:, :, None] + weight[:, None, :]).reshape(len(weight), -1)
            total = (total[:, :, None] + score[:, None, :]).reshape(len(score), -1)
        within = (total_w <= self.problem.capacity_w) & np.isfinite(total)
        which, plan = np.nonzero(within)
        if not len(which):
            return plans, None
        least = total[which, plan]
        close = least <= _rounded_up(float(least.min()))
        which, plan = which[close], plan[close]
        items = [
            near[which, item]
            for near, item in zip(taken, np.unravel_index(plan, sizes), strict=True)
        ]
        value = sum(each[item] for each, item in zip(self.values, items, strict=True))
        best = int(lexicographic_minimum(np.asarray(value)))
        return plans, self._found([int(each[best]) for each in items], combinations[which[best]])

    def _cheapest(self, combination: Indices, costs: Sequence[Floats]) -> _Found:
        """Return the plan of least cost at a combination; of equal costs, the better value."""
        taken = [
            own[np.lexsort((*self.values[app][own].T[::-1], costs[app][own]))[0]]
            for app, own in enumerate(self._at(combination))
        ]
        return self._found(taken, combination)

    def _greedy(self, combination: Indices, bounds: _Bounds) -> _Found:
        """Return a good plan within the cap: the best one at the lowest price that allows it."""
        capacity_w = self.problem.capacity_w
        span = max(float(np.ptp(each)) for each in bounds.scores) or 1.0
        for price in PRICES * span / capacity_w:
            pairs = zip(bounds.scores, self.weights_w, strict=True)
            found = self._cheapest(combination, [s + price * w for s, w in pairs])
            taken = zip(self.weights_w, found.taken, strict=True)
            if sum(float(each[item]) for each, item in taken) <= capacity_w:
                return found
        return self._cheapest(combination, self.weights_w)

    def _fold(
        self, combination: Indices, bounds: _Bounds, *, price: float, spare: float
    ) -> tuple[_Found | None, int, bool]:
        """Return the best plan at a combination, the pairs evaluated, and whether it is proven.

        Points of which the cost exceeds the least one by more than `spare` are left out: no better
        plan has them. None if no plan is left.
        """
        own = [
            each[(cost := score[each] + price * weight[each]) <= cost.min() + spare]
            for each, score, weight in zip(
                self._at(combination), bounds.scores, self.weights_w, strict=True
            )
        ]
        least = [
            float(weight[each].min()) for each, weight in zip(own, self.weights_w, strict=True)
        ]
        power_w = np.zeros(1)
        value = np.zeros((1, self.values[0].shape[1]))
        before: list[tuple[Indices, Indices]] = []
        pairs, exact = 0, True
        for app, each in enumerate(own):
            total_w = power_w[:, None] + self.weights_w[app][each]
            pairs += total_w.size
            left_w = self.problem.capacity_w - sum(least[app + 1 :])
            front, item = np.nonzero(total_w <= left_w)
            power_w, value = total_w[front, item], value[front] + self.values[app][each[item]]
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
        return self._found(taken[::-1], combination), pairs, exact


def _rounded_up(score: float) -> float:
    return score + ROUNDING * abs(score)


def _value(found: _Found) -> tuple[float, ...]:
    return found.value


def _at(least: Floats, combinations: Indices) -> Floats:
    """Return the least total cost at each combination, (combinations, columns)."""
    best = least[:, -1, 0][:, None].repeat(len(combinations), axis=1)
    for domain in range(combinations.shape[1]):
        np.minimum(best, least[:, domain, combinations[:, domain]], out=best)
    return np.asarray(best.sum(axis=0))


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
    combinations = problem.clocks.every_combination(most=EXACT_COMBINATIONS)
    cap_w = problem.capacity_w
    primaries = [each.scores()[1] for each in problem.forecasts]
    prices = np.zeros(1)
    if math.isfinite(cap_w):
        prices = PRICES * ((sum(float(np.ptp(each)) for each in primaries) or 1.0) / cap_w)
    found, grids = 0.0, []
    for index, (forecast, primary) in enumerate(zip(problem.forecasts, primaries, strict=True)):
        row, rows = plan.rows[index], problem.possible(index)
        violation = forecast.scores()[0]
        found += float(primary[row])
        cost = np.full((len(primary), len(prices)), np.inf)
        cost[rows] = primary[rows, None] + prices * problem.weights_w[index][rows, None]
        cost[violation > violation[row]] = np.inf
        groups = np.minimum.reduceat(cost, forecast.table.group_starts, axis=0)
        grids.append(least_of_options(problem.clocks, forecast.table, groups))
    least = np.array(grids)
    if combinations is None:
        bound = least.min(axis=(1, 2)).sum(axis=0)[None]
    else:
        bound = _at(least, combinations)
    if math.isfinite(cap_w):
        bound = bound - prices * cap_w
    return max(0.0, found - float(bound.max(axis=1).min()))
