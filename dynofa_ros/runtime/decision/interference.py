# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What our own applications do to each other on a processor, as part of the joint choice.

One other inference that is always running slows a frame down by `1 + contention`; one that takes
a share of the processor's time, by that share. The observed slowdown holds what the others did when
it was observed, so a prediction scales it from that load to the assumed one.

Where frames take turns, a frame waits instead, for what is left of another one that runs: with the
probability of the other's share of the time, for a time uniform up to its latency.

The loads depend on the choice, so the search alternates: given the loads, the best plan; then each
application in turn, the heaviest first, goes to the processor that is best for all, until none
moves; then the best plan with those processors.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from dynofa_ros.runtime.decision.forecast import DEADLINE_VIOLATED, Forecast
from dynofa_ros.runtime.decision.problem import DecisionProblem, Plan, lexicographic_minimum
from dynofa_ros.runtime.decision.state import ApplicationState
from dynofa_ros.runtime.latency import normal_quantile
from dynofa_ros.runtime.operating_points.table import Floats, Indices
from dynofa_ros.runtime.turns import takes_turns

Solve = Callable[[DecisionProblem], Plan]

# Rounds of moving applications, one after another; two are the rule.
MOST_ROUNDS = 4
# Solutions for loads that follow from the solution before; the first one is the rule.
MOST_SOLUTIONS = 2
UNKNOWN_CONTENTION = 1.0
# Shares of a processor's time that differ by less count as equal.
SAME_LOAD = 0.1


class Sum(NamedTuple):
    """What several applications, or one, do to a frame on their processor."""

    utilisation: float = 0.0  # share of the processor's time
    wait_s: float = 0.0  # mean wait for a turn
    variance_s2: float = 0.0  # of the wait

    def plus(self, other: Sum) -> Sum:
        """Return the sum with one more."""
        return Sum(*(mine + its for mine, its in zip(self, other, strict=True)))


@dataclass(frozen=True)
class Load:
    """The processor that one application uses, the share of its time, and for how long at once."""

    processor: str
    utilisation: float
    latency_s: float = 0.0

    @property
    def sum(self) -> Sum:
        """What it does to a frame of another application."""
        wait_s = self.utilisation * self.latency_s / 2
        variance_s2 = self.utilisation * self.latency_s**2 / 3 - wait_s**2
        return Sum(self.utilisation, wait_s, variance_s2)


def others(loads: Sequence[Load | None], index: int) -> dict[str, Sum]:
    """Return the load of all applications but one, by processor."""
    result: dict[str, Sum] = {}
    for app, load in enumerate(loads):
        if load is not None and app != index:
            result[load.processor] = result.get(load.processor, Sum()).plus(load.sum)
    return result


def present_loads(applications: Sequence[ApplicationState]) -> list[Load | None]:
    """Return the load of each application at its current point, as observed."""
    result: list[Load | None] = []
    for each in applications:
        point = each.current
        if point is None:
            result.append(None)
            continue
        busy_s = point.latency_s * each.slowdown(point.processor).mean
        busy_s *= each.correction(point).mean
        result.append(Load(point.processor, _share(busy_s, each.frame_period_s), busy_s))
    return result


def _share(busy_s: float, period_s: float) -> float:
    """Return the share of a processor's time; without a known period, frames do not pause."""
    return min(1.0, busy_s / period_s) if period_s > 0.0 else 1.0


@dataclass(frozen=True, eq=False)
class Interference:
    """Predicts slowdowns from the load of the other applications."""

    applications: tuple[ApplicationState, ...]
    contention: Mapping[str, float]
    present: Sequence[Load | None]

    def on(self, forecast: Forecast, index: int, loads: Sequence[Load | None]) -> Forecast:
        """Return the forecast of one application for these loads."""
        application = self.applications[index]
        before, after = self._observed(index), others(loads, index)
        slowdowns, waits = {}, {}
        for name in before.keys() | after.keys():
            load = after.get(name, Sum())
            if self.takes_turns(name):
                waits[name] = (load.wait_s, load.variance_s2)
                continue
            observed = application.slowdown(name)
            # What the load does not explain is not below the profile.
            explained = self.factor(name, before.get(name, 0.0))
            factor = max(1.0 / explained, min(1.0, 1.0 / observed.mean))
            factor *= self.factor(name, load.utilisation)
            if factor != 1.0:
                slowdowns[name] = replace(
                    observed, mean=observed.mean * factor, std=observed.std * factor
                )
        return forecast.with_others(slowdowns, waits)

    def _observed(self, index: int) -> Mapping[str, float]:
        """Return the load of the others while the slowdown of a processor was observed."""
        application, now = self.applications[index], self.present[index]
        if application.observed_loads is not None:
            return application.observed_loads
        loads = others(self.present, index)
        return {} if now is None else {now.processor: loads.get(now.processor, Sum()).utilisation}

    def takes_turns(self, processor: str) -> bool:
        """Whether frames take turns on a processor."""
        return takes_turns(self.contention.get(processor, math.nan))

    def factor(self, processor: str, load: float) -> float:
        """Return the slowdown by a load of other applications."""
        return 1.0 + self.contention.get(processor, UNKNOWN_CONTENTION) * load

    def with_loads(self, problem: DecisionProblem, loads: Sequence[Load | None]) -> DecisionProblem:
        """Return the problem with the latencies predicted for these loads."""
        return problem.but(
            self.on(forecast, index, loads) for index, forecast in enumerate(problem.forecasts)
        )

    def costs_target(self, problem: DecisionProblem, plan: Plan) -> bool:
        """Whether some application violates a target that it would meet alone."""
        nobody = [None] * len(plan.rows)
        for index, (forecast, row) in enumerate(zip(problem.forecasts, plan.rows, strict=True)):
            if not forecast.met(row):
                alone = self.on(forecast, index, nobody)
                if int(alone.violation.min()) < int(forecast.violation[row]):
                    return True
        return False


