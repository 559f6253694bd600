# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What the nodes publish, as the fault matrix hears it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from processes import NAMESPACE, PERCEPTION
from rcl_interfaces.srv import SetParameters
from rclpy.exceptions import InvalidHandle
from rclpy.executors import (
    ExternalShutdownException,
    ShutdownException,
    SingleThreadedExecutor,
)
from rclpy.node import NodeNameNonExistentError
from rclpy.parameter import Parameter

from dynofa_ros import msg
from dynofa_ros.nodes.qos import make_qos, qos_profile

LATEST = {
    'manager_state': msg.ManagerState,
    'platform_state': msg.PlatformState,
    'subnet_state': msg.SubnetState,
}


class Listener:
    """A node that receives in a thread; reports are never overwritten before they are read."""

    def __init__(self) -> None:
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self.node = rclpy.create_node('robot', namespace=NAMESPACE, context=self._context)
        self.reports: list[Any] = []
        self.warnings: list[tuple[float, str]] = []
        """Time [monotonic s] and text of each diagnostic status above OK."""
        self.latest: dict[str, tuple[float, Any]] = {}
        """Time [monotonic s] and content of the last message by topic."""
        self.counted_s = -1.0
        """Time at which perception last told how many images DDS lost [monotonic s]."""
        self.images_lost = 0
        """Images that perception counted as lost by DDS, over all its restarts."""
        self._last_count = 0
        self._closing = False
        reports = qos_profile('frame_report')
        reports.depth = 10_000
        self.node.create_subscription(msg.FrameReport, 'frame_report', self.reports.append, reports)
        for topic, kind in LATEST.items():
            self.node.create_subscription(kind, topic, self._keep(topic), qos_profile(topic))
        self.node.create_subscription(
            DiagnosticArray,
            '/diagnostics',
            self._on_diagnostics,
            make_qos(depth=1000, reliable=True, transient_local=False),
        )
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, name='listener', daemon=True)
        self._thread.start()

    def since(self, topic: str, start_s: float) -> Any:
        """Return the last message of a topic if it came after `start_s`, otherwise None."""
        received_s, message = self.latest.get(topic, (-1.0, None))
        return message if received_s > start_s else None

    def warned(self, start_s: float, *words: str) -> bool:
        """Return whether a diagnostic status above OK since `start_s` has one of the words."""
        return any(
            word in text for at_s, text in list(self.warnings) if at_s > start_s for word in words
        )

    def entities(self, node: str) -> int:
        """Return the number of publishers, subscriptions, services and clients of a node.

        0 while DDS has not discovered it yet.
        """
        found = 0
        for count in (
            self.node.get_publisher_names_and_types_by_node,
            self.node.get_subscriber_names_and_types_by_node,
            self.node.get_service_names_and_types_by_node,
            self.node.get_client_names_and_types_by_node,
        ):
            try:
                found += len(count(node, NAMESPACE))
            except NodeNameNonExistentError:
                return 0
        return found

    def set_parameter(
        self, node: str, name: str, value: object, *, patience_s: float = 5.0
    ) -> bool:
        """Set a parameter of a node; return whether it accepted."""
        client = self.node.create_client(SetParameters, f'{node}/set_parameters')
        try:
            if not client.wait_for_service(patience_s):
                return False
            parameter = Parameter(name, value=value).to_parameter_msg()
            future = client.call_async(SetParameters.Request(parameters=[parameter]))
            end_s = time.monotonic() + patience_s
            while not future.done() and time.monotonic() < end_s:
                time.sleep(0.02)
            return future.done() and future.result().results[0].successful
        finally:
            self.node.destroy_client(client)

    def close(self) -> None:
        self._closing = True
        self._thread.join()
        self._executor.shutdown()
        self.node.destroy_node()
        self._context.try_shutdown()

    def _keep(self, topic: str) -> Callable[[Any], None]:
        def keep(message: Any) -> None:
            self.latest[topic] = time.monotonic(), message

        return keep

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == f'{NAMESPACE}/{PERCEPTION}':
                self._count_lost(status.values)
            if status.name.startswith(NAMESPACE) and status.level > DiagnosticStatus.OK:
                values = ' '.join(f'{each.key}={each.value}' for each in status.values)
                text = f'{status.name}: {status.message} {values}'
                self.warnings.append((time.monotonic(), text))

    def _count_lost(self, values: Any) -> None:
        count = sum(int(each.value) for each in values if each.key.startswith('lost: image'))
        # A count that falls is that of a new process.
        self.images_lost += count - self._last_count if count >= self._last_count else count
        self._last_count, self.counted_s = count, time.monotonic()

    def _spin(self) -> None:
        while not self._closing:
            try:
                self._executor.spin_once(timeout_sec=0.5)
            except (ExternalShutdownException, ShutdownException):
                return
            except InvalidHandle:  # a fault destroyed its publisher meanwhile
                continue
