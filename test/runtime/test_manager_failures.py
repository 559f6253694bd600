# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Refused commands and missing messages are retried, reported, and affect nothing else."""

import dataclasses
import math

import pytest

from dynofa_ros.runtime import FrameObservation, SubnetObservation

HOLD_S, REPORT_TIMEOUT_S, ATTEMPTS = 10.0, 5.0, 3


@pytest.fixture
def robot(make_robot, clocked):
    """A robot that has not reported its platform yet."""
    robot = make_robot(
        clocked(),
        deadline_s=0.0,
        acknowledge_timeout_s=1.0,
        acknowledge_attempts=ATTEMPTS,
        hold_s=HOLD_S,
        report_timeout_s=REPORT_TIMEOUT_S,
    )
    robot.manager.observe_battery(0.9)
    return robot


@pytest.fixture
def manager(robot):
    return robot.manager


def test_an_unacknowledged_command_is_repeated_and_then_reported(robot):
    sent = []
    for _ in range(30):
        output = robot.manager.step()
        sent += [each.sequence for each in output.switches]
        robot.now_s += 0.1
    assert sent == [1, 1, 1]
    assert 'camera has not acknowledged command 1 after 3 attempts' in output.status.warnings
    assert not output.status.apps[0].acknowledged


def test_a_refused_sub_network_is_replaced_by_the_next_best_for_a_while(robot, manager):
    robot.acknowledge(manager.step().switches[0], applied=False, result='weights missing')
    robot.now_s += 1.0
    output = manager.step()
    assert output.switches[0].subnet_id == 'medium'
    assert 'camera refused large on gpu: weights missing' in output.status.warnings
    robot.acknowledge(output.switches[0])
    robot.now_s += HOLD_S
    # Commanded again only by a decision without hysteresis.
    robot.request(1.0)
    assert manager.step().switches[0].subnet_id == 'large'


def test_a_restarted_application_gets_its_command_again(robot, manager):
    command = manager.step().switches[0]
    robot.acknowledge(command)
    robot.now_s += 5.0
    manager.observe_subnet(SubnetObservation('camera', 'small', 'gpu', 0, False))
    assert manager.step().switches == (command,)


@pytest.fixture
def refused_clock(robot, manager):
    """The output after the platform refused 1 GHz."""
    robot.clock_hz = 0.5e9
    robot.platform()
    robot.request(0.055)
    first = manager.step()
    assert first.clocks.clocks_hz == {'gpu': 1e9}
    assert first.switches[0].subnet_id == 'medium'
    robot.acknowledge(first.switches[0])
    robot.platform(sequence=1, applied=False, result='no permission')
    robot.now_s += 1.0
    return manager.step()


def test_a_refused_frequency_is_not_commanded_and_the_present_one_is_used(refused_clock):
    assert [each.subnet_id for each in refused_clock.switches] == ['small']
    assert refused_clock.clocks is None
    status = refused_clock.status
    assert status.apps[0].choice.point.subnet_id == 'small'
    assert not status.dvfs_acknowledged
    assert 'frequency of gpu cannot be set, not commanded: no permission' in status.warnings


def test_a_refused_frequency_is_commanded_again_after_a_while(refused_clock, robot):
    robot.now_s += HOLD_S
    robot.platform()
    assert robot.manager.step().clocks.sequence == 2


def test_a_frequency_that_drifts_is_set_again(robot, manager):
    robot.platform()
    command = manager.step().clocks
    robot.set_clock(command)
    robot.now_s += 5.0
    robot.clock_hz = 1e9
    robot.platform(sequence=command.sequence, applied=True)
    output = manager.step()
    assert output.clocks == command
    assert not output.status.dvfs_acknowledged


def test_a_platform_that_does_not_answer_gets_a_limited_number_of_commands(robot, manager):
    sent = 0
    for _ in range(60):
        robot.platform()
        sent += manager.step().clocks is not None
        robot.now_s += 0.1
    assert sent == ATTEMPTS


def test_without_a_platform_sub_networks_are_still_commanded(robot, manager):
    robot.request(0.06)
    output = manager.step()
    assert output.clocks is None
    assert output.switches[0].subnet_id == 'large'
    assert 'no platform_state: frequencies unknown, none commanded' in output.status.warnings


