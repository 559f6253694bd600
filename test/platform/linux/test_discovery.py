# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The inventory of each kind of machine."""

import errno
import math
import platform

import boards
import pytest
from boards import BOARDS, CPU

from dynofa_ros.platform.linux import LinuxMachine

RAILS = ('VDD_IN', 'VDD_CPU_GPU_CV', 'VDD_SOC')


discover = LinuxMachine.discover


@pytest.mark.parametrize('name', BOARDS)
def test_discovery_writes_nothing(board, name):
    kernel = board(name)
    discover(kernel)
    assert kernel.log == []


@pytest.mark.parametrize(
    ('name', 'domains'),
    [
        ('xavier_nx_jetpack4', {'cpu': (3, 6, 5), 'gpu': (1, 0, 5)}),
        ('orin_nano', {'cpu': (2, 4, 3), '15340000.vic': (1, 0, 2), 'gpu': (1, 0, 3)}),
        ('raspberry_pi_5', {'cpu': (1, 4, 5)}),
        ('intel_laptop', {'cpu': (4, 4, 41)}),
        ('amd_mini_pc', {'cpu': (4, 4, 49)}),
        ('container', {}),
    ],
)
def test_controls_with_equal_frequencies_are_one_domain(board, name, domains):
    found = {
        each.name: (len(each.controls), len(each.cores), len(each.frequencies_hz))
        for each in discover(board(name)).domains
    }
    assert found == domains


def test_different_clusters_are_different_domains(tmp_path):
    kernel = boards.base(tmp_path)
    for first, khz in ((0, (500000, 1500000)), (4, (500000, 2000000))):
        boards.policy(
            kernel, (first, first + 1), khz, driver='x', governors='schedutil', governor='schedutil'
        )
    machine = discover(kernel)
    assert [each.name for each in machine.domains] == ['cpu0', 'cpu4']
    # The processor `cpu` is the fastest of them.
    assert machine.processors == {'cpu0': ('cpu0',), 'cpu4': ('cpu4', 'cpu')}


def test_the_fastest_cores_are_the_processor_cpu(tmp_path):
    kernel = boards.base(tmp_path)
    for first, khz in ((0, (500000, 1500000, 1600000)), (4, (500000, 1000000, 2000000))):
        boards.policy(
            kernel, (first,), khz, driver='x', governors='schedutil', governor='schedutil'
        )
    assert discover(kernel).processors['cpu4'] == ('cpu4', 'cpu')


def test_a_range_is_offered_in_steps_including_both_ends(board):
    (cpu,) = discover(board('amd_mini_pc')).domains
    assert cpu.frequencies_hz[:2] == (4e8, 5e8)
    assert cpu.frequencies_hz[-2:] == (5.1e9, 5.137e9)
    assert not cpu.has_list


def test_boost_frequencies_are_offered_only_while_boost_is_on(tmp_path):
    kernel = boards.base(tmp_path)
    boards.policy(
        kernel, (0,), (1000000, 2000000), driver='x', governors='schedutil', governor='schedutil'
    )
    kernel.put(f'{CPU}/policy0/scaling_boost_frequencies', '2500000')
    assert discover(kernel).domains[0].frequencies_hz == (1e9, 2e9)
    kernel.put(f'{CPU}/policy0/cpuinfo_max_freq', '2500000')
    assert discover(kernel).domains[0].frequencies_hz == (1e9, 2e9, 2.5e9)


@pytest.mark.parametrize('name', ['xavier_nx_jetpack4', 'xavier_nx_jetpack5'])
def test_the_power_monitor_of_a_jetson_is_found_under_both_jetpacks(board, name):
    kernel = board(name)
    rails = {rail.name: rail.power_w(kernel) for rail in discover(kernel).rails}
    assert rails == pytest.approx(dict(zip(RAILS, (5.12, 1.9, 1.1), strict=True)))


def test_other_power_monitors_are_read_in_microwatts(tmp_path):
    kernel = boards.base(tmp_path)
    kernel.put('/sys/class/hwmon/hwmon0/name', 'ina226')
    kernel.put('/sys/class/hwmon/hwmon0/power1_input', 7_500_000)
    (rail,) = discover(kernel).rails
    assert (rail.name, rail.power_w(kernel)) == ('ina226_1', pytest.approx(7.5))


