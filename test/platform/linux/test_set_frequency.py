# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The order of the writes that set a frequency."""

import dataclasses
import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynofa_ros.platform.linux.frequency_control import CPUFREQ, FrequencyControl, FrequencySetting
from dynofa_ros.platform.linux.set_frequency import (
    FrequencyNotSet,
    errno_text,
    read_setting,
    set_frequencies,
    set_frequency,
    target_setting,
    write_sequence,
)
from dynofa_ros.platform.linux.sysfs import Sysfs
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
DEVFREQ_LIKE = dataclasses.replace(CPUFREQ, unit_hz=1.0)
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


class Files(Sysfs):
    """Three files, one of which may refuse to be written or round what it is given."""

    def __init__(self, refuse=None, offset=0):
        super().__init__()
        self.values = {
            'scaling_governor': 'schedutil',
            'scaling_min_freq': '1000000',
            'scaling_max_freq': '4000000',
        }
        self.refuse, self.offset = refuse, offset

    def read(self, name):
        return self.values[name.rpartition('/')[2]]

    def write(self, name, text):
        if self.refuse:
            raise self.refuse
        self.values[name.rpartition('/')[2]] = str(int(text) + self.offset)


RANGE = dataclasses.replace(
    WITHOUT_USERSPACE, listed_hz=(), lowest_hz=1e9, highest_hz=4e9, folder='/policy0'
)
LISTED = dataclasses.replace(RANGE, listed_hz=(1e9, 4e9))
TARGET = FrequencySetting('schedutil', 2000000, 4000000)


@pytest.mark.parametrize(
    ('control', 'offset', 'text'),
    [
        (RANGE, 50_000, ''),
        (RANGE, -50_000, ''),
        (RANGE, 50_001, 'lowest was set to 2000000 and reads back as 2050001'),
        (RANGE, -50_001, 'lowest was set to 2000000 and reads back as 1949999'),
        (LISTED, 0, ''),
        (LISTED, 1, 'lowest was set to 2000000 and reads back as 2000001'),
        (dataclasses.replace(LISTED, interface=DEVFREQ_LIKE), 999, ''),
        (
            dataclasses.replace(LISTED, interface=DEVFREQ_LIKE),
            -1000,
            'lowest was set to 2000000 and reads back as 1999000',
        ),
    ],
)
def test_a_driver_may_round_by_its_resolution(control, offset, text):
    def apply():
        set_frequency(Files(offset=offset), control, TARGET)

    if not text:
        apply()
    else:
        with pytest.raises(FrequencyNotSet) as error:
            apply()
        assert str(error.value) == f'/policy0: {text}: the kernel enforces another limit'


def test_a_refusal_names_file_value_and_error():
    files = Files(refuse=OSError(errno.EBUSY, 'x'))
    with pytest.raises(FrequencyNotSet) as error:
        set_frequency(files, RANGE, TARGET)
    assert str(error.value) == (
        "/policy0/scaling_min_freq refused '2000000': Device or resource busy (EBUSY)"
    )


@pytest.mark.parametrize(
    ('error', 'text'),
    [
        (OSError(errno.EINVAL, 'x'), 'Invalid argument (EINVAL)'),
        (OSError('no number'), 'no number'),
        (OSError(99999, 'x'), 'Unknown error 99999'),
    ],
)
def test_an_error_of_the_kernel_has_its_symbol(error, text):
    assert errno_text(error) == text


def test_a_setting_that_is_no_number_is_an_error():
    files = Files()
    files.values['scaling_max_freq'] = 'x'
    with pytest.raises(FrequencyNotSet, match=r'^/policy0 has an invalid setting: .*literal'):
        read_setting(files, RANGE)


def test_a_file_that_cannot_be_read_is_an_error():
    files = Files()
    files.read = lambda name: (_ for _ in ()).throw(OSError(errno.ENODEV, 'x'))
    with pytest.raises(FrequencyNotSet) as error:
        read_setting(files, RANGE)
    assert str(error.value) == '/policy0 cannot be read: No such device (ENODEV)'


def test_what_cannot_be_undone_is_named_too():
    files = Files(refuse=OSError(errno.EIO, 'x'))
    other = dataclasses.replace(RANGE, folder='/other/policy0')
    write, written = files.write, []

    def write_once(name, text):
        if name.startswith('/other') or written:
            write(name, text)
        written.append(name)
        files.values[name.rpartition('/')[2]] = text

    files.write = write_once
    with pytest.raises(FrequencyNotSet) as error:
        set_frequencies(
            files, {RANGE: TARGET, other: FrequencySetting('schedutil', 3000000, 4000000)}
        )
    refused, *undone = str(error.value).split('; ')
    assert refused == "/other/policy0/scaling_min_freq refused '3000000': Input/output error (EIO)"
    assert undone == [
        "and not restored: /policy0/scaling_min_freq refused '1000000': Input/output error (EIO)"
    ]
