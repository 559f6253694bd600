# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The resource-manager node: receives reports and targets, commands sub-networks and frequencies.

It converts messages and runs the timers; `dynofa_ros.runtime.manager` makes the decisions. Of
several managers, one commands (`arbitration.py`).
"""

from __future__ import annotations

import functools
import secrets
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.parameter import Parameter
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Header

from dynofa_ros.msg import (
    Deadline,
    DvfsCommand,
    FrameReport,
    ManagerState,
    Mission,
    PlatformState,
    SubnetCommand,
    SubnetProfile,
    SubnetState,
)
from dynofa_ros.nodes.diagnostics import Diagnostics
from dynofa_ros.nodes.either_durability import subscribe_to_either
from dynofa_ros.nodes.guard import GuardedNode
from dynofa_ros.nodes.heap import trim_periodically
from dynofa_ros.nodes.message_info import MessageInfo, publisher_gid
from dynofa_ros.nodes.qos import qos_profile, subscription_qos
from dynofa_ros.nodes.resource_manager import messages, parameters
from dynofa_ros.nodes.resource_manager.arbitration import PRESENCE_S, Arbitration, Identity
from dynofa_ros.nodes.resource_manager.departures import Departures
from dynofa_ros.nodes.run_node import run_node
from dynofa_ros.runtime import ResourceManager
from dynofa_ros.runtime.checks import listed, shortened
from dynofa_ros.runtime.status import ManagerStatus

# A message that arrives this long after the start may have been latched before it [s].
LATCHED_S = 10.0


class ResourceManagerNode(GuardedNode):
    """Node `resource_manager`."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, **options: Any) -> None:
        super().__init__('resource_manager', **options)
        parameters.declare(self)
        self._now_s = clock
        self._started_s = clock()
        self._manager = ResourceManager(
            parameters.settings_with(self, []),
            clock=clock,
            on_failure=lambda app, error: self.guard.caught('decision', error, app=app),
        )
        identity = Identity(time.time_ns(), 1 + secrets.randbelow(2**64 - 1))
        self._arbitration = Arbitration(identity, clock=clock)
        self._stands_by = False
        self._competing: list[str] = []  # topics on which others publish commands or states
        self._state: ManagerState | None = None  # the last one published
        self._diagnostics = Diagnostics(self, 'resource_manager')
        trim_periodically(self)
        self._logged: deque[str] = deque(maxlen=64)
        self._commands = {'sub-network commands': 0, 'frequency commands': 0}
        self._switch_publisher = self._publisher(SubnetCommand, 'subnet_command')
        self._clocks_publisher = self._publisher(DvfsCommand, 'dvfs_command')
        self._state_publisher = self._publisher(ManagerState, 'manager_state')
        self._departures = Departures(self)
        self._profiles = self._subscribe(
            SubnetProfile, 'subnet_profile', self._on_profile, on_matched=self._on_profiles_matched
        )
        self._subscribe(FrameReport, 'frame_report', self._on_frame)
        self._subscribe(SubnetState, 'subnet_state', self._on_subnet)
        self._subscribe(PlatformState, 'platform_state', self._on_platform)
        for kind, topic, receive in (
            (Deadline, 'deadline', self._on_deadline),
            (Mission, 'mission', self._on_mission),
        ):
            subscribe_to_either(self, kind, topic, self._receiver(topic, receive))
        self._subscribe(ManagerState, 'manager_state', self._on_manager)
        self._subscribe(BatteryState, 'battery', self._on_battery)
        self._start_deciding(self.get_parameter(parameters.DECISION_RATE).value)
        self._presence_timer = self._start_timer(self._be_present, period_s=PRESENCE_S)
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._apply_parameters)
        self._diagnostics.ok('waiting for an application')

    def _publisher(self, kind: Any, topic: str) -> Any:
        """Create a publisher with the topic's own quality of service."""
        return self.create_publisher(kind, topic, qos_profile(topic))

    def _subscribe(
        self, kind: Any, topic: str, receive: Callable[..., None], **options: Any
    ) -> Any:
        """Subscribe with the topic's own quality of service."""
        callback = self._receiver(topic, receive)
        return self.create_subscription(kind, topic, callback, subscription_qos(topic), **options)

    def _receiver(self, topic: str, receive: Callable[..., None]) -> Callable[..., None]:
        """Return a callback; a message for which `receive` raises ValueError counts as refused."""

        @functools.wraps(receive)  # rclpy counts the parameters: message, or message and info
        def callback(*args: Any) -> None:
            try:
                receive(*args)
            except ValueError as error:
                self._diagnostics.count(topic, shortened(str(error)))
            if self._manager.due:
                self._step()

        return callback

    def _start_deciding(self, rate_hz: float) -> None:
        """Decide at this rate, besides after events."""
        self._period_s = 1.0 / rate_hz
        self._timer = self._start_timer(self._step, period_s=self._period_s)

    def _start_timer(self, callback: Callable[[], None], *, period_s: float) -> Any:
        """Call at a fixed rate of the steady clock, even if simulated time stands still."""
        return self.create_timer(period_s, callback, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _on_profile(self, message: SubnetProfile, info: MessageInfo) -> None:
        profile = messages.profile_from(message)
        self._manager.set_profile(profile)
        self._departures.announced(profile.app, info)
        self.get_logger().info(
            f'profile of {profile.app}: {len(profile.points)} operating points, latency '
            f'{profile.latency_source}, energy {profile.energy_source}'
        )

    def _on_profiles_matched(self, event: Any) -> None:
        """Forget applications at once when a publisher of profiles leaves."""
        if event.current_count_change < 0:
            self._forget_those_that_left()

    def _forget_those_that_left(self) -> None:
        for app in self._departures.left(self._profiles):
            self._manager.remove(app)
            self.get_logger().info(f'{app} has left: the publisher of its profile is gone')
        # Where the middleware does not name publishers, silence tells.
        for app in self._manager.drop_silent(self._profiles.get_publisher_count()):
            self.get_logger().info(f'{app} has left: no frame_report and no publisher')
        if self._manager.due:
            self._step()

    def _on_frame(self, message: FrameReport) -> None:
        self._manager.observe_frame(messages.frame_from(message))

    def _on_subnet(self, message: SubnetState) -> None:
        now = self.get_clock().now()
        self._manager.observe_subnet(
            messages.subnet_from(message, now=now, latched=self._may_be_latched())
        )

    def _on_platform(self, message: PlatformState) -> None:
        self._manager.observe_platform(messages.platform_from(message))

    def _on_deadline(self, message: Deadline) -> None:
        """Change targets; a request for an unknown application is kept, and counted as refused."""
        request = messages.target_from(message)
        self._manager.request_target(request)
        if request.app and request.app not in self._manager.apps:
            known = listed(self._manager.apps) or 'none yet'
            raise ValueError(
                f'application is {request.app!r}; expected one with a profile ({known}); the '
                'deadline is kept until it joins'
            )

    def _on_battery(self, message: BatteryState, info: MessageInfo) -> None:
        """Update the charge; `info` tells publishers apart, where the middleware does."""
        battery = messages.battery_from(message)
        self._manager.observe_battery(
            battery.charge, energy_j=battery.energy_j, publisher=publisher_gid(info).hex()
        )

    def _on_mission(self, message: Mission) -> None:
        """Begin a mission; one whose stamp is not believed is counted as refused, and begins."""
        now = self.get_clock().now()
        mission = messages.mission_from(message, now=now, latched=self._may_be_latched())
        self._manager.request_mission(mission.duration_s, ago_s=mission.ago_s)
        if mission.doubt:
            raise ValueError(mission.doubt)

    def _may_be_latched(self) -> bool:
        """Whether a message that arrives now may have been published before this node started."""
        return self._now_s() - self._started_s < LATCHED_S

    def _on_manager(self, message: ManagerState) -> None:
        """Stand by at once if the sender started before this manager."""
        self._arbitration.hear(messages.identity_from(message))
        self._review_standby()

    def _review_standby(self) -> None:
        """Say so when this manager stands by, or takes over."""
        standby = self._arbitration.standby
        if standby == self._stands_by:
            return
        self._stands_by = standby
        if standby:
            self.get_logger().error(f'{self._standby_text()}: this one stands by')
        else:
            self.get_logger().warning('the other resource manager is gone: this one commands')
            self._diagnostics.ok('commands, since the other resource manager is gone')

    def _standby_text(self) -> str:
        return f'another resource manager commands ({self._arbitration.senior}); expected one'

    def _be_present(self) -> None:
        """Publish the state often enough for other managers, and notice who has left."""
        self._review_standby()
        self._forget_those_that_left()
        publishers = (self._switch_publisher, self._clocks_publisher, self._state_publisher)
        self._competing = [
            f'{each.topic_name} has {count} publishers'
            for each in publishers
            if (count := self.count_publishers(each.topic_name)) > 1
        ]
        if self._stands_by:
            self._diagnostics.error(f'standby: {self._standby_text()}')
        elif self._state is not None and self._period_s > PRESENCE_S:
            self._state_publisher.publish(self._state)

    def _step(self) -> None:
        """Decide, and publish commands, state and diagnostics, unless another manager commands."""
        self._review_standby()
        if self._stands_by:
            return
        output = self._manager.step()
        header = Header(stamp=self.get_clock().now().to_msg())
        for command in output.switches:
            self._switch_publisher.publish(messages.switch_message(command, header=header))
            self._log(f'{command.app}: {command.subnet_id} on {command.processor}', command)
            self._commands['sub-network commands'] += 1
        if output.clocks is not None:
            self._clocks_publisher.publish(messages.clocks_message(output.clocks, header=header))
            clocks = ', '.join(
                f'{name} {hz / 1e6:.0f} MHz' for name, hz in output.clocks.clocks_hz.items()
            )
            self._log(f'frequencies: {clocks}', output.clocks)
            self._commands['frequency commands'] += 1
        status = output.status
        identity = self._arbitration.identity
        self._state = messages.status_message(status, header=header, identity=identity)
        self._state_publisher.publish(self._state)
        self._diagnose(status)

    def _log(self, text: str, command: Any) -> None:
        """Log a command with its number and reason, a repeated one at debug level."""
        line = f'command {command.sequence}, {text} ({command.reason})'
        if line in self._logged:
            self.get_logger().debug(f'repeated: {line}')
        else:
            self._logged.append(line)
            self.get_logger().info(line)

    def _diagnose(self, status: ManagerStatus) -> None:
        """Set the diagnostics."""
        diagnostics = self._diagnostics
        for key, value in self._commands.items():
            diagnostics.set(key, value)
        diagnostics.set('objective', f'{status.objective.value} ({status.objective_reason})')
        diagnostics.set('power cap', str(status.budget.board))
        diagnostics.set('decisions', status.decisions)
        diagnostics.set('decision_s', f'{status.decision_s:.6f}')
        problems = [
            f'{each.choice.app} violates {" and ".join(each.choice.violated_targets)}'
            for each in status.apps
            if each.choice.violated_targets
        ]
        problems += status.warnings
        competing = '; '.join(self._competing)
        if competing:
            diagnostics.warn(f'{competing}; expected one: does another resource manager run?')
        elif problems and status.apps:
            diagnostics.warn('; '.join(problems))
        elif status.apps:
            diagnostics.ok(f'managing {", ".join(each.choice.app for each in status.apps)}')

    def _check_parameters(self, changes: list[Parameter[Any]]) -> SetParametersResult:
        """Refuse values that are out of range, with the reason."""
        try:
            parameters.settings_with(self, changes)
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _apply_parameters(self, changes: list[Parameter[Any]]) -> None:
        """Apply changed parameters at once."""
        rates = [each.value for each in changes if each.name == parameters.DECISION_RATE]
        if rates:
            self.destroy_timer(self._timer)
            self._start_deciding(rates[-1])
        settings = parameters.settings_with(self, [])
        if settings != self._manager.settings:
            self._manager.configure(settings)


def main(args: list[str] | None = None) -> int:
    """Run the node until shutdown; return 1 if it cannot start."""
    return run_node(ResourceManagerNode, args, name='resource_manager_node')


if __name__ == '__main__':
    sys.exit(main())
