"""The platform node as a robot meets it: a process of its own, heard and told over DDS."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

rclpy = pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
messages = pytest.importorskip(
    'dynofa_ros.msg', reason='the messages are not built: scripts/build, then . scripts/env.sh'
)

from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue  # noqa: E402
from rcl_interfaces.srv import SetParameters  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from sensor_msgs.msg import BatteryState  # noqa: E402

from dynofa_ros.nodes.qos import qos_profile  # noqa: E402

NAN = math.nan
MAX_HZ, MID_HZ = 1109250000.0, 803250000.0
# Generous: a loaded machine must not fail a test.
TIMEOUT_S = 30.0


def start(folder: Path, *arguments: str, namespace: str = '/x') -> subprocess.Popen[str]:
    """Start the node; outside of the checkout, where `dynofa_ros` has no messages."""
    command = [sys.executable, '-m', 'dynofa_ros.nodes.platform_node', '--ros-args']
    command += ['-r', f'__ns:={namespace}']
    for argument in arguments:
        command += ['-p', argument]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


class Robot:
    """The other side of the topics."""

    def __init__(self, namespace: str) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.namespace = namespace
        self.node = rclpy.create_node('robot', namespace=namespace, context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.state: Any = None
        self.battery: Any = None
        self.status: Any = None
        self.subscribe(messages.PlatformState, 'platform_state', 'state')
        self.subscribe(BatteryState, 'battery', 'battery')
        self.node.create_subscription(
            DiagnosticArray, '/diagnostics', self.on_diagnostics, qos_profile('/diagnostics')
        )
        self.commands = self.node.create_publisher(
            messages.DvfsCommand, 'dvfs_command', qos_profile('dvfs_command')
        )
        self.reports = self.node.create_publisher(
            messages.FrameReport, 'frame_report', qos_profile('frame_report')
        )

    def subscribe(self, kind: type, topic: str, attribute: str) -> None:
        self.node.create_subscription(
            kind, topic, lambda message: setattr(self, attribute, message), qos_profile(topic)
        )

    def on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == f'{self.namespace}/platform':
                self.status = status

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Spin until the condition holds."""
        end_s = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < end_s, f'not within {TIMEOUT_S} s; last state: {self.state}'
            self.executor.spin_once(timeout_sec=0.05)

    def command(self, sequence: int, **frequencies_hz: float) -> Any:
        """Command one frequency per domain; return the state that acknowledges it."""
        message = messages.DvfsCommand(sequence=sequence, reason='test')
        message.domains = [
            messages.DomainFrequency(
                domain=domain,
                frequency_hz=frequency_hz,
                min_frequency_hz=NAN,
                max_frequency_hz=NAN,
            )
            for domain, frequency_hz in frequencies_hz.items()
        ]
        self.commands.publish(message)
        self.wait_for(lambda: self.state and self.state.command_sequence == sequence)
        return self.state

    def domain(self, name: str) -> Any:
        return next(domain for domain in self.state.domains if domain.name == name)

    def set_parameter(self, name: str, value: float) -> Any:
        client = self.node.create_client(SetParameters, 'platform/set_parameters')
        self.wait_for(lambda: client.service_is_ready())
        parameter = Parameter(
            name=name,
            value=ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=value),
        )
        future = client.call_async(SetParameters.Request(parameters=[parameter]))
        self.wait_for(future.done)
        return future.result().results[0]

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


@pytest.fixture(scope='module')
def namespace() -> str:
    return f'/test_{uuid.uuid4().hex[:8]}'


