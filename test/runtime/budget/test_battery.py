# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Charge, energy and objective from the fields that a battery reports."""

import itertools
import math

import numpy as np
import pytest

from dynofa_ros.runtime import BatteryObjective, BatteryObservation, ManagerSettings, Objective
from dynofa_ros.runtime.budget.battery import BatteryMonitor
from dynofa_ros.runtime.budget.charge_filter import WINDOW_S

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


@pytest.mark.parametrize(
    ('charge', 'hold', 'reason'),
    [
        (0.23, False, 'battery 23% is below 30%'),
        (0.3, False, 'battery 30% is not yet above 40%'),
        (0.4, False, 'battery 40% is not yet above 40%'),
        (0.5, True, 'battery 50% was below 30%'),
        (0.5, False, 'battery 50% is sufficient'),
    ],
)
def test_the_reason_names_charge_and_threshold(objective, charge, hold, reason):
    objective.choose(0.2)
    assert objective.choose(charge, hold=hold)[1] == reason


def test_a_charge_at_the_low_threshold_is_sufficient(objective):
    assert objective.choose(0.3) == (SPEND, 'battery 30% is sufficient')


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


READ_S = 1.0


def run(monitor, charges, *, begin_s=0.0, period_s=READ_S):
    """Observe charges, with a decision after each; return the changes of the objective."""
    objectives = []
    for index, charge in enumerate(charges):
        now_s = begin_s + index * period_s
        try:
            monitor.observe(charge, energy_j=math.nan, now_s=now_s)
        except ValueError:
            assert math.isnan(charge)
        objectives.append(monitor.objective(now_s=now_s)[0])
    return sum(a is not b for a, b in itertools.pairwise(objectives))


@pytest.mark.parametrize('period_s', [0.1, 1.0, 5.0])
@pytest.mark.parametrize('charge', [0.25, 0.30, 0.35, 0.40, 0.45])
@pytest.mark.parametrize('band', [(0.3, 0.4), (0.35, 0.35)])
def test_noise_at_a_threshold_changes_the_objective_at_most_twice_a_minute(band, charge, period_s):
    monitor = BatteryMonitor(ManagerSettings(battery_low=band[0], battery_high=band[1]))
    noise = np.random.default_rng(5).normal(0.0, 0.06, int(600.0 / period_s))
    minute = int(60.0 / period_s)
    for begin in range(0, len(noise), minute):
        charges = np.clip(charge + noise[begin : begin + minute], 0.0, 1.0)
        found = run(monitor, charges.tolist(), begin_s=begin * period_s, period_s=period_s)
        assert found <= 2


@pytest.mark.parametrize('charge', [0.29, 0.35, 0.41])
def test_unknown_readings_between_known_ones_change_nothing(monitor, charge):
    unknown = np.random.default_rng(6).random(600) < 0.1
    run(monitor, [charge] * 20)
    charges = np.where(unknown, math.nan, charge).tolist()
    assert run(monitor, charges, begin_s=20 * READ_S) == 0
    assert monitor.percentage(now_s=620 * READ_S) == charge


def test_single_wrong_readings_change_nothing(monitor):
    assert run(monitor, [0.9, 0.9, 0.0, 0.9, 0.9, 0.9, 0.0, 0.9, 0.9]) == 0


def test_unknown_readings_do_not_keep_a_charge_for_ever(monitor):
    timeout_s = ManagerSettings.battery_timeout_s
    run(monitor, [0.2] + [math.nan] * 40)
    assert monitor.percentage(now_s=timeout_s - 1.0) == 0.2
    assert math.isnan(monitor.percentage(now_s=timeout_s))
    assert monitor.objective(now_s=timeout_s)[0] is SAVE


@pytest.mark.parametrize('charge', [0.0, 0.1, 0.29])
def test_the_first_reading_of_a_low_battery_saves_at_once(monitor, charge):
    run(monitor, [charge])
    assert monitor.objective(now_s=0.0)[0] is SAVE


def test_a_battery_that_becomes_low_saves_within_the_window(monitor):
    run(monitor, [0.5] * 60)
    assert run(monitor, [0.2] * int(WINDOW_S), begin_s=60.0) == 1
    assert monitor.objective(now_s=70.0)[0] is SAVE


def test_saving_lasts_a_minute_even_if_the_battery_is_replaced(monitor):
    run(monitor, [0.2] * 10)
    run(monitor, [0.9] * 49, begin_s=10.0)
    assert monitor.objective(now_s=59.0) == (SAVE, 'battery 90% was below 30%')
    assert monitor.objective(now_s=60.0)[0] is SPEND


def test_new_thresholds_apply_at_once(monitor):
    run(monitor, [0.2] * 10)
    monitor.configure(ManagerSettings(battery_low=0.1, battery_high=0.15))
    assert monitor.objective(now_s=10.0)[0] is SPEND


@pytest.mark.parametrize('charge', [7.0, -0.1, math.inf])
def test_an_impossible_charge_is_rejected(objective, charge):
    with pytest.raises(ValueError, match=r'battery percentage is .*expected 0 to 1'):
        objective.choose(charge)


def test_the_low_threshold_must_not_exceed_the_high_one():
    with pytest.raises(ValueError, match=r'battery_low is 0\.5; expected 0 to 0\.4'):
        BatteryObjective(low=0.5, high=0.4)


@pytest.mark.parametrize('high', [1.5, -0.1])
def test_a_threshold_is_a_fraction_of_the_charge(high):
    with pytest.raises(ValueError, match=rf'battery_high is {high}; expected 0 to 1'):
        BatteryObjective(low=0.0, high=high)
