# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Commands are applied within limits, verified, or refused with the reason."""

import errno
import math
from contextlib import closing

import boards
import pytest
from boards import CPU, DEVFREQ, WITH_CLOCKS, at

from dynofa_ros.platform import DomainSetting, PlatformError
from dynofa_ros.platform.linux import Allowed, parse_whitelist

GPU = f'{DEVFREQ}/17000000.gv11b'


def between(domain, low_hz, high_hz):
    return [DomainSetting(domain, min_frequency_hz=low_hz, max_frequency_hz=high_hz)]


ENFORCES_A_MINIMUM = 'xavier_nx_two_cores'


@pytest.mark.parametrize('name', [each for each in WITH_CLOCKS if each != ENFORCES_A_MINIMUM])
def test_every_available_frequency_can_be_set(board, open_board, name):
    with closing(open_board(board(name))) as device:
        for domain, reading in device.state().domains.items():
            if not reading.settable:
                continue
            available = reading.available_frequencies_hz
            for hz in (*available[::4], *reversed(available[-4:])):
                assert device.apply(at(domain, hz)).applied
                now = device.state().domains[domain]
                assert (now.frequency_hz, now.min_frequency_hz, now.max_frequency_hz) == (hz,) * 3


def test_the_governor_userspace_gets_a_speed_and_the_limits_stay(board, open_board):
    kernel = board('raspberry_pi_5')
    open_board(kernel).apply(at('cpu', 1.7e9))
    folder = f'{CPU}/policy0'
    assert kernel.log == [
        (f'{folder}/scaling_governor', 'userspace'),
        (f'{folder}/scaling_setspeed', '1700000'),
    ]


def test_without_userspace_both_limits_are_set_to_the_frequency(board, open_board):
    kernel = board('intel_laptop')
    open_board(kernel).apply(at('cpu', 2.4e9))
    assert kernel.log[:2] == [
        (f'{CPU}/policy0/scaling_min_freq', '2400000'),
        (f'{CPU}/policy0/scaling_max_freq', '2400000'),
    ]
    assert len(kernel.log) == 8  # four cores


def test_a_range_runs_under_the_original_governor(board, open_board):
    kernel = board('raspberry_pi_5')
    device = open_board(kernel)
    device.apply(at('cpu', 1.6e9))
    assert device.apply(between('cpu', 1.6e9, 1.8e9)).applied
    assert kernel.read(f'{CPU}/policy0/scaling_governor') == 'ondemand'
    assert kernel.read(f'{CPU}/policy0/scaling_max_freq') == '1800000'


@pytest.mark.parametrize(
    ('setting', 'result'),
    [
        (
            DomainSetting('gpu', frequency_hz=500e6),
            'gpu at 510 MHz (requested 500, rounded to 510 MHz)',
        ),
        (
            DomainSetting('gpu', min_frequency_hz=150e6, max_frequency_hz=800e6),
            'gpu 204 to 510 MHz (requested 150, rounded to 204 MHz, '
            'requested 800, rounded to 510 MHz)',
        ),
        (DomainSetting('gpu', frequency_hz=803250000.4), 'gpu at 803.25 MHz'),
        (DomainSetting('gpu', max_frequency_hz=510e6), 'gpu 114.75 to 510 MHz'),
    ],
)
def test_the_result_states_what_was_rounded(kernel, open_board, setting, result):
    outcome = open_board(kernel).apply([setting])
    assert (outcome.applied, outcome.text) == (True, result)


