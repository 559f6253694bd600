# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Settings of the manager: defaults, ranges and descriptions."""

import math

import pytest

from dynofa_ros.runtime import ManagerSettings, Objective
from dynofa_ros.runtime.settings import NUMBERS, OBJECTIVES, check_setting

RANGES = {
    'deadline_s': (0.1, 0.0, 3600.0),
    'min_accuracy': (0.0, 0.0, 1.0),
    'energy_weight': (0.1, 0.0, 1000.0),
    'battery_low': (0.3, 0.0, 1.0),
    'battery_high': (0.4, 0.0, 1.0),
    'deadline_probability': (0.95, 0.5, 0.9999),
    'power_cap_w': (0.0, 0.0, 10_000.0),
    'thermal_margin_k': (2.0, 0.0, 50.0),
    'mission_s': (0.0, 0.0, 1e7),
    'mission_reserve': (0.05, 0.0, 1.0),
    'acknowledge_timeout_s': (2.0, 0.01, 600.0),
    'acknowledge_attempts': (3, 1, 1000),
    'hold_s': (10.0, 0.1, 3600.0),
    'battery_timeout_s': (30.0, 0.1, 86_400.0),
    'report_timeout_s': (5.0, 0.1, 3600.0),
    'release_s': (10.0, 0.1, 3600.0),
    'forget_s': (60.0, 0.1, 86_400.0),
}


@pytest.mark.parametrize(('name', 'values'), RANGES.items())
def test_each_number_has_a_default_within_its_range(name, values):
    default, low, high = values
    assert getattr(ManagerSettings(), name) == default
    assert NUMBERS[name].keys() == {'description', 'low', 'high'}
    for inside in (low, high):
        check_setting(name, inside)
    for outside in (low - 0.001, high * 1.001, math.nan):
        with pytest.raises(ValueError, match=rf'^{name} is .*; expected '):
            check_setting(name, outside)


def test_an_impossible_setting_is_refused():
    with pytest.raises(ValueError, match=r'^hold_s is 0; expected 0\.1 to 3600$'):
        ManagerSettings(hold_s=0.0)


def test_the_battery_thresholds_are_in_order():
    assert ManagerSettings(battery_low=0.4, battery_high=0.4).battery_high == 0.4
    with pytest.raises(ValueError, match=r'^battery_high is 0\.2; expected 0\.3 to 1$'):
        ManagerSettings(battery_high=0.2)


@pytest.mark.parametrize('name', OBJECTIVES)
def test_every_objective_can_be_set(name):
    assert ManagerSettings(objective=name).objective == name


def test_the_objectives_are_auto_and_those_of_the_decision():
    assert OBJECTIVES == ('auto', 'max_accuracy', 'min_energy', 'weighted')
    assert Objective('weighted') is Objective.WEIGHTED
    with pytest.raises(ValueError, match=r"^objective is 'best'; expected auto, max_accuracy, min"):
        ManagerSettings(objective='best')


@pytest.mark.parametrize(('deadline_s', 'target_s'), [(0.0, math.nan), (0.05, 0.05)])
def test_a_deadline_of_0_is_none(deadline_s, target_s):
    target = ManagerSettings(deadline_s=deadline_s, min_accuracy=0.6).target
    assert target.deadline_s == pytest.approx(target_s, nan_ok=True)
    assert (target.min_accuracy, target.priority) == (0.6, 0)


def test_a_deadline_below_any_frame_is_refused():
    with pytest.raises(ValueError, match='deadline_s'):
        ManagerSettings(deadline_s=1e-9)
