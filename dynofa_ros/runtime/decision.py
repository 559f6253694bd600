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
    ApplicationState,
    Choice,
    Decision,
    DecisionState,
    Policy,
)
from dynofa_ros.runtime.objective import Objective
from dynofa_ros.runtime.operating_point import OperatingPoint
from dynofa_ros.runtime.ranking import DEADLINE_GIVEN_UP, EQUAL_ACCURACY, predict, rank_one, single
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
    ordered = tuple(
        without_waiting(each, policy=state.policy)
        for each in sorted(state.applications, key=lambda each: each.app)
    )
    state = dataclasses.replace(state, applications=ordered)
    clocks = clock_options(state)
    present = present_plan(state, clocks) if state.settled else None
    if present is None:
        plan = search(state, clocks)
    else:
        plan = hold_or_change(state, clocks, present=present)
    choices = tuple(
        _choice(application, point, policy=state.policy, kept=plan is present)
        for application, point in zip(state.applications, plan.points, strict=True)
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
    application: ApplicationState, point: OperatingPoint, *, policy: Policy, kept: bool
) -> Choice:
    """Say what to expect of `point`, which targets it gives up, and why it was chosen."""
    prediction = predict(application, single(application, point))
    mean_s, std_s = float(prediction.mean_s[0]), float(prediction.std_s[0])
    target = application.target
    violation = rank_one(application, point, policy=policy).violation[0]
    given_up = []
    if point.accuracy + EQUAL_ACCURACY < target.min_accuracy:
        given_up.append(MIN_ACCURACY)
    if violation >= DEADLINE_GIVEN_UP and not math.isnan(target.deadline_s):
        given_up.append(DEADLINE)
    return Choice(
        app=application.app,
        point=point,
        target=target,
        predicted_latency_s=mean_s,
        deadline_probability=_probability(mean_s, std_s=std_s, deadline_s=target.deadline_s),
        slowdown=application.slowdown(point.processor),
        given_up=tuple(given_up),
        reason=_reason(application, given_up=given_up, policy=policy, kept=kept),
    )


def _probability(mean_s: float, *, std_s: float, deadline_s: float) -> float:
    """Return the probability that a normally distributed latency meets the deadline."""
    if math.isnan(deadline_s):
        return 1.0
    if std_s == 0.0:
        return float(mean_s <= deadline_s)
    return NormalDist(mean_s, std_s).cdf(deadline_s)


def _reason(
    application: ApplicationState, *, given_up: list[str], policy: Policy, kept: bool
) -> str:
    """Put the choice into a few words."""
    target = application.target
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
