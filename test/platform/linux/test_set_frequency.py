# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The order of the writes that set a frequency."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynofa_ros.platform.linux.frequency_control import CPUFREQ, FrequencyControl, FrequencySetting
from dynofa_ros.platform.linux.set_frequency import target_setting, write_sequence
from dynofa_ros.platform.settings import Limits

KHZ = (1000, 2000, 3000, 4000)
CONTROL = FrequencyControl(
    folder='/policy0',
    interface=CPUFREQ,
    driver='x',
    cores=(0,),
    governors=('userspace', 'schedutil'),
    listed_hz=tuple(khz * 1e3 for khz in KHZ),
    lowest_hz=1e6,
    highest_hz=4e6,
)
WITHOUT_USERSPACE = dataclasses.replace(CONTROL, governors=('schedutil',))
FILES = {
    '/policy0/scaling_min_freq': 'lowest',
    '/policy0/scaling_max_freq': 'highest',
    '/policy0/scaling_governor': 'governor',
    '/policy0/scaling_setspeed': 'speed',
}
ENDS = st.tuples(st.sampled_from(KHZ), st.sampled_from(KHZ)).map(sorted)
SETTINGS = st.builds(
    lambda ends, fixed: (
        FrequencySetting('userspace', *ends, speed=ends[0])
        if fixed
        else FrequencySetting('schedutil', *ends)
    ),
    ENDS,
    st.booleans(),
)


@given(now=SETTINGS, target=SETTINGS)
def test_the_minimum_is_never_above_the_maximum_and_the_target_is_reached(now, target):
    for file, text in write_sequence(CONTROL, now, target):
        field = FILES[file]
        if field == 'speed':
            assert now.governor == 'userspace'
        now = dataclasses.replace(now, **{field: text if field == 'governor' else int(text)})
        if now.governor != 'userspace':
            now = dataclasses.replace(now, speed=None)
        assert now.lowest <= now.highest
    assert now == target


@given(setting=SETTINGS)
def test_unchanged_values_are_not_written(setting):
    assert write_sequence(CONTROL, setting, setting) == []


def test_a_devfreq_maximum_of_0_is_no_limit():
    steps = write_sequence(CONTROL, FrequencySetting('x', 0, 0), FrequencySetting('x', 2000, 2000))
    assert [file for file, _ in steps] == ['/policy0/scaling_min_freq', '/policy0/scaling_max_freq']


@pytest.mark.parametrize(
    ('control', 'now', 'limits', 'target'),
    [
        pytest.param(
            CONTROL,
            FrequencySetting('schedutil', 2000, 3000),
            Limits(1e6, 1e6),
            FrequencySetting('userspace', 1000, 3000, speed=1000),
            id='one frequency: userspace, within widened limits',
        ),
        pytest.param(
            WITHOUT_USERSPACE,
            FrequencySetting('schedutil', 2000, 3000),
            Limits(1e6, 1e6),
            FrequencySetting('schedutil', 1000, 1000),
            id='one frequency without userspace: equal limits',
        ),
        pytest.param(
            CONTROL,
            FrequencySetting('userspace', 1000, 4000, speed=2000),
            Limits(1e6, 3e6),
            FrequencySetting('schedutil', 1000, 3000),
            id='a range: original governor',
        ),
    ],
)
def test_the_target_setting_of_limits(control, now, limits, target):
    assert target_setting(control, now, limits, governor='schedutil') == target
