"""The tests use substitutes for the message classes of vision_msgs, which pip cannot install."""

from dataclasses import dataclass, field

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')

from dynofa_ros.msg import Classification

from dynofa_ros.nodes.perception import vision_classification


@dataclass
class Hypothesis:
    class_id: str
    score: float


@dataclass
class VisionClassification:
    header: object = None
    results: list = field(default_factory=list)


class FakeNode:
    def __init__(self):
        self.topics = []
        self.published = []

    def create_publisher(self, kind, topic, qos):
        self.topics.append((kind, topic))
        return self

    def publish(self, message):
        self.published.append(message)


def test_without_vision_msgs_nothing_is_advertised(monkeypatch):
    monkeypatch.setattr(vision_classification, 'VisionClassification', None)
    node = FakeNode()
    assert vision_classification.vision_publisher(node) is None
    assert node.topics == []


def test_with_vision_msgs_labels_and_scores_are_published_best_first(monkeypatch):
    monkeypatch.setattr(vision_classification, 'VisionClassification', VisionClassification)
    monkeypatch.setattr(vision_classification, 'ObjectHypothesis', Hypothesis, raising=False)
    node = FakeNode()
    publish = vision_classification.vision_publisher(node)
    message = Classification(labels=['cat', 'dog'], scores=[0.75, 0.25])
    message.header.frame_id = 'camera'
    publish(message)
    assert node.topics == [(VisionClassification, 'vision_classification')]
    assert node.published[0].results == [Hypothesis('cat', 0.75), Hypothesis('dog', 0.25)]
    assert node.published[0].header.frame_id == 'camera'
