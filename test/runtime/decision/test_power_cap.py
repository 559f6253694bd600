# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The plan within a power cap, compared with brute force."""

import itertools
import math
from contextlib import contextmanager
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
from dynofa_ros.runtime.decision.decide import pose
from dynofa_ros.runtime.decision.power_cap import loss_bound, search_within
from dynofa_ros.runtime.decision.search import search

CLOCKS = {'gpu': (3e8, 6e8, 9e8), 'cpu': (1e9, 2e9)}
DOMAINS = tuple(Domain(name, (name,), clocks) for name, clocks in CLOCKS.items())
# Those of the fixture `several`.
TWO_CLOCKS = tuple(Domain(name, (name,), (0.5e9, 1e9)) for name in ('cpu', 'gpu'))
ALONE = dict.fromkeys(CLOCKS, 0.0)  # applications do not disturb each other
PLACES = [(processor, clock) for processor, clocks in CLOCKS.items() for clock in clocks]

# Fold front by front, instead of enumerating plans, and keep one point of each.
FOLDED = {'power_cap.MOST_TOGETHER': 0}
THIN_FRONTS = FOLDED | {'power_cap.MOST_FRONT': 1}

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


def problem_of(several, policy):
    return pose(DecisionState(several, DOMAINS, policy, contention=ALONE))


def rows_of(problem, points):
    pairs = zip(problem.points.tables, problem.points.starts, points, strict=False)
    return tuple(int(start) + table.row_of[point] for table, start, point in pairs)


def value_of(problem, points):
    """Return the keys of a plan; of integers, so that they compare exactly."""
    return problem.value(rows_of(problem, points))


def run(several, policy, **changes):
    """Decide; return the decision, its points and the problem."""
    policy = replace(policy, **changes)
    decision = decide(DecisionState(several, DOMAINS, policy, contention=ALONE))
    return decision, [choice.point for choice in decision.choices], problem_of(several, policy)


