# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Interim points until frequencies settle: small takes 40 ms at 0.5 GHz, large 50 ms at 1 GHz."""

import math
from dataclasses import replace

import pytest

from dynofa_ros.runtime import DecisionPolicy, Domain

SLOW = Domain('gpu', ('gpu',), (0.5e9, 1e9), frequency_hz=0.5e9, commanded_hz=0.5e9)
FAST = replace(SLOW, frequency_hz=1e9, commanded_hz=1e9)


@pytest.fixture
def choose(run, app):
    """Return a function that decides for one application, by default at 0.5 GHz."""

    def choose(profile, deadline_s, *, domain=SLOW, hysteresis=False, floor=0.0, **changes):
        application = app(profile, deadline_s, floor, **changes)
        return run(application, domains=(domain,), hysteresis=hysteresis)

    return choose


def points(decision):
    """Return the sub-network of the only application now, and once the frequency has settled."""
    choice = decision.choices[0]
    return choice.point.subnet_id, choice.settled_point.subnet_id


def unready(profile, name):
    return frozenset(each.key for each in profile.points if each.subnet_id == name)


def test_a_point_that_meets_the_deadline_now_runs_until_the_frequency_settles(choose, clocked):
    decision = choose(clocked(), 0.055)
    assert points(decision) == ('small', 'large')
    assert decision.clocks_hz == {'gpu': 1e9}


def test_the_prediction_is_for_the_present_frequency(choose, clocked):
    choice = choose(clocked(), 0.055).choices[0]
    assert (choice.point.frequency_hz, choice.settled_point.frequency_hz) == (0.5e9, 1e9)
    assert choice.predicted_latency_s == pytest.approx(0.04)
    assert choice.violated_targets == ()
    assert choice.reason.startswith('until gpu runs at 1000 MHz: ')


@pytest.mark.parametrize(
    ('domain', 'now'), [(replace(SLOW, commanded_hz=1e9), 'small'), (FAST, 'large')]
)
def test_the_settled_point_runs_once_the_frequency_has_settled(choose, clocked, domain, now):
    small, large = clocked().points[0], clocked().points[-1]
    waiting = {'current': large, 'interim': small.key, 'hysteresis': True}
    decision = choose(clocked(), 0.055, domain=domain, **waiting)
    assert points(decision) == (now, 'large')
    assert decision.clocks_hz == {'gpu': 1e9}


@pytest.mark.parametrize('frequency_hz', [0.995e9, math.nan])
def test_a_frequency_that_reads_a_little_off_or_is_unknown_counts_as_settled(
    choose, clocked, frequency_hz
):
    domain = replace(FAST, frequency_hz=frequency_hz)
    assert points(choose(clocked(), 0.055, domain=domain)) == ('large', 'large')


def test_the_best_point_that_meets_the_deadline_now_is_chosen(choose, clocked):
    assert points(choose(clocked(), 0.065)) == ('medium', 'large')


def test_a_point_that_meets_the_deadline_during_a_decrease_runs_at_once(choose, clocked):
    decision = choose(clocked(), 0.11, domain=FAST)
    assert points(decision) == ('large', 'large')
    assert decision.clocks_hz == {'gpu': 0.5e9}


def test_if_no_point_meets_the_deadline_now_there_is_only_one_switch(choose, clocked):
    choice = choose(clocked(), 0.035).choices[0]
    assert choice.point.subnet_id == choice.settled_point.subnet_id == 'medium'
    assert choice.violated_targets == ('deadline',)  # for now


def test_the_floor_is_violated_before_the_deadline_for_now(choose, clocked):
    decision = choose(clocked(), 0.055, floor=0.79)
    assert points(decision) == ('small', 'large')
    assert decision.choices[0].violated_targets == ('min_accuracy',)


def test_a_running_point_that_meets_the_deadline_is_kept_until_then(choose, clocked):
    """One switch is enough, even if a better interim point exists."""
    assert points(choose(clocked(), 0.065, current=clocked().points[0])) == ('small', 'large')


