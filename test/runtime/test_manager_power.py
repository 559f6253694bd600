# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The whole manager under caps on the board's power."""

import math

import pytest

from dynofa_ros.runtime import ManagerSettings, ResourceManager, TemperatureObservation

BASE_W = 3.0
ACCURATE = {'deadline_s': 0.1, 'objective': 'max_accuracy'}


@pytest.fixture
def robot(make_robot, clocked):
    """A camera of 10 Hz with 10 to 50 mJ per frame, 0.1 to 0.5 W, on a board that reports power."""

    class Board(make_robot):
        sequence, temperatures = 0, ()

        def __init__(self, **settings):
            self.profile = clocked()
            super().__init__(self.profile, **ACCURATE, **settings)
            self.step()

        def step(self):
            power_w = BASE_W
            if self.frames:
                power_w += 10.0 * self.point.energy_j
            self.platform(
                sequence=self.sequence,
                applied=self.sequence > 0,
                power_w=power_w,
                temperatures=self.temperatures,
            )
            self.output = self.manager.step()
            if self.output.clocks is not None:
                self.sequence = self.output.clocks.sequence
                self.clock_hz = self.output.clocks.clocks_hz['gpu']
            return self.output

        @property
        def point(self):
            return self.output.status.apps[0].choice.point

        def run(self, seconds):
            """Report frames, and return the last status."""
            for _ in range(round(10 * seconds)):
                self.now_s += 0.1
                point = self.profile.at(self.point.key, self.clock_hz)
                self.frame(point.subnet_id, point.latency_s, period_s=0.1)
                self.step()
            return self.output.status

    return Board


def test_a_power_cap_reduces_accuracy_until_it_is_lifted(robot):
    camera = robot()
    camera.run(20.0)
    assert camera.point.subnet_id == 'large'
    camera.manager.configure(ManagerSettings(**ACCURATE, power_cap_w=BASE_W + 0.4))
    capped = camera.run(10.0)
    assert camera.point.subnet_id in ('small', 'medium')
    assert capped.predicted_power_w <= capped.budget.applications_w <= 0.4
    camera.manager.configure(ManagerSettings(**ACCURATE))
    camera.run(1.0)
    assert camera.point.subnet_id == 'large'


def test_the_base_load_excludes_the_applications(robot):
    status = robot(power_cap_w=10.0).run(20.0)
    assert status.budget.base_load.mean_w == pytest.approx(BASE_W, abs=0.02)


def test_under_an_unreachable_cap_the_least_power_runs_with_a_warning(robot):
    camera = robot(power_cap_w=1.0)
    status = camera.run(5.0)
    assert status.budget.applications_w == 0.0
    assert camera.point.energy_j == 0.01
    assert any(
        each.startswith('power_cap_w = 1 W is not met: it leaves 0 W, the applications need 0.1 W')
        for each in status.warnings
    )


def test_a_mission_reduces_accuracy_until_it_is_cancelled(robot):
    camera = robot(mission_reserve=0.0)
    camera.run(20.0)
    camera.manager.observe_battery(0.9, energy_j=100.0 * (BASE_W + 0.4))
    camera.manager.request_mission(100.0)
    status = camera.run(1.0)
    assert camera.point.subnet_id in ('small', 'medium')
    assert status.budget.mission_left_s == pytest.approx(99.0)
    camera.manager.request_mission(0.0)
    camera.run(1.0)
    assert camera.point.subnet_id == 'large'


def test_a_mission_that_began_earlier_has_less_time_left(robot):
    camera = robot()
    camera.manager.request_mission(100.0, ago_s=30.0)
    assert camera.manager.step().status.budget.mission_left_s == pytest.approx(70.0)


def test_the_reserve_is_not_available_to_the_mission(robot):
    camera = robot(mission_reserve=0.3)
    camera.manager.observe_battery(0.9, energy_j=900.0)
    camera.manager.request_mission(100.0)
    assert camera.manager.step().status.budget.board.power_w == pytest.approx(6.0)
    camera.manager.observe_battery(0.2, energy_j=200.0)
    assert camera.manager.step().status.budget.board.power_w == 0.0


