# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The platform node in a process of its own, and a robot that talks to it over DDS."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
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

# Long, so that tests pass on a loaded machine.
TIMEOUT_S = 60.0
RUN = ('-m', 'dynofa_ros.nodes.platform.node')


def start(
    folder: Path, *arguments: str, namespace: str = '/x', run: Sequence[str] = RUN
) -> subprocess.Popen[str]:
    """Start the node; not in the checkout, where `dynofa_ros` has no messages."""
    command = [sys.executable, *run, '--ros-args']
    command += ['-r', f'__ns:={namespace}']
    for argument in arguments:
        command += ['-p', argument]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


class Robot:
    """The other end of the topics."""

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
        self.publish_command(sequence, **frequencies_hz)
        self.wait_for(lambda: self.state and self.state.command_sequence == sequence)
        return self.state

    def publish_command(self, sequence: int, **frequencies_hz: float) -> None:
        message = messages.DvfsCommand(sequence=sequence, reason='test')
        message.domains = [
            messages.DomainFrequency(
                domain=domain,
                frequency_hz=frequency_hz,
                min_frequency_hz=math.nan,
                max_frequency_hz=math.nan,
            )
            for domain, frequency_hz in frequencies_hz.items()
        ]
        self.commands.publish(message)

    def domain(self, name: str) -> Any:
        return next(domain for domain in self.state.domains if domain.name == name)

    def set_parameter(self, name: str, value: float) -> Any:
        client = self.node.create_client(SetParameters, 'platform/set_parameters')
        self.wait_for(client.service_is_ready)
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