@pytest.mark.parametrize(
    ('settings', 'text'),
    [
        ([], 'at least one of cpu, gpu'),
        (at('warp', 1e9), "'warp'; expected a frequency domain"),
        (at('gpu', math.nan), 'or a range'),
        (at('gpu', math.inf), 'gpu'),
        (at('gpu', 2e9), 'nearest is 1109250000'),
        (at('gpu', 1e3), 'nearest is 114750000'),
        (at('gpu', -1.0), 'nearest is 114750000'),
        (at('gpu', 510e6) + at('gpu', 510e6), 'each domain once'),
        (between('gpu', 510e6, 204e6), 'at most the maximum'),
        (at('gpu', 510e6) + at('cpu', 9e9), 'nearest is 1420800000'),
    ],
)
def test_an_invalid_command_is_refused_as_a_whole(kernel, open_board, settings, text):
    outcome = open_board(kernel).apply(settings)
    assert not outcome.applied
    assert text in outcome.text
    assert kernel.log == []


def test_frequencies_above_the_original_limit_are_refused(kernel, open_board):
    device = open_board(kernel)
    assert max(device.state().domains['cpu'].available_frequencies_hz) == 1.4208e9
    assert not device.apply(at('cpu', 1.9072e9)).applied


def test_a_whitelist_overrides_the_original_limits(kernel, open_board):
    allowed = {'cpu': Allowed(800e6, 2e9)}
    device = open_board(kernel, whitelist=allowed)
    assert device.apply(at('cpu', 1.9072e9)).applied
    assert not device.apply(at('cpu', 115.2e6)).applied
    assert 'expected cpu' in device.apply(at('gpu', 510e6)).text
    assert not device.state().domains['gpu'].settable


def test_other_domains_are_settable_only_if_they_are_whitelisted(board, open_board):
    device = open_board(board('orin_nano'))
    assert 'expected cpu, gpu' in device.reason_not_settable('15340000.vic')


@pytest.mark.parametrize(
    ('entries', 'text'),
    [
        (['gpu:fast-slow'], 'DOMAIN:LOWEST-HIGHEST'),
        (['gpu:1e6'], 'DOMAIN:LOWEST-HIGHEST'),
        (['gpu:2e6-1e6'], 'at most'),
        (['gpu:0-1e6'], 'above 0'),
        (['gpu', 'gpu'], 'each once'),
        ([''], 'each once'),
    ],
)
def test_a_malformed_whitelist_is_refused(entries, text):
    with pytest.raises(PlatformError, match=text):
        parse_whitelist(entries)


def test_a_whitelist_is_parsed():
    found = parse_whitelist(['gpu', 'cpu:6e8-1.4e9'])
    assert found['cpu'] == Allowed(6e8, 1.4e9)
    assert found['gpu'].contains(1.0)


@pytest.mark.parametrize('entry', ['warp', 'gpu:1-2'])
def test_a_whitelist_that_does_not_fit_the_machine_is_refused(kernel, open_board, entry):
    with pytest.raises(PlatformError, match='whitelist'):
        open_board(kernel, whitelist=parse_whitelist([entry]))


@pytest.mark.parametrize(
    ('code', 'text'),
    [(errno.EBUSY, 'EBUSY'), (errno.EINVAL, 'Invalid argument (EINVAL)'), (errno.EIO, 'EIO')],
)
def test_an_error_of_the_kernel_is_reported_with_file_and_symbol(kernel, open_board, code, text):
    kernel.answers[f'{GPU}/max_freq'] = code
    outcome = open_board(kernel).apply(at('gpu', 510e6))
    assert not outcome.applied
    assert f'{GPU}/max_freq refused' in outcome.text
    assert text in outcome.text


def test_after_an_error_the_whole_command_is_undone(kernel, open_board):
    before = kernel.snapshot()
    kernel.answers[f'{GPU}/max_freq'] = errno.EBUSY
    assert not open_board(kernel).apply(at('cpu', 806.4e6) + at('gpu', 510e6)).applied
    assert kernel.log  # the CPU was set
    assert kernel.snapshot() == before  # and restored


def test_a_minimum_that_the_kernel_enforces_is_detected(board, open_board):
    kernel = board(ENFORCES_A_MINIMUM)
    before = kernel.snapshot()
    device = open_board(kernel)
    outcome = device.apply(at('cpu', 806.4e6))
    assert not outcome.applied
    assert 'reads back as 1190400' in outcome.text
    assert kernel.snapshot() == before
    assert device.apply(at('cpu', 1190.4e6)).applied


