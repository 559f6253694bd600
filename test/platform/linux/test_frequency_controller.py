"""Commands are obeyed within limits, verified, and refused in words."""

from __future__ import annotations

import errno
import math
from collections.abc import Callable

import pytest
from boards import CPU, DEVFREQ, TURNABLE
from fake_kernel import FakeKernel

from dynofa_ros.platform import DomainSetting, PlatformError
from dynofa_ros.platform.linux import Allowed, LinuxDevice, parse_whitelist

Board = Callable[[str], FakeKernel]
Opener = Callable[..., LinuxDevice]
GPU = f'{DEVFREQ}/17000000.gv11b'


def at(domain: str, hz: float) -> list[DomainSetting]:
    return [DomainSetting(domain, frequency_hz=hz)]


def between(domain: str, low_hz: float, high_hz: float) -> list[DomainSetting]:
    return [DomainSetting(domain, min_frequency_hz=low_hz, max_frequency_hz=high_hz)]


KEEPS_A_MINIMUM = 'xavier_nx_two_cores'


@pytest.mark.parametrize('name', [each for each in TURNABLE if each != KEEPS_A_MINIMUM])
def test_what_is_offered_can_be_set(board: Board, open_board: Opener, name: str) -> None:
    with open_board(board(name)) as device:
        for domain, reading in device.state().domains.items():
            if not reading.settable:
                continue
            offered = reading.available_frequencies_hz
            for hz in (*offered[::4], *reversed(offered[-4:])):
                assert device.apply(at(domain, hz)).applied
                now = device.state().domains[domain]
                assert (now.frequency_hz, now.min_frequency_hz, now.max_frequency_hz) == (hz,) * 3


def test_userspace_is_told_a_speed_and_keeps_the_limits(board: Board, open_board: Opener) -> None:
    kernel = board('raspberry_pi_5')
    open_board(kernel).apply(at('cpu', 1.7e9))
    folder = f'{CPU}/policy0'
    assert kernel.log == [
        (f'{folder}/scaling_governor', 'userspace'),
        (f'{folder}/scaling_setspeed', '1700000'),
    ]


def test_without_userspace_both_limits_are_the_frequency(board: Board, open_board: Opener) -> None:
    kernel = board('intel_laptop')
    open_board(kernel).apply(at('cpu', 2.4e9))
    assert kernel.log[:2] == [
        (f'{CPU}/policy0/scaling_min_freq', '2400000'),
        (f'{CPU}/policy0/scaling_max_freq', '2400000'),
    ]
    assert len(kernel.log) == 8  # four cores


def test_a_range_runs_under_the_governor_that_was_found(board: Board, open_board: Opener) -> None:
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
            'gpu at 510 MHz (asked 500, rounded to 510 MHz)',
        ),
        (
            DomainSetting('gpu', min_frequency_hz=150e6, max_frequency_hz=800e6),
            'gpu 204 to 510 MHz (asked 150, rounded to 204 MHz, asked 800, rounded to 510 MHz)',
        ),
        (DomainSetting('gpu', frequency_hz=803250000.4), 'gpu at 803.25 MHz'),
        (DomainSetting('gpu', max_frequency_hz=510e6), 'gpu 114.75 to 510 MHz'),
    ],
)
def test_what_was_rounded_is_said(
    board: Board, open_board: Opener, setting: DomainSetting, result: str
) -> None:
    outcome = open_board(board('xavier_nx_jetpack5')).apply([setting])
    assert (outcome.applied, outcome.text) == (True, result)


