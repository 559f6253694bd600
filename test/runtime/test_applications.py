# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Applications join and leave, and one with bad data does not stop the others."""

import pytest

from dynofa_ros.runtime import ManagerSettings, ResourceManager, applications
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
