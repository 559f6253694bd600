# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The selection of the real or the simulated device, and of the matching description."""

import errno

import pytest
from boards import CPU, WITH_CLOCKS

from dynofa_ros.platform import PlatformError, load_platform
from dynofa_ros.platform.linux import LinuxMachine, open_device, platform_mismatch

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
    with pytest.raises(PlatformError, match=text):
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


def test_a_missing_domain_does_not_match(kernel):
    for name in kernel.names('/sys/class/devfreq'):
        (kernel.path(f'/sys/class/devfreq/{name}/available_frequencies')).unlink()
        (kernel.path(f'/sys/class/devfreq/{name}/max_freq')).unlink()
    assert mismatch(kernel, 'jetson_xavier_nx') == (
        "jetson_xavier_nx has a frequency domain 'gpu', this machine: cpu"
    )
