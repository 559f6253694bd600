# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The platform node: sets the frequencies of a machine, and publishes its state.

It is the device layer of arXiv 2206.02525, on this machine or a simulated one. A simulation runs in
steady time whatever `use_sim_time` is, because inference takes real time too.

A lifecycle node. Inactive: publishes state only. Active: also executes commands. Deactivation and
every kind of shutdown restore the original frequencies.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from rclpy.executors import ExternalShutdownException
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from dynofa_ros.nodes.guard import GuardedNode
from dynofa_ros.nodes.heap import trim_periodically
from dynofa_ros.nodes.platform.parameters import declare_parameters
from dynofa_ros.nodes.platform.worker import PlatformWorker
from dynofa_ros.nodes.run_node import START_ERRORS, run_node
from dynofa_ros.platform import PlatformError
from dynofa_ros.platform.linux import OpenedDevice, Sysfs, open_device

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class PlatformNode(GuardedNode, LifecycleNode):
    """Applies `dvfs_command`; publishes `platform_state`, `battery` and `frame_energy`."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, **options: Any) -> None:
        super().__init__('platform', **options)
        self._now_s = clock
        self._worker: PlatformWorker | None = None
        self._settings = declare_parameters(self)
        self._error = ''
        trim_periodically(self)
        if self._settings.autostart:
            self._start()

    def _start(self) -> None:
        """Configure and activate; a node that does neither must exit, so that it is restarted."""
        for trigger in (self.trigger_configure, self.trigger_activate):
            if trigger() != SUCCESS:
                self._close()
                if not self.context.ok():  # a signal during the start
                    raise ExternalShutdownException
                raise ValueError(self._error or 'the node could not be started')

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Open the device, and start to publish its state."""
        try:
            self._open()
        except (PlatformError, *START_ERRORS) as error:
            self._error = str(error)
        except Exception as error:  # rclpy would discard it
            self._error = f'{type(error).__name__}: {error}'
            self.guard.caught('configure', error)
        else:
            return SUCCESS
        if self.context.ok():
            self.get_logger().error(self._error)
        return FAILURE

    def _open(self) -> None:
        settings = self._settings
        opened = open_device(
            settings.platform,
            settings.device,
            sysfs=Sysfs(settings.sysfs_root),
            clock=self._now_s,
            state_file=settings.state_file,
            whitelist=settings.whitelist,
            min_interval_s=settings.min_interval_s,
            battery_percentage=settings.battery_initial,
        )
        self._log_opened(opened)
        try:
            self._worker = PlatformWorker(self, opened, settings, clock=self._now_s)
        except Exception:
            opened.device.close()
            raise

    def _log_opened(self, opened: OpenedDevice) -> None:
        log = self.get_logger()
        log.info(opened.reason)
        if opened.mismatch:
            log.warning(
                f'the platform description does not match this machine: {opened.mismatch}; see '
                '`dynofa platform calibrate`'
            )
        for each in opened.restored.done:
            log.warning(f'restored the frequency setting left behind by a crashed process: {each}')
        for each in opened.restored.failed:
            log.error(f'frequency setting left behind by a crashed process NOT restored: {each}')

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start to execute commands."""
        if self._worker is not None:
            self._worker.active = True
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Restore the frequencies, and refuse commands."""
        if self._worker is not None:
            self._worker.active = False
            self._worker.restore('deactivated')
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Restore the frequencies, and release the machine."""
        return self._close()

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Restore the frequencies, and release the machine."""
        return self._close()

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Restore the frequencies, and release the machine."""
        return self._close()

    def _close(self) -> TransitionCallbackReturn:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()
        return SUCCESS

    def destroy_node(self) -> None:
        """Restore the frequencies, then destroy the node."""
        self._close()
        super().destroy_node()


def main(args: list[str] | None = None) -> int:
    """Run the node until it is shut down; return 1 if it cannot start."""
    return run_node(PlatformNode, args, name='platform_node')


if __name__ == '__main__':
    sys.exit(main())
