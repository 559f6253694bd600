# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""No plan is better than the one found by more than the bound."""

import itertools
import math

import numpy as np
import pytest

from dynofa_ros.runtime import DecisionPolicy, DecisionState, Domain, Objective
from dynofa_ros.runtime.decision.clocks import clock_options
from dynofa_ros.runtime.decision.loss_bound import loss_bound
from dynofa_ros.runtime.decision.prediction import total_power_w
from dynofa_ros.runtime.decision.ranking import Forecast

DOMAINS = tuple(Domain(name, (name,), (0.5e9, 1e9)) for name in ('cpu', 'gpu'))
OBJECTIVES = list(Objective)


@pytest.fixture
def problem(several):
    """Return a function that draws forecasts, clocks and all plans with agreeing frequencies."""

    def draw(seed, objective):
        policy = DecisionPolicy(objective, energy_weight=0.5)
        applications = several(seed, count=2)
        forecasts = [Forecast.of(each, policy=policy) for each in applications]
        clocks = clock_options(DecisionState(applications, DOMAINS, policy))
        plans = []
        for plan in itertools.product(*(each.profile.table.points for each in applications)):
            used = {(point.processor, point.frequency_hz) for point in plan}
            if len(used) == len({processor for processor, _ in used}):
                plans.append(plan)
        return forecasts, clocks, plans

    return draw


def value(forecasts, plan):
    """Return the objective's first key, summed, and the violation of each application."""
    ranks = [each.rank(point) for each, point in zip(forecasts, plan, strict=True)]
    return sum(rank.primary for rank in ranks), [rank.violation for rank in ranks]


def losses(forecasts, plans, *, found, cap_w):
    """Yield the gain of each plan to which the bound applies."""
    applications = [each.application for each in forecasts]
    own, allowed = value(forecasts, found)
    for plan in plans:
        objective, violations = value(forecasts, plan)
        within = total_power_w(applications, plan) <= cap_w
        if within and np.all(np.array(violations) <= allowed):
            yield own - objective


@pytest.mark.parametrize('objective', OBJECTIVES)
@pytest.mark.parametrize('seed', range(6))
@pytest.mark.parametrize('coordinate_descent', [False, True])
def test_no_plan_within_the_cap_gains_more(
    problem, monkeypatch, seed, objective, coordinate_descent
):
    if coordinate_descent:
        monkeypatch.setattr('dynofa_ros.runtime.decision.clocks.EXACT_COMBINATIONS', 1)
    forecasts, clocks, plans = problem(seed, objective)
    rng = np.random.default_rng(seed)
    for _ in range(4):
        found, cap_w = plans[rng.integers(len(plans))], rng.uniform(1.0, 6.0)
        bound = loss_bound(forecasts, found, clocks, cap_w=cap_w)
        gains = list(losses(forecasts, plans, found=found, cap_w=cap_w))
        assert bound >= max(gains, default=0.0) - 1e-9


@pytest.mark.parametrize('objective', OBJECTIVES)
@pytest.mark.parametrize('seed', range(6))
def test_without_a_cap_it_is_the_exact_loss(problem, seed, objective):
    forecasts, clocks, plans = problem(seed, objective)
    found = plans[np.random.default_rng(seed).integers(len(plans))]
    gains = losses(forecasts, plans, found=found, cap_w=math.inf)
    assert loss_bound(forecasts, found, clocks) == pytest.approx(max(gains), abs=1e-9)


def test_a_price_on_power_makes_the_bound_tighter(problem):
    """Only the plan found is within the cap, so there is less to gain than without a cap."""
    forecasts, clocks, plans = problem(0, Objective.MAX_ACCURACY)
    applications = [each.application for each in forecasts]
    found = min(plans, key=lambda plan: total_power_w(applications, plan))
    cap_w = 1.01 * total_power_w(applications, found)
    uncapped, capped = (
        loss_bound(forecasts, found, clocks, cap_w=each) for each in (math.inf, cap_w)
    )
    assert capped < 0.5 * uncapped
