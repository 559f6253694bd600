"""Decide sub-network, processor, threads and clocks of all applications together.

Runtime resource management of arXiv 2206.02525, section 3, as one joint choice: of all
combinations of clocks and operating points the best by the objective, held back by what a switch
must be worth. The rules and their reasons are in docs/decision.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from dynofa_ros.runtime.decision.clock_search import Plan, search
from dynofa_ros.runtime.decision.clocks import Clocks, clock_options
from dynofa_ros.runtime.decision.hysteresis import hold_or_change, present_plan
from dynofa_ros.runtime.decision.prediction import total_power_w, within
from dynofa_ros.runtime.decision.ranking import (
    DEADLINE_GIVEN_UP,
    EQUAL_ACCURACY,
    FLOOR_GIVEN_UP,
    Forecast,
)
from dynofa_ros.runtime.decision.reasons import CapEffect, reason
from dynofa_ros.runtime.decision.state import (
    DEADLINE,
    MIN_ACCURACY,
    Choice,
    Decision,
    DecisionState,
)
from dynofa_ros.runtime.decision.transition import interim_points
from dynofa_ros.runtime.operating_points.point import OperatingPoint
from dynofa_ros.runtime.power_capped.search import search_within


def without_waiting(forecast: Forecast) -> Forecast:
    """Refuse what is not ready, if what runs violates a target and something ready meets all.

    Once that runs, what is better and not ready may be chosen: then it is compiled in peace.
    """
    unready = forecast.application.unready
    if not unready or _all_is_well(forecast):
        return forecast
    ready = forecast.without(unready)
    return ready if (ready.violations() < FLOOR_GIVEN_UP).any() else forecast


def _all_is_well(forecast: Forecast) -> bool:
    """Whether what runs meets all targets; not if nothing was ever chosen."""
    current = forecast.application.current
    return current is not None and forecast.rank(current).met


def decide(state: DecisionState) -> Decision:
    """Return the best joint choice for `state`. Pure: same state, same decision.

    Without applications the decision is empty. Every application gets a point, also where no point
    meets its targets, and where no plan is within the power cap: `Choice.violated_targets` names
    those targets, and `Decision.power_cap_met` says so.
    """
    if not state.applications:
        return Decision(choices=(), clocks_hz={}, exact=True)
    # Sums must not depend on the order in which applications joined.
    forecasts = [
        without_waiting(Forecast.of(each, policy=state.policy))
        for each in sorted(state.applications, key=lambda each: each.app)
    ]
    applications = [each.application for each in forecasts]
    clocks = clock_options(state)
    present = present_plan(applications, clocks) if state.settled else None
    if present is None:
        plan = search_within(forecasts, clocks, cap_w=state.policy.power_cap_w)
    else:
        plan = hold_or_change(forecasts, clocks, present=present)
    power_w = total_power_w(applications, plan.points)
    cap_met = within(power_w, state.policy.power_cap_w)
    now = interim_points(forecasts, clocks, plan=plan)
    effects = _cap_effects(forecasts, clocks, plan=plan, cap_met=cap_met)
    choices = [
        _choice(forecast, point, goal=goal, kept=plan.kept, effect=effect)
        for forecast, point, goal, effect in zip(forecasts, now, plan.points, effects, strict=True)
    ]
    return Decision(
        choices=tuple(choices),
        clocks_hz=_used_clocks(plan, clocks),
        exact=plan.exact,
        loss_bound=plan.loss_bound,
        power_w=power_w,
        power_cap_met=cap_met,
        unmetered=tuple(each.app for each in applications if not each.profile.energy_known),
    )


def _cap_effects(
    forecasts: Sequence[Forecast], clocks: Clocks, *, plan: Plan, cap_met: bool
) -> list[CapEffect]:
    """Return what the power cap does to each application; a second search if it may cost a target.

    Targets are given up by classes of `Ranking.violation`: none, the floor, the deadline.
    """
    if not cap_met:
        return [CapEffect.UNMET] * len(forecasts)
    none = [CapEffect.NONE] * len(forecasts)
    if forecasts[0].policy.power_cap_w == math.inf:
        return none
    ranks = [each.rank(point) for each, point in zip(forecasts, plan.points, strict=True)]
    if all(each.met for each in ranks):
        return none
    free = search(forecasts, clocks).points
    return [
        CapEffect.COSTS_TARGET
        if int(forecast.rank(wish).violation) < int(rank.violation)
        else CapEffect.NONE
        for forecast, wish, rank in zip(forecasts, free, ranks, strict=True)
    ]


def _used_clocks(plan: Plan, clocks: Clocks) -> dict[str, float]:
    """Return the clocks to set: of settable domains that a chosen point uses."""
    used = {clocks.domain_of(point.processor) for point in plan.points}
    return {
        domain.name: plan.clocks_hz[domain.name]
        for index, domain in enumerate(clocks.domains)
        if index in used and domain.settable and not math.isnan(plan.clocks_hz[domain.name])
    }


def _choice(
    forecast: Forecast,
    point: OperatingPoint,
    *,
    goal: OperatingPoint,
    kept: bool,
    effect: CapEffect,
) -> Choice:
    """Say what to expect of `point`, which targets it gives up, and why it was chosen."""
    application, target = forecast.application, forecast.application.target
    mean_s, std_s, _ = forecast.predict(point)
    violation = forecast.rank(point).violation
    violated_targets = []
    if point.accuracy + EQUAL_ACCURACY < target.min_accuracy:
        violated_targets.append(MIN_ACCURACY)
    if violation >= DEADLINE_GIVEN_UP and not math.isnan(target.deadline_s):
        violated_targets.append(DEADLINE)
    same = point.key == goal.key
    why = reason(forecast, violated_targets=violated_targets, kept=kept and same, effect=effect)
    if not same:
        why = f'until {goal.processor} runs at {goal.frequency_hz / 1e6:.4g} MHz: {why}'
    return Choice(
        app=application.app,
        point=point,
        goal=goal,
        target=target,
        predicted_latency_s=mean_s,
        deadline_probability=_probability(mean_s, std_s=std_s, deadline_s=target.deadline_s),
        slowdown=application.slowdown(point.processor),
        violated_targets=tuple(violated_targets),
        reason=why,
    )


def _probability(mean_s: float, *, std_s: float, deadline_s: float) -> float:
    """Return the probability that a normally distributed latency meets the deadline."""
    if math.isnan(deadline_s):
        return 1.0
    if std_s == 0.0:
        return float(mean_s <= deadline_s)
    return NormalDist(mean_s, std_s).cdf(deadline_s)
