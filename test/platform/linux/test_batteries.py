# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A machine with several batteries has one charge: that of all of them."""

import math

import boards
import pytest

from dynofa_ros.platform.linux import LinuxMachine
from dynofa_ros.platform.linux.batteries import read_batteries

IDLE = {'status': 'Not charging', 'capacity': 98, 'energy_now': 23.5e6, 'energy_full': 24e6}
LOW = {'status': 'Discharging', 'capacity': 3, 'energy_now': 1.4e6, 'energy_full': 42e6}
BOTH = {'type': 'Battery', 'present': 1, 'voltage_now': 12e6, 'voltage_min_design': 11.4e6}


def read(root, *batteries):
    kernel = boards.base(root)
    for number, values in enumerate(batteries):
        for name, value in (BOTH | values).items():
            text = value if isinstance(value, str) else round(value)
            kernel.put(f'/sys/class/power_supply/BAT{number}/{name}', text)
    return read_batteries(kernel, LinuxMachine.discover(kernel).batteries)


def test_a_full_battery_does_not_hide_an_empty_one(tmp_path):
    found = read(tmp_path, IDLE, LOW | {'power_now': 9.6e6})
    assert found.percentage == pytest.approx(24.9 / 66)
    assert found.status == 'Discharging'
    assert found.current_a == pytest.approx(-0.8)
    assert found.capacity_ah == pytest.approx(66 / 11.4)
    assert found.voltage_v == pytest.approx(12.0)


def test_charges_are_weighted_by_their_nominal_energy(tmp_path):
    charge = {'status': 'Charging', 'charge_now': 1e6, 'charge_full': 4e6}
    found = read(tmp_path, charge, charge | {'charge_now': 2e6, 'charge_full': 2e6})
    assert found.percentage == pytest.approx(0.5)
    assert (found.charge_ah, found.status) == (pytest.approx(3.0), 'Charging')


def test_without_energies_each_battery_counts_the_same(tmp_path):
    found = read(tmp_path, {'capacity': 90}, {'capacity': 30})
    assert found.percentage == pytest.approx(0.6)
    assert math.isnan(found.charge_ah)
    assert found.status == 'Unknown'


def test_one_battery_is_reported_as_it_is(tmp_path):
    assert read(tmp_path, LOW).percentage == pytest.approx(0.03)


def test_without_a_battery_there_is_none(tmp_path):
    assert read(tmp_path) is None


@pytest.mark.parametrize(
    ('states', 'together'),
    [
        (('Full', 'Full'), 'Full'),
        (('Full', 'Discharging'), 'Discharging'),
        (('Charging', 'Not charging'), 'Charging'),
        (('Full', 'Not charging'), 'Not charging'),
        (('Not charging', 'Unknown'), 'Unknown'),
        (('Full', 'Unknown'), 'Unknown'),
        (('Discharging', 'Charging'), 'Discharging'),
    ],
)
def test_a_battery_that_discharges_decides_the_state(tmp_path, states, together):
    assert read(tmp_path, *({'status': each} for each in states)).status == together


NAN = math.nan


@pytest.mark.parametrize(
    ('files', 'percentage', 'current_a', 'charge_ah', 'capacity_ah'),
    [
        ({'capacity': 104}, 1.0, NAN, NAN, NAN),
        ({'capacity': -1}, 0.0, NAN, NAN, NAN),
        ({'charge_now': 1e6, 'charge_full': 4e6}, 0.25, NAN, 1.0, 4.0),
        ({'charge_now': 0, 'charge_full': 0}, NAN, NAN, 0.0, 0.0),
        ({'charge_now': 1e6, 'charge_full': 0.5e6}, 1.0, NAN, 1.0, 0.5),
        ({'energy_now': 5.7e6, 'energy_full': 11.4e6}, 0.5, NAN, 0.5, 1.0),
        ({'energy_now': 6e6, 'voltage_min_design': 0}, NAN, NAN, 0.5, NAN),
        ({'current_now': 2e6}, NAN, 2.0, NAN, NAN),
        ({'current_now': -2e6, 'status': 'Discharging'}, NAN, -2.0, NAN, NAN),
        ({'current_now': 2e6, 'power_now': 36e6}, NAN, 2.0, NAN, NAN),
        ({'power_now': 36e6}, NAN, 3.0, NAN, NAN),
        ({'power_now': 36e6, 'voltage_now': 0}, NAN, NAN, NAN, NAN),
        ({}, NAN, NAN, NAN, NAN),
    ],
)
def test_what_a_driver_does_not_report_follows_from_the_rest(
    tmp_path, files, percentage, current_a, charge_ah, capacity_ah
):
    found = read(tmp_path, files)
    assert (found.percentage, found.current_a, found.charge_ah, found.capacity_ah) == pytest.approx(
        (percentage, current_a, charge_ah, capacity_ah), nan_ok=True
    )
    assert found.status == files.get('status', 'Unknown')


