# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Channels of power monitors, and the files with their power."""

import math

import boards
import pytest

from dynofa_ros.platform.linux.known_monitors import BOARD, PART, SUPPLY, UNKNOWN
from dynofa_ros.platform.linux.rails import board_rails, find_rails

HWMON = '/sys/class/hwmon/hwmon0'


@pytest.fixture
def kernel(tmp_path):
    return boards.base(tmp_path)


def put(kernel, folder, **values):
    for name, value in values.items():
        kernel.put(f'{folder}/{name}', value)


def test_a_channel_of_mv_and_ma(kernel):
    put(kernel, HWMON, name='ina3221', in2_label='VDD_IN', in2_input=5000, curr2_input=1500)
    (rail,) = find_rails(kernel)
    assert (rail.name, rail.monitor, rail.folder) == ('VDD_IN', 'ina3221', HWMON)
    assert rail.files == (f'{HWMON}/in2_input', f'{HWMON}/curr2_input')
    assert rail.power_w(kernel) == pytest.approx(7.5)
    assert (rail.measures, rail.of_machine) == (BOARD, True)


@pytest.mark.parametrize(
    ('files', 'names'),
    [
        ({'power1_input': 1e6}, ['x_1']),
        ({'power1_average': 1e6}, ['x_1']),
        ({'power1_input': 1e6, 'power1_label': 'PPT'}, ['PPT']),
        ({'power2_input': 1e6, 'power10_input': 1e6}, ['x_2', 'x_10']),
        ({'curr1_input': 100}, []),
        ({'curr1_input': 100, 'in1_input': 5000}, []),
        ({'curr1_input': 100, 'in1_label': 'A'}, []),
        ({'in1_input': 5000, 'in1_label': 'A'}, []),
        ({'power1_max': 1e6, 'xpower1_input': 1}, []),
    ],
)
def test_which_channels_have_a_power(kernel, files, names):
    put(kernel, HWMON, name='x', **{name: value if isinstance(value, str) else round(value)
                                     for name, value in files.items()})  # fmt: skip
    assert [each.name for each in find_rails(kernel)] == names


def test_the_present_power_is_preferred_to_its_average(kernel):
    put(kernel, HWMON, name='x', power1_input=2_000_000, power1_average=1_000_000)
    (rail,) = find_rails(kernel)
    assert rail.files == (f'{HWMON}/power1_input',)
    assert rail.power_w(kernel) == 2.0
    assert (rail.measures, rail.of_machine) == (UNKNOWN, True)


def test_a_monitor_without_a_name_has_that_of_its_folder(kernel):
    put(kernel, HWMON, power1_input=1)
    assert [(each.name, each.monitor) for each in find_rails(kernel)] == [('hwmon0_1', 'hwmon0')]


def test_a_supply_with_a_hyphen_has_an_underscore_in_hwmon(kernel):
    kernel.put('/sys/class/power_supply/ucsi-1/type', 'USB')
    put(kernel, HWMON, name='ucsi_1', power1_input=1)
    (rail,) = find_rails(kernel)
    assert (rail.measures, rail.of_machine) == (SUPPLY, False)


def test_of_two_channels_of_one_name_and_driver_the_first_counts(kernel):
    for number, power_uw in ((0, 1_000_000), (1, 2_000_000)):
        put(kernel, f'/sys/class/hwmon/hwmon{number}', name='x', power1_input=power_uw)
    assert [each.power_w(kernel) for each in find_rails(kernel)] == [1.0]


@pytest.mark.parametrize('bus', ['/sys/bus/iio/devices', '/sys/bus/i2c/drivers/ina3221x/1-0040'])
def test_channels_of_iio_have_milliwatts(kernel, bus):
    folder = f'{bus}/iio:device1'
    put(kernel, folder, rail_name_0='VDD_IN', in_power0_input=5120, rail_name_1='VDD_SOC')
    put(kernel, folder, rail_name_2='VDD_CPU_GPU_CV', in_power2_input=1500)
    put(kernel, folder, rail_name_3='VDD_GPU', in_power3_input=1)  # a monitor has three
    put(kernel, f'{bus}/other', rail_name_0='no', in_power0_input=1)
    found = find_rails(kernel)
    assert [(each.name, each.power_w(kernel), each.measures) for each in found] == [
        ('VDD_IN', pytest.approx(5.12), BOARD),
        ('VDD_CPU_GPU_CV', 1.5, PART),
    ]
    assert {each.folder for each in found} == {folder}
    assert found[0].files == (f'{folder}/in_power0_input',)
    assert {each.monitor for each in found} == {'ina3221'}
    assert board_rails(found) == found[:1]


def test_a_power_that_cannot_be_read_is_nan(kernel):
    put(kernel, HWMON, name='ina3221', in1_label='VDD_IN', in1_input='x', curr1_input=1)
    assert math.isnan(find_rails(kernel)[0].power_w(kernel))
