# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa platform` on every kind of machine, including the one that runs the tests."""

import errno
import json
import os
import platform

import pytest
from boards import BOARDS, CPU, at

from dynofa_ros.cli import main
from dynofa_ros.platform.linux import LinuxMachine
from dynofa_ros.platform.linux.describe import document, restore, show, summary

SCREEN_LINES = 24


@pytest.mark.parametrize('name', BOARDS)
def test_the_summary_fits_on_one_screen(board, name, capsys):
    assert show(None, sysfs=board(name)) == 0
    text = capsys.readouterr().out
    assert text.count('\n') <= SCREEN_LINES
    assert ' nan' not in text


@pytest.mark.parametrize(
    ('name', 'parts'),
    [
        (
            'xavier_nx_jetpack5',
            (
                'NVIDIA Jetson Xavier NX',
                'cpu      1421 MHz now, limits 115 to 1421, of 115 to 1907 (5 frequencies)',
                'VDD_IN               5.12 W',
                'throttles at 95.5, off at 97.0',
                'mode 2 MODE_15W_6CORE',
            ),
        ),
        (
            'container',
            (
                'docker container, at most 2 CPUs of time, at most 4.0 GiB',
                '`auto` simulates the platform here',
            ),
        ),
    ],
)
def test_the_summary_has_frequencies_sensors_and_limits(board, capsys, name, parts):
    show(None, sysfs=board(name))
    text = capsys.readouterr().out
    for part in parts:
        assert part in text


@pytest.mark.parametrize('name', BOARDS)
def test_the_document_is_strict_json(board, name, tmp_path):
    kernel, file = board(name), tmp_path / 'found.json'
    show(file, sysfs=kernel)
    found = json.loads(file.read_text(), parse_constant=pytest.fail)
    assert len(found['domains']) == len({each['name'] for each in found['domains']})
    assert all(each['limits']['max_hz'] > 0 for each in found['domains'])


def test_this_machine_can_be_described(tmp_path, capsys):
    assert main(['platform', '--json', str(tmp_path / 'found.json')]) == 0
    assert 'clocks' in capsys.readouterr().out
    assert json.loads((tmp_path / 'found.json').read_text())['architecture']


def test_the_option_may_precede_the_verb(tmp_path):
    assert main(['platform', '--json', str(tmp_path / 'found.json'), 'show']) == 0
    assert (tmp_path / 'found.json').exists()


def test_a_file_that_cannot_be_written_is_a_one_line_error(tmp_path, capsys):
    assert main(['platform', '--json', str(tmp_path / 'none' / 'found.json')]) == 1
    assert 'dynofa platform: ' in capsys.readouterr().err


def test_restore_without_saved_settings_restores_nothing(tmp_path, capsys):
    assert main(['platform', 'restore', '--state-file', str(tmp_path / 'clocks.json')]) == 0
    assert 'nothing to restore' in capsys.readouterr().out


def test_restore_names_the_settings_that_it_could_not_restore(
    board, open_board, state_file, capsys
):
    kernel = board('raspberry_pi_5')
    device = open_board(kernel)
    device.apply(at('cpu', 1.5e9))
    del device
    kernel.failures = [16]
    assert restore(state_file, sysfs=kernel) == 1
    assert 'NOT restored' in capsys.readouterr().out
    assert restore(state_file, sysfs=kernel) == 0
    assert 'ondemand, 1500 to 2400 MHz' in capsys.readouterr().out


@pytest.fixture
def described(board, monkeypatch):
    """Return a function that describes a fake machine after changes of its files."""
    monkeypatch.setattr(platform, 'machine', lambda: 'aarch64')
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: set(range(6)))

    def describe(name, files=None, answers=None):
        kernel = board(name)
        for file, value in (files or {}).items():
            kernel.put(file, value)
        kernel.answers = answers or {}
        return kernel, LinuxMachine.discover(kernel)

    return describe


def test_the_screen_of_a_jetson(described):
    assert summary(*described('xavier_nx_jetpack5')).splitlines() == [
        'NVIDIA Jetson Xavier NX Developer Kit (aarch64), 6 usable cores',
        'clocks   cpu      1421 MHz now, limits 115 to 1421, of 115 to 1907 (5 frequencies); '
        'tegra194, schedutil, set by userspace',
        'clocks   gpu      115 MHz now, limits 115 to 1109, of 115 to 1109 (5 frequencies); '
        'devfreq, nvhost_podgov, set by minimum and maximum',
        'power    VDD_IN               5.12 W, measures the board (ina3221)',
        'power    VDD_CPU_GPU_CV       1.90 W, measures a part of the board (ina3221)',
        'power    VDD_SOC              1.10 W, measures a part of the board (ina3221)',
        'power    power of the board: rails VDD_IN',
        'heat     CPU-therm            41.5 C, throttles at 95.5, off at 97.0',
        'heat     GPU-therm            40.0 C, throttles at 95.5, off at 97.0',
        'nvpmodel mode 2 MODE_15W_6CORE',
    ]


