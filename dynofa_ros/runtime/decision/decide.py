# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Decide sub-network, processor, threads and frequencies of all applications together.

Runtime resource management of arXiv 2206.02525, section 3, as one joint choice: the best
combination of frequencies and operating points. docs/decision.md explains the rules.
"""

from __future__ import annotations

import math
from dataclasses import replace

from dynofa_ros.runtime.decision.clocks import Clocks, clock_options
from dynofa_ros.runtime.decision.envelope import envelope
from dynofa_ros.runtime.decision.forecast import (
    DEADLINE_VIOLATED,
    FLOOR_VIOLATED,
    Basis,
    Forecast,
)
from dynofa_ros.runtime.decision.interference import Interference
from dynofa_ros.runtime.decision.moves import settle
from dynofa_ros.runtime.decision.power_cap import loss_bound, search_within
from dynofa_ros.runtime.decision.problem import NOWHERE, DecisionProblem, Plan
from dynofa_ros.runtime.decision.reasons import CapEffect, reason
from dynofa_ros.runtime.decision.search import search
from dynofa_ros.runtime.decision.state import (
    DEADLINE,
    MIN_ACCURACY,
    ApplicationState,
    Choice,
    Decision,
    DecisionState,
)
from dynofa_ros.runtime.operating_points.objective import EQUAL_ACCURACY


def decide(state: DecisionState) -> Decision:
    """Return the best joint choice for `state`. Pure: same state, same decision.

    Without applications the decision is empty. Every application gets a point, even if no point
    meets its targets or no plan is within the power cap: see `Choice.violated_targets` and
    `Decision.power_cap_met`.
    """
    if not state.applications:
        return Decision(choices=(), clocks_hz={}, exact=True)
    problem, final = settle(pose(state), _solve)
    plan = _until_clocks_rise(problem, final)
    power_w = problem.power_w(plan.rows)
    cap_met = power_w <= problem.capacity_w
    effects = _cap_effects(problem, plan, cap_met=cap_met)
    return Decision(
        choices=tuple(
            _choice(problem, plan, index, effect=effect, final=final)
            for index, effect in enumerate(effects)
        ),
        clocks_hz=_used_clocks(problem, final),
        exact=plan.exact,
        loss_bound=0.0 if plan.exact else loss_bound(problem, plan),
        power_w=power_w,
        power_cap_met=cap_met,
        unmetered=tuple(
            each.app for each in problem.basis.applications if not each.profile.energy_known
        ),
    )


def pose(state: DecisionState) -> DecisionProblem:
    """Return the optimisation problem of a state, under the present load."""
    clocks = clock_options(state)
    # Sums must not depend on the order in which applications joined.
    applications = sorted(state.applications, key=lambda each: each.app)
    basis = Basis.of(applications, state.policy)
    current = tuple(_current_row(basis, app, each, clocks) for app, each in enumerate(applications))
    interference = Interference(basis, state.contention)
    load = interference.load(interference.present) if interference.matters else None
    forecast = basis.predict(load)
    forecast = _prefer_ready(forecast, current)
    problem = DecisionProblem(forecast, clocks, interference, current, inert=state.hysteresis)
    if problem.present is None or not problem.fits(problem.present):
        return problem
    # What runs now is within the cap, so a change has to leave headroom.
    return replace(problem, headroom=state.policy.switch_margin)


def _current_row(basis: Basis, app: int, application: ApplicationState, clocks: Clocks) -> int:
    """Return the current point at the commanded frequency, NOWHERE if it cannot be kept."""
    current, table = application.current, application.profile.table
    if (
        current is None
        or current.key in application.refused
        or current.processor not in table.processors
    ):
        return NOWHERE
    group = clocks.present_group(table, current.processor)
    row = None if group is None else basis.points.row_in(app, group, current.key)
    return NOWHERE if row is None else row


def _prefer_ready(forecast: Forecast, current: tuple[int, ...]) -> Forecast:
    """Refuse unready points if the current one violates a target and a ready one meets all.

    Once a ready point runs, a better unready one may be chosen and compiled in the background.
    """
    basis, refused = forecast.basis, {}
    for app, row in enumerate(current):
        unready = basis.applications[app].unready
        if unready and (row == NOWHERE or not forecast.met(row)):
            rows = basis.points.rows_of(app)
            ready = ~(basis.refused[rows] | basis.points.tables[app].among(unready))
            if (ready & (forecast.violation[rows] < FLOOR_VIOLATED)).any():
                refused[app] = unready
    return replace(forecast, basis=basis.without(refused)) if refused else forecast


def _solve(problem: DecisionProblem) -> Plan:
    """Return the best plan.

    Headroom is not for the price of a target: then a plan that needs none is better. Where nothing
    is within the cap, that may last, and the choice must not follow every fluctuation of the cap.
    """
    plan = search_within(problem)
    if problem.headroom and problem.met(plan.rows) < problem.attainable:
        loose = search_within(replace(problem, headroom=0.0))
        return loose if problem.met(loose.rows) > problem.met(plan.rows) else plan
    if not problem.headroom and problem.inert and not problem.fits(plan.rows):
        return search_within(replace(problem, headroom=problem.basis.policy.switch_margin))
    return plan


def _until_clocks_rise(problem: DecisionProblem, plan: Plan) -> Plan:
    """Let applications stay where they are while the clock of their next processor is too low."""
    rows = tuple(
        old if old != NOWHERE and _better_now(problem, app, old, new) else new
        for app, (old, new) in enumerate(zip(problem.current, plan.rows, strict=True))
    )
    held = replace(plan, rows=rows)
    return held if rows == plan.rows or problem.fits(rows) else plan


def _better_now(problem: DecisionProblem, app: int, old: int, new: int) -> bool:
    """Whether a point violates less than one on another processor, at the present frequencies."""
    points, clocks, violation = problem.points, problem.clocks, problem.forecast.violation
    pair = points.point(old), points.point(new)
    if pair[0].processor == pair[1].processor:
        return False
    now = [clocks.running_group(points.tables[app], each.processor) for each in pair]
    found = [points.row_in(app, group, each.key) for group, each in zip(now, pair, strict=True)]
    before, after = (math.inf if row is None else float(violation[row]) for row in found)
    return before < after


def _cap_effects(problem: DecisionProblem, plan: Plan, *, cap_met: bool) -> list[CapEffect]:
    """Return the effect of the power cap on each application.

    Only if the cap excludes the best plan, a search without it finds out whom that concerns. The
    integer part of a violation is the violated target.
    """
    if not cap_met:
        return [CapEffect.UNMET] * len(plan.rows)
    if not plan.limited:
        return [CapEffect.NONE] * len(plan.rows)
    uncapped, _ = search(problem)
    violation = problem.forecast.violation
    return [
        CapEffect.COSTS_TARGET
        if int(violation[other]) < int(violation[row])
        else CapEffect.NONE
        if row == other
        else CapEffect.LIMITS
        for row, other in zip(plan.rows, uncapped.rows, strict=True)
    ]


def _used_clocks(problem: DecisionProblem, plan: Plan) -> dict[str, float]:
    """Return the frequencies to set: of settable domains that a chosen point uses."""
    clocks = problem.clocks
    used = {clocks.domain_of(problem.points.point(row).processor) for row in plan.rows}
    named = clocks.frequencies_hz(plan.combination)
    return {
        domain.name: named[domain.name]
        for index, domain in enumerate(clocks.domains)
        if index in used and domain.settable and not math.isnan(named[domain.name])
    }


def _choice(
    problem: DecisionProblem, plan: Plan, app: int, *, effect: CapEffect, final: Plan
) -> Choice:
    """Return the choice with its predicted performance, violated targets and reason."""
    forecast, row, points = problem.forecast, plan.rows[app], problem.points
    application, point = problem.basis.applications[app], points.point(row)
    target = application.target
    violated_targets = []
    if forecast.accuracy[row] + EQUAL_ACCURACY < target.min_accuracy:
        violated_targets.append(MIN_ACCURACY)
    if forecast.violation[row] >= DEADLINE_VIOLATED:
        violated_targets.append(DEADLINE)
    latency = forecast.latency.take(slice(row, row + 1))
    text = reason(
        application,
        problem.basis.policy,
        violated_targets=violated_targets,
        kept=problem.inert and row == problem.current[app],
        effect=effect,
        cap_binds=plan.limited,
    )
    if row != final.rows[app]:
        later = points.point(final.rows[app])
        text = f'until {later.processor} runs at {later.frequency_hz / 1e6:.4g} MHz: {text}'
    return Choice(
        app=application.app,
        point=point,
        target=target,
        predicted_latency_s=float(latency.mean_s[0]),
        deadline_probability=float(latency.probability_within(target.deadline_s)[0]),
        slowdown=forecast.slowdown(row),
        correction=application.correction(point),
        violated_targets=tuple(violated_targets),
        reason=text,
        envelope=envelope(problem, plan, app),
        accuracy=math.nan if forecast.doubted(row) else float(forecast.accuracy[row]),
        predicted_energy_j=(
            float(forecast.cost_j[row]) if application.profile.energy_known else point.energy_j
        ),
    )