@pytest.mark.parametrize(
    ('files', 'power_w', 'left_wh', 'full_wh'),
    [
        ({'power_now': 9e6, 'current_now': 5e6}, 9.0, NAN, NAN),
        ({'power_now': -9e6}, 9.0, NAN, NAN),
        ({'current_now': -2e6}, 24.0, NAN, NAN),
        ({'status': 'Charging', 'power_now': 9e6}, NAN, NAN, NAN),
        ({'energy_now': 3e6, 'energy_full': 7e6, 'charge_now': 1e6}, NAN, 3.0, 7.0),
        ({'charge_now': 1e6, 'charge_full': 2e6}, NAN, 11.4, 22.8),
        ({'charge_now': 1e6, 'charge_full': 2e6, 'voltage_min_design': 0}, NAN, 12.0, 24.0),
    ],
)
def test_power_and_energy_follow_from_current_and_charge(
    tmp_path, files, power_w, left_wh, full_wh
):
    kernel = boards.base(tmp_path)
    for name, value in (BOTH | {'status': 'Discharging'} | files).items():
        text = value if isinstance(value, str) else round(value)
        kernel.put(f'/sys/class/power_supply/BAT0/{name}', text)
    (battery,) = LinuxMachine.discover(kernel).batteries
    assert (battery.power_w(kernel), battery.left_wh(kernel), battery.full_wh(kernel)) == (
        pytest.approx((power_w, left_wh, full_wh), nan_ok=True)
    )


@pytest.mark.parametrize(
    ('files', 'counts'),
    [({}, True), ({'scope': 'System'}, True), ({'scope': 'Device'}, False),
     ({'present': 0}, False), ({'type': 'UPS'}, False)],
)  # fmt: skip
def test_only_a_battery_of_the_machine_counts(tmp_path, files, counts):
    assert (read(tmp_path, files) is not None) == counts


def test_voltage_and_current_of_several_batteries(tmp_path):
    first = {'charge_now': 1e6, 'charge_full': 2e6, 'voltage_now': 10e6, 'current_now': 0.5e6}
    second = {'charge_now': 3e6, 'charge_full': 4e6, 'voltage_now': 14e6, 'current_now': 0.25e6}
    found = read(tmp_path, first, second)
    assert found.voltage_v == pytest.approx(13.0)  # 52 Wh of 4 Ah
    assert (found.current_a, found.charge_ah, found.capacity_ah) == (0.75, 4.0, 6.0)


def test_without_charges_the_voltage_is_the_highest(tmp_path):
    found = read(tmp_path, {'voltage_now': 10e6}, {'voltage_now': 14e6})
    assert found.voltage_v == 14.0
    assert math.isnan(found.current_a)
    assert math.isnan(found.percentage)


def test_one_unknown_percentage_does_not_hide_the_other(tmp_path):
    assert read(tmp_path, {'capacity': 30}, {}).percentage == pytest.approx(0.3)


def test_batteries_of_no_energy_have_their_mean_percentage(tmp_path):
    empty = {'energy_now': 0, 'energy_full': 0, 'capacity': 20}
    assert read(tmp_path, empty, empty).percentage == pytest.approx(0.2)


def test_more_energy_than_when_full_counts_as_full(tmp_path):
    over = {'energy_now': 50e6, 'energy_full': 40e6}
    assert read(tmp_path, over, over).percentage == 1.0
