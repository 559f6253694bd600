# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The state of a real machine: frequencies, power, temperatures, battery."""

import itertools
import math

import pytest

from dynofa_ros.platform import PlatformError
from dynofa_ros.platform.linux.device import CpuLoad

ENERGY = '/sys/class/powercap/intel-rapl:0/energy_uj'
WRAPS = 262_143_328_850
VDD_IN = '/sys/class/hwmon/hwmon3/curr1_input'
JETPACKS = ('xavier_nx_jetpack4', 'xavier_nx_jetpack5')


def after(device, clock, seconds=1.0):
    """Return the state after a period."""
    clock.now_s += seconds
    device.advance()
    return device.state()


@pytest.mark.parametrize(
    ('name', 'source', 'power_w'),
    [
        *((name, 'measured_rail', 5.12) for name in JETPACKS),
        ('intel_laptop', 'measured_rapl', 0.0),
        ('raspberry_pi_5', 'unavailable', math.nan),
    ],
)
def test_power_is_measured_by_the_best_sensor(board, open_board, clock, name, source, power_w):
    state = after(open_board(board(name), clock=clock), clock)
    assert (state.power_source, state.simulated) == (source, False)
    assert state.power_w == pytest.approx(power_w, nan_ok=True)


def test_energy_is_power_over_time(board, open_board, clock):
    kernel = board('xavier_nx_jetpack5')
    device = open_board(kernel, clock=clock)
    assert after(device, clock, 2.0).energy_j == pytest.approx(10.24)
    kernel.put(VDD_IN, 2048)
    state = after(device, clock, 1.0)  # from 5.12 W to 10.24 W
    assert state.energy_j == pytest.approx(10.24 + 7.68)
    assert state.power_w == pytest.approx(7.68)
    assert state.rails_w['VDD_IN'] == pytest.approx(10.24)


def test_a_counter_that_wraps_around_loses_nothing(board, open_board, clock):
    kernel = board('amd_mini_pc')
    kernel.put(ENERGY, WRAPS - 2_000_000)
    device = open_board(kernel, clock=clock)
    for watts in (3, 3, 3):
        kernel.add(ENERGY, watts * 1_000_000, modulo=WRAPS)
        state = after(device, clock)
    assert state.energy_j == pytest.approx(9.0)
    assert state.power_w == pytest.approx(3.0)


def test_a_battery_measures_the_power_while_it_discharges(board, open_board, clock):
    kernel = board('intel_laptop')
    kernel.path(ENERGY).unlink()
    device = open_board(kernel, clock=clock)
    state = after(device, clock)
    assert (state.power_source, state.power_w) == ('measured_battery', pytest.approx(9.0))
    kernel.put('/sys/class/power_supply/BAT0/status', 'Charging')
    state = after(device, clock)
    assert (state.power_source, math.isnan(state.power_w)) == ('unavailable', True)


def test_without_its_sensor_power_is_unknown_and_energy_constant(board, open_board, clock):
    kernel = board('xavier_nx_jetpack5')
    device = open_board(kernel, clock=clock)
    before_j = after(device, clock).energy_j
    kernel.path(VDD_IN).unlink()
    state = after(device, clock)
    assert math.isnan(state.power_w)
    assert math.isnan(state.rails_w['VDD_IN'])
    assert state.energy_j == before_j


@pytest.mark.parametrize('reads', range(0, 30, 3))
def test_devices_may_be_removed_while_they_are_read(board, open_board, clock, reads):
    kernel = board('xavier_nx_jetpack5')
    device = open_board(kernel, clock=clock)
    kernel.vanish_after = dict.fromkeys(kernel.folders(), reads)
    for _ in range(8):
        state = after(device, clock)
    assert math.isnan(state.domains['gpu'].frequency_hz)


def test_utilisation_is_that_of_the_last_period(board, open_board, clock):
    kernel = board('raspberry_pi_5')
    kernel.put('/proc/stat', ''.join(f'cpu{core} 0 0 0 100 0 0 0 0 0 0\n' for core in range(4)))
    device = open_board(kernel, clock=clock)
    assert math.isnan(device.state().domains['cpu'].utilisation)
    kernel.put(
        '/proc/stat',
        'cpu0 50 0 0 150 0 0 0 0 0 0\ncpu1 0 0 0 180 20 0 0 0 0 0\n'
        'cpu2 100 0 0 100 0 0 0 0 0 0\ncpu3 0 0 100 100 0 0 0 0 0 0\n',
    )
    assert after(device, clock).domains['cpu'].utilisation == pytest.approx(0.625)


def test_the_utilisation_of_a_jetson_gpu_is_read(board, open_board):
    state = open_board(board('xavier_nx_jetpack5')).state()
    assert state.domains['gpu'].utilisation == pytest.approx(0.42)


def test_throttling_is_reported_for_its_domain(board, open_board):
    kernel = board('xavier_nx_jetpack5')
    device = open_board(kernel)
    assert not device.state().domains['gpu'].throttled  # a fan does not throttle
    kernel.put('/sys/class/thermal/cooling_device1/cur_state', 2)
    domains = device.state().domains
    assert (domains['gpu'].throttled, domains['cpu'].throttled) == (True, False)