def test_with_a_silent_battery_the_mission_s_cap_holds_with_a_warning(robot):
    camera = robot()
    camera.manager.observe_battery(0.9, energy_j=100.0)
    camera.manager.request_mission(1000.0)
    before = camera.manager.step().status.budget.board
    camera.now_s += ManagerSettings.battery_timeout_s
    status = camera.manager.step().status
    assert status.budget.board == before
    assert before.power_w < 0.1
    warning = 'battery energy unknown or stale: the last power cap of the mission holds'
    assert warning in status.warnings
    assert math.isnan(status.battery_energy_j)


def test_heat_reduces_accuracy_before_the_hardware_throttles(robot):
    camera = robot()
    camera.temperatures = (TemperatureObservation('gpu', 93.5, 95.0),)
    status = camera.run(30.0)
    assert camera.point.subnet_id == 'small'
    assert 'gpu throttles at 95 degrees' in status.budget.board.reason


def test_an_idle_application_does_not_count_against_the_cap(robot, clocked):
    camera = robot(power_cap_w=BASE_W + 0.2)
    camera.manager.set_profile(clocked('idle'))
    status = camera.run(10.0)
    assert status.predicted_power_w <= 0.2
    assert not any('is not met' in each for each in status.warnings)


@pytest.mark.parametrize(('power_cap_w', 'warned'), [(0.0, False), (10.0, True)])
def test_an_application_of_unknown_energy_is_reported_under_a_cap(
    make_profile, make_point, power_cap_w, warned
):
    manager = ResourceManager(ManagerSettings(power_cap_w=power_cap_w), clock=lambda: 0.0)
    manager.set_profile(make_profile(make_point(energy_j=math.nan)))
    text = 'energy of camera unknown: not counted against power_cap_w = 10 W'
    assert (text in manager.step().status.warnings) == warned


def reason_of(camera):
    return camera.output.status.apps[0].choice.reason


def test_a_thermal_limit_far_away_is_in_no_reason(robot):
    camera = robot()
    camera.temperatures = (TemperatureObservation('GPU-therm', 40.0, 95.0),)
    status = camera.run(10.0)
    assert status.budget.board.power_w < math.inf
    assert reason_of(camera).startswith(('most accurate that meets', 'kept: meets'))
    assert 'W' not in reason_of(camera)


@pytest.mark.parametrize(
    ('settings', 'name'),
    [
        ({'power_cap_w': BASE_W + 0.3}, 'power_cap_w = 3.3 W ('),
        ({'mission_s': 1000.0}, 'the mission ('),
        ({}, 'the thermal limit of GPU-therm ('),
    ],
)
def test_the_reason_names_what_limits_the_power(robot, settings, name):
    """Each reason is that of a fresh choice, before hysteresis keeps it."""
    camera = robot(**settings)
    if not settings:
        camera.temperatures = (TemperatureObservation('GPU-therm', 95.0, 95.0),)
    reasons = set()
    for _ in range(20):
        camera.manager.observe_battery(0.5, energy_j=1000.0 * (BASE_W + 0.3))
        camera.run(1.0)
        reasons.add(reason_of(camera))
    named = [each for each in reasons if 'for applications' in each]
    assert named
    assert all(name in each for each in named)


@pytest.mark.parametrize(('energy_weight', 'chosen'), [(0.0, 'large'), (1000.0, 'small')])
def test_the_weighted_objective_trades_accuracy_for_energy(
    make_robot, clocked, energy_weight, chosen
):
    camera = make_robot(clocked(), objective='weighted', energy_weight=energy_weight)
    camera.request(0.2)
    status = camera.manager.step().status
    assert status.apps[0].choice.point.subnet_id == chosen


@pytest.mark.parametrize('energy_j', [-1.0, math.inf])
def test_an_impossible_energy_is_rejected_and_the_last_one_holds(robot, energy_j):
    camera = robot()
    camera.manager.observe_battery(0.5, energy_j=100.0)
    with pytest.raises(ValueError, match=r'battery energy_j is .*; expected'):
        camera.manager.observe_battery(0.6, energy_j=energy_j)
    assert camera.manager.step().status.battery_energy_j == 100.0
