"""The order of the writes that turn a clock."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from dynofa_ros.platform.linux.frequency_control import CPUFREQ, FrequencyControl, FrequencySetting
from dynofa_ros.platform.linux.set_frequency import wanted, writes
from dynofa_ros.platform.settings import Limits

KHZ = (1000, 2000, 3000, 4000)
KNOB = FrequencyControl(
    folder='/policy0',
    interface=CPUFREQ,
    driver='x',
    cores=(0,),
    governors=('userspace', 'schedutil'),
    listed_hz=tuple(khz * 1e3 for khz in KHZ),
    lowest_hz=1e6,
    highest_hz=4e6,
)
WITHOUT_USERSPACE = dataclasses.replace(KNOB, governors=('schedutil',))
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
def test_the_minimum_is_never_above_the_maximum_and_the_target_is_reached(
    now: FrequencySetting, target: FrequencySetting
) -> None:
    for file, text in writes(KNOB, now, target):
        field = FILES[file]
        if field == 'speed':
            assert now.governor == 'userspace'
        now = dataclasses.replace(now, **{field: text if field == 'governor' else int(text)})
        if now.governor != 'userspace':
            now = dataclasses.replace(now, speed=None)
        assert now.lowest <= now.highest
    assert now == target


@given(setting=SETTINGS)
def test_what_is_as_it_should_be_is_not_written(setting: FrequencySetting) -> None:
    assert writes(KNOB, setting, setting) == []


def test_a_devfreq_maximum_that_nobody_set_is_above_all() -> None:
    steps = writes(KNOB, FrequencySetting('x', 0, 0), FrequencySetting('x', 2000, 2000))
    assert [file for file, _ in steps] == ['/policy0/scaling_min_freq', '/policy0/scaling_max_freq']


def test_one_frequency_is_asked_of_userspace_and_limits_make_room_for_it() -> None:
    now = FrequencySetting('schedutil', 2000, 3000)
    target = wanted(KNOB, now, Limits(1e6, 1e6), governor='schedutil')
    assert target == FrequencySetting('userspace', 1000, 3000, speed=1000)


def test_one_frequency_is_both_limits_where_there_is_no_userspace() -> None:
    now = FrequencySetting('schedutil', 2000, 3000)
    target = wanted(WITHOUT_USERSPACE, now, Limits(1e6, 1e6), governor='schedutil')
    assert target == FrequencySetting('schedutil', 1000, 1000)


def test_a_range_gives_the_governor_back() -> None:
    now = FrequencySetting('userspace', 1000, 4000, speed=2000)
    target = wanted(KNOB, now, Limits(1e6, 3e6), governor='schedutil')
    assert target == FrequencySetting('schedutil', 1000, 3000)
