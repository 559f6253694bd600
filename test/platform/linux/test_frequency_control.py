# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Controls as Linux describes them, and the settings that their files hold."""

import math

import boards
import pytest
from boards import CPU, DEVFREQ

from dynofa_ros.platform.linux.domain import LinuxDomain, group_controls
from dynofa_ros.platform.linux.frequency_control import (
    CPUFREQ,
    FrequencyControl,
    FrequencySetting,
    find_controls,
    parse_cores,
)
from dynofa_ros.platform.linux.frequency_control import (
    DEVFREQ as DEVICE,
)
from dynofa_ros.platform.settings import Limits


def control(name='policy0', **changes):
    values = {
        'folder': f'{CPU}/{name}',
        'interface': CPUFREQ,
        'driver': 'x',
        'cores': (0,),
        'governors': ('schedutil',),
        'listed_hz': (),
        'lowest_hz': 1e9,
        'highest_hz': 3e9,
    }
    return FrequencyControl(**(values | changes))


@pytest.mark.parametrize(
    ('text', 'cores'),
    [
        ('0-3,8', {0, 1, 2, 3, 8}),
        (' 2 , 5-5', {2, 5}),
        ('', set()),
        ('x,1-y,-3,4', {4}),
        ('3-1', set()),
        ('65535', {65535}),
        ('65536', set()),
        ('0-4294967295', set()),
    ],
)
def test_a_list_of_cores_is_parsed(text, cores):
    assert parse_cores(text) == cores


@pytest.mark.parametrize(
    ('limits', 'reached'),
    [
        (Limits(2e9, 2e9), Limits(2e9, 2e9)),
        (Limits(2e9 + 0.4, 2e9 + 0.4), Limits(2e9, 2e9)),
        (Limits(1.5e9, 1.5e9), Limits(2e9, 2e9)),
        (Limits(9e9, 9e9), Limits(3e9, 3e9)),
        (Limits(0.5e9, 9e9), Limits(1e9, 3e9)),
        (Limits(1.5e9, 2.5e9), Limits(1.5e9, 2.5e9)),
    ],
)
def test_a_control_reaches_the_next_frequency_that_it_lists(limits, reached):
    assert control(listed_hz=(1e9, 2e9, 3e9)).reachable(limits) == reached


def test_without_a_list_any_frequency_in_the_range_is_reached():
    assert control().reachable(Limits(1.5e9, 1.5e9)) == Limits(1.5e9, 1.5e9)
    assert control().reachable(Limits(0.5e9, 0.5e9)) == Limits(1e9, 1e9)


@pytest.mark.parametrize(
    ('setting', 'limits'),
    [
        (FrequencySetting('x', 1_500_000, 2_000_000), Limits(1.5e9, 2e9)),
        (FrequencySetting('x', 0, 0), Limits(1e9, 3e9)),
        (FrequencySetting('userspace', 1_000_000, 3_000_000, speed=2_000_000), Limits(2e9, 2e9)),
    ],
)
def test_the_limits_of_a_setting(setting, limits):
    assert control().limits(setting) == limits


@pytest.mark.parametrize(
    ('interface', 'governors', 'files'),
    [
        (CPUFREQ, ('schedutil',), ['scaling_min_freq', 'scaling_max_freq']),
        (
            CPUFREQ,
            ('userspace',),
            ['scaling_min_freq', 'scaling_max_freq', 'scaling_governor', 'scaling_setspeed'],
        ),
        (DEVICE, ('userspace',), ['min_freq', 'max_freq']),
    ],
)
def test_the_files_that_are_written(interface, governors, files):
    found = control(interface=interface, governors=governors)
    assert found.files_to_write == tuple(f'{CPU}/policy0/{name}' for name in files)
    assert found.has_userspace == (len(files) == 4)


def test_a_policy_is_read_from_its_files(board):
    first, *_, gpu = find_controls(board('xavier_nx_jetpack5'))
    assert (first.folder, first.interface, first.driver) == (f'{CPU}/policy0', CPUFREQ, 'tegra194')
    assert (first.cores, first.core_kind) == ((0, 1), '')
    assert first.governors[:2] == ('interactive', 'conservative')
    assert first.listed_hz == tuple(khz * 1e3 for khz in boards.NX_CPU_KHZ)
    assert (first.lowest_hz, first.highest_hz) == (115.2e6, 1907.2e6)
    assert (gpu.folder, gpu.interface, gpu.driver) == (f'{DEVFREQ}/17000000.gv11b', DEVICE, '')
    assert (gpu.cores, gpu.lowest_hz, gpu.highest_hz) == ((), 114.75e6, 1109.25e6)
    assert gpu.governors[-1] == 'simple_ondemand'


def test_the_driver_of_a_device_is_the_name_of_its_link(kernel):
    folder = f'{DEVFREQ}/17000000.gv11b'
    kernel.path('/sys/bus/platform/drivers/gk20a').mkdir(parents=True)
    kernel.path(f'{folder}/device/driver').symlink_to(
        kernel.path('/sys/bus/platform/drivers/gk20a')
    )
    assert find_controls(kernel)[-1].driver == 'gk20a'


def test_without_related_cores_the_affected_ones_count(kernel):
    kernel.path(f'{CPU}/policy2/related_cpus').unlink()
    kernel.put(f'{CPU}/policy2/affected_cpus', '3')
    assert [each.cores for each in find_controls(kernel)] == [(0, 1), (3,), (4, 5), ()]


