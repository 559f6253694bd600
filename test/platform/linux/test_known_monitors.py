# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What a power sensor measures is decided by a table of monitors and labels."""

import math

import boards
import pytest

from dynofa_ros.platform.linux import LinuxMachine
from dynofa_ros.platform.linux.describe import summary
from dynofa_ros.platform.linux.known_monitors import (
    BOARD,
    LAYOUTS,
    MONITOR,
    NOTHING,
    PART,
    RAIL,
    SUPPLY,
    UNKNOWN,
    layout_of,
    measures,
)
from dynofa_ros.platform.linux.rails import board_rails

AGX_ORIN = {'VDD_GPU_SOC': 5.2, 'VDD_CPU_CV': 2.7, 'VIN_SYS_5V0': 4.7, 'VDDQ_VDD2_1V8AO': 0.6}


def channels(kernel, number, monitor, powers_w):
    """Create a hwmon device that reports powers by label; NaN: its files cannot be read."""
    folder = f'/sys/class/hwmon/hwmon{number}'
    kernel.put(f'{folder}/name', monitor)
    for index, (label, power_w) in enumerate(powers_w.items(), start=1):
        if label:
            kernel.put(f'{folder}/power{index}_label', label)
        kernel.put(
            f'{folder}/power{index}_input', '' if math.isnan(power_w) else round(power_w * 1e6)
        )


def battery(kernel, name='BAT0', *, status='Charging'):
    values = {'type': 'Battery', 'status': status, 'present': 1, 'capacity': 50}
    for file, value in values.items():
        kernel.put(f'/sys/class/power_supply/{name}/{file}', value)
    channels(kernel, 5, name, {'': 20.0})


def state(kernel, open_board, clock):
    device = open_board(kernel, clock=clock)
    clock.now_s += 1.0
    device.advance()
    return device.state()


def test_the_power_of_a_battery_is_not_that_of_the_board(tmp_path, open_board, clock):
    kernel = boards.base(tmp_path / 'root')
    battery(kernel)
    found = state(kernel, open_board, clock)
    assert (found.power_source, math.isnan(found.power_w)) == ('unavailable', True)
    assert found.rails_w == {}


def test_with_a_counter_of_the_cpu_that_is_taken_instead_of_a_battery(tmp_path, open_board, clock):
    kernel = boards.base(tmp_path / 'root')
    battery(kernel, status='Discharging')
    boards.rapl(kernel)
    assert state(kernel, open_board, clock).power_source == 'measured_rapl'


def test_channels_that_are_not_connected_do_not_count(tmp_path, open_board, clock):
    kernel = boards.base(tmp_path / 'root', model='NVIDIA Jetson AGX Orin Developer Kit')
    rails = list(AGX_ORIN.items())
    channels(kernel, 1, 'ina3221', dict(rails[:3]))
    channels(kernel, 2, 'ina3221', {'NC': math.nan, 'VDDQ_VDD2_1V8AO': 0.6, 'NC_2': math.nan})
    found = state(kernel, open_board, clock)
    assert found.power_w == pytest.approx(13.2)
    assert found.power_source == 'measured_rail'
    assert found.rails_w == pytest.approx(AGX_ORIN)


@pytest.mark.parametrize('layout', LAYOUTS, ids=lambda layout: layout.boards)
def test_the_sum_of_a_board_counts_no_part_twice(tmp_path, open_board, clock, layout):
    kernel = boards.base(tmp_path / 'root')
    labels = [layout.whole] if layout.whole else list(layout.rails)
    powers_w = dict.fromkeys(labels, 4.0) | dict.fromkeys(layout.parts, 1.0)
    channels(kernel, 1, 'ina3221', powers_w)
    assert state(kernel, open_board, clock).power_w == pytest.approx(4.0 * len(labels))


def test_every_label_has_one_meaning_on_a_board():
    for layout in LAYOUTS:
        labels = [layout.whole, *layout.rails, *layout.optional, *layout.parts]
        assert len(labels) == len(set(labels)), layout.boards
        assert bool(layout.whole) != bool(layout.rails), layout.boards
        assert layout_of(set(labels)) == layout


@pytest.mark.parametrize(
    ('monitor', 'label', 'found'),
    [
        ('power_meter', 'power_meter_1', BOARD),
        ('macsmc_hwmon', 'Total System Power', BOARD),
        ('macsmc_hwmon', 'Charger Power', UNKNOWN),
        ('amdgpu', 'PPT', PART),
        ('corsairpsu', 'power +12v', PART),
        ('corsairpsu', 'power total', BOARD),
        ('ina226', 'ina226_1', UNKNOWN),
        ('BAT1', 'BAT1_1', SUPPLY),
        ('ucsi_source_psy_USBC000:001', 'x_1', SUPPLY),
        (MONITOR, 'NC', NOTHING),
        (MONITOR, 'VDD_IN', UNKNOWN),
    ],
)
def test_other_monitors_are_known_by_driver_and_label(monitor, label, found):
    supplies = {'BAT1', 'ucsi_source_psy_USBC000:001'}
    assert measures(monitor, label, layout=None, supplies=supplies) == found


def test_a_graphics_card_is_not_the_board(tmp_path, open_board, clock):
    kernel = boards.base(tmp_path / 'root')
    channels(kernel, 1, 'amdgpu', {'PPT': 35.0})
    found = state(kernel, open_board, clock)
    assert found.power_source == 'unavailable'
    assert found.rails_w == {'PPT': 35.0}
    assert 'power' not in found.capabilities


def test_of_several_meters_of_the_whole_machine_one_counts(tmp_path):
    kernel = boards.base(tmp_path)
    channels(kernel, 1, 'power_meter', {'': 90.0})
    channels(kernel, 2, 'corsairpsu', {'power total': 100.0, 'power +12v': 80.0})
    (whole,) = board_rails(LinuxMachine.discover(kernel).rails)
    assert whole.name == 'power_meter_1'


def test_equal_labels_of_two_drivers_are_two_channels(tmp_path):
    kernel = boards.base(tmp_path)
    channels(kernel, 1, 'ina3221', {'VDD_IN': 5.0, 'GPU': 2.0})
    channels(kernel, 2, 'amdgpu', {'GPU': 30.0})
    found = {each.name: each.measures for each in LinuxMachine.discover(kernel).rails}
    assert found == {'VDD_IN': BOARD, 'GPU': UNKNOWN, 'amdgpu GPU': PART}


def test_dynofa_platform_shows_the_choice(tmp_path):
    kernel = boards.base(tmp_path)
    channels(kernel, 1, 'ina3221', AGX_ORIN | {'NC': math.nan})
    battery(kernel)
    text = summary(kernel, LinuxMachine.discover(kernel))
    assert 'W, measures a rail of the board (ina3221)' in text
    assert 'NC                   unknown W, measures nothing (ina3221)' in text
    assert 'BAT0_1               20.00 W, measures a battery or charger (BAT0)' in text
    assert f'power of the board: rails {", ".join(AGX_ORIN)}' in text
    assert RAIL == 'a rail of the board'
