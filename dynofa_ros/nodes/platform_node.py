"""The platform node: turns clocks as it is told, and says how the machine is.

The device layer of arXiv 2206.02525. The device is a simulated one: its time is the steady clock of
this machine, whatever `use_sim_time` says, because frames are worked on in that time too.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import BatteryState

from dynofa_ros.msg import DvfsCommand, FrameReport, PlatformState
from dynofa_ros.nodes.diagnostics import Diagnostics
from dynofa_ros.nodes.platform_messages import (
    battery_message,
    platform_state_message,
    settings_of,
)
from dynofa_ros.nodes.platform_parameters import CO_RUNNER, declare_parameters
from dynofa_ros.nodes.qos import qos_profile
from dynofa_ros.nodes.run_node import run_node
from dynofa_ros.platform import DeviceState, Outcome, PlatformError, SimulatedDevice


class PlatformNode(Node):
    """Applies `dvfs_command`, and publishes `platform_state` and `battery`."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__('platform')
        self._device: SimulatedDevice | None = None
        parameters = declare_parameters(self)
        self.add_post_set_parameters_callback(self._on_parameters)
        self._device = SimulatedDevice(
            parameters.platform, clock=clock, battery_percentage=parameters.battery_initial
        )
        self._sequence = 0
        self._outcome = Outcome(applied=False, text='no command yet')
        self._throttled: set[str] = set()
        self._diagnostics = Diagnostics(self, f'{parameters.platform.name} (simulated)')
        self._on_parameters(
            [self.get_parameter(f'{CO_RUNNER}{name}') for name in parameters.platform.processors]
        )
        self._states = self.create_publisher(
            PlatformState, 'platform_state', qos_profile('platform_state')
        )
        self._batteries = self.create_publisher(BatteryState, 'battery', qos_profile('battery'))
        self.create_subscription(
            DvfsCommand, 'dvfs_command', self._on_command, qos_profile('dvfs_command')
        )
        self.create_subscription(
            FrameReport, 'frame_report', self._on_frame, qos_profile('frame_report')
        )
        self.create_timer(
            1 / parameters.publish_rate_hz,
            self._on_period,
            clock=Clock(clock_type=ClockType.STEADY_TIME),
        )
        self.get_logger().info(f'{parameters.platform.description}: simulated, all is modelled')

    def _on_parameters(self, parameters: list[Parameter]) -> None:
        for parameter in parameters:
            if parameter.name.startswith(CO_RUNNER):
                processor = parameter.name.removeprefix(CO_RUNNER)
                self._device.set_co_runner(processor, parameter.value)

    def _on_command(self, command: DvfsCommand) -> None:
        self._sequence = command.sequence
        self._outcome = self._device.apply(settings_of(command))
        if self._outcome.applied:
            self.get_logger().info(f'{self._outcome.text} ({command.reason})')
        else:
            self._diagnostics.count('dvfs_command', self._outcome.text)
        self._publish_state(self._device.state())

    def _on_frame(self, report: FrameReport) -> None:
        try:
            self._device.add_busy(
                report.processor, report.inference_s, threads=report.threads, app=report.app
            )
        except PlatformError as error:
            self._diagnostics.count('frame_report', f'app {report.app!r}: {error}')

    def _on_period(self) -> None:
        self._device.advance()
        state = self._device.state()
        self._publish_state(state)
        if state.battery and self.get_parameter('publish_battery').value:
            stamp = self.get_clock().now().to_msg()
            self._batteries.publish(battery_message(state.battery, stamp=stamp))
        self._tell_health(state)

    def _publish_state(self, state: DeviceState) -> None:
        message = platform_state_message(state, stamp=self.get_clock().now().to_msg())
        message.command_sequence = self._sequence
        message.command_applied = self._outcome.applied
        message.command_result = self._outcome.text
        self._states.publish(message)

    def _tell_health(self, state: DeviceState) -> None:
        throttled = {domain.name for domain in state.domains.values() if domain.throttled}
        for name in sorted(throttled - self._throttled):
            self.get_logger().warning(f'{name} throttled by heat')
        for name in sorted(self._throttled - throttled):
            self.get_logger().info(f'{name} no longer throttled')
        self._throttled = throttled
        for name, domain in state.domains.items():
            self._diagnostics.set(f'{name} frequency [Hz]', f'{domain.frequency_hz:.0f}')
        self._diagnostics.set('power [W]', f'{state.power_w:.2f}')
        self._diagnostics.set('energy drawn [J]', f'{state.energy_j:.1f}')
        self._diagnostics.set('last command', self._outcome.text)
        if throttled:
            self._diagnostics.warn(f'throttled by heat: {", ".join(sorted(throttled))}')
        elif state.battery and state.battery.percentage == 0:
            self._diagnostics.warn('battery empty (the simulated machine runs on)')
        else:
            self._diagnostics.ok('running, simulated')

    def destroy_node(self) -> None:
        """Put the clocks back to how they were found, if any were turned, then end the node."""
        if self._device is not None:
            self._device.restore()
        super().destroy_node()


def main(args: list[str] | None = None) -> int:
    """Run the node until it is told to stop; return 1 if it cannot start."""
    return run_node(PlatformNode, args, name='platform_node')


if __name__ == '__main__':
    sys.exit(main())
