# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The resource manager limits the board's power: by heat, by a mission, and by a set cap."""

import dataclasses
import math

import pytest

from dynofa_ros.platform import PlatformError, load_platform
from dynofa_ros.simulation import load_scenario, simulate

on_both_platforms = pytest.mark.parametrize('platform', ['jetson_xavier_nx', 'jetson_agx_xavier'])


@on_both_platforms
def test_ours_does_not_throttle_in_the_heat_where_the_largest_network_does(platform):
    ours = simulate(platform, 'heat', 'ours', 0)
    static = simulate(platform, 'heat', 'static-largest:performance', 0)
    assert sum(ours.throttled_s.values()) == 0.0
    assert sum(static.throttled_s.values()) > 10.0
    assert ours.applications['camera'].misses == 0
    assert ours.applications['camera'].switches <= 10  # in four minutes


@on_both_platforms
def test_in_cool_air_the_thermal_cap_does_not_bind(platform):
    scenario = dataclasses.replace(load_scenario('heat'), ambient_c=math.nan, duration_s=30.0)
    events = []
    result = simulate(platform, scenario, 'ours', 0, trace=events.append)
    assert result.applications['camera'].accuracy > 0.79
    processors = load_platform(platform).processors.values()
    full_w = sum(max(each.busy_power.power_w) for each in processors)
    assert min(each['power_w'] for each in events if each['event'] == 'power_cap') > full_w


@on_both_platforms
def test_the_battery_lasts_the_mission_only_with_a_mission_set(platform):
    scenario = load_scenario('mission')
    free = dataclasses.replace(scenario, mission_s=0.0)
    # A battery with a little less than what the manager uses if it does not know of the mission.
    energy_j = 0.95 * simulate(platform, free, 'ours', 0).energy_j
    scenario, free = (dataclasses.replace(e, battery_energy_j=energy_j) for e in (scenario, free))
    ours, without = simulate(platform, scenario, 'ours', 0), simulate(platform, free, 'ours', 0)
    smallest = simulate(platform, scenario, 'static-smallest:performance', 0)
    assert without.battery == 0.0
    assert 0.05 <= ours.battery <= 0.13  # the reserve, and little more
    camera = ours.applications['camera']
    assert camera.accuracy > smallest.applications['camera'].accuracy
    assert camera.miss_rate < 0.01


def test_a_power_cap_limits_the_mean_power(sim):
    """The first seconds are needed to learn the board's power without applications."""
    free = {'duration_s': 60.0, 'objective': 'max_accuracy'}
    assert sim('ours', **free).power_w > 2.8
    assert 2.4 < sim('ours', **free, power_cap_w=2.7).power_w < 2.7


def test_the_trace_contains_each_cap_with_its_reason():
    events = []
    scenario = dataclasses.replace(load_scenario('mission'), duration_s=8.0)
    simulate('jetson_xavier_nx', scenario, 'ours', 0, trace=events.append)
    caps = [each for each in events if each['event'] == 'power_cap']
    assert caps[-1]['reason'].startswith('mission: ')
    assert 0.0 < caps[-1]['applications_w'] < caps[-1]['power_w']


def test_a_board_without_temperatures_has_no_thermal_cap(sim):
    assert not sim.board.thermal_zones
    assert sim.camera('ours', duration_s=5.0).accuracy == pytest.approx(0.80)


def test_a_scenario_may_define_its_own_battery():
    scenario = dataclasses.replace(load_scenario('steady'), duration_s=10.0, battery_energy_j=100.0)
    result = simulate('jetson_xavier_nx', scenario, 'static-smallest')
    assert result.battery == pytest.approx(1.0 - result.energy_j / 100.0)


def test_a_scenario_with_a_battery_needs_a_board_with_one():
    scenario = dataclasses.replace(load_scenario('steady'), battery_energy_j=100.0)
    platform = dataclasses.replace(load_platform('jetson_xavier_nx'), battery=None)
    with pytest.raises(PlatformError, match=r'battery_energy_j is 100\.0; .* no battery'):
        simulate(platform, scenario, 'static-smallest')
