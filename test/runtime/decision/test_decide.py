# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import math
from dataclasses import replace

import pytest

from dynofa_ros.runtime import DecisionPolicy, DecisionState, Domain, Objective, Slowdown

SAVING = DecisionPolicy(objective=Objective.MIN_ENERGY)
LARGE = ('large', 'torch', 'gpu', 1)


def names(decision):
    return [choice.point.subnet_id for choice in decision.choices]


def test_without_applications_the_decision_is_empty(run):
    decision = run()
    assert (decision.choices, decision.clocks_hz) == ((), {})


@pytest.mark.parametrize(
    ('deadline_s', 'floor', 'policy', 'chosen', 'clock_hz'),
    [
        (0.055, 0.0, DecisionPolicy(), 'large', 1e9),
        (0.105, 0.0, DecisionPolicy(), 'large', 0.5e9),
        (0.065, 0.74, SAVING, 'medium', 0.5e9),
        (0.035, 0.74, SAVING, 'medium', 1e9),
        (math.nan, 0.0, DecisionPolicy(), 'large', 0.5e9),
        (math.nan, 0.72, SAVING, 'medium', 0.5e9),
    ],
)
def test_the_objective_is_optimised_within_deadline_and_floor_at_the_lowest_frequency(
    run, app, clocked, deadline_s, floor, policy, chosen, clock_hz
):
    decision = run(app(clocked(), deadline_s, floor), policy=policy)
    assert (names(decision), decision.clocks_hz) == ([chosen], {'gpu': clock_hz})


def test_the_slowdown_counts(run, app, clocked):
    contended = {'gpu': Slowdown(mean=2.0, std=0.0)}
    assert names(run(app(clocked(), 0.055, slowdowns=contended))) == ['small']


def test_the_deadline_is_met_with_the_required_probability(run, app, clocked):
    uncertain = {'gpu': Slowdown(mean=1.0, std=0.1)}
    quantile_s = 0.05 * (1.0 + 1.6449 * 0.1)
    assert names(run(app(clocked(), quantile_s + 1e-5, slowdowns=uncertain))) == ['large']
    choice = run(app(clocked(), quantile_s - 1e-5, slowdowns=uncertain)).choices[0]
    assert choice.point.subnet_id == 'medium'
    assert choice.deadline_probability > 0.95


@pytest.mark.parametrize(
    ('deadline_s', 'std', 'probability'),
    [
        (0.06, 0.1, 0.5),
        (0.064, 0.1, 0.8413),
        (math.nan, 0.1, 1.0),
        (0.06, 0.0, 1.0),
        (0.0599, 0.0, 0.0),
    ],
)
def test_the_predicted_probability_is_normal(
    run, app, make_profile, make_point, deadline_s, std, probability
):
    slowdowns = {'gpu': Slowdown(mean=1.5, std=std)}
    state = app(make_profile(make_point(latency_s=0.04)), deadline_s, slowdowns=slowdowns)
    assert run(state).choices[0].deadline_probability == pytest.approx(probability, abs=1e-4)


def test_the_profile_s_own_spread_counts_if_it_is_larger(run, app, make_point, make_profile):
    steady = make_point('steady', latency_s=0.05, latency_std_s=0.0, accuracy=0.7)
    jittery = make_point('jittery', latency_s=0.05, latency_std_s=0.01, accuracy=0.8)
    assert names(run(app(make_profile(steady, jittery), 0.06), domains=())) == ['steady']


def test_preprocessing_and_postprocessing_count(run, app, clocked):
    assert names(run(app(clocked(), 0.055, overhead_s=0.01))) == ['medium']


def test_an_application_slower_than_its_camera_waits_for_its_own_frames(run, app, clocked):
    assert names(run(app(clocked(), 0.055, frame_period_s=0.04))) == ['medium']


@pytest.mark.parametrize(('period_s', 'chosen'), [(0.083, 'spare'), (0.087, 'tight')])
def test_a_frame_needs_time_to_spare_before_the_next_image(
    run, app, make_point, make_profile, period_s, chosen
):
    tight = make_point('tight', latency_s=0.080, latency_std_s=0.003, accuracy=0.8)
    spare = make_point('spare', latency_s=0.070, latency_std_s=0.003, accuracy=0.7)
    state = app(make_profile(tight, spare), 0.1, frame_period_s=period_s)
    assert names(run(state, domains=())) == [chosen]


