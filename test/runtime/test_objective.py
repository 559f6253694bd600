import math

import pytest

from dynofa_ros.runtime import BatteryObjective, Objective

SAVE, SPEND = Objective.MIN_ENERGY, Objective.MAX_ACCURACY


def test_it_saves_below_the_low_threshold_and_spends_again_above_the_high_one():
    battery = BatteryObjective(low=0.3, high=0.4)
    charges = [0.9, 0.35, 0.29, 0.35, 0.4, 0.41, 0.35]
    assert [battery.choose(charge)[0] for charge in charges] == [
        SPEND, SPEND, SAVE, SAVE, SAVE, SPEND, SPEND,
    ]  # fmt: skip


def test_the_reason_names_charge_and_threshold():
    assert BatteryObjective(low=0.3, high=0.4).choose(0.23)[1] == 'battery 23% is below 30%'


def test_an_unknown_charge_is_no_reason_to_save():
    battery = BatteryObjective(low=0.3, high=0.4)
    battery.choose(0.1)
    assert battery.choose(math.nan) == (SPEND, 'battery charge unknown')


@pytest.mark.parametrize('charge', [7.0, -0.1, math.inf])
def test_an_impossible_charge_is_refused(charge):
    with pytest.raises(ValueError, match=r'battery percentage is .*expected 0 to 1'):
        BatteryObjective(low=0.3, high=0.4).choose(charge)


def test_the_low_threshold_is_not_above_the_high_one():
    with pytest.raises(ValueError, match=r'battery_low is 0\.5; expected 0 to 0\.4'):
        BatteryObjective(low=0.5, high=0.4)
