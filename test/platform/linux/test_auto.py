# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The selection of the real or the simulated device, and of the matching description."""

import dataclasses
import errno
import gc

import pytest
from boards import CPU, WITH_CLOCKS, at, zone

from dynofa_ros.platform import PlatformError, load_platform
from dynofa_ros.platform.linux import Allowed, LinuxMachine, open_device, platform_mismatch

NX = load_platform('jetson_xavier_nx')


@pytest.fixture
def opener(tmp_path):
    return lambda kernel, choice='auto': open_device(
        NX, choice, sysfs=kernel, clock=lambda: 0.0, state_file=tmp_path / 'clocks.json'
    )


@pytest.mark.parametrize('name', WITH_CLOCKS)
def test_auto_is_the_machine_if_it_has_frequency_domains(board, opener, name):
    opened = opener(board(name))
    assert not opened.device.simulated
    assert 'settable frequency domains: cpu' in opened.reason


def test_auto_is_simulated_on_a_machine_without_domains_and_sensors(board, opener):
    opened = opener(board('container'))
    assert opened.device.simulated
    assert opened.reason == (
        'jetson_xavier_nx, simulated: this machine has no frequency domains and no sensors'
    )


def test_simulated_is_simulated_on_any_machine(board, opener):
    assert opener(board('orin_nano'), 'simulated').device.simulated


@pytest.mark.parametrize(
    ('choice', 'text'),
    [
        ('linux', 'no frequency domains and no sensors'),
        ('real', 'auto or linux or simulated'),
    ],
)
def test_a_choice_that_is_impossible_is_refused(board, opener, choice, text):
    with pytest.raises(PlatformError, match=f"^device is '{choice}'; expected .*{text}"):
        opener(board('container'), choice)


def test_a_machine_without_permission_is_read_only_and_the_file_is_named(board, opener):
    kernel = board('raspberry_pi_5')
    kernel.answers[f'{CPU}/policy0/scaling_governor'] = errno.EACCES
    opened = opener(kernel)
    assert not opened.device.simulated
    assert f'read only, no frequency can be set: {CPU}/policy0/scaling_governor' in opened.reason


def mismatch(kernel, platform):
    return platform_mismatch(load_platform(platform), LinuxMachine.discover(kernel).domains)


@pytest.mark.parametrize(
    ('name', 'platform'),
    [
        ('xavier_nx_jetpack4', 'jetson_xavier_nx'),
        ('xavier_nx_jetpack5', 'jetson_xavier_nx'),
        ('xavier_nx_two_cores', 'jetson_xavier_nx'),
        ('raspberry_pi_5', 'raspberry_pi_5'),
    ],
)
def test_a_board_matches_its_description(board, name, platform):
    assert mismatch(board(name), platform) == ''


def test_a_different_highest_frequency_does_not_match(board):
    assert mismatch(board('raspberry_pi_5'), 'jetson_xavier_nx') == (
        'jetson_xavier_nx has cpu up to 1907.2 MHz, this machine up to 2400 MHz'
    )


def test_a_machine_without_domains_does_not_match():
    assert platform_mismatch(NX, ()).endswith(', this machine: none')


def test_by_default_frequencies_may_change_at_once(board, tmp_path):
    opened = open_device(
        NX, sysfs=board('xavier_nx_jetpack5'), clock=lambda: 0.0, state_file=tmp_path / 'c.json'
    )
    assert opened.device.apply(at('gpu', 510e6)).applied
    assert opened.device.wait_s == 0.0


def test_a_missing_domain_does_not_match(kernel):
    for name in kernel.names('/sys/class/devfreq'):
        (kernel.path(f'/sys/class/devfreq/{name}/available_frequencies')).unlink()
        (kernel.path(f'/sys/class/devfreq/{name}/max_freq')).unlink()
    assert mismatch(kernel, 'jetson_xavier_nx') == (
        "jetson_xavier_nx has a frequency domain 'gpu', this machine: cpu"
    )


def test_a_board_that_matches_has_the_name_of_its_description(board, opener):
    opened = opener(board('xavier_nx_jetpack5'))
    assert (opened.device.state().platform, opened.mismatch) == ('jetson_xavier_nx', '')
    assert opened.reason == (
        'NVIDIA Jetson Xavier NX Developer Kit: power from rails VDD_IN; '
        'settable frequency domains: cpu, gpu'
    )


def test_another_machine_has_the_name_of_its_model(board, opener):
    opened = opener(board('raspberry_pi_5'))
    assert opened.device.state().platform == 'Raspberry Pi 5 Model B Rev 1.0'
    assert opened.mismatch == (
        'jetson_xavier_nx has cpu up to 1907.2 MHz, this machine up to 2400 MHz'
    )


def test_a_machine_with_sensors_alone_is_not_simulated(board, opener):
    kernel = board('container')
    zone(kernel, 0, 'acpitz', 45000)
    assert opener(kernel).reason == (
        'Some CPU: power from no power sensor; read only, no frequency can be set'
    )


def test_the_options_of_the_device_are_passed_on(board, tmp_path, monkeypatch):
    monkeypatch.setenv('STATE_DIRECTORY', str(tmp_path / 'state'))
    kernel = board('xavier_nx_jetpack5')
    now_s = [5.0]
    opened = open_device(
        NX,
        sysfs=kernel,
        clock=lambda: now_s[0],
        whitelist={'gpu': Allowed(2e8, 6e8)},
        min_interval_s=2.0,
    )
    assert opened.device.state().domains['gpu'].available_frequencies_hz == (204e6, 510e6)
    assert opened.device.apply(at('gpu', 510e6)).applied
    assert (tmp_path / 'state' / 'clocks_found.json').exists()
    now_s[0] += 0.5
    assert opened.device.wait_s == 1.5


def test_settings_that_were_restored_on_opening_are_reported(board, opener):
    kernel = board('xavier_nx_jetpack5')
    device = opener(kernel).device
    device.apply(at('gpu', 510e6))
    del device
    gc.collect()
    restored = opener(kernel).restored
    assert [each.partition(':')[0] for each in restored.done] == [
        '/sys/class/devfreq/17000000.gv11b'
    ]


def test_the_battery_of_a_simulated_device_has_the_given_charge(board):
    opened = open_device(NX, 'simulated', sysfs=board('container'), battery_percentage=0.4)
    assert opened.device.state().battery.percentage == pytest.approx(0.4)
    assert opened.reason == 'jetson_xavier_nx, simulated: device is simulated'


@pytest.mark.parametrize(('factor', 'same'), [(1.0, True), (1.019, True), (0.981, True),
                                              (1.021, False), (0.979, False)])  # fmt: skip
def test_a_highest_frequency_may_differ_by_two_percent(board, factor, same):
    found = [
        dataclasses.replace(each, controls=(dataclasses.replace(
            each.controls[0],
            listed_hz=tuple(hz * factor for hz in NX.domains[each.name].frequencies_hz),
        ),))
        for each in LinuxMachine.discover(board('xavier_nx_jetpack5')).domains
    ]  # fmt: skip
    assert (platform_mismatch(NX, found) == '') == same
