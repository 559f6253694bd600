# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Search the frequencies of all domains together, with every application at its best point.

Up to `EXACT_COMBINATIONS` the search is exhaustive. Beyond, a coordinate descent over domains
starts from several combinations, and may miss the optimum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.decision.clocks import Combinations
from dynofa_ros.runtime.decision.forecast import REFUSED
from dynofa_ros.runtime.decision.problem import (
    DecisionProblem,
    Plan,
    lexicographic_minimum,
    without_constant,
)
from dynofa_ros.runtime.operating_points.table import Floats, Indices

# With more combinations of frequencies than this, the search is not exhaustive.
EXACT_COMBINATIONS = 4096
# Rounds of the coordinate descent; it has hardly ever more than three.
MOST_ROUNDS = 20


@dataclass(frozen=True, eq=False)
class Options:
    """The best point of each group that can be reached, in the order of their keys."""

    rows: Indices  # (options,)
    runs: npt.NDArray[np.bool_]  # (options,) whether it can run
    value: Floats  # (options + 1, keys) contribution to a plan; the last one, `missing`, is inf
    first: Indices  # (applications, domains + 1, frequencies) the first option; `missing`: none

    @classmethod
    def of(cls, problem: DecisionProblem) -> Options:
        """Sort the best points of all groups that can be reached."""
        reach, only = problem.reach, problem.only
        entry = np.arange(len(reach.app))
        if only is not None:
            entry = np.flatnonzero(reach.place == only[reach.app])
        rows = problem.best[reach.group[entry]]
        keys = problem.keys(rows)
        keys[0, ~reach.known[entry]] = REFUSED
        order = np.lexsort(keys[::-1])
        first = np.full(len(reach.app), len(order))
        first[entry[order]] = np.arange(len(order))
        value = without_constant(problem.values(keys, reach.app[entry]))
        missing = np.full((1, value.shape[1]), np.inf)
        return cls(
            rows[order],
            keys[0, order] < REFUSED,
            np.concatenate((value[order], missing)),
            reach.least(first, missing=len(order)),
        )

    @property
    def missing(self) -> int:
        """The option that stands for none."""
        return len(self.rows)


def search(problem: DecisionProblem) -> tuple[Plan, bool]:
    """Return the best plan without a power cap, and whether all applications can run in it."""
    options, clocks = Options.of(problem), problem.clocks
    combinations = clocks.every_combination(most=EXACT_COMBINATIONS)
    exact = combinations is not None
    if combinations is None:
        costs = (options.value @ lexicographic_weights(problem, options.value[:-1]))[options.first]
        combinations = Combinations(descend(costs[..., None], starts=starts(problem, options)))
    found = combinations.least(options.first)
    values = options.value[found].sum(axis=0)
    moved = (combinations.options != np.array(clocks.present, np.intp)).sum(axis=1)
    best = lexicographic_minimum(np.column_stack((values, moved)))
    taken = found[:, best]
    rows = tuple(options.rows[taken].tolist())
    plan = Plan(rows, tuple(combinations.options[best].tolist()), exact)
    return plan, bool(options.runs[taken].all())


def lexicographic_weights(problem: DecisionProblem, values: Floats) -> Floats:
    """Return weights, (keys,), of which a sum orders plans as their keys do, up to rounding."""
    spans = np.ptp(values, axis=0) * problem.basis.count
    weights = np.ones(len(spans))
    for key in reversed(range(len(spans) - 1)):
        weights[key] = 1.0 + weights[key + 1 :] @ spans[key + 1 :]
    return weights


def starts(problem: DecisionProblem, options: Options) -> Indices:
    """Return combinations to start from, (starts, domains).

    The lowest and highest frequencies, the present ones, and those that applications like best. If
    each application has its processor, all would end where the present ones do.
    """
    clocks = problem.clocks
    highest = np.array([len(each) - 1 for each in clocks.options_hz], np.intp)
    present = np.where(np.array(clocks.present) < 0, highest, clocks.present)
    if problem.only is not None:
        return present[None]
    applications, _, most = options.first.shape
    domain, option = np.divmod(options.first.reshape(applications, -1).argmin(axis=1), most)
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
