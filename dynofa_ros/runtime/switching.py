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
from dynofa_ros.runtime.decision_state import ApplicationState, DecisionState, Policy
from dynofa_ros.runtime.objective import Objective
from dynofa_ros.runtime.operating_point import OperatingPoint
from dynofa_ros.runtime.point_table import SAME_CLOCK
from dynofa_ros.runtime.ranking import FLOOR_GIVEN_UP, Ranking, rank_one


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


def hold_or_change(state: DecisionState, clocks: Clocks, *, present: Plan) -> Plan:
    """Return `present` unless it violates a target that another plan meets, or a change pays."""
    held = _rank(state, present.points)
    well = _all_met(held)
    headroom = state.policy.switch_margin if well else 0.0
    best = search(state, clocks, headroom=headroom)
    if well and not _all_met(_rank(state, best.points, headroom=headroom)):
        return present
    if not _pays(state.applications, new=_rank(state, best.points), old=held, policy=state.policy):
        return present
    points = [
        _hold_one(each, clocks, state=state, plan=best, index=index, headroom=headroom)
        for index, each in enumerate(state.applications)
    ]
    return Plan(points=tuple(points), clocks_hz=best.clocks_hz, exact=best.exact)


def _rank(
    state: DecisionState, points: Sequence[OperatingPoint], *, headroom: float = 0.0
) -> list[Ranking]:
    """Rank one point of each application."""
    return [
        rank_one(application, point, policy=state.policy, headroom=headroom)
        for application, point in zip(state.applications, points, strict=True)
    ]


def _all_met(rankings: Sequence[Ranking]) -> bool:
    """Whether no target is violated."""
    return all(each.violation[0] < FLOOR_GIVEN_UP for each in rankings)


def _pays(
    applications: Sequence[ApplicationState],
    *,
    new: Sequence[Ranking],
    old: Sequence[Ranking],
    policy: Policy,
) -> bool:
    """Whether `new` is better than `old` by more than the margin, at the first key that says so."""
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
    application: ApplicationState,
    clocks: Clocks,
    *,
    state: DecisionState,
    plan: Plan,
    index: int,
    headroom: float,
) -> OperatingPoint:
    """Keep this application's sub-network at the new clocks if for it alone no change pays."""
    new = plan.points[index]
    assert application.current is not None  # there is a present plan
    domain = clocks.domain_of(application.current.processor)
    clock_hz = math.nan if domain is None else plan.clocks_hz[clocks.domains[domain].name]
    old = application.profile.at(application.current.key, clock_hz)
    if old is None or not _same_clock(old.frequency_hz, clock_hz):
        return new
    if not _all_met([rank_one(application, old, policy=state.policy, headroom=headroom)]):
        return new
    pays = _pays(
        [application],
        new=[rank_one(application, new, policy=state.policy)],
        old=[rank_one(application, old, policy=state.policy)],
        policy=state.policy,
    )
    return new if pays else old


def _same_clock(profiled_hz: float, clock_hz: float) -> bool:
    """Whether a point was profiled at this clock, or has none to set."""
    if math.isnan(profiled_hz) or math.isnan(clock_hz):
        return True
    return abs(profiled_hz - clock_hz) <= SAME_CLOCK * clock_hz
