# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Sub-networks and frequencies that each policy selects."""

import dataclasses

import pytest
from pytest import approx

from dynofa_ros.platform import PlatformError
from dynofa_ros.simulation.policies.managed import ManagedPolicy
from dynofa_ros.simulation.policies.registry import make_governors, make_policy
from dynofa_ros.simulation.scenario import CoRunner


@pytest.fixture
def executed(sim):
    """Return a function that simulates and lists each sub-network that ran once, in order."""

    def run(policy, *applications, **changes):
        sim(policy, *applications, **changes)
        return list(dict.fromkeys(sim.of('frame', 'subnet_id')))

    return run


@pytest.mark.parametrize(
    ('policy', 'expected'),
    [
        ('static-largest', 'large'),
        ('static-smallest', 'small'),
        ('static=medium', 'medium'),
        # 30 ms first, 17 ms at its tightest: 25 ms and 15 ms fit.
        ('static-alone', 'large'),
        ('static-best', 'medium'),
    ],
)
def test_a_static_policy_runs_one_sub_network(sim, executed, policy, expected):
    assert executed(policy, sim.app('camera', (0.0, 0.03), (0.5, 0.017))) == [expected]


def test_static_best_assumes_the_heaviest_co_runners(sim, executed):
    busy = (CoRunner('gpu', 0.5, 1.0), CoRunner('gpu', 0.6, 0.0))
    assert executed('static-best', sim.app(deadline_s=0.04), co_runners=busy) == ['medium']


def test_static_best_assumes_all_applications_that_are_present_at_the_same_time(sim, executed):
    def app(name, **changes):
        return sim.app(name, deadline_s=0.04, **changes)

    assert executed('static-best', app('a')) == ['large']
    assert executed('static-best', app('a'), app('b')) == ['medium']
    assert executed('static-best', app('a', leave_s=5.0), app('b', join_s=5.0)) == ['large']


def test_static_best_is_the_fastest_if_nothing_meets_the_deadline(sim, executed):
    assert executed('static-best', sim.app(deadline_s=0.001)) == ['small']


def test_stepping_goes_one_level_down_after_20_frames_that_are_late_on_average(sim):
    there = (CoRunner('gpu', 1.0, 1.0),)
    result = sim('stepping', sim.app(deadline_s=0.027), co_runners=there, duration_s=12.0)
    # Windows of 2 s; the first one late is that of 0 to 2 s (25 and 50 ms), then medium's 30 ms.
    assert sim.of('switch', 'subnet_id') == ['medium', 'small']
    assert sim.of('switch', 'at_s')[0] == approx(1.95)
    assert result.clock_changes == {'cpu': 0, 'gpu': 0}


def test_stepping_runs_no_frame_during_a_switch(sim):
    there = (CoRunner('gpu', 0.0, 1.0),)
    result = sim.camera('stepping', sim.app(deadline_s=0.027), co_runners=there, duration_s=4.0)
    switch_s = sim.of('switch', 'at_s')[0]
    next_s = next(at_s for at_s in sim.of('frame', 'at_s') if at_s > switch_s)
    assert next_s == approx(switch_s + 0.6 + 0.03)
    assert result.dropped == 5


def test_stepping_goes_up_if_the_next_level_would_meet_the_deadline(sim, executed):
    app = sim.app('camera', (0.0, 0.016), (1.0, 0.1))
    assert executed('stepping', app, duration_s=8.0) == ['medium', 'large']


def test_ours_complies_within_three_frames_of_a_co_runner(sim):
    there = (CoRunner('gpu', 5.0, 0.8),)
    app = sim.app(deadline_s=0.03)
    sim('ours', app, co_runners=there, duration_s=10.0, latency_jitter=0.02)
    met = [met for met, arrived_s in sim.of('frame', 'met', 'arrived_s') if arrived_s > 5.0]
    assert all(met[3:])


def test_ours_lowers_the_frequency_if_the_deadline_leaves_time(sim):
    result = sim('ours', duration_s=5.0)  # 100 ms: large at 200 MHz takes 50
    assert result.applications['camera'].latency_p50_s == approx(0.05)
    assert result.applications['camera'].misses == 0
    assert result.energy_j < sim('static-largest', duration_s=5.0).energy_j


def test_ours_raises_the_frequency_again_when_the_deadline_tightens(sim):
    result = sim('ours', sim.app('camera', (0.0, 0.1), (4.0, 0.03)), duration_s=10.0)
    assert result.clock_changes['gpu'] == 2
    assert result.applications['camera'].latencies_s[-1] == approx(0.025)


def test_switch_only_leaves_the_frequencies_to_governors(sim):
    app = sim.app('camera', (0.0, 0.1), (1.0, 0.02))
    result = sim('switch-only', app, duration_s=4.0)
    assert result.clock_changes == {'cpu': 0, 'gpu': 0}
    assert result.applications['camera'].switches > 0
    assert sim('switch-only:ondemand', app, duration_s=4.0).clock_changes['gpu'] > 0