def test_a_point_that_needs_compilation_is_no_interim_point(choose, clocked):
    profile = clocked()
    running = {'current': profile.points[-1], 'unready': unready(profile, 'medium')}
    assert points(choose(profile, 0.065, **running)) == ('small', 'large')


def test_below_all_profiled_frequencies_there_is_no_interim_point(choose, clocked):
    domain = replace(SLOW, frequencies_hz=(0.2e9, 0.5e9, 1e9), frequency_hz=0.2e9)
    assert points(choose(clocked(), 0.055, domain=domain)) == ('large', 'large')


def test_an_interim_point_may_be_on_another_processor(choose, clocked, make_point):
    spare = make_point('spare', processor='cpu', latency_s=0.05, accuracy=0.72)
    profile = replace(clocked(), points=(*clocked().points, spare))
    assert points(choose(profile, 0.055)) == ('spare', 'large')


@pytest.fixture
def urgent(app, clocked):
    """An application that needs 1 GHz."""
    return app(clocked('urgent'), 0.022, priority=1)


@pytest.mark.parametrize(('deadline_s', 'chosen'), [(0.0610, 'small'), (0.0635, 'medium')])
def test_the_settled_point_runs_early_only_with_a_latency_margin(
    run, app, clocked, urgent, deadline_s, chosen
):
    """Medium takes 60 ms now. While estimates wander around the limit, the choice must not flap."""
    profile = clocked('other')
    profile = replace(profile, points=tuple(p for p in profile.points if p.subnet_id != 'large'))
    small, medium = (
        next(p for p in profile.points if p.subnet_id == name and p.frequency_hz == 1e9)
        for name in ('small', 'medium')
    )
    other = app(profile, deadline_s, current=medium, interim=small.key)
    urgent = replace(urgent, current=clocked('urgent').at(small.key, 1e9))
    domain = replace(SLOW, commanded_hz=1e9)
    decision = run(urgent, other, domains=(domain,), hysteresis=True)
    assert decision.clocks_hz == {'gpu': 1e9}
    assert decision.choices[0].point.subnet_id == chosen


def test_an_application_that_shares_the_domain_keeps_its_point_until_then(
    run, app, clocked, urgent
):
    """At 1 GHz the other one may run large, which is late before."""
    other = app(clocked('other'), 0.055, current=clocked('other').points[0])
    decision = run(urgent, other, domains=(SLOW,))
    choices = {
        each.app: (each.point.subnet_id, each.settled_point.subnet_id) for each in decision.choices
    }
    assert choices == {'urgent': ('small', 'small'), 'other': ('small', 'large')}


@pytest.fixture
def capped(run, camera, clocked):
    """Return a function that decides at 1 GHz for a camera that needs 0.5 GHz, under a cap."""

    def decide_within(cap_w, **changes):
        policy = DecisionPolicy(power_cap_w=cap_w)
        return run(camera(clocked(), 0.11, **changes), domains=(FAST,), policy=policy)

    return decide_within


def test_a_point_that_exceeds_the_power_cap_now_waits_for_the_lower_frequency(capped):
    decision = capped(0.3)
    assert points(decision) == ('medium', 'large')
    assert decision.clocks_hz == {'gpu': 0.5e9}
    assert points(capped(0.51)) == ('large', 'large')


def test_a_running_point_within_the_power_cap_is_kept_until_then(capped, clocked):
    waiting = {'current': clocked().points[2], 'interim': clocked().points[-2].key}
    assert points(capped(0.3, **waiting)) == ('medium', 'large')


def test_if_no_point_is_within_the_power_cap_now_the_least_power_runs(capped):
    assert points(capped(0.15)) == ('small', 'medium')


def test_a_point_that_needs_compilation_does_not_save_power_now(capped, clocked):
    assert points(capped(0.3, unready=unready(clocked(), 'medium'))) == ('small', 'large')