@pytest.mark.parametrize(
    ('deadline_s', 'chosen', 'violated_targets'),
    [
        (0.055, 'large', ()),
        (0.035, 'medium', ('min_accuracy',)),
        (0.01, 'small', ('min_accuracy', 'deadline')),
    ],
)
def test_the_floor_is_violated_before_the_deadline(
    run, app, clocked, deadline_s, chosen, violated_targets
):
    decision = run(app(clocked(), deadline_s, floor=0.78))
    assert (names(decision), decision.clocks_hz) == ([chosen], {'gpu': 1e9})
    assert decision.choices[0].violated_targets == violated_targets


def test_an_unknown_energy_is_replaced_by_latency(run, app, make_point, make_profile):
    points = [
        make_point('slow', latency_s=0.05, energy_j=math.nan),
        make_point('fast', latency_s=0.03, energy_j=9.0),
    ]
    assert names(run(app(make_profile(*points)), domains=(), policy=SAVING)) == ['fast']


def test_points_without_a_frequency_need_no_domain(run, app, make_point, make_profile):
    decision = run(app(make_profile(make_point())))
    assert (names(decision), decision.clocks_hz) == (['small'], {})


def test_an_unused_domain_is_not_commanded(run, app, clocked, make_point, make_profile):
    gpu, cpu = Domain('gpu', ('gpu',), (0.5e9, 1e9)), Domain('cpu', ('cpu',), (1e9,))
    both = make_profile(
        *clocked().points, make_point('tiny', processor='cpu', frequency_hz=1e9, accuracy=0.1)
    )
    assert run(app(both), domains=(gpu, cpu)).clocks_hz == {'gpu': 0.5e9}


def test_a_frequency_that_cannot_be_set_is_used_as_it_is(run, app, clocked):
    fixed = Domain('gpu', ('gpu',), (0.5e9, 1e9), frequency_hz=0.5e9, settable=False)
    decision = run(app(clocked(), 0.065), domains=(fixed,))
    assert (names(decision), decision.clocks_hz) == (['medium'], {})


def test_a_frequency_below_all_profiled_ones_is_not_chosen(
    run, app, clocked, make_point, make_profile
):
    slow_only = make_profile(make_point(frequency_hz=0.25e9), app='a')
    domain = Domain('gpu', ('gpu',), (0.25e9, 0.5e9, 1e9))
    assert run(app(slow_only), app(clocked('b')), domains=(domain,)).clocks_hz == {'gpu': 0.5e9}


def test_it_is_not_chosen_for_the_deadline_of_a_higher_priority_either(
    run, app, clocked, make_point, make_profile
):
    """The urgent application is in time at 0.25 GHz only, where the other has no point."""
    urgent = make_profile(
        make_point('only', frequency_hz=0.25e9, latency_s=0.01),
        make_point('only', frequency_hz=0.5e9, latency_s=0.09),
        app='urgent',
    )
    other = make_profile(make_point(frequency_hz=0.5e9), app='other')
    domain = Domain('gpu', ('gpu',), (0.25e9, 0.5e9))
    decision = run(app(urgent, 0.05, priority=1), app(other), domains=(domain,))
    assert decision.clocks_hz == {'gpu': 0.5e9}


@pytest.mark.parametrize('processors', [('gpu', 'gpu'), ('gpu', 'cpu')])
def test_points_of_one_domain_agree_on_its_frequency(run, app, clocked, processors):
    shared = Domain('soc', ('gpu', 'cpu'), (0.5e9, 1e9))
    relaxed, urgent = (clocked(name, on) for name, on in zip('ab', processors, strict=True))
    decision = run(app(relaxed, 0.2), app(urgent, 0.055), domains=(shared,))
    assert names(decision) == ['large', 'large']
    assert {choice.point.frequency_hz for choice in decision.choices} == {1e9}


