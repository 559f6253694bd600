# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Publish the battery of the machine on the topic `battery`, unless another node does."""

from __future__ import annotations

import math
import time

from builtin_interfaces.msg import Time
from rclpy.node import Node
from sensor_msgs.msg import BatteryState

from dynofa_ros.nodes.qos import qos_profile
from dynofa_ros.platform.device import BatteryReading

TOPIC = 'battery'
# A charge changes slowly.
PERIOD_S = 1.0
# `POWER_SUPPLY_STATUS` of sensor_msgs follows Linux.
_SUPPLY_STATUS = {
    'Charging': BatteryState.POWER_SUPPLY_STATUS_CHARGING,
    'Discharging': BatteryState.POWER_SUPPLY_STATUS_DISCHARGING,
    'Not charging': BatteryState.POWER_SUPPLY_STATUS_NOT_CHARGING,
    'Full': BatteryState.POWER_SUPPLY_STATUS_FULL,
}


class BatteryPublisher:
    """Publishes only while no other node does: a robot's own battery driver takes precedence."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publisher = node.create_publisher(BatteryState, TOPIC, qos_profile(TOPIC))
        self._published_s = -math.inf
        self._others: tuple[str, ...] = ()

    def publish(self, battery: BatteryReading) -> None:
        """Publish once a second, unless another node does."""
        now_s = time.monotonic()
        if now_s - self._published_s < PERIOD_S:
            return
        self._published_s = now_s
        self._find_others()
        if not self._others:
            stamp = self._node.get_clock().now().to_msg()
            self._publisher.publish(battery_message(battery, stamp=stamp))

    def close(self) -> None:
        """Destroy the publisher."""
        self._node.destroy_publisher(self._publisher)

    def _find_others(self) -> None:
        own_name = self._node.get_fully_qualified_name()
        found = self._node.get_publishers_info_by_topic(self._publisher.topic_name)
        names = {f'{each.node_namespace.rstrip("/")}/{each.node_name}' for each in found}
        others = tuple(sorted(names - {own_name}))
        if others and others != self._others:
            self._node.get_logger().info(
                f'{", ".join(others)} publishes {self._publisher.topic_name}: this node does not'
            )
        self._others = others


def battery_message(battery: BatteryReading, *, stamp: Time) -> BatteryState:
    """Return the battery as a message; quantities that are not modelled are NaN or unknown."""
    message = BatteryState(
        voltage=battery.voltage_v,
        temperature=math.nan,
        current=battery.current_a,
        charge=battery.charge_ah,
        capacity=battery.capacity_ah,
        design_capacity=battery.capacity_ah,
        percentage=battery.percentage,
        power_supply_status=_SUPPLY_STATUS.get(
            battery.status, BatteryState.POWER_SUPPLY_STATUS_UNKNOWN
        ),
        power_supply_health=BatteryState.POWER_SUPPLY_HEALTH_UNKNOWN,
        power_supply_technology=BatteryState.POWER_SUPPLY_TECHNOLOGY_UNKNOWN,
        present=True,
    )
    message.header.stamp = stamp
    return message
