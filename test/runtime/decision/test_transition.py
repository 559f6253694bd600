"""What runs until the clocks are turned: small takes 40 ms at 0.5 GHz, large 50 ms at 1 GHz."""

import math
from dataclasses import replace

import pytest

from dynofa_ros.runtime import (
    ApplicationState,
    DecisionPolicy,
    DecisionState,
    Domain,
    Slowdown,
    Target,
    decide,
)

SURE = {'gpu': Slowdown(1.0, 0.0), 'cpu': Slowdown(1.0, 0.0)}
SLOW = Domain('gpu', ('gpu',), (0.5e9, 1e9), frequency_hz=0.5e9, commanded_hz=0.5e9)
FAST = replace(SLOW, frequency_hz=1e9, commanded_hz=1e9)


def choose(profile, *, deadline_s, domains=(SLOW,), hysteresis=False, **changes):
    """Decide for one application."""
    application = ApplicationState(profile, Target(deadline_s), SURE, **changes)
    return decide(DecisionState((application,), domains, hysteresis=hysteresis))


def runs(decision):
    """Return what the only application runs now, and once the clocks are turned."""
    choice = decision.choices[0]
    return choice.point.subnet_id, choice.settled_point.subnet_id


def test_what_meets_the_deadline_at_the_clock_now_runs_until_the_better_can(clocked):
    decision = choose(clocked(), deadline_s=0.055)
    assert runs(decision) == ('small', 'large')
    assert decision.clocks_hz == {'gpu': 1e9}


def test_what_is_expected_is_of_the_clock_now(clocked):
    choice = choose(clocked(), deadline_s=0.055).choices[0]
    assert (choice.point.frequency_hz, choice.settled_point.frequency_hz) == (0.5e9, 1e9)
    assert choice.predicted_latency_s == pytest.approx(0.04)
    assert choice.violated_targets == ()
    assert choice.reason.startswith('until gpu runs at 1000 MHz: ')


def test_once_the_clock_is_there_the_better_runs(clocked):
    large = clocked().points[-1]
    domain = replace(SLOW, commanded_hz=1e9)
    waiting = {'current': large, 'interim': clocked().points[0].key, 'hysteresis': True}
    still = choose(clocked(), deadline_s=0.055, domains=(domain,), **waiting)
    assert runs(still) == ('small', 'large')
    there = choose(clocked(), deadline_s=0.055, domains=(FAST,), **waiting)
    assert runs(there) == ('large', 'large')
    assert still.clocks_hz == there.clocks_hz == {'gpu': 1e9}


def test_a_clock_that_reads_a_little_off_is_there(clocked):
    domain = replace(FAST, frequency_hz=0.995e9)
    assert runs(choose(clocked(), deadline_s=0.055, domains=(domain,))) == ('large', 'large')


def test_of_what_meets_the_deadline_now_the_best_runs(clocked):
    assert runs(choose(clocked(), deadline_s=0.065)) == ('medium', 'large')


def test_what_is_not_late_at_a_clock_on_its_way_down_does_not_wait(clocked):
    decision = choose(clocked(), deadline_s=0.11, domains=(FAST,))
    assert runs(decision) == ('large', 'large')
    assert decision.clocks_hz == {'gpu': 0.5e9}


def test_an_unknown_clock_is_taken_to_be_there(clocked):
    domain = replace(SLOW, frequency_hz=math.nan)
    assert runs(choose(clocked(), deadline_s=0.055, domains=(domain,))) == ('large', 'large')


def test_where_nothing_meets_the_deadline_now_there_is_one_switch_only(clocked):
    choice = choose(clocked(), deadline_s=0.035).choices[0]
    assert choice.point.subnet_id == choice.settled_point.subnet_id == 'medium'
    assert choice.violated_targets == ('deadline',)  # for now


def test_the_floor_gives_way_before_the_deadline_for_now(clocked):
    application = ApplicationState(clocked(), Target(0.055, min_accuracy=0.79), SURE)
    choice = decide(DecisionState((application,), (SLOW,))).choices[0]
    assert (choice.point.subnet_id, choice.settled_point.subnet_id) == ('small', 'large')
    assert choice.violated_targets == ('min_accuracy',)


def test_what_runs_and_meets_the_deadline_goes_on_until_the_better_can(clocked):
    """One switch is enough, even where something between the two is better for now."""
    small = clocked().points[0]
    decision = choose(clocked(), deadline_s=0.065, current=small)
    assert runs(decision) == ('small', 'large')


