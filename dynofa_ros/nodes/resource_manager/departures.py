# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Notice that an application has left: the publisher of its profile is gone from the graph.

A node that ends takes its publishers along at once. Those of a process that was killed go when the
middleware misses its announcements (`leaseDuration` in config/fastdds*.xml).
"""

from __future__ import annotations

from typing import Any

from rclpy.node import Node

from dynofa_ros.nodes.message_info import MessageInfo, publisher_gid
from dynofa_ros.runtime.ranges import APPLICATIONS_MAX


class Departures:
    """Knows the publisher of each application's profile, where the middleware names it."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publishers: dict[str, bytes] = {}  # by application

    def announced(self, app: str, info: MessageInfo) -> None:
        """Store who published the profile of an application.

        Of more than `APPLICATIONS_MAX` the oldest is dropped; its silence tells instead.
        """
        if gid := publisher_gid(info):
            self._publishers.pop(app, None)
            self._publishers[app] = gid
            if len(self._publishers) > APPLICATIONS_MAX:
                del self._publishers[next(iter(self._publishers))]

    def left(self, subscription: Any) -> list[str]:
        """Return the applications whose publisher is gone, each once.

        `subscription` is that of the profiles. The graph is asked only if it has fewer publishers
        than are known.
        """
        known = set(self._publishers.values())
        if subscription.get_publisher_count() >= len(known):
            return []
        present = [
            bytes(each.endpoint_gid)
            for each in self._node.get_publishers_info_by_topic(subscription.topic_name)
        ]
        gone = {gid for gid in known if not any(each.startswith(gid) for each in present)}
        apps = sorted(app for app, gid in self._publishers.items() if gid in gone)
        for app in apps:
            del self._publishers[app]
        return apps
