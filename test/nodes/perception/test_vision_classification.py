# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The tests use substitutes for the message classes of vision_msgs, which pip cannot install."""

from types import SimpleNamespace
from unittest.mock import Mock

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')

from dynofa_ros.msg import Classification

from dynofa_ros.nodes.perception import vision_classification


class VisionClassification(SimpleNamespace):
    pass


def test_without_vision_msgs_there_is_no_publisher(monkeypatch):
    monkeypatch.setattr(vision_classification, 'VisionClassification', None)
    node = Mock()
    assert vision_classification.vision_publisher(node) is None
    node.create_publisher.assert_not_called()


def test_with_vision_msgs_labels_and_scores_are_published_best_first(monkeypatch):
    monkeypatch.setattr(vision_classification, 'VisionClassification', VisionClassification)
    monkeypatch.setattr(vision_classification, 'ObjectHypothesis', SimpleNamespace, raising=False)
    node = Mock()
    message = Classification(labels=['cat', 'dog'], scores=[0.75, 0.25])
    message.header.frame_id = 'camera'
    vision_classification.vision_publisher(node)(message)
    kind, topic, _ = node.create_publisher.call_args.args
    assert (kind, topic) == (VisionClassification, 'vision_classification')
    (published,) = node.create_publisher.return_value.publish.call_args.args
    assert [(each.class_id, each.score) for each in published.results] == [
        ('cat', 0.75),
        ('dog', 0.25),
    ]
    assert published.header.frame_id == 'camera'