def test_trip_points_define_where_throttling_starts(board):
    cpu, gpu = discover(board('xavier_nx_jetpack5')).zones
    assert (cpu.name, cpu.throttle_c, cpu.critical_c) == ('CPU-therm', 95.5, 97.0)
    assert [trip.kind for trip in gpu.trips] == ['active', 'passive', 'critical']


def test_an_unconfigured_trip_point_is_ignored(board):
    assert math.isnan(discover(board('intel_laptop')).zones[1].throttle_c)


def test_the_temperature_of_an_unpowered_part_is_unknown(board):
    kernel = board('orin_nano')
    assert math.isnan(discover(kernel).zones[1].temperature_c(kernel))


def test_the_battery_of_a_mouse_is_ignored(board):
    assert [each.name for each in discover(board('intel_laptop')).batteries] == ['BAT0']


def test_a_battery_that_reports_energy_has_a_charge(board):
    kernel = board('intel_laptop')
    battery = discover(kernel).batteries[0]
    now = battery.read(kernel)
    assert now.percentage == 0.83
    assert now.current_a == pytest.approx(-0.75)
    assert now.capacity_ah == pytest.approx(50 / 11.5)
    assert battery.power_w(kernel) == pytest.approx(9.0)


def test_the_power_of_the_machine_is_unknown_while_its_battery_charges(board):
    kernel = board('intel_laptop')
    kernel.put('/sys/class/power_supply/BAT0/status', 'Charging')
    battery = discover(kernel).batteries[0]
    assert math.isnan(battery.power_w(kernel))
    assert battery.read(kernel).current_a > 0


def test_the_power_mode_is_found_with_its_name(board):
    mode = discover(board('xavier_nx_jetpack4')).power_mode
    assert mode is not None
    assert (mode.number, mode.name) == (2, 'MODE_15W_6CORE')


@pytest.mark.parametrize('version', [1, 2])
def test_the_limits_of_a_container_are_read_from_its_cgroup(tmp_path, version):
    kernel = boards.base(tmp_path)
    kernel.put('/.dockerenv', '')
    if version == 2:
        kernel.put('/proc/self/cgroup', '0::/')
        kernel.put('/sys/fs/cgroup/cpu.max', '150000 100000')
        kernel.put('/sys/fs/cgroup/memory.max', 1 << 30)
    else:
        kernel.put('/proc/self/cgroup', '4:memory:/app\n1:cpu,cpuacct:/app\n0::/')
        kernel.put('/sys/fs/cgroup/cpu/app/cpu.cfs_quota_us', 150000)
        kernel.put('/sys/fs/cgroup/cpu/app/cpu.cfs_period_us', 100000)
        kernel.put('/sys/fs/cgroup/memory/app/memory.limit_in_bytes', 1 << 30)
    limits = discover(kernel).confinement
    assert (limits.container, limits.cpu_limit) == ('docker', 1.5)
    assert limits.memory_limit_bytes == 1 << 30


def test_without_limits_they_are_nan(tmp_path):
    kernel = boards.base(tmp_path)
    kernel.put('/proc/self/cgroup', '0::/')
    kernel.put('/sys/fs/cgroup/cpu.max', 'max 100000')
    kernel.put('/sys/fs/cgroup/memory.max', 'max')
    limits = discover(kernel).confinement
    assert math.isnan(limits.cpu_limit)
    assert math.isnan(limits.memory_limit_bytes)


def test_an_unwritable_file_is_named_with_a_remedy(board):
    kernel = board('raspberry_pi_5')
    file = f'{CPU}/policy0/scaling_setspeed'
    kernel.answers[file] = errno.EACCES
    (missing,) = discover(kernel).missing
    assert file in missing
    assert 'cannot be written' in missing


@pytest.mark.parametrize('name', BOARDS)
@pytest.mark.parametrize('reads', [0, 3, 8])
def test_devices_may_be_removed_during_discovery(board, name, reads):
    kernel = board(name)
    folders = [*kernel.folders(), '/sys/class/hwmon/hwmon3', '/sys/class/thermal/thermal_zone0']
    kernel.vanish_after = dict.fromkeys(folders, reads)
    discover(kernel)


