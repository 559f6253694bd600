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

from dynofa_ros.nodes.qos import TOPICS, qos_profile

BEST_EFFORT = {'image', 'image/compressed', 'frame_report', 'frame_energy', 'battery'}


def hears(publisher: QoSProfile, subscriber: QoSProfile) -> bool:
    return qos_check_compatible(publisher, subscriber)[0] != QoSCompatibility.ERROR


@pytest.mark.parametrize('topic', TOPICS)
def test_an_ordinary_subscriber_hears_what_is_not_best_effort(topic):
    assert hears(qos_profile(topic), QoSProfile(depth=10)) == (topic not in BEST_EFFORT)


@pytest.mark.parametrize('topic', ['deadline', 'subnet_command', 'dvfs_command'])
def test_who_publishes_once_from_the_command_line_is_heard(topic):
    """`ros2 topic pub` is reliable and transient local unless told otherwise."""
    publisher = QoSProfile(
        depth=1,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )
    assert hears(publisher, qos_profile(topic))


def test_a_battery_that_is_sensor_data_is_heard():
    assert hears(qos_profile_sensor_data, qos_profile('battery'))


def test_a_command_reaches_an_application_that_joins_late():
    profile = qos_profile('subnet_command')
    assert profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert (profile.reliability, profile.depth) == (ReliabilityPolicy.RELIABLE, 32)


def test_a_camera_may_be_asked_to_repeat_lost_images():
    assert qos_profile('image').reliability == ReliabilityPolicy.BEST_EFFORT
    assert qos_profile('image', reliable=True).reliability == ReliabilityPolicy.RELIABLE


def test_a_topic_that_is_not_ours_is_refused():
    with pytest.raises(ValueError, match=r"topic 'images' has no QoS profile; expected image"):
        qos_profile('images')
