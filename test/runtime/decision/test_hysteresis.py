# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The current plan is kept unless it violates a target or a change pays."""

import pytest

from dynofa_ros.runtime import DecisionPolicy, DecisionState, Domain, Objective, decide


@pytest.fixture
def choose(app):
    """Return a function that decides for an application without frequencies that runs `running`."""

    def choose(profile, running, *, hysteresis=True, deadline_s=1.0, floor=0.0, **policy):
        decision = decide(
            DecisionState(
                (on(profile, running, deadline_s=deadline_s, floor=floor),),
                policy=DecisionPolicy(**policy),
                hysteresis=hysteresis,
            )
        )
        return decision.choices[0].point.subnet_id

    def on(profile, running, **target):
        current = next(point for point in profile.points if point.subnet_id == running)
        return app(profile, **target, current=current, frame_period_s=0.1)

    choose.on = on
    return choose


@pytest.fixture
def ladder(make_point, make_profile):
    """At 10 Hz, low takes 1 W and mid 2 W."""
    return make_profile(
        make_point('low', latency_s=0.03, energy_j=0.10, accuracy=0.70),
        make_point('mid', latency_s=0.05, energy_j=0.20, accuracy=0.75),
    )


def test_a_point_that_violates_its_deadline_is_replaced_at_once(choose, ladder):
    assert choose(ladder, 'mid', deadline_s=0.0499) == 'low'


def test_a_point_that_just_meets_its_deadline_is_kept(choose, ladder):
    assert choose(ladder, 'mid', deadline_s=0.0501) == 'mid'


@pytest.mark.parametrize(('deadline_s', 'chosen'), [(0.0510, 'low'), (0.0526, 'mid')])
def test_better_accuracy_needs_a_latency_margin(choose, ladder, deadline_s, chosen):
    assert choose(ladder, 'low', deadline_s=deadline_s) == chosen


def test_without_hysteresis_the_best_point_is_chosen(choose, ladder):
    assert choose(ladder, 'low', deadline_s=0.0501, hysteresis=False) == 'mid'


@pytest.mark.parametrize(('energy_j', 'chosen'), [(0.195, 'mid'), (0.185, 'thrifty')])
def test_less_energy_needs_a_margin(choose, ladder, make_point, make_profile, energy_j, chosen):
    thrifty = make_point('thrifty', latency_s=0.051, energy_j=energy_j, accuracy=0.75)
    profile = make_profile(ladder.points[1], thrifty)
    assert choose(profile, 'mid', objective=Objective.MIN_ENERGY) == chosen


@pytest.mark.parametrize(
    ('running', 'weight', 'chosen'),
    [('low', 0.48, 'mid'), ('low', 0.495, 'low'), ('mid', 0.52, 'low')],
)
def test_a_better_weighted_objective_needs_a_margin(choose, ladder, running, weight, chosen):
    """Mid gains 0.05 of accuracy over low for 0.1 J."""
    policy = {'objective': Objective.WEIGHTED, 'energy_weight': weight}
    assert choose(ladder, running, **policy) == chosen


@pytest.mark.parametrize(('hysteresis', 'chosen'), [(True, 'first'), (False, 'second')])
def test_a_deadline_that_no_point_meets_does_not_cause_flapping(
    choose, make_point, make_profile, hysteresis, chosen
):
    profile = make_profile(
        make_point('first', latency_s=0.100), make_point('second', latency_s=0.099, energy_j=0.2)
    )
    assert choose(profile, 'first', deadline_s=0.05, hysteresis=hysteresis) == chosen


def test_a_kept_point_keeps_its_frequency(run, app, clocked):
    domain = Domain('gpu', ('gpu',), (0.5e9, 1e9), commanded_hz=1e9)
    application = app(clocked(), 0.055, current=clocked().points[-1])
    decision = run(application, domains=(domain,), hysteresis=True)
    assert decision.clocks_hz == {'gpu': 1e9}
    assert decision.choices[0].reason.startswith('kept')


@pytest.mark.parametrize(
    ('running', 'cap_w', 'chosen'),
    [
        ('mid', 1.99, 'low'),
        ('mid', 2.0, 'mid'),
        # Better accuracy needs a power margin.
        ('low', 2.09, 'low'),
        ('low', 2.11, 'mid'),
    ],
)
def test_a_point_is_replaced_if_it_exceeds_the_power_cap(choose, ladder, running, cap_w, chosen):
    assert choose(ladder, running, power_cap_w=cap_w) == chosen


def test_a_violated_target_is_fixed_without_a_power_margin(choose, ladder):
    assert choose(ladder, 'low', power_cap_w=2.01, floor=0.75) == 'mid'


@pytest.mark.parametrize(('cap_w', 'chosen'), [(2.09, 'low'), (2.11, 'mid')])
def test_a_lasting_violation_is_reduced_only_with_a_power_margin(choose, ladder, cap_w, chosen):
    """Otherwise the choice would flap while the cap is close to the estimates."""
    assert choose(ladder, 'low', power_cap_w=cap_w, floor=0.8) == chosen


@pytest.mark.parametrize(('cap_w', 'chosen'), [(2.0, 'low'), (3.0, 'fast')])
def test_the_cap_comes_before_the_deadline(choose, ladder, make_point, make_profile, cap_w, chosen):
    fast = make_point('fast', latency_s=0.02, energy_j=0.3, accuracy=0.7)
    profile = make_profile(*ladder.points, fast)
    assert choose(profile, 'low', power_cap_w=cap_w, deadline_s=0.025) == chosen


@pytest.mark.parametrize(('hysteresis', 'chosen'), [(True, 'first'), (False, 'second')])
def test_above_the_cap_a_little_less_power_does_not_pay(
    choose, make_point, make_profile, hysteresis, chosen
):
    profile = make_profile(
        make_point('first', energy_j=0.100, accuracy=0.8),
        make_point('second', energy_j=0.097, accuracy=0.7),
        make_point('third', energy_j=0.099, accuracy=0.75),
    )
    assert choose(profile, 'first', power_cap_w=0.5, hysteresis=hysteresis) == chosen


@pytest.fixture
def swap(choose, make_point, make_profile):
    """Return a function that decides for two applications, of which the first gains by `new`."""

    def swap(old, new, **policy):
        gain = make_profile(
            make_point('old', accuracy=0.70),
            make_point('new', accuracy=0.80, energy_j=0.2),
            app='a',
        )
        other = make_profile(make_point('old', **old), make_point('new', **new), app='b')
        apps = tuple(choose.on(profile, 'old', deadline_s=1.0) for profile in (gain, other))
        state = DecisionState(apps, policy=DecisionPolicy(**policy), hysteresis=True)
        return [choice.point.subnet_id for choice in decide(state).choices]

    return swap


def test_an_application_whose_own_change_does_not_pay_keeps_its_sub_network(swap):
    assert swap({'accuracy': 0.70}, {'accuracy': 0.7001, 'energy_j': 0.2}) == ['new', 'old']


def test_a_sub_network_is_not_kept_if_that_exceeds_the_cap(swap):
    chosen = swap({'accuracy': 0.7001, 'energy_j': 0.2}, {'accuracy': 0.70}, power_cap_w=3.2)
    assert chosen == ['new', 'new']
