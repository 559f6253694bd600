# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Record all topics of a run, and set its targets as a user would."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from rcl_interfaces.srv import SetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import BatteryState

from dynofa_ros.msg import (
    Classification,
    Deadline,
    DvfsCommand,
    FrameEnergy,
    FrameReport,
    ManagerState,
    PlatformState,
    SubnetCommand,
    SubnetState,
)
from dynofa_ros.nodes.qos import qos_profile, subscription_qos
from dynofa_ros.report.recording import (
    BatterySample,
    MeasuredEnergy,
    PlatformSample,
    PowerCap,
    RecordedCommand,
    RecordedFrame,
    RecordedObjective,
    Recording,
)

PLATFORM = 'platform'
_REPORT_FIELDS = [each.name for each in fields(RecordedFrame) if hasattr(FrameReport, each.name)]


class RunRecorder(Node):
    """Node `run_recorder`. Recording starts at :meth:`begin`, which is time 0."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, **options: Any) -> None:
        super().__init__('run_recorder', **options)
        self.recording = Recording()
        self._steady_clock = clock
        self._start_s = math.nan
        self._labels: dict[tuple[str, int], tuple[str, float]] = {}
        self._parameter_calls: list[tuple[str, Any]] = []
        self.apps: set[str] = set()
        self.platform_ready = False
        self._deadlines = self.create_publisher(Deadline, 'deadline', qos_profile('deadline'))
        self._set_parameters: dict[str, Any] = {
            node: self.create_client(SetParameters, f'{node}/set_parameters')
            for node in (PLATFORM, 'resource_manager')
        }
        for kind, topic, callback in (
            (Classification, 'classification', self._on_classification),
            (FrameReport, 'frame_report', self._on_frame),
            (FrameEnergy, 'frame_energy', self._on_frame_energy),
            (SubnetCommand, 'subnet_command', self._on_subnet_command),
            (SubnetState, 'subnet_state', self._on_subnet_state),
            (DvfsCommand, 'dvfs_command', self._on_dvfs_command),
            (PlatformState, 'platform_state', self._on_platform_state),
            (ManagerState, 'manager_state', self._on_manager_state),
            (BatteryState, 'battery', self._on_battery),
        ):
            self.create_subscription(kind, topic, callback, subscription_qos(topic))

    @property
    def time_s(self) -> float:
        """Time since :meth:`begin` [s]; NaN before it."""
        return self._steady_clock() - self._start_s

    @property
    def ready(self) -> bool:
        """Whether messages from an application and the platform came, and parameters can be set."""
        can_set = all(client.service_is_ready() for client in self._set_parameters.values())
        return can_set and bool(self.apps) and self.platform_ready

    def begin(self) -> None:
        """Start recording."""
        self._start_s = self._steady_clock()

    def publish_deadline(self, deadline_s: float, *, min_accuracy: float = math.nan) -> None:
        """Publish a deadline [s] and an accuracy floor (0..1) for all applications."""
        message = Deadline(deadline_s=deadline_s, min_accuracy=min_accuracy)
        message.header.stamp = self.get_clock().now().to_msg()
        self._deadlines.publish(message)

    def send_parameters(self, node: str, values: Mapping[str, Any]) -> None:
        """Set parameters of a node, without waiting for its answer."""
        request = SetParameters.Request(
            parameters=[
                Parameter(name, value=value).to_parameter_msg() for name, value in values.items()
            ]
        )
        self._parameter_calls.append((node, self._set_parameters[node].call_async(request)))

    @property
    def waits(self) -> bool:
        """Whether a command is unacknowledged, or a call for parameters is unanswered."""
        unanswered = any(not future.done() for _, future in self._parameter_calls)
        return unanswered or bool(self.recording.unacknowledged)

    def parameter_errors(self) -> list[str]:
        """Return the reasons of rejected parameters, and an entry per unanswered call."""
        reasons = []
        for node, future in self._parameter_calls:
            if not future.done():
                reasons.append(f'{node}/set_parameters did not answer')
            else:
                results = future.result().results
                reasons += [each.reason for each in results if not each.successful]
        return reasons

    def _on_classification(self, message: Classification) -> None:
        if message.labels:
            key = (message.app, _stamp_ns(message))
            self._labels[key] = (message.labels[0], message.scores[0])

    def _on_frame(self, message: FrameReport) -> None:
        if math.isnan(self._start_s):
            return
        label, score = self._labels.pop((message.app, _stamp_ns(message)), ('', math.nan))
        self.recording.frames.append(
            RecordedFrame(
                time_s=self.time_s,
                label=label,
                score=score,
                **{name: getattr(message, name) for name in _REPORT_FIELDS},
            )
        )

    def _on_frame_energy(self, message: FrameEnergy) -> None:
        self.recording.add_energy(
            MeasuredEnergy(
                app=message.app,
                sequence=message.sequence,
                energy_j=message.energy_j,
                energy_std_j=message.energy_std_j,
                energy_common_std_j=message.energy_common_std_j,
                source=message.energy_source,
                window_s=message.window_s,
            )
        )

    def _on_subnet_command(self, message: SubnetCommand) -> None:
        content = f'{message.subnet_id} on {message.processor}'
        self._command(message.app, message.sequence, content, message.reason)

    def _on_dvfs_command(self, message: DvfsCommand) -> None:
        content = ', '.join(f'{d.domain} {d.frequency_hz / 1e6:.0f} MHz' for d in message.domains)
        self._command(PLATFORM, message.sequence, content, message.reason)

    def _command(self, receiver: str, sequence: int, content: str, reason: str) -> None:
        """Record a command; repetitions of it are ignored."""
        known = {(c.receiver, c.sequence) for c in self.recording.commands}
        if not math.isnan(self._start_s) and (receiver, sequence) not in known:
            self.recording.commands.append(
                RecordedCommand(self.time_s, receiver, sequence, content, reason)
            )

    def _on_subnet_state(self, message: SubnetState) -> None:
        self.apps.add(message.app)
        self.recording.acknowledge(
            message.app,
            message.command_sequence,
            time_s=self.time_s,
            applied=message.command_applied,
            result=message.command_result,
        )

    def _on_platform_state(self, message: PlatformState) -> None:
        self.platform_ready = True
        if math.isnan(self._start_s):
            return
        self.recording.acknowledge(
            PLATFORM,
            message.command_sequence,
            time_s=self.time_s,
            applied=message.command_applied,
            result=message.command_result,
        )
        self.recording.platform.append(
            PlatformSample(
                time_s=self.time_s,
                platform=message.platform,
                simulated=message.simulated,
                frequencies_hz={d.name: d.frequency_hz for d in message.domains},
                power_w=message.power_w,
                power_source=message.power_source,
                temperature_c=max(
                    (t.temperature_c for t in message.temperatures), default=math.nan
                ),
            )
        )

    def _on_manager_state(self, message: ManagerState) -> None:
        if math.isnan(self._start_s):
            return
        objectives = self.recording.objectives
        if not objectives or objectives[-1].objective != message.objective:
            objectives.append(
                RecordedObjective(self.time_s, message.objective, message.objective_reason)
            )
        self.recording.power_caps.append(
            PowerCap(self.time_s, message.power_cap_w, message.power_cap_reason)
        )
        self.recording.decisions_s.append(message.decision_s)

    def _on_battery(self, message: BatteryState) -> None:
        if not math.isnan(self._start_s):
            self.recording.battery.append(BatterySample(self.time_s, message.percentage))


def _stamp_ns(message: Any) -> int:
    stamp = message.header.stamp
    return int(stamp.sec * 10**9 + stamp.nanosec)