@pytest.mark.parametrize('name', BOARDS)
def test_files_with_invalid_content_are_ignored(board, name):
    kernel = board(name)
    for file in kernel.path('/sys').rglob('*'):
        if file.is_file():
            file.write_text('nonsense')
    assert discover(kernel).domains == ()


@pytest.mark.parametrize('name', BOARDS)
def test_only_the_container_is_empty(board, name):
    assert discover(board(name)).empty == (name == 'container')


def hybrid_core_i9(root):
    """A Core i9-13900K: two favoured P-cores, six others, E-cores; intel_pstate."""
    kernel = boards.base(root, cpu='13th Gen Intel(R) Core(TM) i9-13900K')
    for core in range(12):
        maximum = 5_800_000 if core in (4, 5) else 5_500_000 if core < 8 else 4_300_000
        boards.policy(
            kernel,
            (core,),
            (800_000, maximum),
            driver='intel_pstate',
            governors='performance powersave',
            governor='powersave',
            listed=False,
        )
    return kernel


@pytest.mark.parametrize('told', [True, False])
def test_cores_of_one_kind_with_different_maxima_are_one_domain(tmp_path, told):
    kernel = hybrid_core_i9(tmp_path)
    if told:
        kernel.put('/sys/devices/cpu_core/cpus', '0-7')
        kernel.put('/sys/devices/cpu_atom/cpus', '8-11')
    machine = discover(kernel)
    assert {each.name: each.cores for each in machine.domains} == {
        'cpu0': tuple(range(8)),
        'cpu8': tuple(range(8, 12)),
    }
    assert machine.domains[0].frequencies_hz[-1] == 5.8e9
    assert machine.processors['cpu0'] == ('cpu0', 'cpu')


def test_kinds_of_core_with_close_maxima_are_different_domains_if_linux_tells(tmp_path):
    kernel = boards.base(tmp_path)
    for core, maximum in ((0, 5_200_000), (1, 4_600_000)):
        boards.policy(
            kernel, (core,), (800_000, maximum), driver='intel_pstate', governors='powersave',
            governor='powersave', listed=False,
        )  # fmt: skip
    kernel.put('/sys/devices/cpu_core/cpus', '0')
    kernel.put('/sys/devices/cpu_atom/cpus', '1')
    assert [each.name for each in discover(kernel).domains] == ['cpu0', 'cpu1']


def test_the_kind_of_an_arm_core_is_its_part_number(tmp_path):
    """A Jetson TX2: Denver and Cortex-A57 cores with the same frequencies."""
    kernel = boards.base(tmp_path)
    for core, register in ((0, 0x411FD073), (1, 0x4E0F0030), (3, 0x411FD072)):
        boards.policy(
            kernel, (core,), (345600, 2035200), driver='tegra186-cpufreq', governors='userspace',
            governor='userspace',
        )  # fmt: skip
        file = f'/sys/devices/system/cpu/cpu{core}/regs/identification/midr_el1'
        kernel.put(file, f'{register:#018x}')
    assert [each.cores for each in discover(kernel).domains] == [(0, 3), (1,)]


def test_the_six_maxima_of_amd_pstate_are_one_domain(tmp_path):
    kernel = boards.base(tmp_path, cpu='AMD Ryzen 5 7640U')
    for core, maximum in enumerate((4576000, 4678000, 4780000, 4882000, 4984000, 5086000)):
        boards.policy(
            kernel,
            (core,),
            (400000, maximum),
            driver='amd-pstate-epp',
            governors='performance powersave',
            governor='powersave',
            listed=False,
        )
    (cpu,) = discover(kernel).domains
    assert (cpu.name, cpu.cores) == ('cpu', tuple(range(6)))
    assert cpu.frequencies_hz[-1] == 5.086e9


def test_a_passive_trip_point_of_x86_notifies_only(tmp_path):
    kernel = boards.base(tmp_path)
    boards.zone(kernel, 0, 'x86_pkg_temp', 52000, passive=55000)
    (zone,) = discover(kernel).zones
    assert math.isnan(zone.throttle_c)
    assert zone.temperature_c(kernel) == 52.0


