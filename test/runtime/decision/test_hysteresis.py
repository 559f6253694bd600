"""What runs is kept unless it violates a target or a change pays."""

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


def state_of(profile, running, *, deadline_s=math.nan, objective=Objective.MAX_ACCURACY, **policy):
    """One application without clocks that runs `running`, and only estimates moved since."""
    current = next(point for point in profile.points if point.subnet_id == running)
    application = ApplicationState(
        profile=profile,
        target=Target(deadline_s),
        slowdowns={'gpu': Slowdown(1.0, 0.0)},
        current=current,
    )
    return DecisionState(
        (application,), (), DecisionPolicy(objective=objective, **policy), hysteresis=True
    )


def chosen(state):
    return decide(state).choices[0].point.subnet_id


@pytest.fixture
def ladder(make_point, make_profile):
    return make_profile(
        make_point('low', latency_s=0.03, energy_j=0.10, accuracy=0.70),
        make_point('mid', latency_s=0.05, energy_j=0.20, accuracy=0.75),
    )


def test_a_violated_deadline_is_left_at_once(ladder):
    assert chosen(state_of(ladder, 'mid', deadline_s=0.0499)) == 'low'


def test_better_accuracy_is_taken_only_with_latency_to_spare(ladder):
    assert chosen(state_of(ladder, 'low', deadline_s=0.0510)) == 'low'
    assert chosen(state_of(ladder, 'low', deadline_s=0.0526)) == 'mid'


def test_a_new_target_is_answered_with_what_is_best_now(ladder):
    state = replace(state_of(ladder, 'low', deadline_s=0.0501), hysteresis=False)
    assert chosen(state) == 'mid'


def test_a_point_that_just_meets_its_deadline_is_kept(ladder):
    assert chosen(state_of(ladder, 'mid', deadline_s=0.0501)) == 'mid'


@pytest.mark.parametrize(('energy_j', 'expected'), [(0.195, 'mid'), (0.185, 'thrifty')])
def test_less_energy_is_taken_only_if_it_pays(ladder, make_point, make_profile, energy_j, expected):
    thrifty = make_point('thrifty', latency_s=0.05, energy_j=energy_j, accuracy=0.75)
    profile = make_profile(ladder.points[1], thrifty)
    assert chosen(state_of(profile, 'mid', objective=Objective.MIN_ENERGY)) == expected


def test_an_application_for_which_nothing_changes_keeps_its_sub_network(make_point, make_profile):
    """One application's gain is no reason to swap another's network for next to nothing."""
    gain = make_profile(
        make_point('old', accuracy=0.70), make_point('new', accuracy=0.80, energy_j=0.2), app='a'
    )
    no_gain = make_profile(
        make_point('old', accuracy=0.70), make_point('new', accuracy=0.7001, energy_j=0.2), app='b'
    )
    states = [
        state_of(profile, 'old', deadline_s=1.0).applications[0] for profile in (gain, no_gain)
    ]
    decision = decide(DecisionState(tuple(states), (), DecisionPolicy(), hysteresis=True))
    assert [choice.point.subnet_id for choice in decision.choices] == ['new', 'old']


def test_a_missed_deadline_that_nothing_meets_does_not_flap(make_point, make_profile):
    profile = make_profile(
        make_point('first', latency_s=0.100), make_point('second', latency_s=0.099)
    )
    assert chosen(state_of(profile, 'first', deadline_s=0.05)) == 'first'
    assert (
        chosen(replace(state_of(profile, 'first', deadline_s=0.05), hysteresis=False)) == 'second'
    )


def test_a_kept_point_keeps_its_clock(clocked):
    domain = Domain('gpu', ('gpu',), (0.5e9, 1e9), commanded_hz=1e9)
    application = ApplicationState(
        clocked(), Target(0.055), {'gpu': Slowdown(1.0, 0.0)}, current=clocked().points[-1]
    )
    decision = decide(DecisionState((application,), (domain,), hysteresis=True))
    assert decision.clocks_hz == {'gpu': 1e9}
    assert decision.choices[0].reason.startswith('kept')