@contextmanager
def limited(limits):
    """Set limits of the search meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        for name, limit in limits.items():
            patch.setattr(f'dynofa_ros.runtime.decision.{name}', limit)
        yield


@thorough
@given(joint, policies, st.data())
def test_the_plan_is_the_brute_force_optimum_within_the_cap(several, policy, data):
    plans = every_plan(several)
    # Slightly or clearly above the power of some plan.
    cap_w = total_w(several, data.draw(st.sampled_from(plans))) * data.draw(above)
    decision, points, problem = run(several, policy, power_cap_w=cap_w)
    assert decision.power_cap_met
    assert decision.power_w <= cap_w + 1e-8
    assert decision.power_w == pytest.approx(total_w(several, points))
    assert (decision.exact, decision.loss_bound) == (True, 0.0)
    found = value_of(problem, points)
    within = [plan for plan in plans if total_w(several, plan) <= cap_w]
    assert found == min(value_of(problem, plan) for plan in within)


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
    decision, *_ = run(wanted, policy, power_cap_w=1.001 * total_w(wanted, plan))
    assert [choice.violated_targets for choice in decision.choices] == [()] * len(wanted)
    assert decision.power_cap_met


@thorough
@given(joint, policies, st.floats(0.0, 0.99))
def test_if_no_plan_is_within_the_cap_the_least_power_is_chosen(several, policy, share):
    decision, *_ = run(several, policy, power_cap_w=share * least_w(several))
    assert not decision.power_cap_met
    assert decision.power_w == pytest.approx(least_w(several))
    for choice in decision.choices:
        assert 'no plan is within the power cap (' in choice.reason


@thorough
@given(joint, policies, st.floats(1.001, 2.0))
def test_a_cap_just_above_the_least_power_is_met(several, policy, share):
    cap_w = share * least_w(several)
    decision, points, _ = run(several, policy, power_cap_w=cap_w)
    assert decision.power_cap_met
    assert total_w(several, points) <= cap_w + 1e-8


@pytest.mark.parametrize(
    'limits',
    [
        {'search.EXACT_COMBINATIONS': 1, 'power_cap.EXACT_COMBINATIONS': 1},
        {'power_cap.MOST_PAIRS': 0},
        THIN_FRONTS,
        {'search.EXACT_COMBINATIONS': 1, 'power_cap.EXACT_COMBINATIONS': 1} | THIN_FRONTS,
    ],
    ids=['coordinate descent', 'one combination', 'thin fronts', 'both'],
)
@settings(max_examples=40, deadline=None)
@given(several=joint, policy=policies)
def test_the_loss_of_an_incomplete_search_is_bounded(limits, several, policy):
    """Over all plans within the cap in which no application violates its targets more."""
    with limited(limits):
        decision, points, problem = run(several, policy)
    assert math.isfinite(decision.loss_bound)
    found = scores_of(problem, points)
    for plan in every_plan(several):
        scores = scores_of(problem, plan)
        if (scores[:, 0] <= found[:, 0]).all() and total_w(several, plan) <= policy.power_cap_w:
            loss = found[:, 1].sum() - scores[:, 1].sum()
            assert loss <= decision.loss_bound + 1e-8


def scores_of(problem, points):
    """Return the keys of the point of each application, (applications, keys)."""
    return problem.keys(np.array(rows_of(problem, points))).T


@thorough
@given(joint, policies, above, above)
def test_a_higher_cap_never_gives_a_worse_plan(several, policy, first, second):
    """From the least power of all plans upwards."""
    low_w = least_w(several) * first
    _, low, problem = run(several, policy, power_cap_w=low_w)
    _, high, _ = run(several, policy, power_cap_w=low_w * second)
    assert total_w(several, low) <= low_w + 1e-8
    assert value_of(problem, high) <= value_of(problem, low)


@thorough
@given(joint, policies)
def test_a_cap_above_the_best_plan_changes_nothing(several, policy):
    best, _ = search(problem_of(several, policy))
    for cap_w in (problem_of(several, policy).power_w(best.rows), math.inf):
        assert search_within(problem_of(several, replace(policy, power_cap_w=cap_w))) == best


@pytest.mark.parametrize(
    'limits', [{}, FOLDED, {'power_cap.TOGETHER': 1}], ids=['together', 'folded', 'one by one']
)
@pytest.mark.parametrize('seed', range(8))
def test_with_four_priorities_the_plan_within_the_cap_is_the_best(several, seed, limits):
    """Targets that cannot all be met, so that every key of the value counts."""
    rng = np.random.default_rng(seed)
    applications = tuple(
        replace(each, target=replace(each.target, priority=priority))
        for each, priority in zip(several(seed, count=4), rng.permutation(4), strict=True)
    )
    plans = list(
        itertools.chain.from_iterable(
            itertools.product(
                *(
                    [
                        point
                        for point in each.profile.table.points
                        if point.frequency_hz == clocks[point.processor]
                    ]
                    for each in applications
                )
            )
            for clocks in ({'cpu': cpu, 'gpu': gpu} for cpu in (0.5e9, 1e9) for gpu in (0.5e9, 1e9))
        )
    )
    problem = pose(DecisionState(applications, TWO_CLOCKS, contention=ALONE))
    powers = [problem.power_w(rows_of(problem, plan)) for plan in plans[::7]]
    cap_w = float(np.quantile(powers, rng.uniform(0.02, 0.5)))
    policy = DecisionPolicy(power_cap_w=cap_w)
    with limited(limits):
        decision = decide(DecisionState(applications, TWO_CLOCKS, policy, contention=ALONE))
    assert (decision.exact, decision.power_cap_met) == (True, True)
    found = value_of(problem, [choice.point for choice in decision.choices])
    assert found == min(
        value_of(problem, plan)
        for plan in plans
        if problem.power_w(rows_of(problem, plan)) <= cap_w
    )


@pytest.fixture
def heavy_and_light(make_point, make_profile):
    """Return applications whose accurate sub-network takes 1.0001 W, and the other one 1 W."""

    def build(*names, **changes):
        points = [
            make_point('light', latency_s=0.04, energy_j=0.1, accuracy=0.7),
            make_point('heavy', latency_s=0.04, energy_j=0.10001, accuracy=0.8),
        ]
        exact = {'gpu': Slowdown(1.0, 0.0)}
        return tuple(
            ApplicationState(
                make_profile(*points, app=name), Target(), exact, frame_period_s=0.1, **changes
            )
            for name in names
        )

    return build


def decide_within(applications, cap_w):
    policy = DecisionPolicy(power_cap_w=cap_w)
    return decide(DecisionState(applications, policy=policy, contention=ALONE))


@pytest.mark.parametrize('limits', [{}, FOLDED], ids=['together', 'folded'])
@pytest.mark.parametrize('heavy', range(4))
def test_no_price_finds_a_plan_whose_power_hardly_differs_from_the_others(
    heavy_and_light, heavy, limits
):
    with limited(limits):
        decision = decide_within(heavy_and_light(*'abc'), 3.00005 + 0.0001 * heavy)
    found = [choice.point.subnet_id for choice in decision.choices]
    assert found.count('heavy') == heavy
    assert (decision.exact, decision.power_cap_met) == (True, True)


def test_a_refused_point_bounds_no_loss(heavy_and_light):
    """Heavy cannot run, so a plan without it loses nothing."""
    heavy = ('heavy', 'torch', 'gpu', 1)
    applications = heavy_and_light('a', 'b', refused=frozenset({heavy}))
    policy = DecisionPolicy(power_cap_w=3.0)
    problem = pose(DecisionState(applications, policy=policy, contention=ALONE))
    plan = search_within(problem)
    assert {problem.points.point(row).subnet_id for row in plan.rows} == {'light'}
    assert loss_bound(problem, plan) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize('processor', ['cpu', 'gpu'])
def test_points_on_other_processors_than_the_prescribed_one_bound_no_loss(several, processor):
    problem = pose(DecisionState(several(0), TWO_CLOCKS, contention=ALONE))
    index = problem.points.processors.index(processor)
    problem = replace(problem, only=problem.points.places(np.full(problem.basis.count, index)))
    assert loss_bound(problem, search_within(problem)) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ('limits', 'exact'),
    [
        (FOLDED, True),
        (THIN_FRONTS, False),
        (FOLDED | {'power_cap.MOST_PAIRS': 1}, False),
        ({'power_cap.MOST_PAIRS': 1, 'power_cap.TOGETHER': 1}, False),
    ],
    ids=['folded', 'thin fronts', 'few pairs folded', 'few pairs'],
)
def test_a_search_that_was_cut_short_is_not_called_exact(several, limits, exact):
    """Some search needs all of it; a plan within the cap is found nevertheless."""
    found = []
    for seed in range(8):
        free = DecisionState(several(seed), TWO_CLOCKS, contention=ALONE)
        least_w = decide(replace(free, policy=DecisionPolicy(power_cap_w=0.0))).power_w
        capped = replace(free, policy=DecisionPolicy(power_cap_w=1.3 * least_w))
        with limited(limits):
            decision = decide(capped)
        assert decision.power_cap_met
        found.append(decision.exact)
    assert all(found) == exact
