# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The fake kernel behaves as Linux does."""

import errno

import pytest
from boards import CPU, DEVFREQ

POLICY = f'{CPU}/policy0'
GPU = f'{DEVFREQ}/17000000.gv11b'


@pytest.mark.parametrize(
    ('name', 'text', 'code'),
    [
        (f'{POLICY}/scaling_min_freq', '1907200', errno.EINVAL),  # above the maximum
        (f'{POLICY}/scaling_max_freq', '1000000', errno.EINVAL),  # not listed
        (f'{POLICY}/scaling_max_freq', 'fast', errno.EINVAL),
        (f'{POLICY}/scaling_governor', 'warp', errno.EINVAL),
        (f'{POLICY}/scaling_setspeed', '806400', errno.EINVAL),  # under another governor
        (f'{POLICY}/cpuinfo_max_freq', '806400', errno.EACCES),
        (f'{POLICY}/scaling_boost', '1', errno.ENOENT),
        (f'{GPU}/max_freq', '1', errno.EINVAL),
    ],
)
def test_it_refuses_the_writes_that_linux_refuses(kernel, name, text, code):
    with pytest.raises(OSError) as refused:
        kernel.write(name, text)
    assert refused.value.errno == code
    assert kernel.log == []


def test_only_the_governor_userspace_accepts_a_speed(kernel):
    kernel.write(f'{POLICY}/scaling_governor', 'userspace')
    kernel.write(f'{POLICY}/scaling_setspeed', '806400')
    assert kernel.read(f'{POLICY}/scaling_cur_freq') == '806400'
    kernel.write(f'{POLICY}/scaling_governor', 'schedutil')
    assert kernel.read(f'{POLICY}/scaling_setspeed') == '<unsupported>'


def test_the_frequency_changes_after_the_lag(kernel):
    kernel.lag = 2
    kernel.write(f'{GPU}/max_freq', '510000000')
    kernel.tick()
    assert kernel.read(f'{GPU}/cur_freq') != '510000000'
    kernel.tick()
    assert kernel.read(f'{GPU}/cur_freq') == '510000000'


def test_an_enforced_minimum_reads_back(kernel):
    kernel.enforced_minimum[POLICY] = 1190400
    kernel.write(f'{POLICY}/scaling_min_freq', '806400')
    assert kernel.read(f'{POLICY}/scaling_min_freq') == '1190400'


def test_a_removed_device_cannot_be_read(kernel):
    kernel.vanish_after[GPU] = 1
    kernel.read(f'{GPU}/governor')
    with pytest.raises(OSError, match='No such device'):
        kernel.read(f'{GPU}/governor')