def settle(problem: DecisionProblem, solve: Solve) -> tuple[DecisionProblem, Plan]:
    """Return the best plan, and the problem with the interference that it causes."""
    applications = tuple(each.application for each in problem.forecasts)
    present = present_loads(applications)
    interference = Interference(applications, problem.contention, present)
    if not _shared(problem, interference):
        return problem, solve(problem)
    problem = interference.with_loads(problem, present)
    plan = solve(problem)
    loads = loads_of(problem, plan)
    settled = (problem, plan) if _agree(present, loads) else None
    moves = not _same_processors(present, loads) or interference.costs_target(problem, plan)
    if settled and not moves:
        return settled
    if moves:
        loads = _Responses(problem, interference, plan).loads()
    if settled and _same_processors(present, loads):
        return settled
    best = _on_processors(problem, interference, solve, loads)
    here = [now for now in present if now is not None]
    if len(here) == len(loads) and not _same_processors(here, loads):
        # Moves that are good one by one may not be so together.
        kept = settled or _on_processors(problem, interference, solve, here)
        if kept[0].value(kept[1].rows) <= best[0].value(best[1].rows):
            return kept
    return best


def _on_processors(
    problem: DecisionProblem, interference: Interference, solve: Solve, loads: Sequence[Load]
) -> tuple[DecisionProblem, Plan]:
    """Return the best plan with these processors, and the problem with its interference."""
    problem = problem.but(only=[load.processor for load in loads])
    for _ in range(MOST_SOLUTIONS):
        problem = interference.with_loads(problem, loads)
        plan = solve(problem)
        assumed, loads = loads, loads_of(problem, plan)
        if _agree(assumed, loads):
            break
    return problem, plan


def _shared(problem: DecisionProblem, interference: Interference) -> bool:
    """Whether some processor can be used by two applications that disturb each other."""
    users = Counter(name for each in problem.forecasts for name in each.table.processors)
    return any(count > 1 and interference.factor(name, 1.0) > 1.0 for name, count in users.items())


def load_of(forecast: Forecast, row: int) -> Load:
    """Return the load that a point is."""
    name = forecast.point(row).processor
    return Load(name, forecast.utilisation(row), float(forecast.inference_s[row]))


def loads_of(problem: DecisionProblem, plan: Plan) -> list[Load]:
    """Return the load of each application in a plan."""
    return [
        load_of(forecast, row) for forecast, row in zip(problem.forecasts, plan.rows, strict=True)
    ]


def _same_processors(assumed: Sequence[Load | None], found: Sequence[Load]) -> bool:
    """Whether each application is on the assumed processor."""
    pairs = zip(assumed, found, strict=True)
    return all(one is not None and one.processor == other.processor for one, other in pairs)


def _agree(assumed: Sequence[Load | None], found: Sequence[Load]) -> bool:
    """Whether loads are those for which the latencies were predicted."""
    return _same_processors(assumed, found) and all(
        one is not None and abs(one.utilisation - other.utilisation) <= SAME_LOAD
        for one, other in zip(assumed, found, strict=True)
    )


