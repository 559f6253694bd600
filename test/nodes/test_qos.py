# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from rclpy.qos import (
    DurabilityPolicy,
    QoSCompatibility,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
    qos_profile_sensor_data,
)

from dynofa_ros.nodes.qos import TOPICS, make_qos, qos_profile, subscription_qos

BEST_EFFORT = {'image', 'image/compressed'}


def compatible(publisher: QoSProfile, subscriber: QoSProfile) -> bool:
    return qos_check_compatible(publisher, subscriber)[0] != QoSCompatibility.ERROR


@pytest.mark.parametrize('topic', TOPICS)
def test_a_default_subscriber_receives_all_reliable_topics(topic):
    assert compatible(qos_profile(topic), QoSProfile(depth=10)) == (topic not in BEST_EFFORT)


@pytest.mark.parametrize('topic', ['deadline', 'subnet_command', 'dvfs_command'])
def test_a_latched_message_is_received(topic):
    publisher = make_qos(depth=1, reliable=True, transient_local=True)
    assert compatible(publisher, qos_profile(topic))


def test_a_battery_published_as_sensor_data_is_received():
    assert compatible(qos_profile_sensor_data, subscription_qos('battery'))


@pytest.mark.parametrize('topic', TOPICS)
def test_our_subscriptions_receive_from_our_publishers(topic):
    assert compatible(qos_profile(topic), subscription_qos(topic))


def test_a_command_reaches_an_application_that_joins_late():
    profile = qos_profile('subnet_command')
    assert profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert (profile.reliability, profile.depth) == (ReliabilityPolicy.RELIABLE, 32)


def test_the_reliability_of_images_can_be_overridden():
    assert qos_profile('image').reliability == ReliabilityPolicy.BEST_EFFORT
    assert qos_profile('image', reliable=True).reliability == ReliabilityPolicy.RELIABLE


def test_an_unknown_topic_is_refused():
    with pytest.raises(ValueError, match="topic is 'images'; expected image"):
        qos_profile('images')
