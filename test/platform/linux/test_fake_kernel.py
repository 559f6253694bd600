"""The kernel of these tests refuses what Linux refuses."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest
from boards import CPU, DEVFREQ
from fake_kernel import FakeKernel

POLICY = f'{CPU}/policy0'
GPU = f'{DEVFREQ}/17000000.gv11b'


@pytest.fixture
def kernel(board: Callable[[str], FakeKernel]) -> FakeKernel:
    return board('xavier_nx_jetpack5')


@pytest.mark.parametrize(
    ('name', 'text', 'code'),
    [
        (f'{POLICY}/scaling_min_freq', '1907200', errno.EINVAL),  # above the maximum
        (f'{POLICY}/scaling_max_freq', '1000000', errno.EINVAL),  # not listed
        (f'{POLICY}/scaling_max_freq', 'fast', errno.EINVAL),
        (f'{POLICY}/scaling_governor', 'warp', errno.EINVAL),
        (f'{POLICY}/scaling_setspeed', '806400', errno.EINVAL),  # of another governor
        (f'{POLICY}/cpuinfo_max_freq', '806400', errno.EACCES),
        (f'{POLICY}/scaling_boost', '1', errno.ENOENT),
        (f'{GPU}/max_freq', '1', errno.EINVAL),
    ],
)
def test_a_write_that_linux_refuses_is_refused(
    kernel: FakeKernel, name: str, text: str, code: int
) -> None:
    with pytest.raises(OSError) as refused:
        kernel.write(name, text)
    assert refused.value.errno == code
    assert kernel.log == []


def test_a_governor_takes_a_speed_when_it_is_userspace(kernel: FakeKernel) -> None:
    kernel.write(f'{POLICY}/scaling_governor', 'userspace')
    kernel.write(f'{POLICY}/scaling_setspeed', '806400')
    assert kernel.read(f'{POLICY}/scaling_cur_freq') == '806400'
    kernel.write(f'{POLICY}/scaling_governor', 'schedutil')
    assert kernel.read(f'{POLICY}/scaling_setspeed') == '<unsupported>'


def test_a_clock_follows_after_the_lag(kernel: FakeKernel) -> None:
    kernel.lag = 2
    kernel.write(f'{GPU}/max_freq', '510000000')
    kernel.tick()
    assert kernel.read(f'{GPU}/cur_freq') != '510000000'
    kernel.tick()
    assert kernel.read(f'{GPU}/cur_freq') == '510000000'


def test_a_minimum_that_is_kept_reads_back_higher(kernel: FakeKernel) -> None:
    kernel.kept_minimum[POLICY] = 1190400
    kernel.write(f'{POLICY}/scaling_min_freq', '806400')
    assert kernel.read(f'{POLICY}/scaling_min_freq') == '1190400'


def test_a_device_that_vanishes_cannot_be_read(kernel: FakeKernel) -> None:
    kernel.vanish_after[GPU] = 1
    kernel.read(f'{GPU}/governor')
    with pytest.raises(OSError, match='No such device'):
        kernel.read(f'{GPU}/governor')
