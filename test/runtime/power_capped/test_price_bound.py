# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The bound of a combination of frequencies is never above the scores of its plans."""

import itertools

import numpy as np
import pytest

from dynofa_ros.runtime import DecisionPolicy, DecisionState, Domain, Objective
from dynofa_ros.runtime.decision.clocks import clock_options, every_combination
from dynofa_ros.runtime.decision.joint_keys import is_before
from dynofa_ros.runtime.decision.ranking import Forecast
from dynofa_ros.runtime.power_capped.price_bound import PriceBound
from dynofa_ros.runtime.power_capped.problem import CappedProblem

DOMAINS = tuple(Domain(name, (name,), (0.5e9, 1e9)) for name in ('cpu', 'gpu'))


def plans_at(problem, options, index):
    """Return the keys of all plans within the cap at one combination, (plans, keys)."""
    entries = [
        each.entries_at(at, index) for each, at in zip(problem.applications, options, strict=True)
    ]
    plans = np.array(list(itertools.product(*entries))).T
    power_w = sum(each.power_w[own] for each, own in zip(problem.applications, plans, strict=True))
    return problem.value(list(plans))[power_w <= problem.cap_w]


@pytest.fixture
def draw(several):
    """Return a function that draws a problem, its options, and its plans at each combination."""

    def draw(seed, *, cap_w, count=3, objective=Objective.MAX_ACCURACY):
        policy = DecisionPolicy(objective, energy_weight=0.5)
        applications = several(seed, count=count)
        forecasts = [Forecast.of(each, policy=policy) for each in applications]
        clocks = clock_options(DecisionState(applications, DOMAINS, policy))
        problem = CappedProblem.of(forecasts, clocks, cap_w=cap_w, headroom=0.0, lenient=False)
        combinations = every_combination(clocks)
        options = problem.options(combinations)
        plans = [plans_at(problem, options, index) for index in range(len(combinations))]
        return problem, options, plans

    return draw


@pytest.mark.parametrize('objective', list(Objective))
@pytest.mark.parametrize('seed', range(12))
def test_a_combination_with_a_better_plan_is_not_pruned(draw, seed, objective):
    rng = np.random.default_rng(seed)
    problem, options, plans = draw(seed, cap_w=rng.uniform(3.0, 8.0), objective=objective)
    every = np.concatenate(plans)
    for found in every[rng.integers(len(every), size=10)]:
        bound = PriceBound.of(problem, options=options, keys=found)
        assert bound.applies_to(found)
        for least, here in zip(bound.bounds, plans, strict=True):
            if any(is_before(each, found) for each in here):
                assert least <= bound.limit(found)


def test_a_combination_without_a_better_plan_is_pruned(draw):
    problem, options, plans = draw(1, cap_w=1e3, count=1)
    best = [min(map(tuple, each)) for each in plans]
    bound = PriceBound.of(problem, options=options, keys=min(best))
    pruned = bound.bounds > bound.limit(min(best))
    assert pruned.tolist() == [each[:-1] != min(best)[:-1] for each in best]
    assert pruned.any()
