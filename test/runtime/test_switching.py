"""What runs is kept unless it violates a target or a change pays."""

import math
from dataclasses import replace

import pytest

from dynofa_ros.runtime import (
    ApplicationState,
    DecisionState,
    Domain,
    Objective,
    Policy,
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
    return DecisionState((application,), (), Policy(objective=objective, **policy), settled=True)


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
    state = replace(state_of(ladder, 'low', deadline_s=0.0501), settled=False)
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
    decision = decide(DecisionState(tuple(states), (), Policy(), settled=True))
    assert [choice.point.subnet_id for choice in decision.choices] == ['new', 'old']


def test_a_missed_deadline_that_nothing_meets_does_not_flap(make_point, make_profile):
    profile = make_profile(
        make_point('first', latency_s=0.100), make_point('second', latency_s=0.099)
    )
    assert chosen(state_of(profile, 'first', deadline_s=0.05)) == 'first'
    assert chosen(replace(state_of(profile, 'first', deadline_s=0.05), settled=False)) == 'second'


def test_a_kept_point_keeps_its_clock(clocked):
    domain = Domain('gpu', ('gpu',), (0.5e9, 1e9), commanded_hz=1e9)
    application = ApplicationState(
        clocked(), Target(0.055), {'gpu': Slowdown(1.0, 0.0)}, current=clocked().points[-1]
    )
    decision = decide(DecisionState((application,), (domain,), settled=True))
    assert decision.clocks_hz == {'gpu': 1e9}
    assert decision.choices[0].reason.startswith('kept')
