# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Applications join and leave, and one with bad data does not stop the others."""

import dataclasses
import math

import pytest

from dynofa_ros.runtime import (
    DomainObservation,
    FrameObservation,
    ManagerSettings,
    PlatformObservation,
    ResourceManager,
    TemperatureObservation,
    applications,
)
from dynofa_ros.runtime.application import ManagedApplication
from dynofa_ros.runtime.decision.decide import decide
from dynofa_ros.runtime.ranges import APPLICATIONS_MAX

FORGET_S = 30.0


@pytest.fixture
def robot(make_robot, clocked):
    return make_robot(clocked(), forget_s=FORGET_S)


@pytest.fixture
def manager(robot):
    return robot.manager


def test_the_number_of_applications_is_limited(robot, manager, clocked):
    robot.frame()
    for index in range(2000):
        robot.now_s += 1.0
        manager.set_profile(clocked(f'app{index}'))
    expected = {'camera', *(f'app{2000 - each}' for each in range(1, APPLICATIONS_MAX))}
    assert set(manager.apps) == expected
    assert len(manager.step().status.apps) == APPLICATIONS_MAX


def test_of_those_with_frames_the_one_that_is_silent_for_longest_leaves(robot, manager, clocked):
    for index in range(APPLICATIONS_MAX - 1):
        manager.set_profile(clocked(f'app{index}'))
        robot.now_s += 0.01
        robot.frame(app=f'app{index}')
    robot.frame()
    manager.set_profile(clocked('new'))
    assert 'app0' not in manager.apps
    assert {'camera', 'new', 'app1'} < set(manager.apps)


def test_an_application_is_forgotten_once_it_is_silent_and_its_publisher_gone(
    robot, manager, clocked
):
    manager.set_profile(clocked('gone'))
    robot.now_s += FORGET_S - 0.1
    robot.frame()
    assert manager.drop_silent(1) == []
    robot.now_s += 0.1
    assert manager.drop_silent(1) == ['gone']
    assert manager.apps == ('camera',)


def test_a_silent_application_with_a_publisher_stays(robot, manager, clocked):
    manager.set_profile(clocked('paused'))
    robot.now_s += 100 * FORGET_S
    assert manager.drop_silent(2) == []
    assert manager.apps == ('camera', 'paused')


def test_an_application_that_returns_keeps_its_requested_target(robot, manager, clocked):
    robot.request(0.03)
    robot.now_s += FORGET_S
    manager.drop_silent(0)
    assert manager.step().status.apps == ()
    manager.set_profile(clocked())
    assert manager.step().switches[0].deadline_s == 0.03


@pytest.fixture
def poisoned(monkeypatch):
    """Decisions that fail with data of the application `bad`."""

    def fails(state):
        if any(each.app == 'bad' for each in state.applications):
            raise FloatingPointError('of bad')
        return decide(state)

    monkeypatch.setattr(applications, 'decide', fails)


def test_an_application_whose_data_make_the_decision_fail_is_left_out(
    poisoned, clocked, make_robot
):
    failures = []
    robot = make_robot(clocked())
    robot.manager = ResourceManager(
        ManagerSettings(),
        clock=lambda: robot.now_s,
        on_failure=lambda app, error: failures.append((app, str(error))),
    )
    for app in ('first', 'bad', 'last'):
        robot.manager.set_profile(clocked(app))
    status = robot.manager.step().status
    assert [each.choice.app for each in status.apps] == ['first', 'last']
    text = 'bad is left out of the decision, which fails with its data: FloatingPointError: of bad'
    assert text in status.warnings
    robot.manager.step()
    assert failures == [('bad', 'of bad')]


def test_an_application_that_was_left_out_is_tried_again(poisoned, robot, manager, clocked):
    manager.set_profile(clocked('bad'))
    manager.step()
    robot.now_s += applications.RETRY_S
    with pytest.MonkeyPatch.context() as healed:
        healed.setattr(applications, 'decide', decide)
        status = manager.step().status
    assert [each.choice.app for each in status.apps] == ['bad', 'camera']
    assert not any('left out' in each for each in status.warnings)


@pytest.fixture
def decided(monkeypatch):
    """The states for which decisions are made."""
    states = []

    def recorded(state):
        states.append(state)
        return decide(state)

    monkeypatch.setattr(applications, 'decide', recorded)
    return states