def test_a_passive_trip_point_throttles_if_a_cooling_device_is_bound_to_it(tmp_path):
    kernel = boards.base(tmp_path)
    boards.zone(kernel, 0, 'acpitz', 52000, active=50000, passive=95000, critical=105000)
    folder = '/sys/class/thermal/thermal_zone0'
    kernel.put(f'{folder}/cdev0_trip_point', 0)
    kernel.put(f'{folder}/cdev1_trip_point', -1)
    assert math.isnan(discover(kernel).zones[0].throttle_c)
    kernel.put(f'{folder}/cdev1_trip_point', 1)
    assert discover(kernel).zones[0].throttle_c == 95.0
    assert discover(kernel).zones[0].critical_c == 105.0


@pytest.mark.parametrize(
    ('status', 'modes', 'number', 'name'),
    [
        ('pmode:0002', '< POWER_MODEL ID=2 NAME=MODE_15W >', 2, 'MODE_15W'),
        ('pmode:2 fmode:quiet', '<POWER_MODEL ID=2 NAME=A>\n< POWER_MODEL  ID=3  NAME=B >', 2, 'A'),
        ('pmode:7', '< POWER_MODEL ID=2 NAME=A >', 7, ''),
        ('pmode:7', '', 7, ''),
    ],
)
def test_the_power_mode_is_that_of_nvpmodel(tmp_path, status, modes, number, name):
    kernel = boards.base(tmp_path)
    kernel.put('/var/lib/nvpmodel/status', status)
    kernel.put('/etc/nvpmodel.conf', modes)
    mode = discover(kernel).power_mode
    assert (mode.number, mode.name) == (number, name)


@pytest.mark.parametrize('status', ['', 'mode:1', 'pmode:x'])
def test_without_a_status_there_is_no_power_mode(tmp_path, status):
    kernel = boards.base(tmp_path)
    kernel.put('/var/lib/nvpmodel/status', status)
    assert discover(kernel).power_mode is None


def test_the_model_is_the_board_or_else_the_cpu(board):
    assert discover(board('orin_nano')).model == 'NVIDIA Jetson Orin Nano Developer Kit'


def test_a_machine_without_a_device_tree_is_named_after_its_cpu(board):
    machine = discover(board('intel_laptop'))
    assert machine.model == 'Intel(R) Core(TM) i5-1240P'
    assert machine.architecture == platform.machine()
    assert machine.rapl_error == ''
    assert [each.kind for each in machine.throttles] == ['cpu']
    assert machine.missing == ()


def test_unreadable_sensors_of_the_machine_are_missing_permissions(board):
    kernel = board('xavier_nx_jetpack5')
    folder = '/sys/class/hwmon/hwmon3'
    kernel.put('/sys/class/power_supply/ucsi/type', 'USB')
    kernel.put('/sys/class/hwmon/hwmon4/name', 'ucsi')
    kernel.put('/sys/class/hwmon/hwmon4/power1_input', 1)
    unreadable = (f'{folder}/in1_input', '/sys/class/hwmon/hwmon4/power1_input')
    kernel.readable = lambda name: name not in unreadable
    (missing,) = discover(kernel).missing
    assert missing.startswith(f'{folder}/in1_input (')
    assert 'cannot be read: ' in missing


def test_a_processor_is_named_after_its_domain(board):
    assert discover(board('orin_nano')).processors == {
        'cpu': ('cpu',),
        '15340000.vic': ('15340000.vic',),
        'gpu': ('gpu',),
    }


@pytest.mark.parametrize(
    'files',
    [
        {'/sys/class/thermal/thermal_zone0/type': 'soc'},
        {'/sys/class/power_supply/BAT0/type': 'Battery'},
        {'/sys/class/hwmon/hwmon0/power1_input': 1},
    ],
)
def test_a_machine_with_any_sensor_is_not_empty(board, files):
    kernel = board('container')
    for name, value in files.items():
        kernel.put(name, value)
    assert not discover(kernel).empty


def test_the_sensor_of_a_charger_alone_is_nothing(board):
    kernel = board('container')
    kernel.put('/sys/class/power_supply/AC/type', 'Mains')
    kernel.put('/sys/class/hwmon/hwmon0/name', 'AC')
    kernel.put('/sys/class/hwmon/hwmon0/power1_input', 1)
    assert discover(kernel).empty