def test_a_limit_that_linux_rounds_to_khz_is_accepted(kernel, open_board):
    kernel.put(f'{GPU}/available_frequencies', '114750000 305999872 1109250000')
    before = kernel.snapshot()
    kernel.rounds_minimum_to = 1000
    with closing(open_board(kernel)) as device:
        assert device.apply(at('gpu', 305999872)).applied
        assert kernel.read(f'{GPU}/min_freq') == '305999000'
    assert kernel.snapshot() == before


def test_a_domain_without_permission_is_not_settable_and_the_file_is_named(kernel, open_board):
    for policy in (0, 2, 4):
        kernel.answers[f'{CPU}/policy{policy}/scaling_governor'] = errno.EACCES
    device = open_board(kernel)
    assert f'{CPU}/policy0/scaling_governor' in device.apply(at('cpu', 806.4e6)).text
    assert not device.state().domains['cpu'].settable
    assert device.state().domains['gpu'].settable


def test_changes_that_come_too_soon_are_refused(kernel, open_board):
    now = [10.0]
    device = open_board(kernel, clock=lambda: now[0], min_interval_s=0.5)
    assert device.apply(at('gpu', 510e6)).applied
    now[0] += 0.3
    assert 'too soon' in device.apply(at('gpu', 204e6)).text
    assert device.apply(at('gpu', 510e6)).applied  # nothing changes
    now[0] += 0.2
    assert device.apply(at('gpu', 204e6)).applied


def test_a_change_under_way_is_reported(kernel, open_board):
    kernel.lag = 1
    device = open_board(kernel)
    device.apply(at('gpu', 803.25e6))
    assert device.state().domains['gpu'].next_frequency_hz == 803.25e6
    kernel.tick()
    now = device.state().domains['gpu']
    assert now.frequency_hz == 803.25e6
    assert math.isnan(now.next_frequency_hz)


def test_cores_of_one_kind_are_set_as_far_as_each_can(tmp_path, open_board):
    kernel = boards.base(tmp_path / 'root')
    for core, highest in ((0, 5_500_000), (1, 5_800_000)):
        boards.policy(
            kernel, (core,), (800_000, highest), driver='intel_pstate', governors='powersave',
            governor='powersave', listed=False,
        )  # fmt: skip
    before = kernel.snapshot()
    device = open_board(kernel)
    result = device.apply(at('cpu', 5.8e9))
    assert result.applied, result.text
    limits = [
        (kernel.read(f'{CPU}/policy{core}/scaling_min_freq'),
         kernel.read(f'{CPU}/policy{core}/scaling_max_freq'))
        for core in (0, 1)
    ]  # fmt: skip
    assert limits == [('5500000', '5500000'), ('5800000', '5800000')]
    assert device.state().domains['cpu'].frequency_hz == 5.8e9
    assert device.apply(at('cpu', 2e9)).applied
    device.close()
    assert kernel.snapshot() == before


def test_a_frequency_that_some_cores_lack_is_the_next_that_they_have(tmp_path, open_board):
    """An RK3588, whose two pairs of Cortex-A76 were binned differently."""
    kernel = boards.base(tmp_path / 'root')
    for core, highest in ((4, 2_304_000), (6, 2_352_000)):
        boards.policy(
            kernel, (core, core + 1), (408_000, 1_800_000, highest), driver='cpufreq-dt',
            governors='schedutil userspace', governor='schedutil',
        )  # fmt: skip
    device = open_board(kernel)
    assert device.state().domains['cpu'].available_frequencies_hz[-2:] == (2.304e9, 2.352e9)
    assert device.apply(at('cpu', 2.352e9)).applied
    assert kernel.read(f'{CPU}/policy4/scaling_setspeed') == '2304000'
    assert kernel.read(f'{CPU}/policy6/scaling_setspeed') == '2352000'