def test_the_screen_of_a_laptop_with_two_batteries_in_a_virtual_machine(described):
    second = {'type': 'Battery', 'present': 1, 'status': 'Full', 'capacity': 41}
    files = {f'/sys/class/power_supply/BAT1/{name}': value for name, value in second.items()}
    files['/proc/cpuinfo'] = 'model name\t: Some CPU\nflags\t: sse hypervisor'
    assert summary(*described('intel_laptop', files)).splitlines() == [
        'Some CPU (aarch64), virtual machine, 6 usable cores',
        'clocks   cpu      4400 MHz now, limits 400 to 4400, of 400 to 4400 '
        '(any, offered in steps of 100 MHz); intel_pstate, powersave, set by minimum and maximum',
        'power    RAPL: energy counters of the CPU packages',
        'power    battery BAT0: 83 %, Discharging, 9.00 W drawn',
        'power    battery BAT1: 41 %, Full, unknown W drawn',
        'power    batteries together: 62 %, Discharging',
        'power    power of the board: RAPL, CPU packages only',
        'heat     acpitz               48.0 C, throttles at unknown, off at 128.0',
        'heat     x86_pkg_temp         52.0 C, throttles at unknown, off at unknown',
    ]


def test_the_screen_of_a_container(described):
    lines = summary(*described('container')).splitlines()
    no_rapl = lines.pop(3)
    assert lines == [
        'Some CPU (aarch64), docker container, at most 2 CPUs of time, '
        'at most 4.0 GiB of memory, 6 usable cores',
        'no frequency domains and no sensors: `auto` simulates the platform here',
        'clocks   none: no cpufreq policy and no devfreq device',
        'power    power of the board: no power sensor',
        'heat     no thermal zone',
    ]
    assert no_rapl.startswith('power    no RAPL: ')


@pytest.mark.parametrize('count', [6, 7])
def test_at_most_six_missing_permissions_are_on_the_screen(described, count):
    names = ('scaling_governor', 'scaling_setspeed', 'scaling_min_freq', 'scaling_max_freq')
    files = [f'{CPU}/policy{core}/{name}' for core in (0, 2) for name in names][:count]
    kernel, machine = described('xavier_nx_jetpack5', answers=dict.fromkeys(files, errno.EACCES))
    lines = summary(kernel, machine).splitlines()
    more = ['         and 1 more files: see --json'] if count > 6 else []
    assert lines[lines.index('nvpmodel mode 2 MODE_15W_6CORE') + 1 :] == [
        *(f'missing  {each}' for each in machine.missing[:6]),
        *more,
    ]
    assert lines[1].endswith('tegra194, schedutil, read only')


def test_a_governor_that_cannot_be_read_is_unknown(described):
    kernel, machine = described('raspberry_pi_5')
    kernel.path(f'{CPU}/policy0/scaling_governor').unlink()
    assert '(5 frequencies); cpufreq-dt, unknown, ' in summary(kernel, machine)


def test_the_document_has_the_present_readings(described):
    found = document(*described('xavier_nx_jetpack5'))
    cpu, gpu = found['domains']
    assert [each['interface'] for each in cpu['controls']] == ['cpufreq'] * 3
    assert gpu['controls'][0]['interface'] == 'devfreq'
    assert (cpu['cores'], gpu['cores']) == ([0, 1, 2, 3, 4, 5], [])
    assert (gpu['frequency_hz'], gpu['writable']) == (114.75e6, True)
    assert gpu['frequencies_hz'] == [114.75e6, 204e6, 510e6, 803.25e6, 1109.25e6]
    assert gpu['limits'] == {'min_hz': 114.75e6, 'max_hz': 1109.25e6}
    assert [each['power_w'] for each in found['rails']] == pytest.approx([5.12, 1.9, 1.1])
    assert [each['temperature_c'] for each in found['zones']] == [41.5, 40.0]


def test_the_document_has_the_batteries_and_read_only_domains(described):
    answers = {f'{CPU}/policy3/scaling_max_freq': errno.EACCES}
    found = document(*described('intel_laptop', answers=answers))
    assert [each['writable'] for each in found['domains']] == [False]
    (battery,) = found['batteries']
    assert (battery['name'], battery['percentage'], battery['status']) == (
        'BAT0',
        0.83,
        'Discharging',
    )
    assert found['rails'] == []