def test_frequencies_of_a_silent_platform_are_not_commanded(robot, manager):
    robot.platform()
    manager.step()
    robot.now_s += REPORT_TIMEOUT_S
    robot.request(0.032)
    output = manager.step()
    assert output.clocks is None
    assert any('platform_state is 5.0 s old' in each for each in output.status.warnings)


def test_a_silent_application_does_not_determine_the_frequency_of_others(robot, manager, clocked):
    robot.platform()
    robot.request(0.055)
    manager.set_profile(clocked('second'))
    assert manager.step().clocks.clocks_hz == {'gpu': 1e9}
    robot.now_s += REPORT_TIMEOUT_S
    robot.frame(app='second')
    robot.platform()
    output = manager.step()
    assert output.clocks.clocks_hz == {'gpu': 0.5e9}
    assert 'no frame_report for 5 s from camera' in output.status.warnings


def test_an_application_without_frames_gets_a_new_deadline(robot, manager):
    manager.step()
    robot.now_s += 60.0
    robot.request(0.021)
    assert manager.step().switches[0].subnet_id == 'small'


def test_the_slowdown_of_a_silent_application_returns_to_one(robot, manager):
    robot.platform()
    robot.step()
    robot.now_s += 1.0
    for inference_s in (0.10,) * 20 + (0.30,) * 5:
        robot.frame(inference_s=inference_s)
    slow = manager.step().status.apps[0].choice.slowdown
    robot.now_s += 120.0
    after = manager.step().status.apps[0].choice.slowdown
    assert slow.mean == pytest.approx(3.0, rel=0.05)
    assert after.mean == pytest.approx(1.0, abs=0.01)
    assert after.std > slow.std


def test_the_charge_of_a_silent_battery_is_unknown(robot, manager):
    for _ in range(10):
        robot.now_s += 1.0
        manager.observe_battery(0.1)
    robot.now_s += manager.settings.battery_timeout_s
    status = manager.step().status
    assert status.objective.value == 'min_energy'
    assert status.objective_reason == 'battery charge unknown, the last objective holds'
    assert math.isnan(status.battery_percentage)
    assert 'battery charge unknown or stale: objective min_energy' in status.warnings


@pytest.mark.parametrize('charge', [7.0, -1.0, math.nan])
def test_an_impossible_or_unknown_charge_is_rejected_and_the_last_one_stays(manager, charge):
    with pytest.raises(ValueError, match=rf'battery percentage is {charge:g}; expected 0 to 1'):
        manager.observe_battery(charge)
    assert manager.step().status.battery_percentage == 0.9


def test_reports_of_unknown_applications_and_sub_networks_are_rejected(robot, manager):
    with pytest.raises(ValueError, match=r"application is 'other'; expected .*camera"):
        robot.frame(app='other')
    with pytest.raises(ValueError, match=r'huge.*expected .*sub-networks large, medium, small'):
        robot.frame('huge')
    with pytest.raises(ValueError, match=r"application is 'other'"):
        manager.observe_subnet(SubnetObservation('other', 'x', 'gpu', 0, False))


@pytest.mark.parametrize('inference_s', [0.0, -1.0, 1e-320, 1e155, math.nan, math.inf])
def test_an_impossible_latency_is_rejected(inference_s):
    with pytest.raises(ValueError, match=r'inference_s is .*expected 1e-06 to 3600'):
        FrameObservation('camera', 1, 'large', 'torch', 'gpu', 1, inference_s, 0.0)


def test_a_command_refused_while_its_application_is_left_out_is_no_error(robot, manager):
    command = manager.step().switches[0]
    robot.acknowledge(command, applied=False, result='weights missing')
    robot.now_s += 1.0
    control = manager._apps['camera'].control
    settings = manager.settings
    assert control.suspend_refused(now_s=robot.now_s, settings=settings)
    assert not control.suspend_refused(now_s=robot.now_s, settings=settings)


def test_an_echo_of_an_implausible_sequence_number_changes_nothing(robot, manager):
    command = manager.step().switches[0]
    echo = dataclasses.replace(command, sequence=2**64 - 1)
    robot.acknowledge(echo)
    robot.now_s += 1.0
    assert manager.step().switches == (command,)
