# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import pytest

from dynofa_ros.bags.topics import (
    OfferedQos,
    Topic,
    TopicError,
    awaited_images,
    check_remappings,
    normalised_type,
    parse_remappings,
    qos_to_offer,
    select,
)

IMAGE = Topic('/camera/image_raw', 'sensor_msgs/msg/Image', 12)
BATTERY = Topic('/battery', 'sensor_msgs/msg/BatteryState', 3)


@pytest.mark.parametrize(
    'recorded', ['sensor_msgs/Image', 'sensor_msgs/msg/Image', 'sensor_msgs::msg::Image']
)
def test_type_names_are_normalised(recorded):
    assert normalised_type(recorded) == 'sensor_msgs/msg/Image'


def test_image_topics_are_recognised():
    assert (IMAGE.is_image, BATTERY.is_image) == (True, False)


def test_the_default_qos_is_reliable_and_volatile():
    assert qos_to_offer([], message_count=5) == OfferedQos(reliable=True, transient_local=False)


def test_one_reliable_publisher_makes_the_topic_reliable():
    recorded = [OfferedQos(reliable=False, depth=3), OfferedQos(reliable=True, depth=1)]
    assert qos_to_offer(recorded, message_count=5) == OfferedQos(reliable=True, depth=3)


@pytest.mark.parametrize(('messages', 'depth'), [(0, 1), (20, 20), (5000, 1000)])
def test_a_latched_topic_keeps_all_of_its_messages_up_to_1000(messages, depth):
    recorded = [OfferedQos(transient_local=True, depth=1)]
    assert qos_to_offer(recorded, message_count=messages).depth == depth


@pytest.mark.parametrize('depth', [0, -1, 100_001, 2**63])
def test_a_depth_out_of_range_is_refused(depth):
    with pytest.raises(ValueError, match=f'depth is {depth}; expected 1 to 100000'):
        OfferedQos(depth=depth)


@pytest.mark.parametrize(
    ('names', 'topics'),
    [([], (IMAGE, BATTERY)), (['/battery'], (BATTERY,)), (['battery'], (BATTERY,))],
)
def test_topics_are_selected_by_name(names, topics):
    assert select([IMAGE, BATTERY], names) == topics


def test_an_unknown_topic_lists_those_of_the_bag():
    text = r"'/imu'; expected one of the bag: /camera/image_raw \(sensor_msgs/msg/Image, 12\)"
    with pytest.raises(TopicError, match=text):
        select([IMAGE], ['imu'])


def test_remappings_map_recorded_names():
    assert parse_remappings(['battery:=power/state', '/a:=/b']) == {
        '/battery': 'power/state',
        '/a': '/b',
    }


@pytest.mark.parametrize('rule', ['/a=/b', '/a:=', ':=/b', '/a:=/b c', '/a:=/1b', '/a:=/b:=/c'])
def test_a_malformed_rule_is_refused(rule):
    with pytest.raises(TopicError, match='expected from:=to') as error:
        parse_remappings([rule])
    assert repr(rule) in str(error.value)


def test_remapping_an_unplayed_topic_lists_those_that_are_played():
    with pytest.raises(TopicError, match=r"from '/imu'; expected a played topic: /bat"):
        check_remappings([BATTERY], {'/imu': '/x'})


def test_two_types_on_one_topic_are_refused():
    with pytest.raises(
        TopicError, match=r"types on '/battery' are .*; expected one type per topic"
    ):
        check_remappings([IMAGE, BATTERY], {'/camera/image_raw': 'battery'})


def test_two_topics_of_one_type_may_share_a_name():
    check_remappings([IMAGE, Topic('/b', IMAGE.type, 1)], {'/b': IMAGE.name})


JPEG = Topic('/camera/image_raw/compressed', 'sensor_msgs/msg/CompressedImage', 12)
REAR = Topic('/rear/image', 'sensor_msgs/msg/Image', 5)


@pytest.mark.parametrize(
    ('topics', 'awaited'),
    [
        ([IMAGE, REAR, BATTERY], (IMAGE,)),
        ([IMAGE, JPEG, REAR], (IMAGE, JPEG)),
        ([JPEG, REAR], (JPEG,)),
    ],
)
def test_raw_or_compressed_images_of_a_topic_are_awaited(topics, awaited):
    assert awaited_images(topics, ['camera/image_raw'], names={}) == (awaited,)


def test_images_are_awaited_under_their_new_name():
    names = {'/rear/image': 'image'}
    assert awaited_images([IMAGE, REAR], ['/image'], names=names) == ((REAR,),)
    with pytest.raises(TopicError, match="image topic is '/rear/image'"):
        awaited_images([IMAGE, REAR], ['/rear/image'], names=names)


def test_an_awaited_topic_that_is_no_image_lists_the_images():
    with pytest.raises(TopicError) as error:
        awaited_images([IMAGE, BATTERY, REAR], ['/battery'], names={'/rear/image': '/b'})
    assert str(error.value) == (
        "image topic is '/battery'; expected one that is played: /camera/image_raw "
        '(sensor_msgs/msg/Image, 12), /b (sensor_msgs/msg/Image, 5)'
    )
