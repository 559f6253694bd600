# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The best plan with the interference of our own applications.

The loads depend on the choice, so the search alternates: given the loads, the best plan; then, one
at a time, the move of an application to another processor that is best for all, until none is;
then the best plan with those processors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.decision.forecast import FLOOR_VIOLATED, REFUSED
from dynofa_ros.runtime.decision.interference import Use, use_of
from dynofa_ros.runtime.decision.problem import (
    NOWHERE,
    DecisionProblem,
    Plan,
    lexicographic_minimum,
)
from dynofa_ros.runtime.latency import normal_quantile
from dynofa_ros.runtime.operating_points.table import Floats, Indices

Solve = Callable[[DecisionProblem], Plan]

# Moves of applications in one decision, beyond one for each.
MOST_MOVES = 4
# Solutions for loads that follow from the solution before; the first one is the rule.
MOST_SOLUTIONS = 2


def settle(problem: DecisionProblem, solve: Solve) -> tuple[DecisionProblem, Plan]:
    """Return the best plan, and the problem with the interference that it causes.

    `problem` is under the present load.
    """
    plan, interference = solve(problem), problem.interference
    if not interference.matters:
        return problem, plan
    present, use = interference.present, use_of(problem.forecast, plan.rows)
    settled = present.agrees(use)
    if not (present.same_processors(use) and problem.all_met(plan.rows)):
        use = _Moves(problem, plan).use()
    if settled and present.same_processors(use):
        return problem, plan
    best = _on_processors(problem, solve, use)
    if NOWHERE in problem.current or present.same_processors(use):
        return best
    # Moves that are good one by one may not be so together.
    kept = (problem, plan) if settled else _on_processors(problem, solve, present)
    return kept if kept[0].value(kept[1].rows) <= best[0].value(best[1].rows) else best


def _on_processors(
    problem: DecisionProblem, solve: Solve, use: Use
) -> tuple[DecisionProblem, Plan]:
    """Return the best plan with these processors, and the problem with its interference."""
    only = problem.points.places(use.processor)
    for _ in range(MOST_SOLUTIONS):
        problem = replace(problem.under(problem.interference.load(use)), only=only)
        plan = solve(problem)
        assumed, use = use, use_of(problem.forecast, plan.rows)
        if assumed.agrees(use):
            break
    return problem, plan


class _Moves:
    """Moves applications between processors, the best move first, until none is better for all.

    They start from the plan where that leaves them on their processor, or else from their current
    points. The frequency of a domain that another application uses may only rise meanwhile.
    """

    def __init__(self, problem: DecisionProblem, plan: Plan) -> None:
        self._problem, self._interference = problem, problem.interference
        place_of, current = problem.points.place_of, np.array(problem.current)
        rows = np.array(plan.rows)
        self._free = current == NOWHERE
        self._planned = place_of[rows]
        kept = ~self._free & (place_of[current] != self._planned)
        self._rows = np.where(kept, current, rows)
        clocks = problem.clocks
        self._option = np.array(
            [
                option if now < 0 else now
                for option, now in zip(plan.combination, clocks.present, strict=True)
            ]
            + [0]
        )
        none = len(clocks.domains)
        domains = [clocks.domain_of(each) for each in problem.points.processors]
        self._domain = np.array([none if each is None else each for each in domains])

    def use(self) -> Use:
        """Return the use of the processors after all moves."""
        problem, use = self._problem, use_of(self._problem.forecast, self._rows)
        for _ in range(len(self._rows) + MOST_MOVES):
            problem = problem.under(self._interference.load(use))
            moved = self._move(problem, use)
            use = use_of(problem.forecast, self._rows)
            if not moved:
                break
        return use

    def _movers(self, problem: DecisionProblem, use: Use) -> npt.NDArray[np.bool_]:
        """Return which applications may move.

        If targets are violated, those that do so and those beside them; otherwise, those that gain.
        """
        late = problem.forecast.violation[self._rows] >= FLOOR_VIOLATED
        if late.any():
            return self._free | np.isin(use.processor, use.processor[late])
        return self._free | (problem.points.place_of[self._rows] != self._planned)

    def _move(self, problem: DecisionProblem, use: Use) -> bool:
        """Make the best move; whether there is one."""
        movers = self._movers(problem, use)
        if not movers.any():
            return False
        points = problem.points
        rows = np.concatenate((self._rows, self._best_of_places(problem, use, movers)))
        app = points.app_of[rows]
        values = problem.values(problem.keys(rows), app)
        values += self._others_values(problem, use, rows)
        gains = values - values[app]  # against what it runs
        best = lexicographic_minimum(gains)
        if not gains[best].any():
            return False
        self._rows[app[best]] = rows[best]
        return True

    def _best_of_places(
        self, problem: DecisionProblem, use: Use, movers: npt.NDArray[np.bool_]
    ) -> Indices:
        """Return the best point of each place of those that may move, (places,).

        At frequencies that the others allow.
        """
        reach = problem.reach
        users = self._domain[use.processor][:, None] == np.arange(reach.shape[1])
        fixed = users.sum(axis=0) > users
        fixed[:, -1] = False
        allowed = ~fixed[reach.app, reach.domain] | (reach.option >= self._option[reach.domain])
        entries = np.flatnonzero(allowed & reach.known & movers[reach.app])
        rows, place = problem.best[reach.group[entries]], reach.place[entries]
        order = np.lexsort((*problem.keys(rows)[::-1], place))
        return rows[order[np.flatnonzero(np.diff(place[order], prepend=-1))]]

    def _others_values(self, problem: DecisionProblem, use: Use, rows: Indices) -> Floats:
        """Return what all others contribute to the value if one application takes each point.

        Only their violations depend on it. The result is (rows, keys).
        """
        points, basis, every = problem.points, problem.basis, np.arange(problem.basis.count)
        app, processor = points.app_of[rows], use.processor
        new = use_of(problem.forecast, rows)
        now = use.others(every, processor)
        # (rows, applications, 3): without what it does now, with what it would do.
        beside = (processor[app][:, None] == processor)[..., None]
        sums = np.maximum(now - beside * use.sums[app][:, None], 0.0)
        sums = sums + (new.processor[:, None] == processor)[..., None] * new.sums[:, None]
        factors, turns = self._interference.factors[processor], self._interference.turns[processor]
        fixed_s = np.array([each.fixed_s for each in basis.applications])
        quantile_s = problem.forecast.quantile_s[self._rows]
        alone_s = np.where(
            turns,
            quantile_s - self._wait_s(now),
            fixed_s + (quantile_s - fixed_s) / (1.0 + factors * now[:, 0]),
        )
        quantile_s = np.where(
            turns,
            alone_s + self._wait_s(sums),
            fixed_s + (alone_s - fixed_s) * (1.0 + factors * sums[..., 0]),
        )
        late = quantile_s > basis.deadline_s
        extent = REFUSED - basis.deadline_s / quantile_s
        violation = np.where(late, extent, problem.forecast.floor_violation[self._rows])
        violation[np.arange(len(rows)), app] = 0.0
        return problem.violation_values(violation, every).sum(axis=1)

    def _wait_s(self, sums: Floats) -> Floats:
        """Return what a wait adds to the quantile of a latency, at most."""
        probability = self._problem.basis.policy.deadline_probability
        return sums[..., 1] + normal_quantile(probability) * np.sqrt(sums[..., 2])
