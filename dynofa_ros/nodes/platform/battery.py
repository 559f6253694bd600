"""The machine's battery on the topic `battery`, unless somebody else publishes it there."""

from __future__ import annotations

from rclpy.node import Node
from sensor_msgs.msg import BatteryState

from dynofa_ros.nodes.platform.messages import battery_message
from dynofa_ros.nodes.qos import qos_profile
from dynofa_ros.platform.device import BatteryReading

TOPIC = 'battery'
# The graph changes seldom, and asking for it costs more than a message.
LOOK_EVERY = 10


class BatteryPublisher:
    """Publishes while no other node does: a robot's own battery driver knows better."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publisher = node.create_publisher(BatteryState, TOPIC, qos_profile(TOPIC))
        self._calls = 0
        self.others: tuple[str, ...] = ()
        """Full names of the nodes that publish it too."""

    def publish(self, battery: BatteryReading) -> None:
        """Publish, if nobody else does."""
        if self._calls % LOOK_EVERY == 0:
            self._look()
        self._calls += 1
        if not self.others:
            stamp = self._node.get_clock().now().to_msg()
            self._publisher.publish(battery_message(battery, stamp=stamp))

    def close(self) -> None:
        """End the publisher."""
        self._node.destroy_publisher(self._publisher)

    def _look(self) -> None:
        ours = self._node.get_fully_qualified_name()
        found = self._node.get_publishers_info_by_topic(self._publisher.topic_name)
        names = {f'{each.node_namespace.rstrip("/")}/{each.node_name}' for each in found}
        others = tuple(sorted(names - {ours}))
        if others and others != self.others:
            self._node.get_logger().info(
                f'{", ".join(others)} publishes {self._publisher.topic_name}: this node does not'
            )
        self.others = others
