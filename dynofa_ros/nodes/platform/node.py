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

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from dynofa_ros.nodes.platform.parameters import declare_parameters
from dynofa_ros.nodes.platform.worker import PlatformWork
from dynofa_ros.nodes.run_node import run_node
from dynofa_ros.platform import PlatformError
from dynofa_ros.platform.linux import LinuxDevice, Opened, Sysfs, open_device

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class PlatformNode(LifecycleNode):
    """Applies `dvfs_command`; publishes `platform_state`, `battery` and `frame_energy`."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, **options: Any) -> None:
        super().__init__('platform', **options)
        self._now_s = clock
        self._work: PlatformWork | None = None
        self._settings = declare_parameters(self)
        self._refused: PlatformError | None = None
        if self._settings.autostart:
            if self.trigger_configure() != SUCCESS and self._refused:
                raise self._refused
            self.trigger_activate()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Open the device, and begin to publish how it is."""
        settings = self._settings
        try:
            opened = open_device(
                settings.platform,
                settings.device,
                sysfs=Sysfs(settings.sysfs_root),
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
        self._work = PlatformWork(self, opened, settings, clock=self._now_s)
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

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Obey commands from now on."""
        if self._work is not None:
            self._work.active = True
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Put the clocks back, and obey no more."""
        if self._work is not None:
            self._work.active = False
            self._work.restore('deactivated')
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of the machine."""
        return self._close()

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Put the clocks back, and let go of the machine."""
        return self._close()

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Put the clocks back, and let go of the machine."""
        return self._close()

    def _close(self) -> TransitionCallbackReturn:
        work, self._work = self._work, None
        if work is not None:
            work.close()
        return SUCCESS

    def destroy_node(self) -> None:
        """Put the clocks back to how they were found, if any were turned, then end the node."""
        self._close()
        super().destroy_node()


def main(args: list[str] | None = None) -> int:
    """Run the node until it is told to stop; return 1 if it cannot start."""
    return run_node(PlatformNode, args, name='platform_node')


if __name__ == '__main__':
    sys.exit(main())
