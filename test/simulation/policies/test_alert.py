"""ALERT's way to choose: by expectation, each application for itself."""

import dataclasses

import pytest
from pytest import approx

from dynofa_ros.runtime import Target
from dynofa_ros.simulation import simulate
from dynofa_ros.simulation.policies.alert import AlertFilter
from dynofa_ros.simulation.scenario import CoRunner, TargetChange


def camera(result):
    return result.applications['camera']


def target(**values):
    return (TargetChange(0.0, Target(**values)),)


def test_the_filter_finds_a_slowdown_and_loses_its_doubt():
    slowdown = AlertFilter(noise=0.03**2)
    for _ in range(10):
        slowdown.observe(1.5)
    assert slowdown.mean == approx(1.5, abs=0.01)
    settled = slowdown.variance
    slowdown.observe(2.5)
    slowdown.observe(2.5)
    assert slowdown.variance > 10 * settled


def test_it_takes_the_most_accurate_that_is_in_time(board, make_scenario, make_application):
    scenario = make_scenario(make_application(targets=target(deadline_s=0.03)), duration_s=3.0)
    result = camera(simulate(board, scenario, 'alert', 0))
    assert (result.misses, result.latencies_s[-1]) == (0, approx(0.025))
    assert result.accuracy > 0.79  # medium at most for the first frames, large from then on


def test_it_steps_down_when_another_program_comes(board, make_scenario, make_application):
    scenario = make_scenario(
        make_application(targets=target(deadline_s=0.032)),
        co_runners=(CoRunner('gpu', 2.0, 0.8),),
        duration_s=4.0,
    )
    seen = []
    simulate(board, scenario, 'alert', 0, trace=seen.append)
    frames = [each for each in seen if each['event'] == 'frame']
    assert frames[-1]['subnet_id'] == 'medium'  # 27 ms
    assert all(each['met'] for each in frames if each['arrived_s'] > 2.4)


def test_saving_it_takes_the_least_energy_that_is_in_time_and_accurate_enough(
    board, make_scenario, make_application
):
    plan = make_application(targets=target(deadline_s=0.1, min_accuracy=0.73))
    scenario = make_scenario(plan, objective='min_energy', duration_s=3.0)
    result = camera(simulate(board, scenario, 'alert', 0))
    assert (result.misses, result.accuracy) == (0, approx(0.75))


def test_where_nothing_is_in_time_it_runs_what_has_the_best_chance(
    board, make_scenario, make_application
):
    scenario = make_scenario(make_application(targets=target(deadline_s=0.008)))
    result = camera(simulate(board, scenario, 'alert', 0))
    assert result.misses == result.frames
    assert result.accuracy == approx(0.7)


@pytest.mark.parametrize('first', ['fast', 'slow'])
def test_of_two_applications_the_last_one_has_the_clock(
    board, make_scenario, make_application, first
):
    """One needs 400 MHz, the other saves at a lower one: whoever is done last turns the clock."""
    fast = make_application('fast', targets=target(deadline_s=0.02))
    slow = make_application('slow', targets=target(deadline_s=0.3), period_s=0.4)
    plans = (fast, slow) if first == 'fast' else (slow, fast)
    thrifty = dataclasses.replace(
        board,
        domains={
            name: dataclasses.replace(each, change_delay_s=0.0)
            for name, each in board.domains.items()
        },
    )
    result = simulate(thrifty, make_scenario(*plans, duration_s=4.0), 'alert', 0)
    assert result.clock_changes['gpu'] > 2