@pytest.mark.parametrize(
    ('name', 'capabilities'),
    [
        ('xavier_nx_jetpack5', ('set_frequency', 'power', 'temperature')),
        ('raspberry_pi_5', ('set_frequency', 'temperature')),
        ('intel_laptop', ('set_frequency', 'power', 'temperature', 'battery')),
    ],
)
def test_capabilities_depend_on_the_board(board, open_board, name, capabilities):
    assert open_board(board(name)).state().capabilities == capabilities


def stat(kernel, *lines):
    kernel.put('/proc/stat', '\n'.join(('cpu 9 9 9 9 9 9 9 9 9 9', *lines, 'intr 5')))


@pytest.mark.parametrize(
    ('before', 'after', 'busy'),
    [
        ('0 0 0 0 0 0 0 0 0 0', '10 10 10 30 10 10 10 10 90 90', 0.6),
        ('0 0 0 100 0 0 0 0 0 0', '50 0 0 150 0 0 0 0 0 0', 0.5),
        ('0 0 0 0 0 0 0 0 0 0', '0 0 0 50 50 0 0 0 0 0', 0.0),
        ('0 0 0 90 0 0 0 0 0 0', '200 0 0 80 0 0 0 0 0 0', 1.0),  # idle went back
        ('0 0 0 0 0 0 0 0 0 0', '0 0 0 50 0 0 -10 0 0 0', 0.0),
    ],
)
def test_idle_and_iowait_are_not_busy_and_guests_not_counted_twice(kernel, before, after, busy):
    stat(kernel, f'cpu1 {before}')
    load = CpuLoad(kernel)
    stat(kernel, f'cpu1 {after}')
    load.sample()
    assert load.utilisation([1]) == pytest.approx(busy)
    assert math.isnan(load.utilisation([0]))
    assert load.utilisation([0, 1]) == pytest.approx(busy)


def test_a_period_without_a_tick_keeps_the_last_utilisation(kernel):
    stat(kernel, 'cpu0 0 0 0 0 0 0 0 0 0 0')
    load = CpuLoad(kernel)
    stat(kernel, 'cpu0 1 0 0 3 0 0 0 0 0 0')
    load.sample()
    load.sample()
    assert load.utilisation([0]) == 0.25
    stat(kernel, 'cpu0 1 0 0 4 0 0 0 0 0 0')
    load.sample()
    assert load.utilisation([0]) == 0.0


def test_a_core_that_comes_online_counts_since_its_start(kernel):
    stat(kernel)
    load = CpuLoad(kernel)
    stat(kernel, 'cpu10 1 0 0 1 0 0 0 0 0 0')
    load.sample()
    assert load.utilisation([10]) == 0.5


def test_the_load_of_other_programs_cannot_be_simulated(board, open_board):
    with pytest.raises(PlatformError) as error:
        open_board(board('raspberry_pi_5')).set_co_runner('cpu', 0.5)
    assert str(error.value) == (
        'co-runner utilisation of cpu is 0.5; expected a simulated device; this one is hardware'
    )


def test_power_is_sampled_until_the_device_is_closed(board, open_board):
    now_s = itertools.count()
    device = open_board(board('xavier_nx_jetpack5'), clock=lambda: float(next(now_s)))
    device.start_sampling(1000.0)
    samples = []
    while len(samples) < 3:
        samples += device.take_samples()
    assert samples[1].energy_j > samples[0].energy_j
    device.close()
    device.take_samples()
    assert device.take_samples() == []
    device.close()


def test_the_whole_state_of_a_jetson(board, open_board, clock):
    kernel = board('xavier_nx_jetpack5')
    device = open_board(kernel, clock=clock)
    state = after(device, clock, 2.0)
    gpu = state.domains['gpu']
    assert (state.platform, state.simulated, state.battery) == ('board', False, None)
    assert (gpu.name, gpu.processors, gpu.settable) == ('gpu', ('gpu',), True)
    assert (gpu.min_frequency_hz, gpu.max_frequency_hz) == (114.75e6, 1109.25e6)
    assert math.isnan(gpu.co_runner_utilisation)
    assert math.isnan(gpu.next_frequency_hz)
    assert (state.energy_j, state.power_w) == (pytest.approx(10.24), pytest.approx(5.12))
    assert [each.name for each in state.temperatures] == ['CPU-therm', 'GPU-therm']
    assert (device.power_detail, device.changed) == ('rails VDD_IN', False)


def test_the_battery_of_a_laptop_is_in_its_state(board, open_board):
    kernel = board('intel_laptop')
    kernel.path(ENERGY).unlink()
    state = open_board(kernel).state()
    assert (state.battery.percentage, state.battery.status) == (0.83, 'Discharging')
    assert 'power' in state.capabilities


def test_a_device_without_domains_is_never_out_of_control(board, open_board):
    devices = [open_board(board('container')) for _ in range(2)]
    assert [each.out_of_control for each in devices] == ['', '']
    assert devices[0].state().capabilities == ()


def test_a_memory_controller_has_no_utilisation_of_a_core(board, open_board):
    kernel = board('orin_nano')
    kernel.put('/sys/class/devfreq/15340000.vic/device/load', 'x')
    domains = open_board(kernel).state().domains
    assert math.isnan(domains['15340000.vic'].utilisation)
    assert domains['gpu'].utilisation == 0.42
