# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Notice a second node of the same name or application, which obeys the same commands."""

from __future__ import annotations

import threading
from collections import deque

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

from dynofa_ros.msg import SubnetState
from dynofa_ros.nodes.diagnostics import Diagnostics

PERIOD_S = 1.0
# Own states that may still be on their way back to this node.
_MOST_OWN_STATES = 256


class Twins:
    """Says in the diagnostics that another node has the name or the application of this one."""

    def __init__(self, node: Node, app: str, diagnostics: Diagnostics) -> None:
        self._node = node
        self._app = app
        self._diagnostics = diagnostics
        self._lock = threading.Lock()  # the worker publishes states, the node receives them
        self._own: deque[tuple[int, int]] = deque(maxlen=_MOST_OWN_STATES)
        self._senders = 0  # of states, when another node was seen to be of this application
        node.create_timer(PERIOD_S, self.check, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def on_own_state(self, message: SubnetState) -> None:
        """Remember a state that this node publishes, which it also receives."""
        with self._lock:
            self._own.append(_stamp(message))

    def on_state(self, message: SubnetState) -> None:
        """Update with a received state of this application, latched or new."""
        with self._lock:
            own = _stamp(message) in self._own
        if not own:
            self._senders = self._node.count_publishers('subnet_state')
            self.check()

    def check(self) -> None:
        """Update the diagnostics. A node that left is noticed by the number of senders."""
        if self._node.count_publishers('subnet_state') < self._senders:
            self._senders = 0
        own = (self._node.get_name(), self._node.get_namespace())
        same_name = self._node.get_node_names_and_namespaces().count(own)
        texts = []
        if same_name > 1:
            texts.append(f'{same_name} nodes are named {self._node.get_fully_qualified_name()}')
        if self._senders:
            texts.append(f'another node is application {self._app!r}')
        what = ' and '.join(texts)
        self._diagnostics.problem('twin', f'{what}; expected one' if what else '')


def _stamp(message: SubnetState) -> tuple[int, int]:
    stamp = message.header.stamp
    return stamp.sec, stamp.nanosec
