"""What a combination of clocks promises is never less than what it holds."""

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


@pytest.mark.parametrize('objective', list(Objective))
@pytest.mark.parametrize('seed', range(12))
def test_whatever_is_better_than_some_plan_is_not_ruled_out(several, seed, objective):
    policy = DecisionPolicy(objective, energy_weight=0.5)
    applications = several(seed)
    forecasts = [Forecast.of(each, policy=policy) for each in applications]
    clocks = clock_options(DecisionState(applications, DOMAINS, policy))
    rng = np.random.default_rng(seed)
    problem = CappedProblem.of(
        forecasts, clocks, cap_w=rng.uniform(3.0, 8.0), headroom=0.0, lenient=False
    )
    combinations = every_combination(clocks)
    options = problem.options(combinations)
    plans = [plans_at(problem, options, index) for index in range(len(combinations))]
    every = np.concatenate(plans)
    for found in every[rng.integers(len(every), size=10)]:
        priced = PriceBound.of(problem, options=options, keys=found)
        assert priced.applies_to(found)
        for bound, here in zip(priced.bounds, plans, strict=True):
            if any(is_before(each, found) for each in here):
                assert bound <= priced.limit(found)


def test_a_combination_that_holds_nothing_better_is_ruled_out(several):
    policy = DecisionPolicy()
    applications = several(1, count=1)
    forecasts = [Forecast.of(each, policy=policy) for each in applications]
    clocks = clock_options(DecisionState(applications, DOMAINS, policy))
    problem = CappedProblem.of(forecasts, clocks, cap_w=1e3, headroom=0.0, lenient=False)
    combinations = every_combination(clocks)
    options = problem.options(combinations)
    best = [
        min(map(tuple, plans_at(problem, options, index))) for index in range(len(combinations))
    ]
    priced = PriceBound.of(problem, options=options, keys=min(best))
    ruled_out = priced.bounds > priced.limit(min(best))
    assert ruled_out.tolist() == [each[:-1] != min(best)[:-1] for each in best]
    assert ruled_out.any()