@pytest.mark.parametrize(
    ('lowest', 'highest', 'found'),
    [(400000, 400000, True), (500000, 400000, False), (0, 400000, False), ('', 400000, False)],
)
def test_a_control_without_a_valid_range_is_left_out(board, lowest, highest, found):
    kernel = board('amd_mini_pc')
    kernel.put(f'{CPU}/policy1/cpuinfo_min_freq', lowest)
    kernel.put(f'{CPU}/policy1/cpuinfo_max_freq', highest)
    folders = [each.folder for each in find_controls(kernel)]
    assert (f'{CPU}/policy1' in folders, len(folders)) == (found, 3 + found)


def test_a_frequency_of_0_is_not_offered(kernel):
    kernel.put(f'{DEVFREQ}/17000000.gv11b/available_frequencies', '0 510000000 x 204000000')
    assert find_controls(kernel)[-1].listed_hz == (204e6, 510e6)


def test_the_setting_of_a_control(kernel):
    policy, *_, gpu = find_controls(kernel)
    assert policy.setting(kernel) == FrequencySetting('schedutil', 115200, 1420800)
    assert gpu.setting(kernel) == FrequencySetting('nvhost_podgov', 114750000, 1109250000)
    kernel.put(f'{policy.folder}/scaling_governor', 'userspace')
    kernel.put(f'{policy.folder}/scaling_setspeed', '806400')
    assert policy.setting(kernel) == FrequencySetting('userspace', 115200, 1420800, speed=806400)
    kernel.put(f'{gpu.folder}/governor', 'userspace')
    assert gpu.setting(kernel).speed is None
    assert (gpu.units(204e6), policy.units(806.4e6)) == (204000000, 806400)


@pytest.mark.parametrize(
    ('devices', 'names'),
    [
        (['17000000.gv11b'], {'gpu': 'gpu'}),
        (['a.gpu', 'b.GPU'], {'gpu': 'gpu', 'b.GPU': 'gpu'}),
        (['dmc', '15340000.vic'], {'memory': 'memory', '15340000.vic': 'device'}),
        (['fb000000.mali'], {'gpu': 'gpu'}),
        (['3d00000.kgsl', 'soc:ddr'], {'gpu': 'gpu', 'memory': 'memory'}),
    ],
)
def test_a_device_is_named_after_its_kind(devices, names):
    found = group_controls(
        [control(interface=DEVICE, folder=f'{DEVFREQ}/{each}', cores=()) for each in devices]
    )
    assert {each.name: each.kind for each in found} == names


@pytest.mark.parametrize(('ratio', 'names'), [(1.149, ['cpu']), (1.151, ['cpu0', 'cpu2'])])
def test_cores_count_as_one_kind_up_to_a_ratio_of_their_maxima(ratio, names):
    policies = [
        control('policy0', cores=(0, 1), highest_hz=2e9),
        control('policy2', cores=(2, 3), highest_hz=2e9 * ratio),
    ]
    assert [each.name for each in group_controls(policies)] == names


@pytest.mark.parametrize(
    'other',
    [{'driver': 'y'}, {'governors': ('performance',)}, {'listed_hz': (3e9,)}, {'core_kind': 'b'}],
)
def test_cores_that_differ_otherwise_are_different_domains(other):
    found = group_controls([control('policy7', cores=(7,)), control('policy2', cores=(), **other)])
    assert [each.name for each in found] == ['cpu7', 'cpu_policy2']
    assert {each.kind for each in found} == {'cpu'}


@pytest.mark.parametrize(
    ('lowest_hz', 'highest_hz', 'offered'),
    [
        (1e9, 1.2e9, (1e9, 1.1e9, 1.2e9)),
        (1.05e9, 1.25e9, (1.05e9, 1.1e9, 1.2e9, 1.25e9)),
        (1e9, 1e9, (1e9,)),
    ],
)
def test_a_range_is_offered_in_steps_of_100_mhz(lowest_hz, highest_hz, offered):
    domain = LinuxDomain('cpu', 'cpu', (control(lowest_hz=lowest_hz, highest_hz=highest_hz),))
    assert domain.frequencies_hz == offered


def test_the_limits_of_a_domain_are_the_widest_that_can_be_read(kernel):
    (cpu, _) = group_controls(find_controls(kernel))
    kernel.put(f'{CPU}/policy2/scaling_min_freq', 806400)
    kernel.put(f'{CPU}/policy4/scaling_max_freq', 1907200)
    kernel.put(f'{CPU}/policy4/scaling_cur_freq', 1190400)
    assert cpu.limits(kernel) == Limits(115.2e6, 1907.2e6)
    assert cpu.frequency_hz(kernel) == 1420.8e6
    kernel.put(f'{CPU}/policy0/scaling_min_freq', 'x')
    kernel.path(f'{CPU}/policy4/scaling_max_freq').unlink()
    assert cpu.limits(kernel) == Limits(806.4e6, 1420.8e6)


def test_the_limits_and_the_frequency_of_a_removed_device_are_unknown(kernel):
    (_, gpu) = group_controls(find_controls(kernel))
    kernel.vanish_after[f'{DEVFREQ}/17000000.gv11b'] = 0
    limits = gpu.limits(kernel)
    assert math.isnan(limits.min_hz)
    assert math.isnan(limits.max_hz)
    assert math.isnan(gpu.frequency_hz(kernel))
