"""The whole manager under caps of the board's power: what it chooses, and what it shows."""

import math

import pytest

from dynofa_ros.runtime import (
    DomainObservation,
    FrameObservation,
    ManagerSettings,
    PlatformObservation,
    ResourceManager,
    TargetRequest,
    TemperatureObservation,
)

IDLE_W = 3.0


class Robot:
    """A camera of 10 Hz on a board that does as it is told, and says what that draws."""

    def __init__(self, profile, **settings):
        self.now_s = 100.0
        self.manager = ResourceManager(
            ManagerSettings(deadline_s=0.1, objective='max_accuracy', **settings),
            clock=lambda: self.now_s,
        )
        self.profile = profile
        self.manager.set_profile(profile)
        self.clock_hz, self.frames, self.temperatures = 1e9, 0, ()
        self.sequence, self.rest_w = 0, IDLE_W
        self.outcome = self.step()

    def step(self):
        gpu = DomainObservation('gpu', ('gpu',), self.clock_hz, (0.5e9, 1e9), True)
        self.manager.observe_platform(
            PlatformObservation(
                'board', (gpu,), self.sequence, self.sequence > 0,
                power_w=self.rest_w + self.drawn_w, temperatures=self.temperatures,
            )
        )  # fmt: skip
        self.outcome = self.manager.step()
        if self.outcome.clocks is not None:
            self.sequence = self.outcome.clocks.sequence
            self.clock_hz = self.outcome.clocks.clocks_hz['gpu']
        return self.outcome

    @property
    def point(self):
        return self.outcome.status.apps[0].choice.settled_point

    @property
    def drawn_w(self):
        return 10.0 * self.point.energy_j if self.frames else 0.0

    def run(self, seconds):
        for _ in range(round(10 * seconds)):
            self.now_s += 0.1
            self.frames += 1
            point = self.profile.at(self.point.key, self.clock_hz)
            self.manager.observe_frame(
                FrameObservation(
                    'camera', self.frames, point.subnet_id, 'torch', 'gpu', 1,
                    point.latency_s, 0.0, self.now_s,
                )
            )  # fmt: skip
            self.step()
        return self.outcome.status


@pytest.fixture
def robot(clocked):
    """Energies of 10 to 50 mJ a frame, so 0.1 to 0.5 W at 10 Hz."""
    return lambda **settings: Robot(clocked(), **settings)


def test_a_power_cap_lowers_what_is_chosen_and_lifting_it_brings_it_back(robot):
    free = robot()
    assert free.run(20.0).apps[0].choice.settled_point.subnet_id == 'large'
    free.manager.configure(
        ManagerSettings(deadline_s=0.1, objective='max_accuracy', power_cap_w=IDLE_W + 0.4)
    )
    capped = free.run(10.0)
    assert capped.apps[0].choice.settled_point.subnet_id in ('small', 'medium')
    assert capped.predicted_power_w <= capped.budget.applications_w <= 0.4
    free.manager.configure(ManagerSettings(deadline_s=0.1, objective='max_accuracy'))
    assert free.run(1.0).apps[0].choice.settled_point.subnet_id == 'large'


def test_the_rest_is_told_from_the_applications(robot):
    status = robot(power_cap_w=10.0).run(20.0)
    assert status.budget.base_load.mean_w == pytest.approx(IDLE_W, abs=0.02)


def test_a_cap_that_cannot_be_met_is_a_warning_and_the_least_power_runs(robot):
    status = robot(power_cap_w=1.0).run(5.0)
    assert status.budget.applications_w == 0.0
    assert status.apps[0].choice.settled_point.energy_j == 0.01
    assert any(
        each.startswith('power cap not met: 1 W (set by parameter) leaves 0 W, needed are 0.1 W')
        for each in status.warnings
    )


def test_a_mission_lowers_what_is_chosen_and_cancelling_it_brings_it_back(robot):
    camera = robot(mission_reserve=0.0)
    camera.run(20.0)
    camera.manager.observe_battery(0.9, energy_j=100.0 * (IDLE_W + 0.4))
    camera.manager.request_mission(100.0)
    status = camera.run(1.0)
    assert status.apps[0].choice.settled_point.subnet_id in ('small', 'medium')
    assert status.budget.mission_left_s == pytest.approx(99.0)
    camera.manager.request_mission(0.0)
    assert camera.run(1.0).apps[0].choice.settled_point.subnet_id == 'large'


def test_a_mission_that_began_some_time_ago_has_less_left(robot):
    camera = robot()
    camera.manager.request_mission(100.0, ago_s=30.0)
    assert camera.manager.step().status.budget.mission_left_s == pytest.approx(70.0)


def test_the_reserve_is_not_for_the_mission(robot):
    camera = robot(mission_reserve=0.3)
    camera.manager.observe_battery(0.9, energy_j=900.0)
    camera.manager.request_mission(100.0)
    assert camera.manager.step().status.budget.board.power_w == pytest.approx(6.0)
    camera.manager.observe_battery(0.2, energy_j=200.0)
    assert camera.manager.step().status.budget.board.power_w == 0.0


def test_a_battery_that_falls_silent_leaves_the_cap_of_the_mission_with_a_warning(robot):
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


def test_heat_lowers_what_is_chosen_before_the_hardware_throttles(robot):
    camera = robot()
    camera.temperatures = (TemperatureObservation('gpu', 93.5, 95.0),)
    status = camera.run(30.0)
    assert status.apps[0].choice.settled_point.subnet_id == 'small'
    assert 'gpu throttles at 95 degrees' in status.budget.board.reason


def test_an_idle_application_takes_nothing_of_the_cap(robot, clocked):
    camera = robot(power_cap_w=IDLE_W + 0.2)
    camera.manager.set_profile(clocked('idle'))
    status = camera.run(10.0)
    assert status.predicted_power_w <= 0.2
    assert not any(each.startswith('power cap not met') for each in status.warnings)


@pytest.mark.parametrize(('power_cap_w', 'warned'), [(0.0, False), (10.0, True)])
def test_an_application_without_energies_is_named_where_a_cap_is_asked_for(
    make_profile, make_point, power_cap_w, warned
):
    manager = ResourceManager(ManagerSettings(power_cap_w=power_cap_w), clock=lambda: 0.0)
    manager.set_profile(make_profile(make_point(energy_j=math.nan)))
    text = 'energy of camera unknown: not counted against the power cap'
    assert (text in manager.step().status.warnings) == warned


def test_weighted_trades_accuracy_for_energy_at_the_rate_that_is_set(clocked):
    chosen = []
    for energy_weight in (0.0, 1000.0):
        settings = ManagerSettings(
            deadline_s=0.1, objective='weighted', energy_weight=energy_weight
        )
        manager = ResourceManager(settings, clock=lambda: 0.0)
        manager.set_profile(clocked())
        manager.request_target(TargetRequest('camera', 0.2))
        chosen.append(manager.step().status.apps[0].choice.settled_point.subnet_id)
    assert chosen == ['large', 'small']


@pytest.mark.parametrize('energy_j', [-1.0, math.inf])
def test_an_impossible_energy_is_refused_and_the_last_stays(robot, energy_j):
    camera = robot()
    camera.manager.observe_battery(0.5, energy_j=100.0)
    with pytest.raises(ValueError, match=r'battery energy_j is .*; expected'):
        camera.manager.observe_battery(0.6, energy_j=energy_j)
    assert camera.manager.step().status.battery_energy_j == 100.0