def test_what_has_to_be_compiled_first_is_no_help_for_now(clocked):
    profile = clocked()
    unready = frozenset(each.key for each in profile.points if each.subnet_id == 'medium')
    running = {'current': profile.points[-1], 'unready': unready}
    assert runs(choose(profile, deadline_s=0.065, **running)) == ('small', 'large')


def test_at_a_clock_below_all_profiled_nothing_is_known_and_nothing_gained(clocked):
    domain = replace(SLOW, frequencies_hz=(0.2e9, 0.5e9, 1e9), frequency_hz=0.2e9)
    assert runs(choose(clocked(), deadline_s=0.055, domains=(domain,))) == ('large', 'large')


def test_another_processor_may_help_out(clocked, make_point):
    spare = make_point('spare', processor='cpu', latency_s=0.05, accuracy=0.72)
    profile = replace(clocked(), points=(*clocked().points, spare))
    assert runs(choose(profile, deadline_s=0.055)) == ('spare', 'large')


def needs_1_ghz(clocked):
    return ApplicationState(clocked('urgent'), Target(0.022, priority=1), SURE)


@pytest.mark.parametrize(('deadline_s', 'expected'), [(0.0610, 'small'), (0.0635, 'medium')])
def test_the_better_takes_over_early_only_with_latency_to_spare(clocked, deadline_s, expected):
    """Medium takes 60 ms now. While estimates wander around the limit, the choice must not."""
    profile = clocked('other')
    profile = replace(profile, points=tuple(p for p in profile.points if p.subnet_id != 'large'))
    small, medium = (
        next(p for p in profile.points if p.subnet_id == name and p.frequency_hz == 1e9)
        for name in ('small', 'medium')
    )
    other = ApplicationState(profile, Target(deadline_s), SURE, current=medium, interim=small.key)
    urgent = replace(needs_1_ghz(clocked), current=clocked('urgent').at(small.key, 1e9))
    domain = replace(SLOW, commanded_hz=1e9)
    decision = decide(DecisionState((urgent, other), (domain,), hysteresis=True))
    assert decision.clocks_hz == {'gpu': 1e9}
    assert decision.choices[0].point.subnet_id == expected


def test_an_application_that_shares_the_clock_keeps_what_it_runs_until_then(clocked):
    """The urgent one needs 1 GHz; the other may then run large, which is late before."""
    small = clocked('other').points[0]
    other = ApplicationState(clocked('other'), Target(0.055), SURE, current=small)
    decision = decide(DecisionState((needs_1_ghz(clocked), other), (SLOW,)))
    choices = {
        each.app: (each.point.subnet_id, each.settled_point.subnet_id) for each in decision.choices
    }
    assert choices == {'urgent': ('small', 'small'), 'other': ('small', 'large')}


def capped(profile, cap_w, **changes):
    """Decide for one application of ten frames a second while the clock is on its way down."""
    application = ApplicationState(profile, Target(0.11), SURE, frame_period_s=0.1, **changes)
    return decide(DecisionState((application,), (FAST,), DecisionPolicy(power_cap_w=cap_w)))


def test_what_exceeds_the_power_cap_at_the_clock_now_waits_for_the_lower_one(clocked):
    """Large takes 0.25 W at 0.5 GHz and 0.5 W at 1 GHz, medium 0.3 W there."""
    decision = capped(clocked(), 0.3)
    assert runs(decision) == ('medium', 'large')
    assert decision.clocks_hz == {'gpu': 0.5e9}
    assert runs(capped(clocked(), 0.51)) == ('large', 'large')


def test_what_runs_within_the_power_cap_goes_on_until_then(clocked):
    medium = clocked().points[-2]
    waiting = {'current': clocked().points[2], 'interim': medium.key}
    assert runs(capped(clocked(), 0.3, **waiting)) == ('medium', 'large')


def test_if_nothing_is_within_the_power_cap_now_it_is_the_least_power(clocked):
    assert runs(capped(clocked(), 0.15)) == ('small', 'medium')


def test_what_has_to_be_compiled_first_does_not_save_power_now(clocked):
    unready = frozenset(each.key for each in clocked().points if each.subnet_id == 'medium')
    assert runs(capped(clocked(), 0.3, unready=unready)) == ('small', 'large')
