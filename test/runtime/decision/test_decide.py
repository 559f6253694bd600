import math
from dataclasses import replace

import pytest

from dynofa_ros.runtime import (
    ApplicationState,
    DecisionPolicy,
    DecisionState,
    Domain,
    Objective,
    Slowdown,
    Target,
    decide,
)

GPU = Domain('gpu', ('gpu',), (0.5e9, 1e9))
SURE = {'gpu': Slowdown(mean=1.0, std=0.0), 'cpu': Slowdown(mean=1.0, std=0.0)}
SAVING = DecisionPolicy(objective=Objective.MIN_ENERGY)


def app(profile, deadline_s=math.nan, floor=0.0, priority=0, **changes):
    target = Target(deadline_s, floor, priority)
    return ApplicationState(**{'profile': profile, 'target': target, 'slowdowns': SURE, **changes})


def run(*apps, domains=(GPU,), **changes):
    return decide(DecisionState(applications=apps, domains=domains, **changes))


def names(decision):
    return [choice.point.subnet_id for choice in decision.choices]


def test_without_applications_there_is_nothing_to_decide():
    decision = run()
    assert (decision.choices, decision.clocks_hz) == ((), {})


def test_most_accurate_within_the_deadline_at_the_clock_it_takes(clocked):
    decision = run(app(clocked(), 0.055))
    assert (names(decision), decision.clocks_hz) == (['large'], {'gpu': 1e9})


def test_the_clock_goes_down_when_accuracy_does_not_need_it(clocked):
    decision = run(app(clocked(), 0.105))
    assert (names(decision), decision.clocks_hz) == (['large'], {'gpu': 0.5e9})


def test_least_energy_within_deadline_and_floor(clocked):
    decision = run(app(clocked(), 0.065, floor=0.74), policy=SAVING)
    assert (names(decision), decision.clocks_hz) == (['medium'], {'gpu': 0.5e9})


def test_a_tighter_deadline_makes_saving_take_a_higher_clock(clocked):
    decision = run(app(clocked(), 0.035, floor=0.74), policy=SAVING)
    assert (names(decision), decision.clocks_hz) == (['medium'], {'gpu': 1e9})


def test_without_a_deadline_only_floor_and_objective_count(clocked):
    assert names(run(app(clocked()))) == ['large']
    assert names(run(app(clocked(), floor=0.72), policy=SAVING)) == ['medium']


def test_slowdown_is_reckoned_with(clocked):
    contended = {'gpu': Slowdown(mean=2.0, std=0.0)}
    assert names(run(app(clocked(), 0.055, slowdowns=contended))) == ['small']


def test_the_deadline_is_met_with_the_stated_probability(clocked):
    unsure = {'gpu': Slowdown(mean=1.0, std=0.1)}
    at_quantile = 0.05 * (1.0 + 1.6449 * 0.1)
    assert names(run(app(clocked(), at_quantile + 1e-5, slowdowns=unsure))) == ['large']
    decision = run(app(clocked(), at_quantile - 1e-5, slowdowns=unsure))
    assert decision.choices[0].point.subnet_id == 'medium'
    assert decision.choices[0].deadline_probability > 0.95


def test_the_profile_s_own_spread_counts_where_it_is_larger(make_point, make_profile):
    steady = make_point('steady', latency_s=0.05, latency_std_s=0.0, accuracy=0.7)
    shaky = make_point('shaky', latency_s=0.05, latency_std_s=0.01, accuracy=0.8)
    assert names(run(app(make_profile(steady, shaky), 0.06), domains=())) == ['steady']


def test_time_around_the_inference_counts(clocked):
    assert names(run(app(clocked(), 0.055, overhead_s=0.01))) == ['medium']


def test_an_application_slower_than_its_camera_waits_for_its_own_frames(clocked):
    decision = run(app(clocked(), 0.055, frame_period_s=0.04))
    assert names(decision) == ['medium']


def test_a_frame_done_just_before_the_next_image_waits_in_the_end(make_point, make_profile):
    tight = make_point('tight', latency_s=0.080, latency_std_s=0.003, accuracy=0.8)
    spare = make_point('spare', latency_s=0.070, latency_std_s=0.003, accuracy=0.7)
    profile = make_profile(tight, spare)
    assert names(run(app(profile, 0.1, frame_period_s=0.083), domains=())) == ['spare']
    assert names(run(app(profile, 0.1, frame_period_s=0.087), domains=())) == ['tight']


def test_the_floor_is_given_up_before_the_deadline(clocked):
    decision = run(app(clocked(), 0.035, floor=0.78))
    assert names(decision) == ['medium']
    assert decision.choices[0].violated_targets == ('min_accuracy',)


