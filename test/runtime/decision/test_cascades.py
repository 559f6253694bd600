# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Cascades in the decision: two-valued latency, observed escalations, and those that are cut."""

import math
from dataclasses import replace

import numpy as np
import pytest

from dynofa_ros.runtime import Cascade, DecisionPolicy, Objective, Slowdown
from dynofa_ros.runtime.decision.forecast import Basis
from dynofa_ros.runtime.estimation.correction import Correction
from dynofa_ros.runtime.estimation.escalation import Escalation

SAVING = DecisionPolicy(objective=Objective.MIN_ENERGY)
CASCADE = Cascade('s+l', ('small', 'large'), (0.8,), (0.3,), 0.79, (0.82857, 0.7), (0.4,), 2500)
RARE = replace(CASCADE, reached=(0.04,))


@pytest.fixture
def cascading(clocked):
    """Return a profile: at 1 GHz the stages take 20 and 50 ms, at 0.5 GHz twice as long."""
    return lambda cascade=CASCADE: replace(clocked(), cascades=(cascade,))


def chosen(decision):
    (choice,) = decision.choices
    return choice.point.subnet_id, choice.point.frequency_hz


def predicted(application):
    return Basis.of((application,), SAVING).predict()


def row_of(forecast, subnet_id, clock_hz=1e9):
    points = forecast.basis.points.tables[0].points
    identities = [(each.subnet_id, each.frequency_hz) for each in points]
    return identities.index((subnet_id, clock_hz))


@pytest.mark.parametrize(
    ('deadline_s', 'expected'),
    [
        (0.145, ('s+l', 0.5e9)),
        (0.135, ('large', 0.5e9)),  # as cheap as the cascade at 1 GHz would not be
        (0.075, ('s+l', 1e9)),
        (0.065, ('large', 1e9)),
    ],
)
def test_the_longer_path_of_a_cascade_has_to_meet_the_deadline(
    run, app, cascading, deadline_s, expected
):
    decision = run(app(cascading(), deadline_s, 0.78), policy=SAVING)
    assert chosen(decision) == expected
    assert decision.choices[0].deadline_probability == pytest.approx(1.0)


def test_the_mean_of_its_paths_is_predicted(run, app, cascading):
    (choice,) = run(app(cascading(), 0.075, 0.78), policy=SAVING).choices
    assert choice.predicted_latency_s == pytest.approx(0.02 + 0.3 * 0.05)


def test_accuracy_and_energy_are_those_that_are_expected(run, app, cascading):
    seen = {'s+l': Escalation((0.5,))}
    (choice,) = run(app(cascading(), 0.075, 0.78, escalations=seen), policy=SAVING).choices
    assert choice.accuracy == pytest.approx(0.79)
    assert choice.predicted_energy_j == pytest.approx(0.02 + 0.5 * 0.05)
    (choice,) = run(app(cascading(), 0.065, 0.78), policy=SAVING).choices
    assert (choice.accuracy, choice.predicted_energy_j) == (0.8, 0.05)


def test_the_accuracy_of_a_doubted_cascade_is_unknown(run, app, cascading):
    """It runs only if nothing else can."""
    doubted = {'s+l': Escalation((0.4,), 0.4, 'the scene is harder')}
    profile = cascading()
    others = frozenset(each.key for each in profile.points)
    state = app(profile, 0.075, 0.5, escalations=doubted, refused=others)
    (choice,) = run(state, policy=SAVING).choices
    assert choice.point.subnet_id == 's+l'
    assert math.isnan(choice.accuracy)
    assert choice.violated_targets == ('min_accuracy',)


def test_escalations_that_are_always_cut_cost_the_accuracy(run, app, cascading):
    """4 % may be late, and they would be; but then the early answer counts."""
    profile = cascading(RARE)
    lost = 0.04 * (0.7 - 0.4)
    found = predicted(app(profile, 0.05, 0.0))
    row = row_of(found, 's+l', 0.5e9)
    assert found.accuracy[row] == pytest.approx(0.79 - lost)
    assert found.energy_j[row] == pytest.approx(0.01)  # of the first stage
    assert chosen(run(app(profile, 0.05, 0.79 - lost - 0.001), policy=SAVING)) == ('s+l', 0.5e9)
    assert chosen(run(app(profile, 0.05, 0.79 - lost + 0.001), policy=SAVING))[0] == 'large'


def test_some_are_cut_where_their_time_is_uncertain(app, cascading):
    state = app(cascading(), 0.085, 0.0, slowdowns={'gpu': Slowdown(1.0, 0.1)})
    found = predicted(state)
    row = row_of(found, 's+l')
    # After 20 +- 2 ms, 50 +- 5 ms at 95 % have to fit into 85 ms.
    spare_s = 0.085 - 0.05 * (1.0 + 0.1 * 1.645) - 0.02
    fits = 0.5 * math.erfc(-spare_s / 0.002 / math.sqrt(2.0))
    assert 0.9 < fits < 1.0
    assert found.accuracy[row] == pytest.approx(0.79 - 0.3 * (1.0 - fits) * 0.3, abs=1e-5)
    assert found.energy_j[row] == pytest.approx(0.02 + 0.3 * fits * 0.05, abs=1e-5)
    assert found.inference_s[row] == pytest.approx(0.02 + 0.3 * fits * 0.05, abs=1e-5)


