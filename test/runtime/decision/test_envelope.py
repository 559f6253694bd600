# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The envelope holds the decided point, and all others that a frame may run instead."""

from dataclasses import replace

import pytest

from dynofa_ros.runtime import DecisionPolicy, Domain

SLOW_NOW = (Domain('gpu', ('gpu',), (0.5e9, 1e9), frequency_hz=0.5e9),)


def names(decision, index=0):
    return [key[0] for key in decision.choices[index].envelope.points]


def test_the_decided_point_comes_first_and_the_targets_are_in_it(run, app, clocked):
    decision = run(app(clocked(), 0.055, 0.72), domains=SLOW_NOW)
    envelope = decision.choices[0].envelope
    assert names(decision)[0] == decision.choices[0].point.subnet_id == 'large'
    assert set(names(decision)) == {'small', 'medium', 'large'}
    assert (envelope.deadline_s, envelope.min_accuracy) == (0.055, 0.72)
    assert envelope.probability == DecisionPolicy().deadline_probability


@pytest.mark.parametrize('excluded', ['refused', 'unready'])
def test_points_that_cannot_run_at_once_are_left_out(run, app, clocked, excluded):
    small = frozenset({clocked().points[0].key})
    assert names(run(app(clocked(), 0.2, **{excluded: small}))) == ['large', 'medium']


def test_it_holds_one_processor_only(run, app, clocked, make_profile):
    points = [*clocked().points, *(replace(each, processor='cpu') for each in clocked().points)]
    decision = run(app(make_profile(*points), 0.055))
    assert len({key[2] for key in decision.choices[0].envelope.points}) == 1


def test_points_above_the_share_of_the_cap_are_left_out_at_both_frequencies(run, camera, clocked):
    """Large takes 0.25 W at 0.5 GHz and 0.5 W at 1 GHz, which is in force now."""
    now = (replace(SLOW_NOW[0], frequency_hz=1e9),)
    decision = run(camera(clocked(), 0.07), domains=now, policy=DecisionPolicy(power_cap_w=0.4))
    assert decision.choices[0].point.subnet_id == 'medium'
    assert names(decision) == ['medium', 'small']


def test_the_power_of_the_other_applications_is_not_available(run, camera, clocked):
    both = camera(clocked('a'), 0.2), camera(clocked('b'), 0.2)
    decision = run(*both, policy=DecisionPolicy(power_cap_w=0.45))
    assert sorted(each.point.subnet_id for each in decision.choices) == ['large', 'medium']
    medium = [each.point.subnet_id for each in decision.choices].index('medium')
    assert set(names(decision, medium)) == {'medium', 'small'}
