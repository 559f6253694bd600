# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Publish a node's health and its rejected inputs on `/diagnostics` at 1 Hz (REP-107).

Counters never reset. The level is at least WARN for ten seconds after an input was rejected or DDS
lost a message, and ERROR for ten seconds after a callback of a `GuardedNode` raised an exception.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

from dynofa_ros.nodes.guard import GuardedNode
from dynofa_ros.nodes.qos import qos_profile

PERIOD_S = 1.0
REFUSED_RECENTLY_S = 10.0
# A camera that sends bad images at 30 Hz must not fill the log.
LOG_PERIOD_S = 1.0


class Refusals:
    """Thread-safe counter of rejected inputs by name. Remembers the latest one."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._logged_s: dict[str, float] = {}
        self._last_s = float('-inf')
        self._last_detail = ''

    def add(self, name: str, detail: str) -> bool:
        """Count one rejected input; return whether this name is due to be logged again."""
        now_s = self._clock()
        with self._lock:
            self._counts[name] = self._counts.get(name, 0) + 1
            self._last_s, self._last_detail = now_s, detail
            due = now_s - self._logged_s.get(name, float('-inf')) >= LOG_PERIOD_S
            if due:
                self._logged_s[name] = now_s
            return due

    def counts(self) -> dict[str, int]:
        """Return the number of rejections by name since start-up."""
        with self._lock:
            return dict(self._counts)

    def recent(self) -> str:
        """Return the text of the latest rejection; empty if it is over ten seconds old."""
        with self._lock:
            return self._last_detail if self._clock() - self._last_s < REFUSED_RECENTLY_S else ''


class Diagnostics:
    """Publishes one DiagnosticStatus for a node at 1 Hz."""

    def __init__(
        self, node: Node, hardware_id: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._node = node
        self._hardware_id = hardware_id
        self._refusals = Refusals(clock=clock)
        self._lock = threading.Lock()
        self._values: dict[str, str] = {}
        self._problems: dict[str, tuple[bytes, str]] = {}
        self._level = DiagnosticStatus.OK
        self._summary = 'running'
        self._publisher = node.create_publisher(
            DiagnosticArray, '/diagnostics', qos_profile('/diagnostics')
        )
        # On the steady clock, so that the status is published even while simulated time is paused.
        steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(PERIOD_S, self.publish, clock=steady_clock)

    def count(self, name: str, detail: str) -> None:
        """Count a rejected input under `name`; `detail` states the value and what was expected."""
        if self._refusals.add(name, detail):
            self._node.get_logger().warning(f'{name}: {detail}')

    def set(self, key: str, value: object) -> None:
        """Include `value` under `key` in every status from now on."""
        with self._lock:
            self._values[key] = str(value)

    def problem(self, key: str, text: str, *, level: bytes = DiagnosticStatus.WARN) -> None:
        """Add a standing problem to every status, at least at `level`; an empty text ends it.

        It is logged when it begins, and stays through :meth:`ok`.
        """
        with self._lock:
            before = self._problems.pop(key, None)
            if text:
                self._problems[key] = (level, text)
        if text and not before:
            self._node.get_logger().warning(text)

    def ok(self, summary: str) -> None:
        """Set the level to OK."""
        self._state(DiagnosticStatus.OK, summary)

    def warn(self, summary: str) -> None:
        """Set the level to WARN: the node works with restrictions."""
        self._state(DiagnosticStatus.WARN, summary)

    def error(self, summary: str) -> None:
        """Set the level to ERROR: the node does not work."""
        self._state(DiagnosticStatus.ERROR, summary)

    def _state(self, level: bytes, summary: str) -> None:
        with self._lock:
            self._level, self._summary = level, summary

    def status(self) -> DiagnosticStatus:
        """Return the current status."""
        recent, counts = self._refusals.recent(), self._refusals.counts()
        with self._lock:
            level, summary, values = self._level, self._summary, dict(self._values)
            problems = list(self._problems.values())
        if problems:
            level = max(level, *(each for each, _ in problems))
            summary = '; '.join((summary, *(text for _, text in problems)))
        if recent:
            level = max(level, DiagnosticStatus.WARN)
            summary = f'{summary}; refused: {recent}'
        values.update({f'refused: {name}': str(total) for name, total in counts.items()})
        if isinstance(self._node, GuardedNode):
            guard = self._node.guard
            values.update({key: str(total) for key, total in guard.counts().items()})
            if lost := guard.recent_loss():
                level, summary = max(level, DiagnosticStatus.WARN), f'{summary}; lost: {lost}'
            if error := guard.recent_error():
                level, summary = DiagnosticStatus.ERROR, f'{summary}; error in {error}'
        return DiagnosticStatus(
            level=level,
            name=self._node.get_fully_qualified_name(),
            message=summary,
            hardware_id=self._hardware_id,
            values=[KeyValue(key=key, value=value) for key, value in sorted(values.items())],
        )

    def close(self) -> None:
        """Destroy the publisher and the timer."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_publisher(self._publisher)

    def publish(self) -> None:
        """Publish the current status; the timer calls this once a second."""
        message = DiagnosticArray(status=[self.status()])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)
