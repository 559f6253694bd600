# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Frequencies that are no longer needed are given back to the platform."""

import dataclasses

import pytest

RELEASE_S = 8.0
SILENCE = 'no frame_report for 8 s: frequencies restored'


@pytest.fixture
def robot(make_robot, clocked):
    """A robot whose GPU the manager has set to 0.5 GHz."""
    robot = make_robot(
        clocked(), deadline_s=0.0, release_s=RELEASE_S, acknowledge_timeout_s=1.0, forget_s=1.0
    )
    robot.platform()
    robot.frame()
    robot.set_clock(robot.manager.step().clocks)
    assert robot.clock_hz == 0.5e9
    return robot


def turn_off(robot):
    robot.manager.configure(dataclasses.replace(robot.manager.settings, dvfs=False))


def restore(robot, command, *, applied=True, result=''):
    """Let the platform answer a command without domains."""
    assert command.clocks_hz == {}
    robot.clock_hz = 1e9 if applied else robot.clock_hz
    robot.platform(sequence=command.sequence, applied=applied, result=result)


def test_dvfs_turned_off_restores_the_frequencies_once(robot):
    turn_off(robot)
    command = robot.manager.step().clocks
    assert (command.sequence, command.reason) == (2, 'dvfs is false: frequencies restored')
    restore(robot, command)
    robot.now_s += 5.0
    output = robot.manager.step()
    assert output.clocks is None
    assert output.status.dvfs_acknowledged


def test_it_is_commanded_until_the_platform_obeys(robot):
    turn_off(robot)
    first = robot.manager.step().clocks
    sent = [first]
    for _ in range(20):
        robot.now_s += 1.0
        restore(robot, first, applied=False, result='no permission')
        sent.append(robot.manager.step().clocks)
    again = [each for each in sent if each is not None]
    assert len(again) > 10
    assert all(each.clocks_hz == {} for each in again)
    restore(robot, again[-1])
    assert robot.manager.step().clocks is None


def test_it_is_also_sent_to_a_silent_platform(robot):
    robot.now_s += 60.0
    turn_off(robot)
    assert robot.manager.step().clocks.clocks_hz == {}


def test_without_a_command_before_there_is_nothing_to_restore(make_robot, clocked):
    robot = make_robot(clocked(), dvfs=False)
    robot.platform()
    assert robot.manager.step().clocks is None


def test_dvfs_turned_on_again_commands_again(robot):
    turn_off(robot)
    restore(robot, robot.manager.step().clocks)
    robot.manager.step()
    robot.manager.configure(dataclasses.replace(robot.manager.settings, dvfs=True))
    assert robot.manager.step().clocks.clocks_hz == {'gpu': 0.5e9}


def test_the_silence_of_all_applications_restores_the_frequencies(robot):
    robot.now_s += RELEASE_S - 0.1
    robot.platform(sequence=1, applied=True)
    assert robot.manager.step().clocks is None
    robot.now_s += 0.1
    output = robot.manager.step()
    assert output.clocks.reason == SILENCE
    assert SILENCE in output.status.warnings
    restore(robot, output.clocks)
    assert robot.manager.step().clocks is None


def test_a_camera_that_returns_gets_its_frequency_again(robot):
    robot.now_s += RELEASE_S
    restore(robot, robot.manager.step().clocks)
    robot.manager.step()
    robot.frame()
    assert robot.manager.step().clocks.clocks_hz == {'gpu': 0.5e9}


def test_one_application_that_reports_keeps_the_frequencies(robot, clocked):
    robot.manager.set_profile(clocked('second'))
    robot.now_s += RELEASE_S
    robot.frame(app='second')
    robot.platform(sequence=1, applied=True)
    output = robot.manager.step()
    assert output.clocks is None or output.clocks.clocks_hz
    assert SILENCE not in output.status.warnings


def test_the_last_application_that_leaves_restores_the_frequencies(robot):
    robot.now_s += 1.0
    assert robot.manager.drop_silent(0) == ['camera']
    assert robot.manager.step().clocks.clocks_hz == {}
