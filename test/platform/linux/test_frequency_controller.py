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
from dynofa_ros.platform.linux.frequency_controller import rounded

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
    found = parse_whitelist(['gpu', 'cpu:6e8-1.4e9', 'dla:1e9-1e9'])
    assert found['cpu'] == Allowed(6e8, 1.4e9)
    assert (found['dla'].contains(1e9), found['dla'].contains(1.1e9)) == (True, False)
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


@pytest.mark.parametrize(
    ('entries', 'error'),
    [
        (
            ['gpu:2e6-1e6'],
            "whitelist is 'gpu:2e6-1e6'; expected lowest_hz at most 1e+06",
        ),
        (['gpu:0-1e6'], "whitelist is 'gpu:0-1e6'; expected lowest_hz above 0, or NaN: no limit"),
        (['gpu:1-inf'], "whitelist is 'gpu:1-inf'; expected highest_hz above 0, or NaN: no limit"),
        (['x:'], "whitelist is 'x:'; expected DOMAIN or DOMAIN:LOWEST-HIGHEST in Hz"),
        ([':1-2'], "whitelist is ':1-2'; expected names of domains, each once"),
    ],
)
def test_a_whitelist_error_names_entry_and_rule(entries, error):
    with pytest.raises(PlatformError) as raised:
        parse_whitelist(entries)
    assert str(raised.value) == error


@pytest.mark.parametrize(
    ('name', 'entry', 'error'),
    [
        ('xavier_nx_jetpack5', 'warp', "whitelist is 'warp'; expected one of cpu, gpu"),
        (
            'xavier_nx_jetpack5',
            'gpu:1-2',
            "whitelist.gpu is '1-2'; expected a range with one of its frequencies, 114750000 to "
            '1109250000 Hz',
        ),
        (
            'container',
            'cpu',
            "whitelist is 'cpu'; expected no entry: this machine has no frequency domains",
        ),
    ],
)
def test_a_whitelist_that_does_not_fit_names_what_would(board, open_board, name, entry, error):
    with pytest.raises(PlatformError) as raised:
        open_board(board(name), whitelist=parse_whitelist([entry]))
    assert str(raised.value) == error


@pytest.mark.parametrize(
    ('allowed', 'inside', 'outside'),
    [
        (Allowed(1e9, 2e9), (1e9, 1.5e9, 2e9), (0.9e9, 2.1e9)),
        (Allowed(lowest_hz=1e9), (1e9, 1e12), (0.9e9,)),
        (Allowed(highest_hz=1e9), (1.0, 1e9), (1.1e9,)),
        (Allowed(1e9, 1e9), (1e9,), (1.1e9,)),
    ],
)
def test_a_range_contains_its_ends(allowed, inside, outside):
    assert all(allowed.contains(each) for each in inside)
    assert not any(allowed.contains(each) for each in outside)


def test_the_reason_why_a_domain_cannot_be_set(board, open_board):
    device = open_board(board('orin_nano'))
    assert device.reason_not_settable('cpu') == ''
    assert device.reason_not_settable('15340000.vic') == (
        "domain is '15340000.vic'; expected cpu, gpu"
    )
    assert device.reason_not_settable('npu') == (
        "domain is 'npu'; expected a frequency domain of this machine (15340000.vic, cpu, gpu)"
    )


def test_a_machine_without_domains_has_none_to_set(board, open_board):
    assert open_board(board('container')).reason_not_settable('cpu') == (
        "domain is 'cpu'; expected a frequency domain of this machine (none)"
    )


def test_all_frequencies_of_a_domain_that_is_not_whitelisted_are_shown(board, open_board):
    domains = open_board(board('orin_nano')).state().domains
    assert domains['15340000.vic'].available_frequencies_hz == (115.2e6, 435.2e6)


def test_a_closed_device_sets_nothing(kernel, open_board):
    device = open_board(kernel)
    device.close()
    assert device.apply(at('gpu', 510e6)).text == 'the device is closed'
    assert device.take_control().text == 'no frequency was changed: nothing to restore'
    assert device.out_of_control == 'the device is closed'


def test_the_time_to_the_next_change(kernel, open_board):
    now_s = [10.0]
    device = open_board(kernel, clock=lambda: now_s[0], min_interval_s=0.5)
    assert device.wait_s == 0.0
    device.apply(at('gpu', 510e6))
    now_s[0] += 0.125
    assert device.wait_s == 0.375
    assert device.apply(at('gpu', 204e6)).text == (
        'too soon: frequencies are changed at most every 0.5 s; 0.375 s to wait'
    )
    now_s[0] += 5.0
    assert device.wait_s == 0.0


def test_a_negative_interval_is_refused(kernel, open_board):
    with pytest.raises(PlatformError, match=r'min_interval_s is -1\.0; expected'):
        open_board(kernel, min_interval_s=-1.0)


def test_a_command_that_changes_nothing_says_so(kernel, open_board):
    device = open_board(kernel)
    assert not device.changed
    assert device.apply(at('gpu', 510e6)).text == 'gpu at 510 MHz'
    assert device.changed
    assert device.apply(at('gpu', 510e6) + at('cpu', 806.4e6)).text == (
        'gpu at 510 MHz; cpu at 806.4 MHz'
    )
    assert device.apply(at('gpu', 510e6)).text == 'gpu at 510 MHz (unchanged)'
    device.restore()
    assert not device.changed


@pytest.mark.parametrize(
    ('governors', 'governor'),
    [
        ('conservative ondemand userspace powersave performance schedutil', 'schedutil'),
        ('conservative ondemand userspace performance', 'ondemand'),
        ('userspace powersave performance', 'performance'),
        ('userspace powersave', 'userspace'),
    ],
)
def test_a_range_does_not_run_under_userspace_if_there_is_another(
    board, open_board, governors, governor
):
    kernel = board('raspberry_pi_5')
    kernel.put(f'{CPU}/policy0/scaling_available_governors', governors)
    kernel.write(f'{CPU}/policy0/scaling_governor', 'userspace')
    open_board(kernel).apply(between('cpu', 1.5e9, 1.8e9))
    assert kernel.read(f'{CPU}/policy0/scaling_governor') == governor


LIST_HZ = (1e9, 2e9, 3e9)


@pytest.mark.parametrize(
    ('requested_hz', 'up_hz', 'down_hz'),
    [
        (0.9e9, 0.9e9, 0.9e9),
        (1e9 - 0.4, 1e9, 1e9 - 0.4),
        (1e9, 1e9, 1e9),
        (1.5e9, 2e9, 1e9),
        (2.5e9, 3e9, 2e9),
        (2e9 + 0.4, 2e9, 2e9),
        (2e9 - 0.4, 2e9, 2e9),
        (3e9, 3e9, 3e9),
        (3e9 + 0.4, 3e9, 3e9),
        (3.1e9, 3.1e9, 3.1e9),
    ],
)
def test_frequencies_outside_of_the_list_stay(requested_hz, up_hz, down_hz):
    fixed, _ = rounded(DomainSetting('x', frequency_hz=requested_hz), LIST_HZ)
    limits, _ = rounded(
        DomainSetting('x', min_frequency_hz=requested_hz, max_frequency_hz=requested_hz), LIST_HZ
    )
    assert (fixed.domain, limits.domain) == ('x', 'x')
    assert fixed.frequency_hz == limits.min_frequency_hz == pytest.approx(up_hz, abs=0.5)
    assert limits.max_frequency_hz == pytest.approx(down_hz, abs=0.5)
    assert math.isnan(limits.frequency_hz)
