# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Charge, energy and objective from the fields that a battery reports."""

import math

import pytest

from dynofa_ros.runtime import BatteryObjective, BatteryObservation, ManagerSettings, Objective
from dynofa_ros.runtime.budget.battery import BatteryMonitor

SAVE, SPEND = Objective.MIN_ENERGY, Objective.MAX_ACCURACY


@pytest.mark.parametrize(
    ('reported', 'left_ah'),
    [
        ({'charge_ah': 2.0, 'capacity_ah': 9.0}, 2.0),
        ({'charge_ah': math.nan, 'capacity_ah': 4.0}, 2.0),
        ({'charge_ah': 0.0, 'capacity_ah': 4.0}, 2.0),  # an unset field
        ({'capacity_ah': 3.0, 'design_capacity_ah': 4.0}, 1.5),
        ({'capacity_ah': 0.0, 'design_capacity_ah': 4.0}, 2.0),
    ],
)
def test_energy_is_charge_or_else_share_of_the_capacity_times_voltage(reported, left_ah):
    battery = BatteryObservation(0.5, voltage_v=11.0, **reported)
    assert battery.energy_j == pytest.approx(left_ah * 11.0 * 3600.0)


@pytest.mark.parametrize(
    'known',
    [{}, {'voltage_v': 11.0}, {'charge_ah': 2.0}, {'voltage_v': 0.0, 'charge_ah': 2.0}],
)
def test_without_voltage_or_capacity_the_energy_is_unknown(known):
    assert math.isnan(BatteryObservation(0.5, **known).energy_j)


def test_an_empty_battery_has_no_energy():
    assert BatteryObservation(0.0, voltage_v=9.0, charge_ah=0.0).energy_j == 0.0


@pytest.mark.parametrize(
    ('percentage', 'charge_ah', 'capacity_ah', 'charge'),
    [(math.nan, 1.0, 4.0, 0.25), (math.nan, 0.0, 0.0, math.nan), (0.7, 1.0, 4.0, 0.7)],
)
def test_an_unreported_charge_is_computed(percentage, charge_ah, capacity_ah, charge):
    battery = BatteryObservation(percentage, charge_ah=charge_ah, capacity_ah=capacity_ah)
    assert battery.charge == pytest.approx(charge, nan_ok=True)


@pytest.fixture
def objective():
    return BatteryObjective(low=0.3, high=0.4)


def test_it_saves_energy_below_the_low_threshold_until_above_the_high_one(objective):
    charges = [0.9, 0.35, 0.29, 0.35, 0.4, 0.41, 0.35]
    assert [objective.choose(charge)[0] for charge in charges] == [
        SPEND, SPEND, SAVE, SAVE, SAVE, SPEND, SPEND,
    ]  # fmt: skip


def test_the_reason_names_charge_and_threshold(objective):
    assert objective.choose(0.23)[1] == 'battery 23% is below 30%'


def test_before_the_first_charge_it_does_not_save(objective):
    assert objective.choose(math.nan) == (SPEND, 'battery charge unknown')


@pytest.mark.parametrize(('charge', 'held'), [(0.1, SAVE), (0.9, SPEND)])
def test_with_an_unknown_charge_the_last_objective_holds(objective, charge, held):
    objective.choose(charge)
    text = 'battery charge unknown, the last objective holds'
    assert objective.choose(math.nan) == (held, text)
    assert objective.choose(0.35)[0] is held


@pytest.fixture
def monitor():
    return BatteryMonitor(ManagerSettings())


def observe(monitor, percentage, publisher):
    monitor.observe(percentage, energy_j=math.nan, now_s=0.0, publisher=publisher)


def test_a_publisher_of_percent_is_not_believed_at_a_fraction(monitor):
    with pytest.raises(ValueError, match=r'battery percentage is 87; expected 0 to 1'):
        observe(monitor, 87.0, 'percent')
    text = (
        r'is 0\.9 from a publisher that has sent 87; expected a fraction, 0 to 1, in all messages'
    )
    with pytest.raises(ValueError, match=text):
        observe(monitor, 0.9, 'percent')
    observe(monitor, 0.5, 'fraction')
    assert monitor.percentage(now_s=0.0) == 0.5


@pytest.mark.parametrize('charge', [1.02, -1.0, 1000.0, math.nan])
def test_a_single_impossible_charge_is_no_sign_of_percent(monitor, charge):
    with pytest.raises(ValueError, match=r'battery percentage is'):
        observe(monitor, charge, 'fraction')
    observe(monitor, 0.9, 'fraction')
    assert monitor.percentage(now_s=0.0) == 0.9


@pytest.mark.parametrize('charge', [7.0, -0.1, math.inf])
def test_an_impossible_charge_is_rejected(objective, charge):
    with pytest.raises(ValueError, match=r'battery percentage is .*expected 0 to 1'):
        objective.choose(charge)


def test_the_low_threshold_must_not_exceed_the_high_one():
    with pytest.raises(ValueError, match=r'battery_low is 0\.5; expected 0 to 0\.4'):
        BatteryObjective(low=0.5, high=0.4)
