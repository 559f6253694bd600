# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Search the frequencies of all domains together, with every application at its best point.

Up to `EXACT_COMBINATIONS` the search is exhaustive. Beyond, a coordinate descent over domains
starts from several combinations, and may miss the optimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.decision.clocks import Clocks
from dynofa_ros.runtime.decision.forecast import REFUSED
from dynofa_ros.runtime.decision.problem import DecisionProblem, Plan, lexicographic_minimum
from dynofa_ros.runtime.operating_points.table import Floats, Indices, PointTable

# With more combinations of frequencies than this, the search is not exhaustive.
EXACT_COMBINATIONS = 4096
# Rounds of the coordinate descent; it has hardly ever more than three.
MOST_ROUNDS = 20


@dataclass(frozen=True, eq=False)
class Options:
    """The best point of each application at each frequency of each domain, ranked.

    The last domain stands for the points without a frequency.
    """

    rank: Indices  # (applications, domains + 1, options); `missing` where there is none
    rows: list[Indices]  # of each application: row of its table, by rank
    runs: list[npt.NDArray[np.bool_]]  # whether it can run, by rank
    value: Floats  # (applications, ranks + 1, keys) contribution to the plan; `missing` is infinite

    @classmethod
    def of(cls, problem: DecisionProblem) -> Options:
        """Rank the best points of all groups that can be reached."""
        clocks = problem.clocks
        ranks, rows, scores = [], [], []
        for index, forecast in enumerate(problem.forecasts):
            reached = clocks.reached(forecast.table)
            best, keys = forecast.best
            keys = keys[:, reached.group]
            keys[0, ~reached.known] = REFUSED
            order = np.lexsort(keys[::-1])
            rank = np.empty(len(order), np.intp)
            rank[order] = np.arange(len(order))
            missing = np.iinfo(np.intp).max
            grid = np.full((len(clocks.domains) + 1, clocks.most_options), missing)
            at = reached.domain, reached.option
            if problem.only is not None:
                on = np.flatnonzero(forecast.on(problem.only[index])[best[reached.group]])
                at, rank = (at[0][on], at[1][on]), rank[on]
            np.minimum.at(grid, at, rank)
            ranks.append(grid)
            rows.append(best[reached.group][order])
            scores.append(keys[:, order])
        values = problem.values(scores)
        longest = max(len(each) for each in values)
        padded = np.full((len(values), longest + 1, values[0].shape[1]), np.inf)
        for index, each in enumerate(values):
            padded[index, : len(each)] = each
        runs = [violation < REFUSED for violation, *_ in scores]
        return cls(np.minimum(np.array(ranks), longest), rows, runs, padded)

    def ranks_at(self, combinations: Indices) -> Indices:
        """Return the rank of each application's best point, (applications, combinations)."""
        best = self.rank[:, -1, 0][:, None].repeat(len(combinations), axis=1)
        for domain in range(combinations.shape[1]):
            np.minimum(best, self.rank[:, domain, combinations[:, domain]], out=best)
        return best

    def values_at(self, ranks: Indices) -> Floats:
        """Return the value of plans, (combinations, keys); `ranks` as of `ranks_at`."""
        total = self.value[0].take(ranks[0], axis=0)
        for value, rank in zip(self.value[1:], ranks[1:], strict=True):
            total += value.take(rank, axis=0)
        return total


def search(problem: DecisionProblem) -> tuple[Plan, bool]:
    """Return the best plan without a power cap, and whether all applications can run in it."""
    options, clocks = Options.of(problem), problem.clocks
    combinations = clocks.every_combination(most=EXACT_COMBINATIONS)
    exact = combinations is not None
    if combinations is None:
        combinations = descend(costs_of(options)[..., None], starts=starts(problem, options))
    ranks = options.ranks_at(combinations)
    values = options.values_at(ranks)
    moved = (combinations != np.array(clocks.present, np.intp)).sum(axis=1)
    best = int(lexicographic_minimum(np.column_stack((values, moved))))
    taken = ranks[:, best].tolist()
    plan = Plan(
        rows=tuple(int(rows[rank]) for rows, rank in zip(options.rows, taken, strict=True)),
        combination=tuple(combinations[best].tolist()),
        exact=exact,
    )
    return plan, all(runs[rank] for runs, rank in zip(options.runs, taken, strict=True))


def lexicographic_weights(values: Sequence[Floats]) -> Floats:
    """Return weights, (keys,), of which a sum orders plans as their keys do, up to rounding.

    `values` hold the points of each application, (points, keys).
    """
    spans = np.sum([np.ptp(each, axis=0) for each in values], axis=0)
    weights = np.ones(len(spans))
    for key in reversed(range(len(spans) - 1)):
        weights[key] = 1.0 + weights[key + 1 :] @ spans[key + 1 :]
    return weights


def costs_of(options: Options) -> Floats:
    """Return one number for each option that orders plans, (applications, domains + 1, options)."""
    finite = [each[: len(rows)] for each, rows in zip(options.value, options.rows, strict=True)]
    score = options.value @ lexicographic_weights(finite)
    return np.asarray(np.take_along_axis(score[:, None, :], options.rank, axis=2))


def starts(problem: DecisionProblem, options: Options) -> Indices:
    """Return combinations to start from, (starts, domains).

    The lowest and highest frequencies, the present ones, and those that applications like best.
    """
    clocks = problem.clocks
    highest = np.array([len(each) - 1 for each in clocks.options_hz], np.intp)
    present = np.where(np.array(clocks.present) < 0, highest, clocks.present)
    applications, _, most = options.rank.shape
    domain, option = np.divmod(options.rank.reshape(applications, -1).argmin(axis=1), most)
    preferred = np.zeros(len(highest) + 1, np.intp)
    np.maximum.at(preferred, domain, option)
    return np.array([np.zeros_like(highest), highest, present, preferred[:-1]])


def descend(costs: Floats, *, starts: Indices) -> Indices:
    """Improve one domain at a time until nothing changes; return the ends, (starts, domains).

    `costs` is the least cost of each application at each option of each domain, for each start or
    for all: (applications, domains + 1, options, starts or 1).
    """
    count, domains = starts.shape
    each = np.arange(count)
    costs = np.broadcast_to(costs, (*costs.shape[:3], count))
    now = starts.copy()
    least = np.stack(
        [costs[:, domain, now[:, domain], each] for domain in range(domains)]
        + [costs[:, domains, 0, :]],
        axis=1,
    )
    for _ in range(MOST_ROUNDS):
        before = now.copy()
        for domain in range(domains):
            least[:, domain] = np.inf
            others = least.min(axis=1)
            total = np.minimum(costs[:, domain], others[:, None, :]).sum(axis=0)
            better = total.min(axis=0) < total[now[:, domain], each]  # a tie changes nothing
            now[:, domain] = np.where(better, total.argmin(axis=0), now[:, domain])
            least[:, domain] = costs[:, domain, now[:, domain], each]
        if (now == before).all():
            break
    return now


def least_of_options(clocks: Clocks, table: PointTable, cost: Floats) -> Floats:
    """Return the least cost at each option of each domain, (domains + 1, options, columns).

    `cost` is that of each group, (groups, columns).
    """
    reached = clocks.reached(table)
    grid = np.full((len(clocks.domains) + 1, clocks.most_options, cost.shape[1]), np.inf)
    entries = np.where(reached.known[:, None], cost[reached.group], np.inf)
    np.minimum.at(grid, (reached.domain, reached.option), entries)
    return grid