@pytest.mark.parametrize('priorities', [(1, 0), (0, 1)])
def test_a_target_that_no_point_meets_costs_no_other_application_its_target(
    run, app, clocked, make_point, make_profile, priorities
):
    low_clock = make_profile(make_point('only', frequency_hz=0.5e9, latency_s=0.04), app='a')
    decision = run(
        app(low_clock, 0.05, priority=priorities[0]),
        app(clocked('b'), 0.015, priority=priorities[1]),
    )
    assert [choice.app for choice in decision.choices if choice.violated_targets] == ['b']


def test_refused_points_are_avoided_unless_all_are(run, app, clocked):
    assert names(run(app(clocked(), refused=frozenset({LARGE})))) == ['medium']
    every = frozenset(point.key for point in clocked().points)
    assert names(run(app(clocked(), refused=every))) == ['large']


def test_with_many_domains_the_search_is_not_exact(run, app, clocked):
    clocks = tuple(float(step) * 1e8 for step in range(1, 21))
    domains = tuple(Domain(f'd{index}', (f'p{index}',), clocks) for index in range(3))

    def profile(index):
        points = [
            replace(point, processor=f'p{index}', frequency_hz=clock)
            for clock in clocks
            for point in clocked().points[:3]
        ]
        return replace(clocked(f'a{index}'), points=tuple(points))

    decision = run(*(app(profile(index)) for index in range(3)), domains=domains)
    assert not decision.exact
    assert names(decision) == ['large'] * 3
    assert decision.loss_bound == pytest.approx(0.0)  # nothing is more accurate than all large


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        ({'deadline_probability': 0.4}, 'deadline_probability is 0.4; expected 0.5 to 0.9999'),
        ({'switch_margin': -1.0}, 'switch_margin is -1; expected 0 to 1'),
        ({'energy_weight': 1001.0}, 'energy_weight is 1001; expected 0 to 1000'),
        ({'energy_weight': math.nan}, 'energy_weight is nan; expected 0 to 1000'),
        ({'power_cap_w': -1.0}, 'power_cap_w is -1; expected a finite number from 0, or infinity'),
        ({'power_cap_w': math.nan}, 'power_cap_w is nan; expected a finite number from 0, or inf'),
    ],
)
def test_an_impossible_policy_is_rejected(change, text):
    with pytest.raises(ValueError, match=text):
        DecisionPolicy(**change)


def test_a_duplicate_application_is_rejected(app, clocked):
    with pytest.raises(ValueError, match=r'applications holds camera twice'):
        DecisionState((app(clocked()), app(clocked())))


def test_a_processor_may_have_points_with_and_without_a_frequency(
    run, app, make_point, make_profile
):
    profile = make_profile(
        make_point('clocked', frequency_hz=1e9, accuracy=0.7),
        make_point('free', frequency_hz=math.nan, accuracy=0.8),
    )
    assert names(run(app(profile))) == ['free']
    assert names(run(app(profile, refused=frozenset({('free', 'torch', 'gpu', 1)})))) == ['clocked']


@pytest.mark.parametrize(
    ('weight', 'chosen'),
    [
        (0.0, 'large'), (4.9, 'large'), (5.1, 'medium'), (9.9, 'medium'), (10.1, 'small'),
        (1000.0, 'small'),
    ],
)  # fmt: skip
def test_the_weight_is_the_accuracy_that_a_joule_is_worth(run, camera, clocked, weight, chosen):
    """At 0.5 GHz, medium gains 0.05 over small for 5 mJ, and large 0.05 over medium for 10 mJ."""
    policy = DecisionPolicy(Objective.WEIGHTED, energy_weight=weight)
    assert names(run(camera(clocked()), policy=policy)) == [chosen]


def capped(power_cap_w):
    return DecisionPolicy(power_cap_w=power_cap_w)


def test_all_applications_together_stay_within_the_power_cap(run, camera, clocked):
    both = camera(clocked('a')), camera(clocked('b'))
    uncapped, within = run(*both), run(*both, policy=capped(0.45))
    assert (names(uncapped), uncapped.power_w) == (['large', 'large'], pytest.approx(0.5))
    assert sorted(names(within)) == ['large', 'medium']
    assert (within.power_w, within.power_cap_met) == (pytest.approx(0.4), True)


