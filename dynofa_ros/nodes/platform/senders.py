# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Which node sent a message: a manager's command and its state come from different publishers.

DDS names the writer of each message by a GID whose first 12 bytes are those of its participant,
which is one process; the graph names the node of each writer.
"""

from __future__ import annotations

from rclpy.node import Node

from dynofa_ros.nodes.message_info import MessageInfo, publisher_gid

PARTICIPANT_BYTES = 12
"""Length of the GUID prefix of a participant (DDS-RTPS 2.5, section 8.2.4.3)."""
DDS = ('rmw_fastrtps', 'rmw_cyclonedds', 'rmw_connextdds', 'rmw_gurumdds')
MAX_KNOWN = 64
"""Remembered writers: more than a robot has nodes; bounds the memory where nodes come and go."""


Sender = MessageInfo


class Senders:
    """Compares the senders of messages; asks the graph once for each publisher."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._names: dict[bytes, str] = {}

    def same_node(self, one: Sender, other: Sender) -> bool:
        """Return whether two messages, by their `MessageInfo`, come from one node.

        True as well if the middleware does not name the sender (rclpy of ROS 2 Jazzy and before).
        """
        first, second = publisher_gid(one), publisher_gid(other)
        if not first or not second or first == second:
            return True
        assert one is not None
        named = self._name(first), self._name(second)
        dds = str(one['publisher_gid'].get('implementation_identifier', '')).startswith(DDS)
        if dds and first[:PARTICIPANT_BYTES] != second[:PARTICIPANT_BYTES]:
            return False
        if all(named):
            return named[0] == named[1]
        return dds  # one process, whose nodes the graph does not know yet

    def _name(self, gid: bytes) -> str:
        """Return the node of a publisher; empty if the graph does not know it yet."""
        if gid not in self._names:
            for topic in ('dvfs_command', 'manager_state'):
                for each in self._node.get_publishers_info_by_topic(topic):
                    if bytes(each.endpoint_gid)[: len(gid)] == gid:
                        self._names[gid] = f'{each.node_namespace.rstrip("/")}/{each.node_name}'
            while len(self._names) > MAX_KNOWN:
                del self._names[next(iter(self._names))]
        return self._names.get(gid, '')


def other_publishers(node: Node, topic: str) -> list[str]:
    """Return the nodes that publish a topic, without one publisher of this node."""
    own = node.get_fully_qualified_name()
    names = [
        f'{each.node_namespace.rstrip("/")}/{each.node_name}'
        for each in node.get_publishers_info_by_topic(topic)
    ]
    if own in names:
        names.remove(own)
    return sorted(names)
