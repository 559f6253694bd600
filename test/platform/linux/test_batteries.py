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
    ],
)
def test_a_battery_that_discharges_decides_the_state(tmp_path, states, together):
    assert read(tmp_path, *({'status': each} for each in states)).status == together