def test_nothing_is_decided_again_while_nothing_moves(robot, manager, decided):
    robot.platform()
    for _ in range(4):  # the first command, its acknowledgement, and with hysteresis
        robot.now_s += 0.1
        robot.step()
    decided.clear()
    statuses = []
    for _ in range(10):
        robot.now_s += 0.1
        robot.platform()
        statuses.append(robot.step().status)
    assert decided == []
    assert [each.decisions for each in statuses] == list(range(5, 15))
    assert {each.apps for each in statuses} == {statuses[0].apps}


def test_noise_of_a_temperature_far_below_its_limit_is_no_reason_to_decide(
    make_robot, clocked, decided
):
    robot = make_robot(clocked(), release_s=3600.0, report_timeout_s=3600.0)

    def wait():
        robot.now_s += 1.0
        sensor = TemperatureObservation('soc', 40.0 + 0.01 * (robot.now_s % 3), 95.0)
        robot.platform(temperatures=(sensor,), power_w=5.0, power_source='measured_rail')
        return robot.step().status

    for _ in range(300):
        wait()
    decided.clear()
    caps_w = {wait().budget.applications_w for _ in range(60)}
    assert all(math.isfinite(each) for each in caps_w)
    assert len(decided) <= 6


@pytest.mark.parametrize(
    'move',
    [
        pytest.param(lambda robot: robot.request(0.03), id='target'),
        pytest.param(lambda robot: robot.frame('large', 0.2), id='slowdown'),
        pytest.param(lambda robot: robot.manager.observe_battery(0.1), id='objective'),
        pytest.param(lambda robot: robot.manager.remove('camera'), id='application'),
    ],
)
def test_it_is_decided_again_when_an_input_moves(robot, manager, clocked, decided, move):
    manager.set_profile(clocked('other'))
    robot.platform()
    for _ in range(4):
        robot.now_s += 0.1
        robot.step()
    decided.clear()
    move(robot)
    robot.step()
    assert decided


def test_an_application_that_is_removed_gets_no_more_commands(robot, manager, clocked):
    manager.set_profile(clocked('other'))
    robot.step()
    manager.remove('other')
    assert manager.due
    assert [each.choice.app for each in robot.step().status.apps] == ['camera']
    manager.remove('other')
    assert not manager.due


def test_contention_reaches_the_decision(robot, decided):
    gpu = DomainObservation(
        'gpu', ('gpu', 'dla'), 1e9, (0.5e9, 1e9), True, contention=(0.5, math.nan)
    )
    robot.manager.step()
    robot.manager.observe_platform(PlatformObservation('board', (gpu,)))
    assert robot.manager.due
    robot.manager.step()
    assert decided[-1].contention == {'gpu': 0.5}
    robot.manager.observe_platform(PlatformObservation('board', (gpu,)))
    assert not robot.manager.due


def test_of_silent_applications_those_without_frames_are_forgotten_first(robot, manager, clocked):
    """`a` has reported a frame, later than `b` and `c` joined."""
    for app in ('a', 'c', 'b'):
        manager.set_profile(clocked(app))
        robot.now_s += 1.0
    robot.frame(app='a')
    robot.now_s += FORGET_S
    robot.frame()
    assert manager.drop_silent(3) == ['c']
    assert manager.drop_silent(2) == ['b']
    assert manager.drop_silent(2) == []
    assert manager.drop_silent(1) == ['a']


def frames(clocked, *stamps_s, inference_s=0.05):
    """Return an application that reported frames from these times on the GPU."""
    application = ManagedApplication(clocked(), now_s=0.0)
    for sequence, stamp_s in enumerate(stamps_s):
        frame = FrameObservation(
            'camera', sequence, 'large', 'torch', 'gpu', 1, inference_s, 0.0, stamp_s
        )
        application.observe(frame, clocks_hz=(1e9,), now_s=stamp_s)
    return application


@pytest.mark.parametrize(
    ('stamps_s', 'inference_s', 'load'),
    [
        ((), 0.05, 0.0),
        ((0.0,), 0.05, 1.0),  # the frame rate is unknown
        ((0.0, 0.1), 0.05, 0.5),
        ((0.0, 0.1), 0.3, 1.0),  # not more than the processor has
    ],
)
def test_the_load_of_an_application_is_its_share_of_the_processor(
    clocked, stamps_s, inference_s, load
):
    application = frames(clocked, *stamps_s, inference_s=inference_s)
    assert application.load_on('gpu') == pytest.approx(load)
    assert application.load_on('npu') == 0.0


def test_a_new_profile_of_a_known_application_calls_for_a_decision(robot, manager, clocked):
    robot.step()
    manager.set_profile(clocked())
    assert not manager.due  # the same as before
    profile = clocked()
    manager.set_profile(dataclasses.replace(profile, points=profile.points[:-1]))
    assert manager.due
