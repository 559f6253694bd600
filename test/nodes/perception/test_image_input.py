# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Raw or compressed images: never both at once, and whichever is published."""

import signal
import uuid

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
pytest.importorskip(
    'dynofa_ros.msg', reason='the messages are not built: scripts/build, then . scripts/env.sh'
)

from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import CompressedImage

from dynofa_ros.nodes.perception.image_input import (
    AUTO,
    COMPRESSED,
    RAW,
    TYPES,
    choose,
    wrong_type,
)
from dynofa_ros.nodes.qos import qos_profile


@pytest.mark.parametrize(
    ('transport', 'current', 'published', 'expected'),
    [
        (AUTO, RAW, (), RAW),
        (AUTO, COMPRESSED, (), COMPRESSED),
        (AUTO, COMPRESSED, (RAW, COMPRESSED), RAW),
        (AUTO, RAW, (COMPRESSED,), COMPRESSED),
        (RAW, RAW, (COMPRESSED,), RAW),
        (COMPRESSED, COMPRESSED, (RAW,), COMPRESSED),
    ],
)
def test_what_is_subscribed_to(transport, current, published, expected):
    offered = {each: {TYPES[each]} for each in published}
    assert choose(transport, current, offered) == expected


def test_a_topic_of_another_type_is_not_an_image():
    offered = {RAW: {'std_msgs/msg/String'}, COMPRESSED: {TYPES[COMPRESSED]}}
    assert choose(AUTO, RAW, offered) == COMPRESSED
    assert wrong_type('/camera', RAW, offered[RAW]) == (
        '/camera is of type std_msgs/msg/String; expected sensor_msgs/msg/Image'
    )
    assert wrong_type('/camera', RAW, {'std_msgs/msg/String', TYPES[RAW]}) == ''
    assert wrong_type('/camera', RAW, set()) == ''


class Camera:
    """A driver with a raw and a compressed topic."""

    def __init__(self, robot):
        self.robot, self.topics = robot, {}
        robot.offer('image')
        self.topics['image'] = robot._publishers['image']
        self.topics['image/compressed'] = robot.node.create_publisher(
            CompressedImage, 'image/compressed', qos_profile('image/compressed')
        )

    def publish(self, photograph, jpeg):
        """Publish the same picture on all topics; return its frame_id."""
        messages = {
            'image': self.robot.image(photograph),
            'image/compressed': self.robot.jpeg(jpeg),
        }
        frame_id = uuid.uuid4().hex
        for topic, publisher in self.topics.items():
            messages[topic].header.frame_id = frame_id
            messages[topic].header.stamp = messages['image'].header.stamp
            publisher.publish(messages[topic])
        return frame_id

    def close(self, topic):
        self.robot.node.destroy_publisher(self.topics.pop(topic))
        self.robot._publishers.pop(topic, None)


def answers(robot, frame_id):
    return [m for m in robot.received['classification'] if m.header.frame_id == frame_id]


def served(robot, camera, photograph, jpeg):
    """Publish pictures until one is classified, and return how often it was."""

    def classified():
        frame_id = camera.publish(photograph, jpeg)
        for _ in range(10):
            robot._executor.spin_once(timeout_sec=0.05)
        return len(answers(robot, frame_id))

    return robot.wait_for(classified, 'a classification')


@pytest.fixture(scope='module')
def node(start_perception):
    robot = start_perception(platform='jetson_xavier_nx', processor='gpu', jitter=0.0)
    robot.connect()
    yield robot
    robot.process.send_signal(signal.SIGINT)
    output, _ = robot.process.communicate(timeout=60)
    assert robot.process.returncode == 0, output


def test_a_camera_with_both_is_classified_once_and_goes_on_compressed(
    node, photograph, photograph_jpeg
):
    camera = Camera(node)
    for _ in range(5):
        assert served(node, camera, photograph, photograph_jpeg) == 1
    # A lazy driver encodes only for subscribers.
    assert camera.topics['image/compressed'].get_subscription_count() == 0
    camera.close('image')
    compressed = camera.topics['image/compressed']
    node.wait_for(compressed.get_subscription_count, 'the compressed subscription')
    assert served(node, camera, photograph, photograph_jpeg) == 1
    camera.close('image/compressed')


def test_a_topic_of_a_wrong_type_is_an_error(node):
    node.offer('image')
    node.node.destroy_publisher(node._publishers.pop('image'))
    wrong = node.node.create_publisher(CompressedImage, 'image', qos_profile('image'))
    text = f'{node.namespace}/image is of type sensor_msgs/msg/CompressedImage; expected'

    def said():
        status = node.status()
        return status and status.level == DiagnosticStatus.ERROR and text in status.message

    node.wait_for(said, 'the error')
    node.node.destroy_publisher(wrong)
    node.wait_for(lambda: text not in node.status().message, 'the end of the error')


def test_a_topic_named_compressed_is_received(start_perception, photograph_jpeg):
    robot = start_perception(
        remap=['image:=camera/compressed'], platform='jetson_xavier_nx', processor='gpu'
    )
    publisher = robot.node.create_publisher(
        CompressedImage, 'camera/compressed', qos_profile('image/compressed')
    )
    robot.node.destroy_publisher(robot._publishers.pop('image'))
    robot._publishers['image/compressed'] = publisher
    robot.connect()
    robot.classify(robot.jpeg(photograph_jpeg))
    robot.process.send_signal(signal.SIGINT)
    robot.process.communicate(timeout=60)
