# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Report throttling, the battery and read-only domains in the log and the diagnostics."""

from __future__ import annotations

import math
import time

from rclpy.node import Node

from dynofa_ros.nodes.diagnostics import Diagnostics
from dynofa_ros.nodes.platform.senders import other_publishers
from dynofa_ros.platform import DeviceState
from dynofa_ros.platform.linux import OpenedDevice

TOPIC = 'platform_state'
QUERY_S = 1.0


class PlatformHealth:
    """Derives the health of the platform node from the states of its device."""

    def __init__(self, node: Node, diagnostics: Diagnostics, opened: OpenedDevice) -> None:
        self._node = node
        self._log = node.get_logger()
        self._queried_s = -math.inf
        self._others: tuple[str, ...] = ()
        self._diagnostics = diagnostics
        self._device = opened.device
        self._throttled: set[str] = set()
        diagnostics.set('device', opened.reason)
        if opened.mismatch:
            diagnostics.set('platform description', opened.mismatch)

    def update(
        self, state: DeviceState, *, last_command: str, active: bool, not_restored: str
    ) -> None:
        """Log changes, and set the diagnostics to the current state.

        `not_restored`: which frequencies could not be restored; empty: none.
        """
        self._find_others()
        throttled = {domain.name for domain in state.domains.values() if domain.throttled}
        for name in sorted(throttled - self._throttled):
            self._log.warning(f'{name} is thermally throttled')
        for name in sorted(self._throttled - throttled):
            self._log.info(f'{name} is no longer throttled')
        self._throttled = throttled
        for name, domain in state.domains.items():
            self._diagnostics.set(f'{name} frequency [Hz]', f'{domain.frequency_hz:.0f}')
        self._diagnostics.set('power [W]', f'{state.power_w:.2f} ({state.power_source})')
        self._diagnostics.set('energy drawn [J]', f'{state.energy_j:.1f}')
        self._diagnostics.set('last command', last_command)
        read_only = {} if state.simulated else self._read_only(state)
        kind = 'simulated' if state.simulated else 'real hardware'
        if not_restored:
            self._diagnostics.error(not_restored)
        elif self._others:
            self._diagnostics.error(
                f'another platform node publishes {TOPIC}: {", ".join(self._others)}; expected one'
            )
        elif self._device.out_of_control:
            self._diagnostics.error(f'no frequency can be set: {self._device.out_of_control}')
        elif throttled:
            self._diagnostics.warn(f'thermally throttled: {", ".join(sorted(throttled))}')
        elif state.simulated and state.battery and state.battery.percentage == 0:
            self._diagnostics.warn('battery empty (the simulation continues)')
        elif state.domains and len(read_only) == len(state.domains):
            self._diagnostics.warn(f'read only: {next(iter(read_only.values()))}')
        elif not active:
            self._diagnostics.ok(f'inactive, {kind}: commands are refused')
        else:
            self._diagnostics.ok(f'running, {kind}')

    def _find_others(self) -> None:
        """Look for other platform nodes once a second."""
        now_s = time.monotonic()
        if now_s - self._queried_s < QUERY_S:
            return
        self._queried_s = now_s
        others = tuple(other_publishers(self._node, TOPIC))
        if others and others != self._others:
            self._log.error(f'another platform node publishes {TOPIC}: {", ".join(others)}')
        self._others = others

    def _read_only(self, state: DeviceState) -> dict[str, str]:
        """Return the domains that cannot be set, each with the reason."""
        reasons = {}
        for name, domain in state.domains.items():
            if not domain.settable:
                reasons[name] = self._device.reason_not_settable(name)
            settable = f'no: {reasons[name]}' if name in reasons else 'yes'
            self._diagnostics.set(f'{name} settable', settable)
        return reasons
