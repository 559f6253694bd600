"""Decide sub-network, processor, threads and clocks of all applications together.

Runtime resource management of arXiv 2206.02525, section 3, as one joint choice: of all
combinations of clocks and operating points the best by the objective, held back by what a switch
must be worth. The rules and their reasons are in docs/decision.md.
"""

from __future__ import annotations

import dataclasses
import math
from statistics import NormalDist

from dynofa_ros.runtime.clock_search import Clocks, Plan, clock_options, search
from dynofa_ros.runtime.decision_state import (
    DEADLINE,
    MIN_ACCURACY,
    Choice,
    Decision,
    DecisionState,
)
from dynofa_ros.runtime.meanwhile import until_turned
from dynofa_ros.runtime.objective import Objective
from dynofa_ros.runtime.operating_point import OperatingPoint
from dynofa_ros.runtime.ranking import (
    DEADLINE_GIVEN_UP,
    EQUAL_ACCURACY,
    Forecast,
)
from dynofa_ros.runtime.readiness import without_waiting
from dynofa_ros.runtime.switching import hold_or_change, present_plan


def decide(state: DecisionState) -> Decision:
    """Return the best joint choice for `state`. Pure: same state, same decision.

    Without applications the decision is empty. Every application gets a point, also where no point
    meets its targets: `Choice.given_up` names those.
    """
    if not state.applications:
        return Decision(choices=(), clocks_hz={}, exact=True)
    # Sums must not depend on the order in which applications joined.
    forecasts = [
        without_waiting(Forecast.of(each, policy=state.policy))
        for each in sorted(state.applications, key=lambda each: each.app)
    ]
    state = dataclasses.replace(
        state, applications=tuple(each.application for each in forecasts)
    )
    clocks = clock_options(state)
    present = present_plan(state, clocks) if state.settled else None
    if present is None:
        plan = search(forecasts, clocks)
    else:
        plan = hold_or_change(forecasts, clocks, present=present)
    now = until_turned(forecasts, clocks, plan=plan)
    choices = tuple(
        _choice(forecast, point, goal=goal, kept=plan is present)
        for forecast, point, goal in zip(forecasts, now, plan.points, strict=True)
    )
    return Decision(choices, _used_clocks(plan, clocks), plan.exact)


def _used_clocks(plan: Plan, clocks: Clocks) -> dict[str, float]:
    """Return the clocks to set: of settable domains that a chosen point uses."""
    used = {clocks.domain_of(point.processor) for point in plan.points}
    return {
        domain.name: plan.clocks_hz[domain.name]
        for index, domain in enumerate(clocks.domains)
        if index in used and domain.settable and not math.isnan(plan.clocks_hz[domain.name])
    }


def _choice(
    forecast: Forecast, point: OperatingPoint, *, goal: OperatingPoint, kept: bool
) -> Choice:
    """Say what to expect of `point`, which targets it gives up, and why it was chosen."""
    application, target = forecast.application, forecast.application.target
    prediction = forecast.predict(point)
    mean_s, std_s = float(prediction.mean_s[0]), float(prediction.std_s[0])
    violation = forecast.rank(point).violation[0]
    given_up = []
    if point.accuracy + EQUAL_ACCURACY < target.min_accuracy:
        given_up.append(MIN_ACCURACY)
    if violation >= DEADLINE_GIVEN_UP and not math.isnan(target.deadline_s):
        given_up.append(DEADLINE)
    reason = _reason(forecast, given_up=given_up, kept=kept and point.key == goal.key)
    if point.key != goal.key:
        reason = f'until {goal.processor} runs at {goal.frequency_hz / 1e6:.4g} MHz: {reason}'
    return Choice(
        app=application.app,
        point=point,
        goal=goal,
        target=target,
        predicted_latency_s=mean_s,
        deadline_probability=_probability(mean_s, std_s=std_s, deadline_s=target.deadline_s),
        slowdown=application.slowdown(point.processor),
        given_up=tuple(given_up),
        reason=reason,
    )


def _probability(mean_s: float, *, std_s: float, deadline_s: float) -> float:
    """Return the probability that a normally distributed latency meets the deadline."""
    if math.isnan(deadline_s):
        return 1.0
    if std_s == 0.0:
        return float(mean_s <= deadline_s)
    return NormalDist(mean_s, std_s).cdf(deadline_s)


def _reason(forecast: Forecast, *, given_up: list[str], kept: bool) -> str:
    """Put the choice into a few words."""
    target, policy = forecast.application.target, forecast.policy
    deadline = 'no deadline'
    if not math.isnan(target.deadline_s):
        deadline = f'{target.deadline_s * 1e3:.4g} ms with {policy.deadline_probability:.4g}'
    if DEADLINE in given_up:
        return f'nothing meets {deadline}: fastest'
    if MIN_ACCURACY in given_up:
        return f'floor {target.min_accuracy:.3g} given up for {deadline}'
    if kept:
        return f'kept: meets {deadline}, no change pays'
    saving = policy.objective is Objective.MIN_ENERGY
    best = 'least energy' if saving else 'most accurate'
    floor = f', floor {target.min_accuracy:.3g}' if target.min_accuracy > 0.0 else ''
    return f'{best} that meets {deadline}{floor}'
