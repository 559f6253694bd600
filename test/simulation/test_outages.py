# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Outages of topics, and warm air: what a scenario can do to the observations of a policy."""

import math

import pytest

from dynofa_ros.simulation.policies.policy import Policy
from dynofa_ros.simulation.scenario import CoRunner, Outage


class CountingPolicy(Policy):
    """Records when it receives frames."""

    def __init__(self):
        self.received_s = []

    def joined(self, application):
        application.switch(next(iter(application.execution_options)))

    def finished(self, frame):
        self.received_s.append(self.system.queue.now_s)


def test_a_policy_receives_no_frames_during_an_outage(sim):
    policy = CountingPolicy()
    outages = (Outage('frame_report', 0.25, 0.55),)
    result = sim.camera(lambda setup: policy, outages=outages, duration_s=2.0)
    assert result.frames > len(policy.received_s) > 0
    assert not [each for each in policy.received_s if 0.25 <= each < 0.55]


def test_applications_keep_their_deadlines_while_the_manager_hears_nothing(sim):
    """Each chooses its frames by itself, and the manager follows when it hears of them again."""
    sim(
        'ours',
        sim.app(deadline_s=0.03),
        co_runners=(CoRunner('gpu', 3.0, 0.8),),
        outages=(Outage('frame_report', 2.95, 4.0),),
        duration_s=6.0,
    )
    late_s = sim.of('frame', 'arrived_s', met=False)
    assert len(late_s) <= 2
    assert not [each for each in late_s if each > 3.2]
    before = sim.of('command', 'at_s')
    assert not [each for each in before if 3.0 <= each < 4.0]
    assert [each for each in before if each >= 4.0]


def test_ours_sets_no_frequency_without_platform_state(sim):
    outages = (Outage('platform_state', 0.0, 5.0),)
    assert sim('ours', outages=outages, duration_s=4.9).clock_changes == {'cpu': 0, 'gpu': 0}


def test_ours_does_not_save_energy_without_battery_state(sim):
    low = {'duration_s': 5.0, 'battery_initial': 0.2}
    saving = sim.camera('ours', **low).accuracy
    assert saving < sim.camera('ours', **low, outages=(Outage('battery', 0.0, 9.0),)).accuracy


def test_an_outage_includes_its_start_and_excludes_its_end(sim):
    scenario = sim.scenario(outages=(Outage('battery', 1.0, 2.0),))
    at = (0.9, 1.0, 1.9, 2.0)
    assert [scenario.lost('battery', time_s=each) for each in at] == [False, True, True, False]
    assert not scenario.lost('frame_report', time_s=1.5)


@pytest.mark.parametrize(('ambient_c', 'throttled'), [(math.nan, False), (50.0, True)])
def test_warm_air_makes_a_board_throttle(hot_sim, ambient_c, throttled):
    result = hot_sim('static=small', duration_s=10.0, ambient_c=ambient_c)
    assert (result.throttled_s['GPU-therm'] > 0.0) is throttled
