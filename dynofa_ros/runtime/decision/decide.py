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
    FLOOR_VIOLATED,
    Forecast,
)
from dynofa_ros.runtime.decision.interference import settle
from dynofa_ros.runtime.decision.power_cap import loss_bound, search_within
from dynofa_ros.runtime.decision.problem import DecisionProblem, Plan
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
            each.application.app
            for each in problem.forecasts
            if not each.application.profile.energy_known
        ),
    )


def pose(state: DecisionState) -> DecisionProblem:
    """Return the optimisation problem of a state, without interference."""
    policy, clocks = state.policy, clock_options(state)
    # Sums must not depend on the order in which applications joined.
    applications = sorted(state.applications, key=lambda each: each.app)
    rows = tuple(_present_row(each, clocks) for each in applications)
    forecasts = [
        _prefer_ready(Forecast.of(each, policy=policy), row)
        for each, row in zip(applications, rows, strict=True)
    ]
    problem = DecisionProblem(tuple(forecasts), clocks, policy, state.contention, rows)
    if not state.hysteresis:
        return problem
    inert = [
        replace(each, present=row, _others={}) for each, row in zip(forecasts, rows, strict=True)
    ]
    problem = problem.but(inert)
    present = problem.present
    if present is None or not problem.fits(present):
        return problem
    # What runs now is within the cap, so a change has to leave headroom.
    margin = policy.switch_margin
    return problem.but(
        [each.with_headroom(margin) for each in inert],
        power_headroom=margin if problem.all_met(present) else 0.0,
    )


def _present_row(application: ApplicationState, clocks: Clocks) -> int | None:
    """Return the current point at the commanded frequency, None if it cannot be kept."""
    current, table = application.current, application.profile.table
    if current is None or current.key in application.refused:
        return None
    group = (
        clocks.present_group(table, current.processor)
        if current.processor in table.processors
        else None
    )
    if group is None:
        return None
    return table.row_in(group, current.key)


def _prefer_ready(forecast: Forecast, present: int | None) -> Forecast:
    """Refuse unready points if the current one violates a target and a ready one meets all.

    Once a ready point runs, a better unready one may be chosen and compiled in the background.
    """
    unready = forecast.application.unready
    if not unready or (present is not None and forecast.met(present)):
        return forecast
    ready = forecast.without(unready)
    met = ready.violation < FLOOR_VIOLATED
    if ready.refused is not None:
        met &= ~ready.refused
    return ready if met.any() else forecast


def _solve(problem: DecisionProblem) -> Plan:
    """Return the best plan.

    If it violates the cap or, within the cap, a target, that may last: then a change needs power
    headroom, so that the choice does not follow every fluctuation of the cap.
    """
    plan, present = search_within(problem), problem.present
    if any(each.headroom for each in problem.forecasts) and not problem.all_met(plan.rows):
        # More targets are met if the other applications need no headroom either?
        loose = search_within(problem.but(each.with_headroom(0.0) for each in problem.forecasts))
        if problem.met(loose.rows) > problem.met(plan.rows):
            plan = loose
    if present is None or problem.power_headroom or problem.policy.power_cap_w == math.inf:
        return plan
    lasts = not problem.fits(plan.rows)
    if problem.fits(present):
        lasts = lasts or not problem.all_met(plan.rows)
    if not lasts:
        return plan
    margin = problem.policy.switch_margin
    return search_within(problem.but(power_headroom=margin))


def _until_clocks_rise(problem: DecisionProblem, plan: Plan) -> Plan:
    """Let applications stay where they are while the clock of their next processor is too low."""
    rows = tuple(
        new if old is None or not _better_now(problem, index, old, new) else old
        for index, (old, new) in enumerate(zip(problem.current, plan.rows, strict=True))
    )
    held = replace(plan, rows=rows)
    return held if rows == plan.rows or problem.fits(rows) else plan


def _better_now(problem: DecisionProblem, index: int, old: int, new: int) -> bool:
    """Whether a point violates less than one on another processor, at the present frequencies."""
    forecast, clocks = problem.forecasts[index], problem.clocks
    points = forecast.point(old), forecast.point(new)
    if points[0].processor == points[1].processor:
        return False
    now = [clocks.running_group(forecast.table, each.processor) for each in points]
    found = [
        forecast.table.row_in(group, each.key) for group, each in zip(now, points, strict=True)
    ]
    before, after = (math.inf if row is None else float(forecast.violation[row]) for row in found)
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
    return [
        CapEffect.COSTS_TARGET
        if int(each.violation[other]) < int(each.violation[row])
        else CapEffect.NONE
        if row == other
        else CapEffect.LIMITS
        for each, row, other in zip(problem.forecasts, plan.rows, uncapped.rows, strict=True)
    ]


def _used_clocks(problem: DecisionProblem, plan: Plan) -> dict[str, float]:
    """Return the frequencies to set: of settable domains that a chosen point uses."""
    clocks = problem.clocks
    pairs = zip(problem.forecasts, plan.rows, strict=True)
    used = {clocks.domain_of(each.point(row).processor) for each, row in pairs}
    named = clocks.frequencies_hz(plan.combination)
    return {
        domain.name: named[domain.name]
        for index, domain in enumerate(clocks.domains)
        if index in used and domain.settable and not math.isnan(named[domain.name])
    }


def _choice(
    problem: DecisionProblem, plan: Plan, index: int, *, effect: CapEffect, final: Plan
) -> Choice:
    """Return the choice with its predicted performance, violated targets and reason."""
    forecast, row = problem.forecasts[index], plan.rows[index]
    point, target = forecast.point(row), forecast.application.target
    known = forecast.application.profile.energy_known
    violated_targets = []
    if forecast.accuracy[row] + EQUAL_ACCURACY < target.min_accuracy:
        violated_targets.append(MIN_ACCURACY)
    if forecast.is_late(row):
        violated_targets.append(DEADLINE)
    latency = forecast.latency.take(slice(row, row + 1))
    kept = row == forecast.present
    text = reason(
        forecast,
        violated_targets=violated_targets,
        kept=kept,
        effect=effect,
        cap_binds=plan.limited,
    )
    if row != final.rows[index]:
        later = forecast.point(final.rows[index])
        text = f'until {later.processor} runs at {later.frequency_hz / 1e6:.4g} MHz: {text}'
    return Choice(
        app=forecast.application.app,
        point=point,
        target=target,
        predicted_latency_s=float(latency.mean_s[0]),
        deadline_probability=float(latency.probability_within(target.deadline_s)[0]),
        slowdown=forecast.slowdowns[point.processor],
        correction=forecast.application.correction(point),
        violated_targets=tuple(violated_targets),
        reason=text,
        envelope=envelope(problem, plan, index),
        accuracy=math.nan if forecast.doubted(row) else float(forecast.accuracy[row]),
        predicted_energy_j=float(forecast.cost_j[row]) if known else point.energy_j,
    )
