# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The configured platform node: executes commands and publishes the state of its device."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.timer import Timer

from dynofa_ros.msg import DvfsCommand, FrameReport, ManagerState, PlatformState
from dynofa_ros.nodes.diagnostics import Diagnostics
from dynofa_ros.nodes.either_durability import subscribe_to_either
from dynofa_ros.nodes.platform.battery import BatteryPublisher
from dynofa_ros.nodes.platform.frame_energy import FrameEnergyPublisher
from dynofa_ros.nodes.platform.health import PlatformHealth
from dynofa_ros.nodes.platform.messages import (
    check_command,
    check_report,
    domain_settings,
    platform_state_message,
)
from dynofa_ros.nodes.platform.parameters import CO_RUNNER, PlatformParameters
from dynofa_ros.nodes.platform.restoring import CRASHED, Restoring
from dynofa_ros.nodes.platform.senders import Sender, Senders
from dynofa_ros.nodes.qos import qos_profile
from dynofa_ros.platform import CommandResult, DeviceState, Platform, PlatformError
from dynofa_ros.platform.linux import OpenedDevice
from dynofa_ros.platform.quantity import ASSUMED
from dynofa_ros.platform.watchdog import Watchdog
from dynofa_ros.runtime.turns import takes_turns


class PlatformWorker:
    """Publishers, subscriptions and timer of the node, and its device.

    It executes commands while it is `active`.
    """

    def __init__(
        self,
        node: Node,
        opened: OpenedDevice,
        settings: PlatformParameters,
        *,
        clock: Callable[[], float],
    ) -> None:
        self.active = False
        self._node = node
        self._device = opened.device
        self._sequence = 0
        self._postponed: Timer | None = None
        self._result = CommandResult(applied=False, text='no command yet')
        self._watchdog = Watchdog(settings.manager_timeout_s, clock=clock)
        self._senders = Senders(node)
        self._commander: Sender = None
        self._restoring = Restoring(
            self._device, log=self._log, log_error=self._log_error, clock=clock
        )
        if opened.restored.failed:
            self._restoring.pending = CRASHED
        state = self._device.state()
        simulated = ' (simulated)' if state.simulated else ''
        self._diagnostics = Diagnostics(node, f'{state.platform}{simulated}')
        self._health = PlatformHealth(node, self._diagnostics, opened)
        self._states = node.create_publisher(
            PlatformState, 'platform_state', qos_profile('platform_state')
        )
        self._batteries = BatteryPublisher(node)
        self._energies: FrameEnergyPublisher | None = None
        self._contention = {
            each.name: each.contention for each in settings.platform.processors.values()
        }
        if state.simulated:
            names = [f'{CO_RUNNER}{name}' for name in settings.platform.processors]
            self._apply_parameters([node.get_parameter(name) for name in names])
        else:
            described = None if opened.mismatch else settings.platform
            self._contention = {} if described is None else measured_contention(described)
            self._energies = FrameEnergyPublisher(node, described, clock=clock)
            self._device.start_sampling(settings.sample_rate_hz)
        self._subscribe(settings.publish_rate_hz)

    def _subscribe(self, rate_hz: float) -> None:
        topics = (
            (FrameReport, 'frame_report', self._on_frame),
            (ManagerState, 'manager_state', self._on_manager),
        )
        self._subscriptions = [
            self._node.create_subscription(kind, topic, callback, qos_profile(topic))
            for kind, topic, callback in topics
        ] + subscribe_to_either(self._node, DvfsCommand, 'dvfs_command', self._on_command)
        self._timer = self._create_timer(1 / rate_hz, self._on_period)
        self._node.add_on_set_parameters_callback(self._check_parameters)
        self._node.add_post_set_parameters_callback(self._apply_parameters)

    def _create_timer(self, period_s: float, callback: Callable[[], None]) -> Timer:
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        return self._node.create_timer(period_s, callback, clock=steady)

    def restore(self, why: str, *, commanded: bool = False) -> None:
        """Restore the original frequencies and log it; until that succeeds, try every second.

        The result is published if frequencies were changed, or if it was `commanded`.
        """
        result = self._restoring.restore(why, changed=self._watchdog.armed)
        if commanded or self._watchdog.armed or not result.applied:
            self._result = result
        self._watchdog.disarm()

    def _log(self, text: str) -> None:
        if self._node.context.ok():
            self._node.get_logger().info(text)
        else:  # after a signal, /rosout no longer exists
            print(text, file=sys.stderr, flush=True)

    def _log_error(self, text: str) -> None:
        if self._node.context.ok():
            self._node.get_logger().error(text)
        else:
            print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Close the device first, so that frequencies are restored whatever else fails."""
        node = self._node
        self.active = False
        self._cancel_postponed()
        self._restoring.restore_at_the_end(changed=self._watchdog.armed)
        self._watchdog.disarm()
        self._device.close()
        node.remove_on_set_parameters_callback(self._check_parameters)
        node.remove_post_set_parameters_callback(self._apply_parameters)
        node.destroy_timer(self._timer)
        for subscription in self._subscriptions:
            node.destroy_subscription(subscription)
        for each in (self._diagnostics, self._batteries, self._energies):
            if each is not None:
                each.close()
        node.destroy_publisher(self._states)

    def _check_parameters(self, parameters: list[Parameter[Any]]) -> SetParametersResult:
        """Refuse to simulate co-runners on real hardware."""
        names = [each.name for each in parameters if each.name.startswith(CO_RUNNER)]
        if names and not self._device.simulated:
            reason = f'{names[0]} applies to a simulated platform; this is real hardware'
            return SetParametersResult(successful=False, reason=reason)
        return SetParametersResult(successful=True)

    def _apply_parameters(self, parameters: list[Parameter[Any]]) -> None:
        for parameter in parameters:
            if parameter.name.startswith(CO_RUNNER):
                processor = parameter.name.removeprefix(CO_RUNNER)
                # ROS takes a millionth more or less than the limits for the limits.
                self._device.set_co_runner(processor, min(max(parameter.value, 0.0), 1.0))

    def _on_command(self, command: DvfsCommand, sender: Sender) -> None:
        """Execute a command as soon as a change is allowed; a newer command replaces it."""
        try:
            check_command(command)
        except PlatformError as error:
            self._diagnostics.count('dvfs_command', str(error))
            return
        self._cancel_postponed()
        wait_s = self._device.wait_s if self.active and command.domains else 0.0
        if wait_s > 0:
            self._postponed = self._create_timer(wait_s, lambda: self._on_command(command, sender))
        else:
            self._execute(command, sender)

    def _cancel_postponed(self) -> None:
        if self._postponed is not None:
            self._node.destroy_timer(self._postponed)
            self._postponed = None

    def _execute(self, command: DvfsCommand, sender: Sender) -> None:
        self._sequence = command.sequence
        if not self.active:
            self._result = CommandResult(applied=False, text='this node is not active')
        elif not command.domains:
            self.restore(f'command to restore ({command.reason})', commanded=True)
        else:
            self._set_frequencies(command, sender)
        if not self._result.applied:
            self._diagnostics.count('dvfs_command', self._result.text)
        state = self._device.state()
        if self._energies is not None:
            self._energies.on_state(state)
        self._publish_state(state)

    def _set_frequencies(self, command: DvfsCommand, sender: Sender) -> None:
        result = self._device.apply(domain_settings(command))
        if result.applied:
            self._restoring.superseded()
            self._watchdog.arm()
            self._commander = sender
            self._node.get_logger().info(f'{result.text} ({command.reason})')
        self._result = result

    def _on_manager(self, state: ManagerState, sender: Sender) -> None:
        """Only the manager that commanded counts: another one would not restore."""
        if self._senders.same_node(self._commander, sender):
            self._watchdog.feed()

    def _on_frame(self, report: FrameReport) -> None:
        try:
            check_report(report)
            if self._energies is not None:
                self._energies.on_frame(report)
            self._device.add_busy(
                report.processor,
                report.inference_s,
                threads=report.threads,
                app=report.app,
                takes_turns=takes_turns(self._contention.get(report.processor, math.nan)),
            )
        except PlatformError as error:
            self._diagnostics.count('frame_report', f'app {report.app!r}: {error}')

    def _on_period(self) -> None:
        self._restore_if_due()
        self._device.advance()
        state = self._device.state()
        if self._energies is not None:
            self._energies.on_state(state)
            for sample in self._device.take_samples():
                self._energies.on_sample(sample)
        self._publish_state(state)
        if state.battery and self._node.get_parameter('publish_battery').value:
            self._batteries.publish(state.battery)
        self._health.update(
            state,
            last_command=self._result.text,
            active=self.active,
            not_restored=self._result.text if self._restoring.pending else '',
        )

    def _restore_if_due(self) -> None:
        """Restore the frequencies if the manager is silent, or if that failed before."""
        if self._watchdog.expired:
            silent = (
                'no message from the resource manager that set the frequencies for '
                f'{self._watchdog.timeout_s:g} s'
            )
            self._diagnostics.count('manager', silent)
            # Applied if all are restored: a manager that returns sees other frequencies and
            # commands again.
            self.restore(silent)
        elif result := self._restoring.retry():
            self._result = result
        elif self._device.changed and not self._watchdog.armed and not self._restoring.pending:
            self.restore('a part of a refused command could not be undone')

    def _publish_state(self, state: DeviceState) -> None:
        stamp = self._node.get_clock().now().to_msg()
        message = platform_state_message(
            state, stamp=stamp, active=self.active, contention=self._contention
        )
        message.command_sequence = self._sequence
        message.command_applied = self._result.applied
        message.command_result = self._result.text
        self._states.publish(message)


def measured_contention(platform: Platform) -> dict[str, float]:
    """Return the contention of the processors of a real machine where it is more than assumed."""
    return {
        name: each.contention
        for name, each in platform.processors.items()
        if platform.sources.get(f'processors.{name}.contention', ASSUMED) != ASSUMED
    }