def test_without_a_deadline_nothing_is_cut(app, cascading):
    found = predicted(app(cascading(), math.nan, 0.0))
    assert found.accuracy[row_of(found, 's+l')] == pytest.approx(0.79)


def test_the_observed_share_decides_whether_a_cascade_pays(run, app, cascading):
    for share, expected in ((0.5, 's+l'), (0.7, 'large')):
        seen = {'s+l': Escalation((share,))}
        decision = run(app(cascading(), 0.075, 0.78, escalations=seen), policy=SAVING)
        assert chosen(decision)[0] == expected
    rare, often = (
        run(app(cascading(RARE), 0.05, 0.75, escalations=seen), policy=SAVING)
        for seen in ({}, {'s+l': Escalation((0.2,))})
    )
    assert chosen(rare)[0] == 's+l'
    assert chosen(often)[0] != 's+l'  # more than 5 % would be late


def test_a_doubted_accuracy_meets_no_floor(run, app, cascading):
    doubted = {'s+l': Escalation((0.4,), 0.4, 'the scene is harder')}
    assert chosen(run(app(cascading(), 0.075, 0.78), policy=SAVING))[0] == 's+l'
    decision = run(app(cascading(), 0.075, 0.78, escalations=doubted), policy=SAVING)
    assert chosen(decision)[0] == 'large'
    assert decision.choices[0].violated_targets == ()
    (choice,) = run(app(cascading(), 0.145, escalations=doubted), policy=SAVING).choices
    assert choice.accuracy == 0.7
    # Nor is it the most accurate, whatever it was.
    best = cascading(replace(CASCADE, accuracy=0.9))
    assert chosen(run(app(best, 0.075)))[0] == 's+l'
    assert chosen(run(app(best, 0.075, escalations=doubted)))[0] == 'large'


def test_frames_may_run_cascades_instead_of_the_decided_point(run, app, cascading):
    (choice,) = run(app(cascading(), 0.065, 0.78), policy=SAVING).choices
    assert 's+l' in {key[0] for key in choice.envelope.points}
    doubted = {'s+l': Escalation((0.4,), 0.4, 'the scene is harder')}
    (choice,) = run(app(cascading(), 0.065, 0.78, escalations=doubted), policy=SAVING).choices
    assert 's+l' not in {key[0] for key in choice.envelope.points}


def test_each_stage_has_its_own_correction(app, cascading):
    slow = {('large', 'gpu'): Correction(2.0), ('s+l', 'gpu'): Correction(9.0)}
    found = predicted(app(cascading(), math.nan, 0.0, corrections=slow))
    row = row_of(found, 's+l')
    assert found.latency.mean_s[row] == pytest.approx(0.02 + 0.3 * 0.1)
    assert found.energy_j[row] == pytest.approx(0.02 + 0.3 * 0.1)
    assert found.latency.quantile_s(0.95)[row] == pytest.approx(0.12, abs=1e-4)


def test_no_cascade_is_chosen_where_time_hardly_follows_the_work(
    run, app, make_point, make_profile
):
    """As on the GPU of a Xavier NX: 36 ms for 5 MFLOP, 52 ms for 31."""
    points = [
        make_point(name, latency_s=took, energy_j=took, accuracy=accuracy, frequency_hz=1e9)
        for name, took, accuracy in (('small', 0.036, 0.81), ('large', 0.052, 0.86))
    ]
    cascade = replace(CASCADE, reached=(0.48,), accuracy=0.86)
    profile = replace(make_profile(*points), cascades=(cascade,))
    assert chosen(run(app(profile, 0.1, 0.855), policy=SAVING))[0] == 'large'
    cheap = replace(profile, cascades=(replace(cascade, reached=(0.2,)),))
    assert chosen(run(app(cheap, 0.1, 0.855), policy=SAVING))[0] == 's+l'


def test_the_power_is_that_of_a_mean_frame(run, camera, cascading):
    decision = run(camera(cascading(), 0.075, 0.78), policy=SAVING)
    assert decision.power_w == pytest.approx((0.02 + 0.3 * 0.05) / 0.1)


def test_a_longer_path_than_the_period_makes_images_wait(app, cascading):
    waiting, none = (
        predicted(app(cascading(), 1.0, 0.0, frame_period_s=period_s)) for period_s in (0.065, 0.08)
    )
    row = row_of(none, 's+l')
    assert none.latency.mean_s[row] == pytest.approx(0.035)
    assert waiting.latency.mean_s[row] == pytest.approx(0.035 + 0.0325)


def test_sub_networks_are_predicted_as_without_cascades(app, cascading):
    profile = cascading()
    with_cascades, without = (
        predicted(app(each, 0.075, 0.78)) for each in (profile, profile.without_cascades())
    )
    tables = [each.basis.points.tables[0] for each in (with_cascades, without)]
    kept = [tables[0].points.index(each) for each in tables[1].points]
    for name in ('energy_j', 'violation', 'inference_s', 'accuracy', 'cost_j'):
        found, expected = getattr(with_cascades, name), getattr(without, name)
        np.testing.assert_array_equal(found[kept], expected)


def test_a_cascade_is_kept_while_nothing_is_much_better(run, app, cascading):
    state = app(cascading(), 0.145, 0.78)
    (choice,) = run(state, policy=SAVING).choices
    seen = {'s+l': Escalation((0.31,))}
    again = replace(state, current=choice.point, escalations=seen)
    assert run(again, policy=SAVING, hysteresis=True).choices[0].point == choice.point
