"""Charge and energy, from whatever a battery says of itself."""

import math

import pytest

from dynofa_ros.runtime import BatteryObservation


def test_energy_is_charge_times_voltage():
    battery = BatteryObservation(0.5, voltage_v=11.0, charge_ah=2.0, capacity_ah=9.0)
    assert battery.energy_j == pytest.approx(2.0 * 11.0 * 3600.0)


@pytest.mark.parametrize('charge_ah', [math.nan, 0.0])
def test_without_charge_it_is_the_share_of_the_capacity(charge_ah):
    """Drivers leave fields that they do not know at 0."""
    battery = BatteryObservation(0.5, voltage_v=11.0, charge_ah=charge_ah, capacity_ah=4.0)
    assert battery.energy_j == pytest.approx(2.0 * 11.0 * 3600.0)


def test_the_capacity_now_outranks_that_of_the_battery_when_it_was_new():
    old = BatteryObservation(0.5, voltage_v=10.0, capacity_ah=3.0, design_capacity_ah=4.0)
    assert old.energy_j == pytest.approx(1.5 * 10.0 * 3600.0)
    unknown = BatteryObservation(0.5, voltage_v=10.0, capacity_ah=0.0, design_capacity_ah=4.0)
    assert unknown.energy_j == pytest.approx(2.0 * 10.0 * 3600.0)


@pytest.mark.parametrize(
    'known',
    [{}, {'voltage_v': 11.0}, {'charge_ah': 2.0}, {'voltage_v': 0.0, 'charge_ah': 2.0}],
)
def test_without_voltage_or_capacity_it_is_unknown(known):
    assert math.isnan(BatteryObservation(0.5, **known).energy_j)


def test_an_empty_battery_holds_nothing():
    assert BatteryObservation(0.0, voltage_v=9.0, charge_ah=0.0).energy_j == 0.0


def test_a_charge_that_is_not_said_is_worked_out():
    assert BatteryObservation(math.nan, charge_ah=1.0, capacity_ah=4.0).charge == 0.25
    assert math.isnan(BatteryObservation(math.nan, charge_ah=0.0, capacity_ah=0.0).charge)
    assert BatteryObservation(0.7, charge_ah=1.0, capacity_ah=4.0).charge == 0.7