@pytest.mark.parametrize(
    ('settings', 'text'),
    [
        ([], 'at least one of cpu, gpu'),
        (at('warp', 1e9), "'warp'; expected a clock"),
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
def test_a_command_that_is_wrong_is_refused_whole(
    board: Board, open_board: Opener, settings: list[DomainSetting], text: str
) -> None:
    kernel = board('xavier_nx_jetpack5')
    outcome = open_board(kernel).apply(settings)
    assert not outcome.applied
    assert text in outcome.text
    assert kernel.log == []


def test_nothing_is_turned_above_the_limit_that_was_found(board: Board, open_board: Opener) -> None:
    device = open_board(board('xavier_nx_jetpack5'))
    assert max(device.state().domains['cpu'].available_frequencies_hz) == 1.4208e9
    assert not device.apply(at('cpu', 1.9072e9)).applied


def test_a_whitelist_may_allow_more_or_less(board: Board, open_board: Opener) -> None:
    allowed = {'cpu': Allowed(800e6, 2e9)}
    device = open_board(board('xavier_nx_jetpack5'), whitelist=allowed)
    assert device.apply(at('cpu', 1.9072e9)).applied
    assert not device.apply(at('cpu', 115.2e6)).applied
    assert 'expected cpu' in device.apply(at('gpu', 510e6)).text
    assert not device.state().domains['gpu'].settable


def test_a_video_engine_is_left_alone_unless_it_is_listed(board: Board, open_board: Opener) -> None:
    device = open_board(board('orin_nano'))
    assert 'expected cpu, gpu' in device.why_not('15340000.vic')


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
def test_a_whitelist_of_another_form_is_refused(entries: list[str], text: str) -> None:
    with pytest.raises(PlatformError, match=text):
        parse_whitelist(entries)


def test_a_whitelist_is_read_from_texts() -> None:
    found = parse_whitelist(['gpu', 'cpu:6e8-1.4e9'])
    assert found['cpu'] == Allowed(6e8, 1.4e9)
    assert found['gpu'].holds(1.0)


@pytest.mark.parametrize('entry', ['warp', 'gpu:1-2'])
def test_a_whitelist_that_does_not_fit_the_machine_is_refused(
    board: Board, open_board: Opener, entry: str
) -> None:
    with pytest.raises(PlatformError, match='whitelist'):
        open_board(board('xavier_nx_jetpack5'), whitelist=parse_whitelist([entry]))


@pytest.mark.parametrize(
    ('code', 'text'),
    [(errno.EBUSY, 'EBUSY'), (errno.EINVAL, 'Invalid argument (EINVAL)'), (errno.EIO, 'EIO')],
)
def test_a_refusal_of_the_kernel_names_file_and_reason(
    board: Board, open_board: Opener, code: int, text: str
) -> None:
    kernel = board('xavier_nx_jetpack5')
    kernel.answers[f'{GPU}/max_freq'] = code
    outcome = open_board(kernel).apply(at('gpu', 510e6))
    assert not outcome.applied
    assert f'{GPU}/max_freq refused' in outcome.text
    assert text in outcome.text


def test_a_refusal_in_the_middle_turns_nothing(board: Board, open_board: Opener) -> None:
    kernel = board('xavier_nx_jetpack5')
    before = kernel.snapshot()
    kernel.answers[f'{GPU}/max_freq'] = errno.EBUSY
    assert not open_board(kernel).apply(at('cpu', 806.4e6) + at('gpu', 510e6)).applied
    assert kernel.log  # the CPU was turned
    assert kernel.snapshot() == before  # and back again


def test_a_minimum_that_the_kernel_keeps_is_noticed(board: Board, open_board: Opener) -> None:
    kernel = board(KEEPS_A_MINIMUM)
    before = kernel.snapshot()
    device = open_board(kernel)
    outcome = device.apply(at('cpu', 806.4e6))
    assert not outcome.applied
    assert 'reads back as 1190400' in outcome.text
    assert kernel.snapshot() == before
    assert device.apply(at('cpu', 1190.4e6)).applied


def test_a_limit_that_linux_keeps_in_khz_is_the_same(board: Board, open_board: Opener) -> None:
    kernel = board('xavier_nx_jetpack5')
    kernel.put(f'{GPU}/available_frequencies', '114750000 305999872 1109250000')
    before = kernel.snapshot()
    kernel.rounds_minimum_to = 1000
    with open_board(kernel) as device:
        assert device.apply(at('gpu', 305999872)).applied
        assert kernel.read(f'{GPU}/min_freq') == '305999000'
    assert kernel.snapshot() == before


def test_without_permission_nothing_is_settable_and_the_file_is_named(
    board: Board, open_board: Opener
) -> None:
    kernel = board('xavier_nx_jetpack5')
    for policy in (0, 2, 4):
        kernel.answers[f'{CPU}/policy{policy}/scaling_governor'] = errno.EACCES
    device = open_board(kernel)
    assert f'{CPU}/policy0/scaling_governor' in device.apply(at('cpu', 806.4e6)).text
    assert not device.state().domains['cpu'].settable
    assert device.state().domains['gpu'].settable


def test_changes_have_a_least_distance_in_time(board: Board, open_board: Opener) -> None:
    now = [10.0]
    device = open_board(board('xavier_nx_jetpack5'), clock=lambda: now[0], min_interval_s=0.5)
    assert device.apply(at('gpu', 510e6)).applied
    now[0] += 0.3
    assert 'too soon' in device.apply(at('gpu', 204e6)).text
    assert device.apply(at('gpu', 510e6)).applied  # nothing changes
    now[0] += 0.2
    assert device.apply(at('gpu', 204e6)).applied


def test_a_clock_that_lags_says_where_it_leads(board: Board, open_board: Opener) -> None:
    kernel = board('xavier_nx_jetpack5')
    kernel.lag = 1
    device = open_board(kernel)
    device.apply(at('gpu', 803.25e6))
    assert device.state().domains['gpu'].next_frequency_hz == 803.25e6
    kernel.tick()
    now = device.state().domains['gpu']
    assert now.frequency_hz == 803.25e6
    assert math.isnan(now.next_frequency_hz)