def test_where_nothing_meets_the_deadline_the_fastest_runs_and_both_are_named(clocked):
    decision = run(app(clocked(), 0.01, floor=0.78))
    assert (names(decision), decision.clocks_hz) == (['small'], {'gpu': 1e9})
    assert decision.choices[0].violated_targets == ('min_accuracy', 'deadline')


def test_what_is_met_is_not_named(clocked):
    assert run(app(clocked(), 0.055, floor=0.78)).choices[0].violated_targets == ()


def test_unknown_energy_is_replaced_by_latency(make_point, make_profile):
    points = [
        make_point('slow', latency_s=0.05, energy_j=math.nan),
        make_point('fast', latency_s=0.03, energy_j=9.0),
    ]
    assert names(run(app(make_profile(*points)), domains=(), policy=SAVING)) == ['fast']


def test_points_without_a_clock_need_no_domain(make_point, make_profile):
    decision = run(app(make_profile(make_point())))
    assert (names(decision), decision.clocks_hz) == (['small'], {})


def test_a_domain_that_no_chosen_point_uses_is_left_alone(clocked, make_point, make_profile):
    cpu = Domain('cpu', ('cpu',), (1e9,))
    both = make_profile(
        *clocked().points, make_point('tiny', processor='cpu', frequency_hz=1e9, accuracy=0.1)
    )
    assert run(app(both), domains=(GPU, cpu)).clocks_hz == {'gpu': 0.5e9}


def test_a_clock_that_cannot_be_set_is_taken_as_it_is(clocked):
    fixed = Domain('gpu', ('gpu',), (0.5e9, 1e9), frequency_hz=0.5e9, settable=False)
    decision = run(app(clocked(), 0.065), domains=(fixed,))
    assert (names(decision), decision.clocks_hz) == (['medium'], {})


def test_a_clock_below_all_profiled_ones_is_not_chosen(clocked, make_point, make_profile):
    slow_only = make_profile(make_point(frequency_hz=0.25e9), app='a')
    domain = Domain('gpu', ('gpu',), (0.25e9, 0.5e9, 1e9))
    assert run(app(slow_only), app(clocked('b')), domains=(domain,)).clocks_hz == {'gpu': 0.5e9}


def test_applications_that_share_a_domain_agree_on_its_clock(clocked):
    relaxed, urgent = app(clocked('a'), 0.2), app(clocked('b'), 0.055)
    decision = run(relaxed, urgent)
    assert names(decision) == ['large', 'large']
    assert {choice.point.frequency_hz for choice in decision.choices} == {1e9}


def test_processors_of_one_domain_share_its_clock(clocked):
    shared = Domain('soc', ('gpu', 'cpu'), (0.5e9, 1e9))
    decision = run(app(clocked('a')), app(clocked('b', 'cpu'), 0.055), domains=(shared,))
    assert {choice.point.frequency_hz for choice in decision.choices} == {1e9}


def test_the_lower_priority_gives_way(clocked, make_point, make_profile):
    low_clock = make_profile(make_point('only', frequency_hz=0.5e9, latency_s=0.04), app='a')
    slow_clock_only = Domain('gpu', ('gpu',), (0.5e9, 1e9))
    hungry = replace(clocked('b'))
    for priorities, violated_targets in (((1, 0), 'b'), ((0, 1), 'b')):
        decision = run(
            app(low_clock, 0.05, priority=priorities[0]),
            app(hungry, 0.015, priority=priorities[1]),
            domains=(slow_clock_only,),
        )
        assert [choice.app for choice in decision.choices if choice.violated_targets] == [
            violated_targets
        ]


def test_refused_points_are_avoided(clocked):
    refused = frozenset({('large', 'torch', 'gpu', 1)})
    assert names(run(app(clocked(), refused=refused))) == ['medium']


def test_where_every_point_was_refused_all_are_tried_again(clocked):
    refused = frozenset(point.key for point in clocked().points)
    assert names(run(app(clocked(), refused=refused))) == ['large']


def test_many_domains_are_searched_one_at_a_time_and_say_so(clocked):
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
    assert decision.loss_bound == pytest.approx(0.0)  # more accurate than all large is nothing


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
def test_an_impossible_policy_is_refused(change, text):
    with pytest.raises(ValueError, match=text):
        DecisionPolicy(**change)


def test_a_name_is_there_once(clocked):
    with pytest.raises(ValueError, match=r'applications holds camera twice'):
        DecisionState((app(clocked()), app(clocked())))


def test_a_processor_may_have_points_with_and_without_a_clock(make_point, make_profile):
    profile = make_profile(
        make_point('clocked', frequency_hz=1e9, accuracy=0.7),
        make_point('free', frequency_hz=math.nan, accuracy=0.8),
    )
    assert names(run(app(profile))) == ['free']
    assert names(run(app(profile, refused=frozenset({('free', 'torch', 'gpu', 1)})))) == ['clocked']


