# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Policies get wrong profiles, while the simulated frames and the oracle keep the truth."""

import math
import statistics

import pytest
from pytest import approx

from dynofa_ros.platform import PlatformError
from dynofa_ros.simulation import simulate
from dynofa_ros.simulation.policies.policy import Policy


def ratios(setup, app='camera'):
    """Return the true / profiled latencies of an application, by sub-network."""
    found = {}
    for true, wrong in zip(setup.truth[app].points, setup.profiles[app].points, strict=True):
        found.setdefault(true.subnet_id, set()).add(round(true.latency_s / wrong.latency_s, 9))
        assert true.energy_j / wrong.energy_j == approx(true.latency_s / wrong.latency_s)
    return found


def test_without_error_the_profile_is_the_truth(sim):
    setup = sim.setup()
    assert setup.profiles['camera'] is setup.truth['camera']


def test_every_sub_network_has_one_error_of_its_own_for_each_application_and_seed(sim):
    apps = (sim.app('camera', processors=()), sim.app('b', processors=()))
    setup = sim.setup(*apps, profile_error=0.1)
    errors = ratios(setup)
    assert all(len(each) == 1 for each in errors.values())
    drawn = [errors, ratios(setup, 'b'), ratios(sim.setup(*apps, profile_error=0.1, seed=1))]
    assert len({each.pop() for one in drawn for each in one.values()}) == 3 * 3
    assert ratios(sim.setup(*apps, profile_error=0.1)) == ratios(setup)


def test_the_errors_are_log_normal_with_the_stated_deviation(sim):
    logs = [
        math.log(next(iter(each)))
        for seed in range(200)
        for each in ratios(sim.setup(profile_error=0.1, seed=seed)).values()
    ]
    assert statistics.fmean(logs) == approx(0.0, abs=0.01)
    assert statistics.pstdev(logs) == approx(0.1, abs=0.01)


def test_the_error_of_single_sub_networks_may_be_stated(sim):
    setup = sim.setup(profile_errors={'large': 2.0})
    assert ratios(setup) == {'large': {2.0}, 'medium': {1.0}, 'small': {1.0}}


def test_an_error_of_an_unknown_sub_network_is_refused(sim):
    with pytest.raises(PlatformError, match=r"profile_errors is 'huge'; expected .* large, medium"):
        sim.setup(profile_errors={'huge': 2.0})


def test_frames_take_the_true_time(sim):
    result = sim.camera('static=large', profile_errors={'large': 2.0})
    assert list(result.latencies_s) == approx([0.025] * 10)


def test_the_static_choice_believes_the_profile(sim):
    result = sim.camera('static-best', sim.app(deadline_s=0.02), profile_errors={'large': 2.0})
    assert (result.accuracy, result.misses) == (0.80, 10)


def test_the_oracle_knows_the_truth(sim):
    result = sim.camera('oracle', sim.app(deadline_s=0.02), profile_errors={'large': 2.0})
    assert (result.accuracy, result.misses) == (approx(0.75), 0)


def test_an_argument_replaces_the_error_of_the_scenario(sim):
    seen = []

    class Looking(Policy):
        def joined(self, application):
            application.switch(('large', 'modelled', 'gpu', 1))

    def make(setup):
        seen.append(ratios(setup)['large'])
        return Looking()

    simulate(sim.board, sim.scenario(profile_error=0.1), make, profile_error=0.0)
    simulate(sim.board, sim.scenario(), make, profile_error=0.1)
    assert seen[0] == {1.0} != seen[1]


def test_an_argument_replaces_the_distribution_of_the_scenario(sim):
    scenario = sim.scenario(latency_jitter=0.03, duration_s=20.0)
    usual = simulate(sim.board, scenario, 'static=large')
    slow = simulate(sim.board, scenario, 'static=large', latency_distribution='pareto')
    assert [each.latency_distribution for each in (usual, slow)] == ['lognormal', 'pareto']
    longest = [each.applications['camera'].latency_max_s for each in (usual, slow)]
    assert longest[1] > 1.2 * longest[0]