@pytest.fixture(scope='module')
def process(
    namespace: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[subprocess.Popen[str]]:
    folder = tmp_path_factory.mktemp('platform')
    node = start(folder, 'battery_energy_j:=20000.0', 'battery_initial:=0.5', namespace=namespace)
    yield node
    node.send_signal(signal.SIGINT)
    output, _ = node.communicate(timeout=TIMEOUT_S)
    assert node.returncode == 0, output
    assert 'Traceback' not in output


@pytest.fixture(scope='module')
def robot(process: subprocess.Popen[str], namespace: str) -> Iterator[Robot]:
    robot = Robot(namespace)
    robot.wait_for(lambda: robot.state)
    yield robot
    assert process.poll() is None, 'the node ended'
    robot.close()


def test_it_says_what_it_is(robot: Robot) -> None:
    assert robot.state.platform == 'jetson_xavier_nx'
    assert robot.state.simulated
    assert robot.state.power_source == 'modelled'
    assert robot.state.capabilities == ['set_frequency', 'power', 'temperature', 'battery']
    assert {domain.name for domain in robot.state.domains} == {'cpu', 'gpu'}
    assert robot.domain('gpu').available_frequencies_hz[-1] == MAX_HZ
    assert robot.state.header.stamp.sec > 0


def test_a_command_is_acknowledged_and_the_clock_follows(robot: Robot) -> None:
    state = robot.command(1, gpu=MID_HZ)
    assert state.command_applied
    assert 'gpu: 803250000 Hz' in state.command_result
    robot.wait_for(lambda: robot.domain('gpu').frequency_hz == MID_HZ)
    assert robot.domain('gpu').max_frequency_hz == MID_HZ


def test_what_is_out_of_range_is_refused_and_no_clock_turns(robot: Robot) -> None:
    robot.command(2, gpu=MID_HZ, cpu=1190400000.0)
    robot.wait_for(lambda: robot.domain('cpu').frequency_hz == 1190400000.0)
    robot.wait_for(lambda: robot.domain('gpu').frequency_hz == MID_HZ)
    state = robot.command(3, cpu=1907200000.0, gpu=2e9)
    assert not state.command_applied
    assert 'gpu.frequency_hz: 2000000000.0 refused' in state.command_result
    assert 'nearest is 1109250000 Hz' in state.command_result
    assert robot.domain('cpu').max_frequency_hz == 1190400000.0
    assert robot.domain('gpu').max_frequency_hz == MID_HZ


def test_a_refused_command_is_counted_in_diagnostics(robot: Robot) -> None:
    robot.command(4, dla=1e9)
    robot.wait_for(
        lambda: robot.status
        and 'dla' in robot.status.message
        and any(value.key == 'refused: dvfs_command' for value in robot.status.values)
    )


def test_the_battery_falls(robot: Robot) -> None:
    robot.wait_for(lambda: robot.battery)
    first = robot.battery
    assert 0 < first.percentage <= 0.5
    assert first.current < 0
    assert first.voltage > 9.0
    assert first.design_capacity == pytest.approx(20000 / 3600 / 11.1)
    robot.wait_for(lambda: robot.battery.percentage < first.percentage)


def test_frames_make_their_processor_busy(robot: Robot) -> None:
    robot.wait_for(lambda: robot.reports.get_subscription_count() == 1)
    report = messages.FrameReport(app='camera', processor='gpu', inference_s=0.5, threads=1)

    def seen() -> bool:
        robot.reports.publish(report)  # best effort: one may be lost
        return robot.domain('gpu').utilisation > 0.9

    robot.wait_for(seen)
    assert robot.state.power_w > 5


def test_a_report_that_makes_no_sense_is_refused_and_named(robot: Robot) -> None:
    robot.wait_for(lambda: robot.reports.get_subscription_count() == 1)
    for processor, inference_s in (('gpu', NAN), ('gpu', -1.0), ('npu', 0.1)):
        report = messages.FrameReport(
            app='camera', processor=processor, inference_s=inference_s, threads=1
        )
        robot.reports.publish(report)
    robot.wait_for(lambda: robot.status and "app 'camera'" in robot.status.message)
    assert robot.command(5, gpu=MID_HZ).command_applied


def test_a_competing_program_is_set_by_parameter(robot: Robot) -> None:
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
def test_a_parameter_out_of_range_is_refused_with_a_reason(
    robot: Robot, name: str, value: float, reason: str
) -> None:
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
def test_it_does_not_start_on_a_bad_parameter_and_names_it(
    tmp_path: Path, argument: str, named: str
) -> None:
    node = start(tmp_path, argument)
    output, _ = node.communicate(timeout=TIMEOUT_S)
    assert node.returncode == 1
    assert named in output
    assert 'Traceback' not in output


def test_it_ends_quietly_on_sigterm(tmp_path: Path) -> None:
    namespace = f'/test_{uuid.uuid4().hex[:8]}'
    node = start(tmp_path, namespace=namespace)
    robot = Robot(namespace)
    robot.wait_for(lambda: robot.state)
    node.send_signal(signal.SIGTERM)
    output, _ = node.communicate(timeout=TIMEOUT_S)
    robot.close()
    assert node.returncode == 0, output
    assert 'Traceback' not in output