def camera(profile, deadline_s=math.nan, **changes):
    """Ten frames a second: at 0.5 and 1 GHz large takes 0.25 and 0.5 W, medium 0.15 and 0.3 W."""
    return app(profile, deadline_s, frame_period_s=0.1, **changes)


def test_the_weight_says_how_much_accuracy_a_joule_is_worth(clocked):
    """At 0.5 GHz, from small to medium: 0.05 for 5 mJ; from there to large: 0.05 for 10 mJ."""
    picked = {}
    for weight in (0.0, 4.9, 5.1, 9.9, 10.1, 1000.0):
        policy = DecisionPolicy(Objective.WEIGHTED, energy_weight=weight)
        picked[weight] = names(run(camera(clocked()), policy=policy))
    assert picked == {
        0.0: ['large'], 4.9: ['large'], 5.1: ['medium'], 9.9: ['medium'], 10.1: ['small'],
        1000.0: ['small'],
    }  # fmt: skip


def test_all_applications_together_stay_within_the_power_cap(clocked):
    both = camera(clocked('a')), camera(clocked('b'))
    free, capped = run(*both), run(*both, policy=DecisionPolicy(power_cap_w=0.45))
    assert (names(free), free.power_w) == (['large', 'large'], pytest.approx(0.5))
    assert sorted(names(capped)) == ['large', 'medium']
    assert (capped.power_w, capped.power_cap_met) == (pytest.approx(0.4), True)


def test_the_cap_outranks_the_deadline_and_the_reason_says_so(clocked):
    """Within 55 ms large takes 1 GHz and 0.5 W, medium 0.3 W, small 0.1 W at 0.5 GHz."""
    urgent = camera(clocked(), 0.035)
    assert run(urgent, policy=DecisionPolicy(power_cap_w=0.3)).choices[0].violated_targets == ()
    choice = run(urgent, policy=DecisionPolicy(power_cap_w=0.19)).choices[0]
    assert choice.violated_targets == ('deadline',)
    assert choice.reason == '35 ms with p = 0.95 violated for the power cap of 0.19 W'


def test_a_floor_given_up_for_the_cap_says_so(clocked):
    choice = run(
        camera(clocked(), 0.11, floor=0.79), policy=DecisionPolicy(power_cap_w=0.2)
    ).choices[0]
    assert (choice.point.subnet_id, choice.violated_targets) == ('medium', ('min_accuracy',))
    assert choice.reason == 'floor 0.79 violated for the power cap of 0.2 W'


def test_a_floor_given_up_for_the_deadline_is_not_blamed_on_the_cap(clocked):
    choice = run(
        camera(clocked(), 0.035, floor=0.79), policy=DecisionPolicy(power_cap_w=0.4)
    ).choices[0]
    assert choice.reason == 'floor 0.79 violated for 35 ms with p = 0.95'


def test_the_lower_priority_gives_way_to_the_cap(clocked):
    for priorities, expected in (((1, 0), ['large', 'small']), ((0, 1), ['small', 'large'])):
        decision = run(
            camera(clocked('a'), floor=0.8, priority=priorities[0]),
            camera(clocked('b'), floor=0.8, priority=priorities[1]),
            policy=DecisionPolicy(power_cap_w=0.35),
        )
        assert names(decision) == expected


def test_if_nothing_is_within_the_cap_the_least_power_runs_and_everyone_is_told(clocked):
    decision = run(
        camera(clocked('a')), camera(clocked('b')), policy=DecisionPolicy(power_cap_w=0.1)
    )
    assert names(decision) == ['small', 'small']
    assert (decision.power_w, decision.power_cap_met) == (pytest.approx(0.2), False)
    reasons = {choice.reason for choice in decision.choices}
    assert reasons == {'no plan is within the power cap of 0.1 W: least power'}


def test_an_application_without_energies_is_named_and_not_counted(
    clocked, make_point, make_profile
):
    unknown = make_profile(make_point(energy_j=math.nan), app='unknown')
    decision = run(camera(clocked()), camera(unknown), policy=DecisionPolicy(power_cap_w=0.2))
    assert decision.unmetered == ('unknown',)
    assert decision.power_w == pytest.approx(0.15)
    assert decision.choices[1].reason.endswith('; its power is unknown, counted as 0 W')


def test_without_a_cap_the_power_is_told_all_the_same(clocked):
    decision = run(camera(clocked()))
    assert (decision.power_w, decision.power_cap_met) == (pytest.approx(0.25), True)
    assert (decision.unmetered, decision.loss_bound) == ((), 0.0)
