"""Whether a change pays: what runs is kept unless it violates a target or a change gains enough.

A switch costs a sub-network swap and, for a clock, up to 0.8 s on a Jetson Xavier NX; and an
estimate that wanders around a limit must not make the choice flap. Two hurdles, both from
`Policy`: a voluntary change must meet its targets with `switch_margin` of its latency to spare,
and gain `switch_margin` of the energy or `accuracy_margin` of accuracy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from dynofa_ros.runtime.clock_search import EQUAL, Clocks, Plan, joint_keys, search
from dynofa_ros.runtime.decision_state import DecisionState
from dynofa_ros.runtime.objective import Objective
from dynofa_ros.runtime.operating_point import OperatingPoint
from dynofa_ros.runtime.point_table import SAME_CLOCK
from dynofa_ros.runtime.ranking import Forecast, Ranking


def present_plan(state: DecisionState, clocks: Clocks) -> Plan | None:
    """Return what runs, at the commanded clocks; None if an application or clock has no choice yet.

    Where a clock is not ours to set, it is the one the domain has now.
    """
    clocks_hz = {
        domain.name: domain.commanded_hz if domain.settable else options[0]
        for domain, options in zip(clocks.domains, clocks.options_hz, strict=True)
    }
    points = []
    for each in state.applications:
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


def hold_or_change(forecasts: Sequence[Forecast], clocks: Clocks, *, present: Plan) -> Plan:
    """Return `present` unless it violates a target that another plan meets, or a change pays."""
    held = _rank(forecasts, present.points)
    well = _all_met(held)
    headroom = forecasts[0].policy.switch_margin if well else 0.0
    best = search(forecasts, clocks, headroom=headroom)
    if best.points == present.points and best.clocks_hz == present.clocks_hz:
        return present
    if well and not _all_met(_rank(forecasts, best.points, headroom=headroom)):
        return present
    if not _pays(forecasts, new=_rank(forecasts, best.points), old=held):
        return present
    points = [
        _hold_one(forecast, clocks, plan=best, new=new, headroom=headroom)
        for forecast, new in zip(forecasts, best.points, strict=True)
    ]
    return Plan(points=tuple(points), clocks_hz=best.clocks_hz, exact=best.exact)


def _rank(
    forecasts: Sequence[Forecast], points: Sequence[OperatingPoint], *, headroom: float = 0.0
) -> list[Ranking]:
    """Rank one point of each application."""
    return [
        forecast.rank(point, headroom=headroom)
        for forecast, point in zip(forecasts, points, strict=True)
    ]


def _all_met(rankings: Sequence[Ranking]) -> bool:
    """Whether no target is violated."""
    return all(each.met for each in rankings)


def _pays(
    forecasts: Sequence[Forecast], *, new: Sequence[Ranking], old: Sequence[Ranking]
) -> bool:
    """Whether `new` is better than `old` by more than the margin, at the first key that says so."""
    applications, policy = [each.application for each in forecasts], forecasts[0].policy
    new_keys, old_keys = joint_keys(applications, new), joint_keys(applications, old)
    priorities = len({each.target.priority for each in applications})
    accuracy = policy.accuracy_margin
    objective = [accuracy, policy.switch_margin * abs(float(old_keys[-1][0]))]
    if policy.objective is Objective.MIN_ENERGY:
        objective = [policy.switch_margin * abs(float(old_keys[-2][0])), accuracy]
    margins = [0.0, 0.0] * priorities + [policy.switch_margin, accuracy] * priorities + objective
    for after, before, margin in zip(new_keys, old_keys, margins, strict=True):
        gain = float(before[0] - after[0])
        if gain < -EQUAL:
            return False
        if gain > margin + EQUAL:
            return True
    return False


def _hold_one(
    forecast: Forecast, clocks: Clocks, *, plan: Plan, new: OperatingPoint, headroom: float
) -> OperatingPoint:
    """Keep this application's sub-network at the new clocks if for it alone no change pays."""
    current, profile = forecast.application.current, forecast.application.profile
    assert current is not None  # there is a present plan
    domain = clocks.domain_of(current.processor)
    clock_hz = math.nan if domain is None else plan.clocks_hz[clocks.domains[domain].name]
    old = profile.at(current.key, clock_hz)
    if old is None or not _same_clock(old.frequency_hz, clock_hz) or old == new:
        return new
    if not forecast.rank(old, headroom=headroom).met:
        return new
    pays = _pays([forecast], new=[forecast.rank(new)], old=[forecast.rank(old)])
    return new if pays else old


def _same_clock(profiled_hz: float, clock_hz: float) -> bool:
    """Whether a point was profiled at this clock, or has none to set."""
    if math.isnan(profiled_hz) or math.isnan(clock_hz):
        return True
    return abs(profiled_hz - clock_hz) <= SAME_CLOCK * clock_hz
