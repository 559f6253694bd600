# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Decide sub-network, processor, threads and frequencies of all applications together.

Runtime resource management of arXiv 2206.02525, section 3, as one joint choice: the best
combination of frequencies and operating points, with hysteresis. docs/decision.md explains the
rules.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from dynofa_ros.runtime.decision.clock_search import Plan, search
from dynofa_ros.runtime.decision.clocks import Clocks, clock_options
from dynofa_ros.runtime.decision.hysteresis import current_plan, hold_or_change
from dynofa_ros.runtime.decision.prediction import total_power_w, within
from dynofa_ros.runtime.decision.ranking import (
    DEADLINE_VIOLATED,
    EQUAL_ACCURACY,
    FLOOR_VIOLATED,
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


def decide(state: DecisionState) -> Decision:
    """Return the best joint choice for `state`. Pure: same state, same decision.

    Without applications the decision is empty. Every application gets a point, even if no point
    meets its targets or no plan is within the power cap: see `Choice.violated_targets` and
    `Decision.power_cap_met`.
    """
    if not state.applications:
        return Decision(choices=(), clocks_hz={}, exact=True)
    # Sums must not depend on the order in which applications joined.
    forecasts = [
        _prefer_ready(Forecast.of(each, policy=state.policy))
        for each in sorted(state.applications, key=lambda each: each.app)
    ]
    applications = [each.application for each in forecasts]
    clocks = clock_options(state)
    current = current_plan(applications, clocks) if state.hysteresis else None
    if current is None:
        plan = search_within(forecasts, clocks, cap_w=state.policy.power_cap_w)
    else:
        plan = hold_or_change(forecasts, clocks, current=current)
    power_w = total_power_w(applications, plan.points)
    cap_met = within(power_w, state.policy.power_cap_w)
    interim = interim_points(forecasts, clocks, plan=plan)
    effects = _cap_effects(forecasts, clocks, plan=plan, cap_met=cap_met)
    return Decision(
        choices=tuple(
            _choice(forecast, point, settled_point=settled_point, kept=plan.kept, effect=effect)
            for forecast, point, settled_point, effect in zip(
                forecasts, interim, plan.points, effects, strict=True
            )
        ),
        clocks_hz=_used_clocks(plan, clocks),
        exact=plan.exact,
        loss_bound=plan.loss_bound,
        power_w=power_w,
        power_cap_met=cap_met,
        unmetered=tuple(each.app for each in applications if not each.profile.energy_known),
    )


def _prefer_ready(forecast: Forecast) -> Forecast:
    """Refuse unready points if the current one violates a target and a ready one meets all.

    Once a ready point runs, a better unready one may be chosen and compiled in the background.
    """
    unready, current = forecast.application.unready, forecast.application.current
    if not unready or (current is not None and forecast.rank(current).met):
        return forecast
    ready = forecast.without(unready)
    return ready if (ready.violations() < FLOOR_VIOLATED).any() else forecast


def _cap_effects(
    forecasts: Sequence[Forecast], clocks: Clocks, *, plan: Plan, cap_met: bool
) -> list[CapEffect]:
    """Return the effect of the power cap on each application.

    Only if a target is violated, a second search without the cap finds out whether the cap is the
    cause. The integer part of `Rank.violation` is the violated target.
    """
    if not cap_met:
        return [CapEffect.UNMET] * len(forecasts)
    none = [CapEffect.NONE] * len(forecasts)
    if forecasts[0].policy.power_cap_w == math.inf:
        return none
    ranks = [each.rank(point) for each, point in zip(forecasts, plan.points, strict=True)]
    if all(each.met for each in ranks):
        return none
    uncapped = search(forecasts, clocks).points
    return [
        CapEffect.COSTS_TARGET
        if int(forecast.rank(point).violation) < int(rank.violation)
        else CapEffect.NONE
        for forecast, point, rank in zip(forecasts, uncapped, ranks, strict=True)
    ]


def _used_clocks(plan: Plan, clocks: Clocks) -> dict[str, float]:
    """Return the frequencies to set: of settable domains that a chosen point uses."""
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
    settled_point: OperatingPoint,
    kept: bool,
    effect: CapEffect,
) -> Choice:
    """Return the choice with its predicted performance, violated targets and reason."""
    application, target = forecast.application, forecast.application.target
    mean_s, std_s, _ = forecast.predict(point)
    violated_targets = []
    if point.accuracy + EQUAL_ACCURACY < target.min_accuracy:
        violated_targets.append(MIN_ACCURACY)
    late = forecast.rank(point).violation >= DEADLINE_VIOLATED
    if late and not math.isnan(target.deadline_s):
        violated_targets.append(DEADLINE)
    settled = point.key == settled_point.key
    text = reason(forecast, violated_targets=violated_targets, kept=kept and settled, effect=effect)
    if not settled:
        clock_mhz = settled_point.frequency_hz / 1e6
        text = f'until {settled_point.processor} runs at {clock_mhz:.4g} MHz: {text}'
    return Choice(
        app=application.app,
        point=point,
        settled_point=settled_point,
        target=target,
        predicted_latency_s=mean_s,
        deadline_probability=_probability(mean_s, std_s=std_s, deadline_s=target.deadline_s),
        slowdown=application.slowdown(point.processor),
        correction=application.correction(point),
        violated_targets=tuple(violated_targets),
        reason=text,
    )


def _probability(mean_s: float, *, std_s: float, deadline_s: float) -> float:
    """Return the probability that a normally distributed latency meets the deadline."""
    if math.isnan(deadline_s):
        return 1.0
    if std_s == 0.0:
        return float(mean_s <= deadline_s)
    return NormalDist(mean_s, std_s).cdf(deadline_s)
