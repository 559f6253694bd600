# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The plan within a power cap, compared with brute force."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynofa_ros.runtime import (
    ApplicationState,
    DecisionPolicy,
    DecisionState,
    Domain,
    Objective,
    OperatingPoint,
    Profile,
    Slowdown,
    Target,
    decide,
)
from dynofa_ros.runtime.decision.clock_search import search
from dynofa_ros.runtime.decision.clocks import clock_options
from dynofa_ros.runtime.decision.joint_keys import is_before, plan_keys
from dynofa_ros.runtime.decision.ranking import Forecast
from dynofa_ros.runtime.power_capped.search import search_within

CLOCKS = {'gpu': (3e8, 6e8, 9e8), 'cpu': (1e9, 2e9)}
DOMAINS = tuple(Domain(name, (name,), clocks) for name, clocks in CLOCKS.items())
PLACES = [(processor, clock) for processor, clocks in CLOCKS.items() for clock in clocks]

thorough = settings(max_examples=60, deadline=None)


def steps(low, high):
    return st.integers(0, 10).map(lambda step: low + (high - low) * step / 10)


@st.composite
def applications(draw, app):
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 3), st.sampled_from(PLACES), steps(0.01, 0.2), steps(0.05, 1.0)
            ),
            min_size=1, max_size=8, unique_by=lambda row: row[:2],
        )
    )  # fmt: skip
    accuracies = draw(st.lists(steps(0.5, 0.9), min_size=4, max_size=4))
    points = tuple(
        OperatingPoint(
            f's{subnet}', 'torch', processor, 1, clock, latency, 0.0, energy, accuracies[subnet],
            1, 1,
        )
        for subnet, (processor, clock), latency, energy in rows
    )  # fmt: skip
    target = draw(
        st.builds(
            Target,
            deadline_s=st.sampled_from([0.05, 0.1, math.nan]),
            min_accuracy=st.sampled_from([0.0, 0.6, 0.8]),
            priority=st.integers(0, 1),
        )
    )
    return ApplicationState(
        Profile(app, 'supernet', 'board', 'modelled', 'modelled', points),
        target,
        {name: Slowdown(draw(st.sampled_from([1.0, 1.5])), 0.0) for name in CLOCKS},
        overhead_s=0.002,
        frame_period_s=draw(st.sampled_from([math.nan, 0.1])),
    )


joint = st.integers(1, 3).flatmap(
    lambda count: st.tuples(*(applications(name) for name in 'abc'[:count]))
)
policies = st.builds(
    DecisionPolicy,
    objective=st.sampled_from(list(Objective)),
    energy_weight=st.sampled_from([0.0, 0.3, 5.0]),
    power_cap_w=steps(0.0, 20.0),
)

above = st.floats(1.001, 3.0)


def busy_s(application, point):
    return 0.002 + point.latency_s * application.slowdown(point.processor).mean


def total_w(several, points):
    """Independent of the code under test: energy x frame rate, at most back to back."""
    return sum(
        point.energy_j / np.fmax(busy_s(each, point), each.frame_period_s)
        for each, point in zip(several, points, strict=True)
    )


def points_at(application, now_hz):
    """Yield undominated points at the highest profiled frequencies up to the present ones."""
    for processor, clock_hz in now_hz.items():
        points = [each for each in application.profile.points if each.processor == processor]
        below = [each.frequency_hz for each in points if each.frequency_hz <= clock_hz]
        for point in application.profile.table.points:
            if below and point.processor == processor and point.frequency_hz == max(below):
                yield point


def every_plan(several):
    """Return all combinations of undominated points at agreeing frequencies."""
    plans = []
    for clocks in itertools.product(*CLOCKS.values()):
        now_hz = dict(zip(CLOCKS, clocks, strict=True))
        plans += itertools.product(*(list(points_at(each, now_hz)) for each in several))
    return plans


def least_w(several):
    return min(total_w(several, plan) for plan in every_plan(several))


def forecasts_of(several, policy):
    return [Forecast.of(each, policy=policy) for each in several]


def ranks_of(several, points, policy):
    forecasts = forecasts_of(several, policy)
    return [each.rank(point) for each, point in zip(forecasts, points, strict=True)]


def keys_of(several, points, policy):
    return plan_keys(several, ranks_of(several, points, policy))


def run(several, policy, **changes):
    """Decide; return the decision and its settled points."""
    decision = decide(DecisionState(several, DOMAINS, replace(policy, **changes)))
    return decision, tuple(choice.settled_point for choice in decision.choices)


