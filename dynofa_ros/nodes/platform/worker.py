"""The configured platform node: executes commands and publishes the state of its device."""

from __future__ import annotations

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
from dynofa_ros.nodes.platform.battery import BatteryPublisher
from dynofa_ros.nodes.platform.frame_energy import FrameEnergyPublisher
from dynofa_ros.nodes.platform.health import PlatformHealth
from dynofa_ros.nodes.platform.messages import domain_settings, platform_state_message
from dynofa_ros.nodes.platform.parameters import CO_RUNNER, PlatformParameters
from dynofa_ros.nodes.qos import qos_profile
from dynofa_ros.platform import CommandResult, DeviceState, PlatformError
from dynofa_ros.platform.linux import OpenedDevice
from dynofa_ros.platform.watchdog import Watchdog


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
        state = self._device.state()
        simulated = ' (simulated)' if state.simulated else ''
        self._diagnostics = Diagnostics(node, f'{state.platform}{simulated}')
        self._health = PlatformHealth(node, self._diagnostics, opened)
        self._states = node.create_publisher(
            PlatformState, 'platform_state', qos_profile('platform_state')
        )
        self._batteries = BatteryPublisher(node)
        self._energies: FrameEnergyPublisher | None = None
        if state.simulated:
            names = [f'{CO_RUNNER}{name}' for name in settings.platform.processors]
            self._apply_parameters([node.get_parameter(name) for name in names])
        else:
            described = None if opened.mismatch else settings.platform
            self._energies = FrameEnergyPublisher(node, described, clock=clock)
            self._device.start_sampling(settings.sample_rate_hz)
        self._subscribe(settings.publish_rate_hz)

    def _subscribe(self, rate_hz: float) -> None:
        topics = (
            (DvfsCommand, 'dvfs_command', self._on_command),
            (FrameReport, 'frame_report', self._on_frame),
            (ManagerState, 'manager_state', lambda _: self._watchdog.feed()),
        )
        self._subscriptions = [
            self._node.create_subscription(kind, topic, callback, qos_profile(topic))
            for kind, topic, callback in topics
        ]
        self._timer = self._create_timer(1 / rate_hz, self._on_period)
        self._node.add_on_set_parameters_callback(self._check_parameters)
        self._node.add_post_set_parameters_callback(self._apply_parameters)

    def _create_timer(self, period_s: float, callback: Callable[[], None]) -> Timer:
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        return self._node.create_timer(period_s, callback, clock=steady)

    def restore(self, why: str) -> None:
        """Restore the original frequencies and log it. Idempotent."""
        result = self._device.restore()
        text = f'{why}: {result.text}'
        if not self._node.context.ok():  # after a signal, /rosout no longer exists
            if not result.applied or self._watchdog.armed:
                print(text, file=sys.stderr, flush=True)
        elif not result.applied:
            self._node.get_logger().error(text)
        elif self._watchdog.armed:
            self._node.get_logger().info(text)
        self._watchdog.disarm()

    def close(self) -> None:
        """Close the device first, so that frequencies are restored whatever else fails."""
        node = self._node
        self.active = False
        self._cancel_postponed()
        self.restore('the node ends')
        try:
            self._device.close()
        except PlatformError as error:
            node.get_logger().error(str(error))
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
                self._device.set_co_runner(processor, parameter.value)

    def _on_command(self, command: DvfsCommand) -> None:
        """Execute a command as soon as a change is allowed; a newer command replaces it."""
        self._cancel_postponed()
        wait_s = self._device.wait_s if self.active else 0.0
        if wait_s > 0:
            self._postponed = self._create_timer(wait_s, lambda: self._on_command(command))
        else:
            self._execute(command)

    def _cancel_postponed(self) -> None:
        if self._postponed is not None:
            self._node.destroy_timer(self._postponed)
            self._postponed = None

    def _execute(self, command: DvfsCommand) -> None:
        self._sequence = command.sequence
        if self.active:
            self._result = self._device.apply(domain_settings(command))
        else:
            self._result = CommandResult(applied=False, text='this node is not active')
        if self._result.applied:
            self._watchdog.arm()
            self._node.get_logger().info(f'{self._result.text} ({command.reason})')
        else:
            self._diagnostics.count('dvfs_command', self._result.text)
        state = self._device.state()
        if self._energies is not None:
            self._energies.on_state(state)
        self._publish_state(state)

    def _on_frame(self, report: FrameReport) -> None:
        try:
            if self._energies is not None:
                self._energies.on_frame(report)
            self._device.add_busy(
                report.processor, report.inference_s, threads=report.threads, app=report.app
            )
        except PlatformError as error:
            self._diagnostics.count('frame_report', f'app {report.app!r}: {error}')

    def _on_period(self) -> None:
        if self._watchdog.expired:
            silent = f'no message from the resource manager for {self._watchdog.timeout_s:g} s'
            self._diagnostics.count('manager', silent)
            self.restore(silent)
            # Still applied: a manager that returns sees other frequencies and commands again.
            self._result = CommandResult(applied=True, text=f'{silent}: frequencies restored')
        self._device.advance()
        state = self._device.state()
        if self._energies is not None:
            self._energies.on_state(state)
            for sample in self._device.take_samples():
                self._energies.on_sample(sample)
        self._publish_state(state)
        if state.battery and self._node.get_parameter('publish_battery').value:
            self._batteries.publish(state.battery)
        self._health.update(state, last_command=self._result.text, active=self.active)

    def _publish_state(self, state: DeviceState) -> None:
        stamp = self._node.get_clock().now().to_msg()
        message = platform_state_message(state, stamp=stamp, active=self.active)
        message.command_sequence = self._sequence
        message.command_applied = self._result.applied
        message.command_result = self._result.text
        self._states.publish(message)
