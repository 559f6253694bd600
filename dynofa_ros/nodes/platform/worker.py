"""What a configured platform node does: it turns clocks, and says how the machine is."""

from __future__ import annotations

import sys
from collections.abc import Callable

from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.timer import Timer

from dynofa_ros.msg import DvfsCommand, FrameReport, ManagerState, PlatformState
from dynofa_ros.nodes.diagnostics import Diagnostics
from dynofa_ros.nodes.platform.battery import BatteryPublisher
from dynofa_ros.nodes.platform.frame_energy import FrameEnergyPublisher
from dynofa_ros.nodes.platform.health import PlatformHealth
from dynofa_ros.nodes.platform.messages import platform_state_message, settings_of
from dynofa_ros.nodes.platform.parameters import CO_RUNNER, PlatformParameters
from dynofa_ros.nodes.qos import qos_profile
from dynofa_ros.platform import CommandResult, DeviceState, PlatformError, SimulatedDevice
from dynofa_ros.platform.linux import LinuxDevice, Opened
from dynofa_ros.platform.watchdog import Watchdog


class PlatformWork:
    """Publishers, subscriptions and timer of a node, and the device behind them.

    It obeys commands while it is `active`.
    """

    def __init__(
        self,
        node: Node,
        opened: Opened,
        settings: PlatformParameters,
        *,
        clock: Callable[[], float],
    ) -> None:
        self.active = False
        self._node = node
        self._device = opened.device
        self._sequence = 0
        self._waiting: Timer | None = None
        self._outcome = CommandResult(applied=False, text='no command yet')
        self._watchdog = Watchdog(settings.manager_timeout_s, clock=clock)
        state = opened.device.state()
        simulated = ' (simulated)' if state.simulated else ''
        self._diagnostics = Diagnostics(node, f'{state.platform}{simulated}')
        self._health = PlatformHealth(node, self._diagnostics, opened)
        self._states = node.create_publisher(
            PlatformState, 'platform_state', qos_profile('platform_state')
        )
        self._batteries = BatteryPublisher(node)
        self._energies: FrameEnergyPublisher | None = None
        if isinstance(opened.device, LinuxDevice):
            described = None if opened.differs else settings.platform
            self._energies = FrameEnergyPublisher(node, described, clock=clock)
            opened.device.start_sampling(settings.sample_rate_hz)
        else:
            names = [f'{CO_RUNNER}{name}' for name in settings.platform.processors]
            self._take_parameters([node.get_parameter(name) for name in names])
        self._listen(settings.publish_rate_hz)

    def _listen(self, rate_hz: float) -> None:
        listened = (
            (DvfsCommand, 'dvfs_command', self._on_command),
            (FrameReport, 'frame_report', self._on_frame),
            (ManagerState, 'manager_state', lambda _: self._watchdog.hear()),
        )
        self._subscriptions = [
            self._node.create_subscription(kind, topic, hear, qos_profile(topic))
            for kind, topic, hear in listened
        ]
        self._timer = self._node.create_timer(
            1 / rate_hz, self._on_period, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )
        self._node.add_on_set_parameters_callback(self._check_parameters)
        self._node.add_post_set_parameters_callback(self._take_parameters)

    def restore(self, why: str) -> None:
        """Put the clocks back to how they were found, and say so; again is no harm."""
        outcome = self._device.restore()
        text = f'{why}: {outcome.text}'
        if not self._node.context.ok():  # after a signal there is no /rosout any more
            if not outcome.applied or self._watchdog.turned:
                print(text, file=sys.stderr, flush=True)
        elif not outcome.applied:
            self._node.get_logger().error(text)
        elif self._watchdog.turned:
            self._node.get_logger().info(text)
        self._watchdog.restored()

    def close(self) -> None:
        """Close the device first: whatever else fails, the clocks are as they were found."""
        node = self._node
        self.active = False
        self._stop_waiting()
        self.restore('the node ends')
        try:
            self._device.close()
        except PlatformError as error:
            node.get_logger().error(str(error))
        node.remove_on_set_parameters_callback(self._check_parameters)
        node.remove_post_set_parameters_callback(self._take_parameters)
        node.destroy_timer(self._timer)
        for subscription in self._subscriptions:
            node.destroy_subscription(subscription)
        for each in (self._diagnostics, self._batteries, self._energies):
            if each is not None:
                each.close()
        node.destroy_publisher(self._states)

    def _check_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        """Refuse to simulate other programs on a machine that has real ones."""
        names = [each.name for each in parameters if each.name.startswith(CO_RUNNER)]
        if names and not isinstance(self._device, SimulatedDevice):
            reason = f'{names[0]} is of a simulated platform; this is the machine itself'
            return SetParametersResult(successful=False, reason=reason)
        return SetParametersResult(successful=True)

    def _take_parameters(self, parameters: list[Parameter]) -> None:
        for parameter in parameters:
            if parameter.name.startswith(CO_RUNNER) and isinstance(self._device, SimulatedDevice):
                processor = parameter.name.removeprefix(CO_RUNNER)
                self._device.set_co_runner(processor, parameter.value)

    def _on_command(self, command: DvfsCommand) -> None:
        """Obey now, or as soon as clocks may be turned again; a newer command takes its place."""
        self._stop_waiting()
        wait_s = self._device.wait_s if self.active else 0.0
        if wait_s > 0:
            self._waiting = self._node.create_timer(
                wait_s,
                lambda: self._on_command(command),
                clock=Clock(clock_type=ClockType.STEADY_TIME),
            )
        else:
            self._obey(command)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._node.destroy_timer(self._waiting)
            self._waiting = None

    def _obey(self, command: DvfsCommand) -> None:
        self._sequence = command.sequence
        if self.active:
            self._outcome = self._device.apply(settings_of(command))
        else:
            self._outcome = CommandResult(applied=False, text='this node is not active')
        if self._outcome.applied:
            self._watchdog.turn()
            self._node.get_logger().info(f'{self._outcome.text} ({command.reason})')
        else:
            self._diagnostics.count('dvfs_command', self._outcome.text)
        state = self._device.state()
        if self._energies is not None:
            self._energies.on_state(state)
        self._publish_state(state)

    def _on_frame(self, report: FrameReport) -> None:
        try:
            if self._energies is not None:
                self._energies.on_frame(report)
            if isinstance(self._device, SimulatedDevice):
                self._device.add_busy(
                    report.processor, report.inference_s, threads=report.threads, app=report.app
                )
        except PlatformError as error:
            self._diagnostics.count('frame_report', f'app {report.app!r}: {error}')

    def _on_period(self) -> None:
        if self._watchdog.barks:
            silent = f'nothing heard of the resource manager for {self._watchdog.timeout_s:g} s'
            self._diagnostics.count('manager', silent)
            self.restore(silent)
            # It was applied: a manager that comes back sees other clocks, and commands again.
            self._outcome = CommandResult(applied=True, text=f'{silent}: clocks put back')
        self._device.advance()
        state = self._device.state()
        self._tell_energies(state)
        self._publish_state(state)
        if state.battery and self._node.get_parameter('publish_battery').value:
            self._batteries.publish(state.battery)
        self._health.tell(state, last_command=self._outcome.text, obeys=self.active)

    def _tell_energies(self, state: DeviceState) -> None:
        """Publish what frames took, as far as the samples since the last period say it."""
        if self._energies is None or not isinstance(self._device, LinuxDevice):
            return
        self._energies.on_state(state)
        for each in self._device.take_samples():
            self._energies.on_sample(each.now_s, energy_j=each.energy_j, source=each.source)

    def _publish_state(self, state: DeviceState) -> None:
        stamp = self._node.get_clock().now().to_msg()
        message = platform_state_message(state, stamp=stamp, obeys=self.active)
        message.command_sequence = self._sequence
        message.command_applied = self._outcome.applied
        message.command_result = self._outcome.text
        self._states.publish(message)
