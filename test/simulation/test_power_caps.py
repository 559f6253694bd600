"""The resource manager keeps the board's power: heat, a mission, and a cap that is set."""

import dataclasses
import math

import pytest

from dynofa_ros.platform import PlatformError, load_platform
from dynofa_ros.simulation import load_scenario, simulate

PLATFORMS = ('jetson_xavier_nx', 'jetson_agx_xavier')


@pytest.mark.parametrize('platform', PLATFORMS)
def test_in_the_heat_it_does_not_throttle_where_the_largest_network_does(platform):
    ours = simulate(platform, 'heat', 'ours', 0)
    static = simulate(platform, 'heat', 'static-largest:performance', 0)
    assert sum(ours.throttled_s.values()) == 0.0
    assert sum(static.throttled_s.values()) > 10.0
    assert ours.applications['camera'].misses == 0
    assert ours.applications['camera'].switches <= 10  # in four minutes


@pytest.mark.parametrize('platform', PLATFORMS)
def test_in_cool_air_heat_holds_nothing_back(platform):
    scenario = dataclasses.replace(load_scenario('heat'), ambient_c=math.nan, duration_s=30.0)
    seen = []
    result = simulate(platform, scenario, 'ours', 0, trace=seen.append)
    assert result.applications['camera'].accuracy > 0.79
    processors = load_platform(platform).processors.values()
    full_w = sum(max(each.busy_power.power_w) for each in processors)
    assert min(each['power_w'] for each in seen if each['event'] == 'power_cap') > full_w


@pytest.mark.parametrize('platform', PLATFORMS)
def test_the_battery_lasts_the_mission_only_if_there_is_a_mission(platform):
    scenario = load_scenario('mission')
    ours = simulate(platform, scenario, 'ours', 0)
    without = simulate(platform, dataclasses.replace(scenario, mission_s=0.0), 'ours', 0)
    smallest = simulate(platform, scenario, 'static-smallest:performance', 0)
    assert without.battery == 0.0
    assert 0.05 <= ours.battery <= 0.12  # the reserve is kept, and little more
    camera = ours.applications['camera']
    assert camera.accuracy > smallest.applications['camera'].accuracy
    assert camera.miss_rate < 0.01


def test_a_power_cap_is_kept_in_the_mean(make_scenario, board):
    """For the first seconds it has to learn what the board draws without applications."""
    free = make_scenario(duration_s=60.0, objective='max_accuracy')
    capped = dataclasses.replace(free, power_cap_w=2.7)
    assert simulate(board, free, 'ours').power_w > 2.8
    assert 2.4 < simulate(board, capped, 'ours').power_w < 2.7


def test_the_trace_tells_of_each_cap_and_its_reason():
    seen = []
    scenario = dataclasses.replace(load_scenario('mission'), duration_s=5.0)
    simulate('jetson_xavier_nx', scenario, 'ours', 0, trace=seen.append)
    caps = [each for each in seen if each['event'] == 'power_cap']
    assert caps[-1]['reason'].startswith('mission: ')
    assert 0.0 < caps[-1]['applications_w'] < caps[-1]['power_w']


def test_a_board_that_shows_no_temperatures_is_not_held_back(make_scenario, board):
    assert not board.thermal_zones
    result = simulate(board, make_scenario(duration_s=5.0), 'ours')
    assert result.applications['camera'].accuracy == pytest.approx(0.80)


def test_a_scenario_may_bring_a_battery_of_its_own():
    scenario = dataclasses.replace(load_scenario('steady'), duration_s=10.0, battery_energy_j=100.0)
    result = simulate('jetson_xavier_nx', scenario, 'static-smallest')
    assert result.battery == pytest.approx(1.0 - result.energy_j / 100.0)


def test_a_battery_of_its_own_needs_a_board_with_a_battery():
    scenario = dataclasses.replace(load_scenario('steady'), battery_energy_j=100.0)
    platform = dataclasses.replace(load_platform('jetson_xavier_nx'), battery=None)
    with pytest.raises(PlatformError, match=r'battery_energy_j is 100\.0; .* no battery'):
        simulate(platform, scenario, 'static-smallest')
