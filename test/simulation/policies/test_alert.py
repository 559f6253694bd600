# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The ALERT baseline: it acts on expectations, and each application acts for itself."""

import dataclasses

import pytest
from pytest import approx

from dynofa_ros.simulation.policies.alert import AlertFilter
from dynofa_ros.simulation.scenario import CoRunner


def test_the_filter_converges_to_a_slowdown_and_doubts_again_after_a_change():
    slowdown = AlertFilter(noise=0.03**2)
    for _ in range(10):
        slowdown.observe(1.5)
    assert slowdown.mean == approx(1.5, abs=0.01)
    settled = slowdown.variance
    slowdown.observe(2.5)
    slowdown.observe(2.5)
    assert slowdown.variance > 10 * settled


def test_it_selects_the_most_accurate_sub_network_in_time(sim):
    result = sim.camera('alert', sim.app(deadline_s=0.03), duration_s=3.0)
    assert (result.misses, result.latencies_s[-1]) == (0, approx(0.025))
    assert result.accuracy > 0.79  # medium at most for the first frames, large from then on


def test_it_steps_down_when_a_co_runner_starts(sim):
    there = (CoRunner('gpu', 2.0, 0.8),)
    sim('alert', sim.app(deadline_s=0.032), co_runners=there, duration_s=4.0)
    assert sim.of('frame', 'subnet_id')[-1] == 'medium'  # 27 ms
    assert all(met for arrived_s, met in sim.of('frame', 'arrived_s', 'met') if arrived_s > 2.4)


def test_with_min_energy_it_selects_the_cheapest_that_meets_deadline_and_accuracy(sim):
    app = sim.app(deadline_s=0.1, min_accuracy=0.73)
    result = sim.camera('alert', app, objective='min_energy', duration_s=3.0)
    assert (result.misses, result.accuracy) == (0, approx(0.75))


def test_if_nothing_is_in_time_it_selects_the_best_chance(sim):
    result = sim.camera('alert', sim.app(deadline_s=0.008))
    assert result.misses == result.frames
    assert result.accuracy == approx(0.7)


@pytest.mark.parametrize('first', ['fast', 'slow'])
def test_two_applications_override_each_others_frequency(sim, first):
    """One needs 400 MHz, the other saves energy at a lower one: the last request wins."""
    plans = [sim.app('fast', deadline_s=0.02), sim.app('slow', deadline_s=0.3, period_s=0.4)]
    domains = {
        name: dataclasses.replace(each, change_delay_s=0.0)
        for name, each in sim.board.domains.items()
    }
    sim.board = dataclasses.replace(sim.board, domains=domains)
    result = sim('alert', *(plans if first == 'fast' else plans[::-1]), duration_s=4.0)
    assert result.clock_changes['gpu'] > 2
