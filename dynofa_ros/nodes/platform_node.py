"""The platform node: turns clocks as it is told, and says how the machine is.

The device layer of arXiv 2206.02525. The device is this machine, or a simulated one, whose time is
the steady clock, whatever `use_sim_time` says, because frames are worked on in that time too.

It is a lifecycle node: configured it looks, active it obeys. Whatever ends that, the clocks go back
to how they were found.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from dynofa_ros.msg import DvfsCommand, FrameReport, ManagerState, PlatformState
from dynofa_ros.nodes.battery_publisher import BatteryPublisher
from dynofa_ros.nodes.diagnostics import Diagnostics
from dynofa_ros.nodes.frame_energy_publisher import FrameEnergyPublisher
from dynofa_ros.nodes.platform_health import PlatformHealth
from dynofa_ros.nodes.platform_messages import platform_state_message, settings_of
from dynofa_ros.nodes.platform_parameters import CO_RUNNER, declare_parameters
from dynofa_ros.nodes.qos import qos_profile
from dynofa_ros.nodes.run_node import run_node
from dynofa_ros.platform import DeviceState, Outcome, PlatformError, SimulatedDevice
from dynofa_ros.platform.linux import LinuxDevice, Opened, Sysfs, open_device
from dynofa_ros.platform.watchdog import Watchdog

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class PlatformNode(LifecycleNode):
    """Applies `dvfs_command`; publishes `platform_state`, `battery` and `frame_energy`."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sysfs: Sysfs | None = None,
        **options: Any,
    ) -> None:
        super().__init__('platform', **options)
        self._now_s = clock
        self._opened: Opened | None = None
        self._energies: FrameEnergyPublisher | None = None
        self._active = False
        self._settings = declare_parameters(self)
        self._sysfs = sysfs or Sysfs(self._settings.sysfs_root)
        self._refused: PlatformError | None = None
        if self._settings.autostart:
            if self.trigger_configure() != SUCCESS and self._refused:
                raise self._refused
            self.trigger_activate()

    @property
    def device(self) -> LinuxDevice | SimulatedDevice:
        """The device, which is open from configured on."""
        if self._opened is None:
            raise RuntimeError('the node is not configured')
        return self._opened.device

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Open the device, and begin to publish how it is."""
        settings = self._settings
        try:
            self._opened = opened = open_device(
                settings.platform,
                settings.device,
                sysfs=self._sysfs,
                clock=self._now_s,
                record_file=settings.state_file,
                whitelist=settings.whitelist,
                min_interval_s=settings.min_interval_s,
                battery_percentage=settings.battery_initial,
            )
        except PlatformError as error:
            self._refused = error
            self.get_logger().error(str(error))
            return FAILURE
        self._say_what_was_opened(opened)
        self._sequence = 0
        self._outcome = Outcome(applied=False, text='no command yet')
        self._watchdog = Watchdog(settings.manager_timeout_s, clock=self._now_s)
        simulated = isinstance(opened.device, SimulatedDevice)
        hardware = self.device.state().platform
        self._diagnostics = Diagnostics(self, f'{hardware} (simulated)' if simulated else hardware)
        self._health = PlatformHealth(self, self._diagnostics, opened)
        self._connect(opened)
        return SUCCESS

    def _say_what_was_opened(self, opened: Opened) -> None:
        log = self.get_logger()
        log.info(opened.reason)
        if opened.differs:
            log.warning(
                f'not the platform described: {opened.differs}; see `dynofa platform calibrate`'
            )
        if isinstance(opened.device, LinuxDevice):
            for each in opened.device.left_by_another.done:
                log.warning(f'left turned by a process that died, put back: {each}')
            for each in opened.device.left_by_another.failed:
                log.error(f'left turned by a process that died, NOT put back: {each}')
        else:
            names = [f'{CO_RUNNER}{name}' for name in self._settings.platform.processors]
            self._on_parameters([self.get_parameter(name) for name in names])

    def _connect(self, opened: Opened) -> None:
        """Make publishers, subscriptions and timers."""
        self._states = self.create_publisher(
            PlatformState, 'platform_state', qos_profile('platform_state')
        )
        self._batteries = BatteryPublisher(self)
        listened = (
            (DvfsCommand, 'dvfs_command', self._on_command),
            (FrameReport, 'frame_report', self._on_frame),
            (ManagerState, 'manager_state', lambda _: self._watchdog.hear()),
        )
        self._subscriptions_made = [
            self.create_subscription(kind, topic, hear, qos_profile(topic))
            for kind, topic, hear in listened
        ]
        self._timer = self.create_timer(
            1 / self._settings.publish_rate_hz,
            self._on_period,
            clock=Clock(clock_type=ClockType.STEADY_TIME),
        )
        if isinstance(opened.device, LinuxDevice):
            described = None if opened.differs else self._settings.platform
            self._energies = FrameEnergyPublisher(self, described, clock=self._now_s)
            opened.device.start_sampling(self._settings.sample_rate_hz)
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._on_parameters)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Obey commands from now on."""
        self._active = True
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Put the clocks back, and obey no more."""
        self._active = False
        self._put_back('deactivated')
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of the machine."""
        self._disconnect()
        return SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Put the clocks back, and let go of the machine."""
        self._disconnect()
        return SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Put the clocks back, and let go of the machine."""
        self._disconnect()
        return SUCCESS

    def _disconnect(self) -> None:
        """Close the device first: whatever else fails, the clocks are as they were found."""
        self._active = False
        if self._opened is None:
            return
        self._put_back('the node ends')
        opened, self._opened = self._opened, None
        try:
            opened.device.close()
        except PlatformError as error:
            self.get_logger().error(str(error))
        self.remove_on_set_parameters_callback(self._check_parameters)
        self.remove_post_set_parameters_callback(self._on_parameters)
        self.destroy_timer(self._timer)
        for subscription in self._subscriptions_made:
            self.destroy_subscription(subscription)
        self._diagnostics.close()
        self._batteries.close()
        if self._energies is not None:
            self._energies.close()
            self._energies = None
        self.destroy_publisher(self._states)

    def _check_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        """Refuse to simulate other programs on a machine that has real ones."""
        names = [each.name for each in parameters if each.name.startswith(CO_RUNNER)]
        if names and not isinstance(self.device, SimulatedDevice):
            reason = f'{names[0]} is of a simulated platform; this is the machine itself'
            return SetParametersResult(successful=False, reason=reason)
        return SetParametersResult(successful=True)

    def _on_parameters(self, parameters: list[Parameter]) -> None:
        for parameter in parameters:
            if parameter.name.startswith(CO_RUNNER) and self._opened:
                processor = parameter.name.removeprefix(CO_RUNNER)
                if isinstance(self.device, SimulatedDevice):
                    self.device.set_co_runner(processor, parameter.value)

    def _on_command(self, command: DvfsCommand) -> None:
        self._sequence = command.sequence
        if self._active:
            self._outcome = self.device.apply(settings_of(command))
        else:
            self._outcome = Outcome(applied=False, text='this node is not active')
        if self._outcome.applied:
            self._watchdog.turn()
            self.get_logger().info(f'{self._outcome.text} ({command.reason})')
        else:
            self._diagnostics.count('dvfs_command', self._outcome.text)
        state = self.device.state()
        if self._energies is not None:
            self._energies.on_state(state)
        self._publish_state(state)

    def _put_back(self, why: str) -> None:
        """Put the clocks back to how they were found, and say so; again is no harm."""
        outcome = self.device.restore()
        text = f'{why}: {outcome.text}'
        if not self.context.ok():  # after a signal there is no /rosout any more
            if not outcome.applied or self._watchdog.turned:
                print(text, file=sys.stderr, flush=True)
        elif not outcome.applied:
            self.get_logger().error(text)
        elif self._watchdog.turned:
            self.get_logger().info(text)
        self._watchdog.put_back()

    def _on_frame(self, report: FrameReport) -> None:
        try:
            if self._energies is not None:
                self._energies.on_frame(report)
            if isinstance(self.device, SimulatedDevice):
                self.device.add_busy(
                    report.processor, report.inference_s, threads=report.threads, app=report.app
                )
        except PlatformError as error:
            self._diagnostics.count('frame_report', f'app {report.app!r}: {error}')

    def _on_period(self) -> None:
        if self._watchdog.barks:
            silent = f'nothing heard of the resource manager for {self._watchdog.timeout_s:g} s'
            self._diagnostics.count('manager', silent)
            self._put_back(silent)
            self._outcome = Outcome(applied=False, text=f'{silent}: clocks put back')
        self.device.advance()
        state = self.device.state()
        self._tell_energies(state)
        self._publish_state(state)
        if state.battery and self.get_parameter('publish_battery').value:
            self._batteries.publish(state.battery)
        self._health.tell(state, last_command=self._outcome.text, obeys=self._active)

    def _tell_energies(self, state: DeviceState) -> None:
        """Publish what frames took, as far as the samples since the last period say it."""
        if self._energies is None or not isinstance(self.device, LinuxDevice):
            return
        self._energies.on_state(state)
        for each in self.device.take_samples():
            self._energies.on_sample(each.now_s, energy_j=each.energy_j, source=each.source)

    def _publish_state(self, state: DeviceState) -> None:
        stamp = self.get_clock().now().to_msg()
        message = platform_state_message(state, stamp=stamp, obeys=self._active)
        message.command_sequence = self._sequence
        message.command_applied = self._outcome.applied
        message.command_result = self._outcome.text
        self._states.publish(message)

    def destroy_node(self) -> None:
        """Put the clocks back to how they were found, if any were turned, then end the node."""
        self._disconnect()
        super().destroy_node()


def main(args: list[str] | None = None) -> int:
    """Run the node until it is told to stop; return 1 if it cannot start."""
    return run_node(PlatformNode, args, name='platform_node')


if __name__ == '__main__':
    sys.exit(main())