def test_dvfs_only_never_switches(sim):
    result = sim('dvfs-only', sim.app('camera', (0.0, 0.1), (1.0, 0.04)), duration_s=4.0)
    assert result.applications['camera'].switches == 0
    assert result.clock_changes['gpu'] > 0


def test_ours_reports_violated_targets(sim):
    sim('ours', sim.app('camera', (0.0, 0.1), (1.0, 0.005), (2.0, 0.1)), duration_s=3.0)
    reported = sim.of('violated_targets', 'at_s', 'targets')
    assert reported == [(1.0, {'camera': ['deadline']}), (2.0, {})]


def test_ours_sends_an_acknowledged_command_once(sim):
    sim('ours', duration_s=10.0)
    sequences = sim.of('clock_command', 'sequence')
    assert sequences == sorted(set(sequences))


def test_ours_saves_energy_with_a_low_battery(sim):
    full, low = (sim('ours', duration_s=5.0, battery_initial=charge) for charge in (1.0, 0.1))
    assert low.applications['camera'].accuracy < full.applications['camera'].accuracy
    assert low.energy_j < full.energy_j


def test_the_objective_of_a_scenario_overrides_the_battery(sim):
    changes = {'duration_s': 5.0, 'battery_initial': 0.1, 'objective': 'max_accuracy'}
    assert sim.camera('ours', **changes).accuracy == approx(0.8)


def test_two_governors_are_those_of_cpu_and_gpu(board):
    governors = make_governors('performance+powersave', board)
    assert (governors['cpu'].first_hz, governors['gpu'].first_hz) == (2e9, 1e8)


@pytest.mark.parametrize(
    ('policy', 'error'),
    [
        ('warp', "policy is 'warp'; expected one of ours, "),
        ('', "policy is ''"),
        ('ours:schedutil', 'sets the frequencies itself'),
        ('static-best:warp', "governor is 'warp'; expected one of ondemand"),
        ('static-best:a+b+c', "governor is 'a\\+b\\+c'"),
        ('static=huge', "camera is 'huge'; expected one of large, medium, small"),
    ],
)
def test_an_unknown_policy_is_refused(sim, policy, error):
    with pytest.raises(PlatformError, match=error):
        make_policy(policy, sim.setup())


@pytest.mark.parametrize(
    ('governor', 'expected'),
    [
        ('schedutil+simple_ondemand', ()),
        ('performance', ()),
        ('schedutil', ('not in Linux: schedutil on gpu, whose clock devfreq sets',)),
        (
            'simple_ondemand+ondemand',
            (
                'not in Linux: simple_ondemand on cpu, whose clock cpufreq sets',
                'not in Linux: ondemand on gpu, whose clock devfreq sets',
            ),
        ),
    ],
)
def test_a_governor_that_linux_does_not_have_there_is_labelled(sim, governor, expected):
    result = sim(f'static-best:{governor}')
    assert result.remarks == expected
    assert result.document()['remarks'] == list(expected)
    assert set(result.governors.values()) == set(governor.split('+'))


def test_ours_names_no_governor(sim):
    result = sim('ours')
    assert (result.governors, result.remarks) == ({}, ())


@pytest.fixture
def npu_sim(sim):
    """The same board whose GPU is an NPU, in a domain of its name."""
    board = sim.board
    gpu = board.processors['gpu']
    npu = dataclasses.replace(gpu, name='npu', kind='npu', domain='npu')
    domain = dataclasses.replace(board.domains['gpu'], name='npu')
    sim.board = dataclasses.replace(
        board,
        processors={'cpu': board.processors['cpu'], 'npu': npu},
        domains={'cpu': board.domains['cpu'], 'npu': domain},
    )
    return sim


def test_a_processor_of_another_kind_has_a_governor_of_devfreq(npu_sim):
    governors = make_governors('performance+powersave', npu_sim.board)
    assert (governors['cpu'].first_hz, governors['npu'].first_hz) == (2e9, 1e8)
    app = npu_sim.app(processors=())
    assert npu_sim('static-best:schedutil', app).remarks == (
        'not in Linux: schedutil on npu, whose clock devfreq sets',
    )


@pytest.mark.parametrize('policy', ['ours', 'oracle', 'alert', 'stepping', 'static-best'])
def test_policies_use_processors_of_another_kind(npu_sim, policy):
    result = npu_sim.camera(policy, npu_sim.app(processors=(), deadline_s=0.03), duration_s=3.0)
    assert (result.frames, result.misses) == (30, 0)
    assert set(npu_sim.of('frame', 'processor')) == {'npu'}


def test_ours_knows_at_once_that_an_application_has_left(sim):
    policies = []

    def make(setup):
        policies.append(ManagedPolicy(setup))
        return policies[0]

    sim(make, sim.app('a'), sim.app('b', leave_s=1.01), duration_s=1.02)
    assert policies[0].manager.apps == ('a',)
