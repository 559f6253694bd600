# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Publish classifications as `vision_msgs/Classification` too, where vision_msgs is installed."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node

from dynofa_ros.msg import Classification
from dynofa_ros.nodes.qos import qos_profile

try:
    from vision_msgs.msg import Classification as VisionClassification
    from vision_msgs.msg import ObjectHypothesis
except ImportError:
    VisionClassification = None

TOPIC = 'vision_classification'


def vision_publisher(node: Node) -> Callable[[Classification], None] | None:
    """Return a function that publishes a classification; None without vision_msgs.

    ``class_id`` holds the label, since vision_msgs expects an identifier that its reader knows.
    """
    if VisionClassification is None:
        return None
    publisher = node.create_publisher(VisionClassification, TOPIC, qos_profile(TOPIC))

    def publish(message: Classification) -> None:
        results = [
            ObjectHypothesis(class_id=label, score=score)
            for label, score in zip(message.labels, message.scores, strict=True)
        ]
        publisher.publish(VisionClassification(header=message.header, results=results))

    return publish
