# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Keep the current plan unless it violates a target or a change gains enough.

A switch costs a sub-network swap and, for a frequency, up to 0.8 s on a Jetson Xavier NX; and an
estimate that wanders around a limit must not make the choice flap. A voluntary change has to meet
its targets with a latency margin of `switch_margin`, stay within the power cap with the same
margin, and save `switch_margin` of the energy or gain `accuracy_margin` of accuracy (or of
accuracy - energy_weight x energy); all are fields of `DecisionPolicy`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from dynofa_ros.runtime.decision.clock_search import Plan
from dynofa_ros.runtime.decision.clocks import Clocks
from dynofa_ros.runtime.decision.joint_keys import EQUAL, plan_keys
from dynofa_ros.runtime.decision.prediction import total_power_w, within
from dynofa_ros.runtime.decision.ranking import Forecast, Rank
from dynofa_ros.runtime.decision.state import ApplicationState
from dynofa_ros.runtime.operating_points.frequency import is_same
from dynofa_ros.runtime.operating_points.point import OperatingPoint
from dynofa_ros.runtime.power_capped.search import search_within
from dynofa_ros.runtime.settings import Objective


def current_plan(applications: Sequence[ApplicationState], clocks: Clocks) -> Plan | None:
    """Return the current points at the commanded frequencies; None if any is missing.

    A domain that cannot be set counts at its present frequency.
    """
    clocks_hz = {
        domain.name: domain.commanded_hz if domain.settable else options[0]
        for domain, options in zip(clocks.domains, clocks.options_hz, strict=True)
    }
    points = []
    for each in applications:
        if each.current is None or each.current.key in each.refused:
            return None
        index = clocks.domain_of(each.current.processor)
        domain = None if index is None else clocks.domains[index]
        clock_hz = math.nan if domain is None else clocks_hz[domain.name]
        if domain is not None and domain.settable and math.isnan(clock_hz):
            return None
        point = each.profile.at(each.current.key, clock_hz)
        if point is None:
            return None
        points.append(point)
    return Plan(points=tuple(points), clocks_hz=clocks_hz)


def hold_or_change(forecasts: Sequence[Forecast], clocks: Clocks, *, current: Plan) -> Plan:
    """Return the best plan if a change is due or pays, `current`, marked as kept, otherwise."""
    policy, applications = forecasts[0].policy, [each.application for each in forecasts]
    current_ranks = _rank(forecasts, current.points)
    met = _all_met(current_ranks)
    headroom = policy.switch_margin if met else 0.0
    power_w = total_power_w(applications, current.points)
    over = not within(power_w, policy.power_cap_w)
    cap_w = limit_w = policy.power_cap_w
    margin_w = cap_w / (1.0 + policy.switch_margin)
    if met and not over:
        limit_w = margin_w
    best = search_within(forecasts, clocks, cap_w=limit_w, headroom=headroom)
    if not (met or over or cap_w == math.inf or _all_met(_rank(forecasts, best.points))):
        limit_w = margin_w  # the violation may last, so the choice must not flap
        best = search_within(forecasts, clocks, cap_w=limit_w)
    kept = replace(current, exact=best.exact, loss_bound=best.loss_bound, kept=True)
    if best.points == current.points and best.clocks_hz == current.clocks_hz:
        return kept
    best_w = total_power_w(applications, best.points)
    if over:
        helps = within(best_w, limit_w) or best_w < (1.0 - policy.switch_margin) * power_w
        return best if helps else kept
    if not within(best_w, limit_w):
        return kept
    if met and not _all_met(_rank(forecasts, best.points, headroom=headroom)):
        return kept
    if not _pays(forecasts, new=_rank(forecasts, best.points), old=current_ranks):
        return kept
    return _hold_some(forecasts, clocks, plan=best, headroom=headroom, limit_w=limit_w)


def _hold_some(
    forecasts: Sequence[Forecast], clocks: Clocks, *, plan: Plan, headroom: float, limit_w: float
) -> Plan:
    """Keep each sub-network whose own change does not pay, within the power limit."""
    applications, points = [each.application for each in forecasts], list(plan.points)
    for index, forecast in enumerate(forecasts):
        new = points[index]
        points[index] = _hold_one(forecast, clocks, plan=plan, new=new, headroom=headroom)
        if points[index] != new and not within(total_power_w(applications, points), limit_w):
            points[index] = new
    return replace(plan, points=tuple(points))


def _rank(
    forecasts: Sequence[Forecast], points: Sequence[OperatingPoint], *, headroom: float = 0.0
) -> list[Rank]:
    """Rank one point of each application."""
    return [
        forecast.rank(point, headroom=headroom)
        for forecast, point in zip(forecasts, points, strict=True)
    ]


def _all_met(ranks: Sequence[Rank]) -> bool:
    """Whether no target is violated."""
    return all(each.met for each in ranks)


def _pays(forecasts: Sequence[Forecast], *, new: Sequence[Rank], old: Sequence[Rank]) -> bool:
    """Whether `new` gains more than the margin in the first key that differs."""
    applications, policy = [each.application for each in forecasts], forecasts[0].policy
    new_keys, old_keys = plan_keys(applications, new), plan_keys(applications, old)
    priorities = len({each.target.priority for each in applications})
    accuracy = policy.accuracy_margin
    objective = [accuracy, policy.switch_margin * abs(old_keys[-1])]
    if policy.objective is Objective.MIN_ENERGY:
        objective = [policy.switch_margin * abs(old_keys[-2]), accuracy]
    margins = [0.0, 0.0] * priorities + [policy.switch_margin, accuracy] * priorities + objective
    for after, before, margin in zip(new_keys, old_keys, margins, strict=True):
        gain = before - after
        if gain < -EQUAL:
            return False
        if gain > margin + EQUAL:
            return True
    return False


def _hold_one(
    forecast: Forecast, clocks: Clocks, *, plan: Plan, new: OperatingPoint, headroom: float
) -> OperatingPoint:
    """Return the current sub-network at the new frequency unless a change to `new` pays."""
    current, profile = forecast.application.current, forecast.application.profile
    assert current is not None  # there is a current plan
    domain = clocks.domain_of(current.processor)
    clock_hz = math.nan if domain is None else plan.clocks_hz[clocks.domains[domain].name]
    old = profile.at(current.key, clock_hz)
    if old is None or old == new:
        return new
    fixed = math.isnan(old.frequency_hz) or math.isnan(clock_hz)
    profiled = fixed or is_same(old.frequency_hz, clock_hz)
    if not profiled or not forecast.rank(old, headroom=headroom).met:
        return new
    pays = _pays([forecast], new=[forecast.rank(new)], old=[forecast.rank(old)])
    return new if pays else old