def capped_state(profile, running, cap_w, *, floor=0.0, **changes):
    """Ten frames a second; only estimates moved since."""
    state = state_of(profile, running, power_cap_w=cap_w, **changes)
    target = replace(state.applications[0].target, min_accuracy=floor)
    application = replace(state.applications[0], target=target, frame_period_s=0.1)
    return replace(state, applications=(application,))


def test_what_exceeds_the_power_cap_is_left_at_once(ladder):
    assert chosen(capped_state(ladder, 'mid', 1.99)) == 'low'


def test_what_is_just_within_the_power_cap_is_kept(ladder):
    assert chosen(capped_state(ladder, 'mid', 2.0)) == 'mid'


def test_better_accuracy_is_taken_only_with_power_to_spare(ladder):
    assert chosen(capped_state(ladder, 'low', 2.09)) == 'low'
    assert chosen(capped_state(ladder, 'low', 2.11)) == 'mid'


def test_what_violates_a_target_is_left_for_what_meets_all_without_power_to_spare(ladder):
    state = capped_state(ladder, 'low', 2.01, floor=0.75)
    assert chosen(state) == 'mid'


def test_where_not_all_can_be_met_it_takes_power_to_spare(ladder):
    """Or it would flap for as long as the cap and the estimates are close."""
    assert chosen(capped_state(ladder, 'low', 2.09, floor=0.8)) == 'low'
    assert chosen(capped_state(ladder, 'low', 2.11, floor=0.8)) == 'mid'


def test_the_cap_comes_before_the_deadline(ladder, make_point, make_profile):
    fast = make_point('fast', latency_s=0.02, energy_j=0.3, accuracy=0.7)
    profile = make_profile(*ladder.points, fast)
    assert chosen(capped_state(profile, 'low', 2.0, deadline_s=0.025)) == 'low'
    assert chosen(capped_state(profile, 'low', 3.0, deadline_s=0.025)) == 'fast'


def test_where_nothing_is_within_the_cap_a_little_less_power_is_no_reason(make_point, make_profile):
    profile = make_profile(
        make_point('first', energy_j=0.100, accuracy=0.8),
        make_point('second', energy_j=0.097, accuracy=0.7),
        make_point('third', energy_j=0.099, accuracy=0.75),
    )
    assert chosen(capped_state(profile, 'first', 0.5)) == 'first'
    assert chosen(replace(capped_state(profile, 'first', 0.5), hysteresis=False)) == 'second'


def test_a_sub_network_is_not_kept_at_the_cost_of_the_cap(make_point, make_profile):
    """What one application would keep for little, the other's gain leaves no power for."""
    gain = make_profile(
        make_point('old', accuracy=0.70), make_point('new', accuracy=0.80, energy_j=0.2), app='a'
    )
    dear = make_profile(
        make_point('old', accuracy=0.7001, energy_j=0.2), make_point('new', accuracy=0.70), app='b'
    )
    states = [
        replace(state_of(profile, 'old', deadline_s=1.0).applications[0], frame_period_s=0.1)
        for profile in (gain, dear)
    ]
    decision = decide(
        DecisionState(tuple(states), (), DecisionPolicy(power_cap_w=3.2), hysteresis=True)
    )
    assert [choice.point.subnet_id for choice in decision.choices] == ['new', 'new']


def test_weighted_is_left_only_for_a_gain_above_the_margin(ladder):
    weighted = {'objective': Objective.WEIGHTED}
    # From low to mid: 0.05 of accuracy for 0.1 J.
    assert chosen(state_of(ladder, 'low', energy_weight=0.48, **weighted)) == 'mid'
    assert chosen(state_of(ladder, 'low', energy_weight=0.495, **weighted)) == 'low'
    assert chosen(state_of(ladder, 'mid', energy_weight=0.52, **weighted)) == 'low'