@thorough
@given(joint, policies, st.data())
def test_the_plan_is_the_brute_force_optimum_within_the_cap(several, policy, data):
    plans = every_plan(several)
    # Slightly or clearly above the power of some plan.
    cap_w = total_w(several, data.draw(st.sampled_from(plans))) * data.draw(above)
    decision, points = run(several, policy, power_cap_w=cap_w)
    assert decision.power_cap_met
    assert decision.power_w <= cap_w + 1e-8
    assert decision.power_w == pytest.approx(total_w(several, points))
    assert (decision.exact, decision.loss_bound) == (True, 0.0)
    found = keys_of(several, points, policy)
    within = [plan for plan in plans if total_w(several, plan) <= cap_w]
    assert not any(is_before(keys_of(several, plan, policy), found) for plan in within)


@thorough
@given(joint, policies, st.data())
def test_no_target_is_violated_if_a_plan_within_the_cap_meets_all(several, policy, data):
    """Targets and cap are those that a random plan just meets."""
    plan = data.draw(st.sampled_from(every_plan(several)))
    wanted = tuple(
        replace(
            each,
            target=Target(1.001 * busy_s(each, point), point.accuracy, each.target.priority),
            # Otherwise it would wait for the previous frame.
            frame_period_s=max(each.frame_period_s, 1.1 * busy_s(each, point)),
        )
        for each, point in zip(several, plan, strict=True)
    )
    decision, _ = run(wanted, policy, power_cap_w=1.001 * total_w(wanted, plan))
    assert [choice.violated_targets for choice in decision.choices] == [()] * len(wanted)
    assert decision.power_cap_met


@thorough
@given(joint, policies, st.floats(0.0, 0.99))
def test_if_no_plan_is_within_the_cap_the_least_power_is_chosen(several, policy, share):
    decision, _ = run(several, policy, power_cap_w=share * least_w(several))
    assert not decision.power_cap_met
    assert decision.power_w == pytest.approx(least_w(several))
    for choice in decision.choices:
        assert 'no plan is within the power cap of' in choice.reason


@thorough
@given(joint, policies, st.floats(1.001, 2.0))
def test_a_cap_just_above_the_least_power_is_met(several, policy, share):
    cap_w = share * least_w(several)
    decision, points = run(several, policy, power_cap_w=cap_w)
    assert decision.power_cap_met
    assert total_w(several, points) <= cap_w + 1e-8


@pytest.mark.parametrize(
    'limits',
    [
        {'decision.clocks.EXACT_COMBINATIONS': 1},
        {'power_capped.search.EXACT_ROWS': 0},
        {'power_capped.search.MERGED_ROWS': 0},
        {'decision.clocks.EXACT_COMBINATIONS': 1, 'power_capped.search.MERGED_ROWS': 0},
    ],
    ids=['coordinate descent', 'one combination', 'thin fronts', 'both'],
)
@settings(max_examples=40, deadline=None)
@given(several=joint, policy=policies)
def test_the_loss_of_an_incomplete_search_is_bounded(limits, several, policy):
    """Over all plans within the cap in which no application violates its targets more."""
    with pytest.MonkeyPatch.context() as patch:
        for name, limit in limits.items():
            patch.setattr(f'dynofa_ros.runtime.{name}', limit)
        decision, points = run(several, policy)
    assert math.isfinite(decision.loss_bound)
    found = ranks_of(several, points, policy)
    for plan in every_plan(several):
        ranks = ranks_of(several, plan, policy)
        no_worse = all(
            rank.violation <= own.violation for rank, own in zip(ranks, found, strict=True)
        )
        if no_worse and total_w(several, plan) <= policy.power_cap_w:
            pairs = zip(found, ranks, strict=True)
            loss = sum(own.primary - rank.primary for own, rank in pairs)
            assert loss <= decision.loss_bound + 1e-8


@thorough
@given(joint, policies, above, above)
def test_a_higher_cap_never_gives_a_worse_plan(several, policy, first, second):
    """From the least power of all plans upwards."""
    low_w = least_w(several) * first
    forecasts = forecasts_of(several, policy)
    clocks = clock_options(DecisionState(several, DOMAINS, policy))
    low, high = (
        search_within(forecasts, clocks, cap_w=cap_w).points for cap_w in (low_w, low_w * second)
    )
    assert total_w(several, low) <= low_w
    assert not is_before(keys_of(several, low, policy), keys_of(several, high, policy))


@thorough
@given(joint, policies)
def test_a_cap_above_the_best_plan_changes_nothing(several, policy):
    forecasts = forecasts_of(several, policy)
    clocks = clock_options(DecisionState(several, DOMAINS, policy))
    best = search(forecasts, clocks)
    for cap_w in (total_w(several, best.points), math.inf):
        assert search_within(forecasts, clocks, cap_w=cap_w) == best
