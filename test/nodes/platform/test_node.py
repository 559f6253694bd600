# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The platform node on a simulated machine: a process of its own, tested over DDS."""

from __future__ import annotations

import math
import signal
import uuid

import platform_robot
import pytest
from platform_robot import TIMEOUT_S, Robot, messages

NAN = math.nan
MAX_HZ, MID_HZ = 1109250000.0, 803250000.0


def start(folder, *arguments, **options):
    return platform_robot.start(folder, 'device:=simulated', *arguments, **options)


@pytest.fixture(scope='module')
def namespace():
    return f'/test_{uuid.uuid4().hex[:8]}'


@pytest.fixture(scope='module')
def process(namespace, tmp_path_factory):
    folder = tmp_path_factory.mktemp('platform')
    node = start(folder, 'battery_energy_j:=20000.0', 'battery_initial:=0.5', namespace=namespace)
    yield node
    node.send_signal(signal.SIGINT)
    output, _ = node.communicate(timeout=TIMEOUT_S)
    assert node.returncode == 0, output
    assert 'Traceback' not in output


@pytest.fixture(scope='module')
def robot(process, namespace):
    robot = Robot(namespace)
    robot.wait_for(lambda: robot.state)
    yield robot
    assert process.poll() is None, 'the node ended'
    robot.close()


def test_it_reports_the_platform_and_its_capabilities(robot):
    assert robot.state.platform == 'jetson_xavier_nx'
    assert robot.state.simulated
    assert robot.state.power_source == 'modelled'
    assert robot.state.capabilities == ['set_frequency', 'power', 'temperature', 'battery']
    assert {domain.name for domain in robot.state.domains} == {'cpu', 'gpu'}
    assert robot.domain('gpu').available_frequencies_hz[-1] == MAX_HZ
    assert robot.state.header.stamp.sec > 0


def test_a_command_is_acknowledged_and_changes_the_frequency(robot):
    state = robot.command(1, gpu=MID_HZ)
    assert state.command_applied
    assert 'gpu: 803250000 Hz' in state.command_result
    robot.wait_for(lambda: robot.domain('gpu').frequency_hz == MID_HZ)
    assert robot.domain('gpu').max_frequency_hz == MID_HZ


def test_a_command_with_a_frequency_out_of_range_changes_nothing(robot):
    robot.command(2, gpu=MID_HZ, cpu=1190400000.0)
    robot.wait_for(lambda: robot.domain('cpu').frequency_hz == 1190400000.0)
    robot.wait_for(lambda: robot.domain('gpu').frequency_hz == MID_HZ)
    state = robot.command(3, cpu=1907200000.0, gpu=2e9)
    assert not state.command_applied
    assert 'gpu.frequency_hz is 2000000000.0' in state.command_result
    assert 'nearest is 1109250000 Hz' in state.command_result
    assert robot.domain('cpu').max_frequency_hz == 1190400000.0
    assert robot.domain('gpu').max_frequency_hz == MID_HZ


def test_a_refused_command_is_counted_in_diagnostics(robot):
    robot.command(4, dla=1e9)
    robot.wait_for(
        lambda: (
            robot.status
            and 'dla' in robot.status.message
            and any(value.key == 'refused: dvfs_command' for value in robot.status.values)
        )
    )


def test_the_battery_discharges(robot):
    robot.wait_for(lambda: robot.battery)
    first = robot.battery
    assert 0 < first.percentage <= 0.5
    assert first.current < 0
    assert first.voltage > 9.0
    assert first.design_capacity == pytest.approx(20000 / 3600 / 11.1)
    robot.wait_for(lambda: robot.battery.percentage < first.percentage)


def test_frames_add_to_the_utilisation_of_their_processor(robot):
    robot.wait_for(lambda: robot.reports.get_subscription_count() == 1)
    report = messages.FrameReport(app='camera', processor='gpu', inference_s=0.5, threads=1)

    def busy():
        robot.reports.publish(report)  # best effort: one may be lost
        return robot.domain('gpu').utilisation > 0.9

    robot.wait_for(busy)
    assert robot.state.power_w > 5


def test_an_impossible_report_is_rejected_in_diagnostics(robot):
    robot.wait_for(lambda: robot.reports.get_subscription_count() == 1)
    for processor, inference_s in (('gpu', NAN), ('gpu', -1.0), ('npu', 0.1)):
        report = messages.FrameReport(
            app='camera', processor=processor, inference_s=inference_s, threads=1
        )
        robot.reports.publish(report)
    robot.wait_for(lambda: robot.status and "app 'camera'" in robot.status.message)
    assert robot.command(5, gpu=MID_HZ).command_applied


def test_a_co_runner_is_simulated_by_parameter(robot):
    assert robot.set_parameter('co_runner_utilisation.gpu', 0.75).successful
    robot.wait_for(lambda: robot.domain('gpu').co_runner_utilisation == 0.75)
    robot.wait_for(lambda: robot.domain('gpu').utilisation >= 0.75)
    assert robot.set_parameter('co_runner_utilisation.gpu', 0.0).successful


@pytest.mark.parametrize(
    ('name', 'value', 'reason'),
    [
        ('co_runner_utilisation.gpu', 1.5, 'out of range Min: 0.0, Max: 1.0, value: 1.5'),
        ('co_runner_utilisation.gpu', NAN, 'out of range Min: 0.0, Max: 1.0, value: nan'),
        ('co_runner_utilisation.npu', 0.5, 'undeclared parameter'),
        ('battery_initial', 0.9, 'read-only parameter'),
    ],
)
def test_an_invalid_parameter_is_refused_with_a_reason(robot, name, value, reason):
    result = robot.set_parameter(name, value)
    assert not result.successful
    assert reason in result.reason


@pytest.mark.parametrize(
    ('argument', 'named'),
    [
        ('platform:=pi', 'jetson_xavier_nx'),
        ('battery_initial:=7.0', 'battery_initial'),
        ('battery_energy_j:=-4.0', 'battery_energy_j'),
        ('publish_rate_hz:=0.0', 'publish_rate_hz'),
    ],
)
def test_it_does_not_start_with_an_invalid_parameter(tmp_path, argument, named):
    node = start(tmp_path, argument)
    output, _ = node.communicate(timeout=TIMEOUT_S)
    assert node.returncode == 1
    assert named in output
    assert 'Traceback' not in output


def test_sigterm_shuts_it_down_cleanly(tmp_path):
    namespace = f'/test_{uuid.uuid4().hex[:8]}'
    node = start(tmp_path, namespace=namespace)
    robot = Robot(namespace)
    robot.wait_for(lambda: robot.state)
    node.send_signal(signal.SIGTERM)
    output, _ = node.communicate(timeout=TIMEOUT_S)
    robot.close()
    assert node.returncode == 0, output
    assert 'Traceback' not in output