class _Responses:
    """Moves applications between processors, one after another, until none moves.

    They start from their current points, or else from a plan. The frequency of a domain that
    another application uses may only rise meanwhile.
    """

    def __init__(self, problem: DecisionProblem, interference: Interference, plan: Plan) -> None:
        self._problem, self._interference = problem, interference
        self._planned = [each.processor for each in loads_of(problem, plan)]
        self._rows = [
            row if current is None else current
            for row, current in zip(plan.rows, problem.current, strict=True)
        ]
        self._loads = loads_of(problem, Plan(tuple(self._rows), ()))
        self._options = [
            option if now < 0 else now
            for option, now in zip(plan.combination, problem.clocks.present, strict=True)
        ]
        targets = [each.application.target for each in problem.forecasts]
        self._deadline_s = np.nan_to_num([each.deadline_s for each in targets], nan=np.inf)
        self._fixed_s = np.array([each.application.fixed_s for each in problem.forecasts])
        # Of the current points: what violates the floor, and the quantile of the latency of a frame
        # without the other applications.
        self._low, self._alone_s = np.zeros((2, len(targets)))
        for index, forecast in enumerate(problem.forecasts):
            self._take(index, self._rows[index], forecast)

    def loads(self) -> list[Load]:
        """Return the loads after all moves."""
        heaviest = sorted(self._movers(), key=lambda index: -self._loads[index].utilisation)
        for _ in range(MOST_ROUNDS):
            moved = [self._move(index) for index in heaviest]
            if not any(moved):
                break
        return self._loads

    def _movers(self) -> list[int]:
        """Return the applications that may move.

        If targets are violated, those that do so and those beside them; otherwise, those that gain.
        """
        forecasts = self._problem.forecasts
        names = [each.processor for each in self._loads]
        late = {
            name
            for name, row, forecast in zip(names, self._rows, forecasts, strict=True)
            if not forecast.met(row)
        }
        return [
            index
            for index, name in enumerate(names)
            if self._problem.current[index] is None
            or (name in late if late else name != self._planned[index])
        ]

    def _move(self, index: int) -> bool:
        """Let one application choose its processor; whether it moves."""
        loads, problem = self._loads, self._problem
        forecast = self._interference.on(problem.forecasts[index], index, loads)
        rows, scores = self._best_of_processors(index, forecast)
        options = [load_of(forecast, int(row)) for row in rows]
        values = problem.full_value(index, scores) + self._others_value(index, options)
        names = [each.processor for each in options]
        own = names.index(loads[index].processor) if loads[index].processor in names else 0
        order = [own, *(each for each in range(len(rows)) if each != own)]  # a tie changes nothing
        best = order[int(lexicographic_minimum(values[order]))]
        moves = options[best].processor != loads[index].processor
        loads[index] = options[best]
        self._take(index, int(rows[best]), forecast)
        return moves

    def _take(self, index: int, row: int, forecast: Forecast) -> None:
        """Let an application run a point; the load of the others is that of the forecast."""
        self._rows[index] = row
        self._low[index] = forecast.violation_at(row, 0.0)
        name = self._loads[index].processor
        load = others(self._loads, index).get(name, Sum())
        quantile_s, fixed_s = forecast.quantile_s(row), self._fixed_s[index]
        if self._interference.takes_turns(name):
            self._alone_s[index] = quantile_s - self._wait_s(load.wait_s, load.variance_s2)
        else:
            factor = self._interference.factor(name, load.utilisation)
            self._alone_s[index] = fixed_s + (quantile_s - fixed_s) / factor

    def _wait_s(self, mean_s: Floats | float, variance_s2: Floats | float) -> Floats | float:
        """Return what a wait adds to the quantile of a latency, at most."""
        return mean_s + normal_quantile(self._problem.policy.deadline_probability) * np.sqrt(
            variance_s2
        )

    def _best_of_processors(self, index: int, forecast: Forecast) -> tuple[Indices, Floats]:
        """Return the best point on each processor, and its keys, (4, processors)."""
        clocks = self._problem.clocks
        fixed = np.zeros(len(clocks.domains) + 1, bool)
        for app, load in enumerate(self._loads):
            domain = clocks.domain_of(load.processor)
            if app != index and domain is not None:
                fixed[domain] = True
        reached = clocks.reached(forecast.table)
        now = np.append(self._options, 0)
        allowed = ~fixed[reached.domain] | (reached.option >= now[reached.domain])
        groups = reached.group[allowed & reached.known]
        best, keys = forecast.best
        order = np.lexsort(keys[::-1, groups])
        rows = best[groups[order]]
        _, first = np.unique(forecast.table.processor_of[rows], return_index=True)
        return rows[first], keys[:, groups[order][first]]

    def _others_value(self, index: int, options: Sequence[Load]) -> Floats:
        """Return what all others contribute to the value if this one takes each option.

        Only their violations depend on it. The result is (options, keys).
        """
        names = [each.processor for each in self._loads]
        sums = np.array([each.sum for each in self._loads])
        sums[index] = 0.0
        # The sum of each processor less an application's own: for 64 applications, adding up the
        # others of each would take most of a second.
        _, places = np.unique(names, return_inverse=True)
        totals = np.zeros((places.max() + 1, sums.shape[1]))
        np.add.at(totals, places, sums)
        loads = np.maximum(totals[places] - sums, 0.0)
        added = np.array(
            [
                [option.sum if option.processor == name else Sum() for name in names]
                for option in options
            ]
        )
        load, wait_s, variance_s2 = np.moveaxis(loads + added, 2, 0)
        factor = 1.0 + load * [self._interference.factor(name, 1.0) - 1.0 for name in names]
        turns = [self._interference.takes_turns(name) for name in names]
        quantile_s = np.where(
            turns,
            self._alone_s + self._wait_s(wait_s, variance_s2),
            self._fixed_s + (self._alone_s - self._fixed_s) * factor,
        )
        extent = np.maximum(quantile_s / self._deadline_s - 1.0, 0.0)
        late = DEADLINE_VIOLATED + extent / (1.0 + extent)
        violation = np.where(extent > 0.0, late, self._low)
        violation[:, index] = 0.0
        return self._problem.violations_value(violation)