@pytest.mark.parametrize(
    ('deadline_s', 'floor', 'cap_w', 'violated', 'reason'),
    [
        (
            0.035,
            0.0,
            0.19,
            'deadline',
            '35 ms with p = 0.95 violated for the power cap (0.19 W for applications)',
        ),
        (
            0.11,
            0.79,
            0.2,
            'min_accuracy',
            'floor 0.79 violated for the power cap (0.2 W for applications)',
        ),
        (0.035, 0.79, 0.4, 'min_accuracy', 'floor 0.79 violated for 35 ms with p = 0.95'),
    ],
)
def test_the_reason_names_the_cause_of_a_violation(
    run, camera, clocked, deadline_s, floor, cap_w, violated, reason
):
    choice = run(camera(clocked(), deadline_s, floor), policy=capped(cap_w)).choices[0]
    assert (choice.violated_targets, choice.reason) == ((violated,), reason)


def test_the_reason_names_deadline_floor_and_what_limits_the_power(run, camera, clocked):
    policy = replace(capped(0.2), cap_name='the thermal limit of GPU-therm')
    choice = run(camera(clocked(), 0.11, floor=0.7), policy=policy).choices[0]
    text = 'most accurate that meets 110 ms with p = 0.95, floor 0.7, within the thermal limit of'
    assert choice.reason == f'{text} GPU-therm (0.2 W for applications)'
    assert run(camera(clocked())).choices[0].reason == 'most accurate that meets no deadline'


def test_a_cap_that_excludes_nothing_better_is_no_reason(
    run, camera, clocked, make_point, make_profile
):
    unknown = make_profile(make_point(energy_j=math.nan), app='unknown')
    decision = run(camera(clocked(), 0.11), camera(unknown), policy=capped(0.6))
    assert decision == run(camera(clocked(), 0.11), camera(unknown))


def test_a_cap_is_named_by_those_that_it_concerns(run, camera, clocked):
    reasons = [
        each.reason.endswith('within the power cap (0.45 W for applications)')
        for each in run(camera(clocked('a')), camera(clocked('b')), policy=capped(0.45)).choices
    ]
    assert sorted(reasons) == [False, True]


def test_a_deadline_that_the_cap_allows_is_met(run, camera, clocked):
    choice = run(camera(clocked(), 0.035), policy=capped(0.3)).choices[0]
    assert choice.violated_targets == ()


def test_the_best_point_within_the_cap_violates_the_floor_least(run, camera, clocked):
    assert names(run(camera(clocked(), 0.11, floor=0.79), policy=capped(0.2))) == ['medium']


@pytest.mark.parametrize(
    ('priorities', 'chosen'), [((1, 0), ['large', 'small']), ((0, 1), ['small', 'large'])]
)
def test_under_a_cap_the_lower_priority_is_violated_first(run, camera, clocked, priorities, chosen):
    decision = run(
        camera(clocked('a'), floor=0.8, priority=priorities[0]),
        camera(clocked('b'), floor=0.8, priority=priorities[1]),
        policy=capped(0.35),
    )
    assert names(decision) == chosen


def test_if_no_plan_is_within_the_cap_the_least_power_runs(run, camera, clocked):
    decision = run(camera(clocked('a')), camera(clocked('b')), policy=capped(0.1))
    assert names(decision) == ['small', 'small']
    assert (decision.power_w, decision.power_cap_met) == (pytest.approx(0.2), False)
    reasons = {choice.reason for choice in decision.choices}
    assert reasons == {'no plan is within the power cap (0.1 W for applications): least power'}


def test_an_application_of_unknown_energy_is_named_and_not_counted(
    run, camera, clocked, make_point, make_profile
):
    unknown = make_profile(make_point(energy_j=math.nan), app='unknown')
    decision = run(camera(clocked()), camera(unknown), policy=capped(0.2))
    assert decision.unmetered == ('unknown',)
    assert decision.power_w == pytest.approx(0.15)
    assert decision.choices[1].reason.endswith('; its power is unknown, counted as 0 W')


def test_the_power_is_predicted_without_a_cap_as_well(run, camera, clocked):
    decision = run(camera(clocked()))
    assert (decision.power_w, decision.power_cap_met) == (pytest.approx(0.25), True)
    assert (decision.unmetered, decision.loss_bound) == ((), 0.0)
