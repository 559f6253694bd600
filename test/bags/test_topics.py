import pytest

from dynofa_ros.bags.topics import (
    OfferedQos,
    Topic,
    TopicError,
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
def test_types_have_one_form(recorded):
    assert normalised_type(recorded) == 'sensor_msgs/msg/Image'


def test_only_image_topics_are_images():
    assert (IMAGE.is_image, BATTERY.is_image) == (True, False)


def test_nothing_recorded_is_offered_reliable_and_volatile():
    assert qos_to_offer([], message_count=5) == OfferedQos(reliable=True, transient_local=False)


def test_one_reliable_publisher_makes_the_topic_reliable():
    recorded = [OfferedQos(reliable=False, depth=3), OfferedQos(reliable=True, depth=1)]
    assert qos_to_offer(recorded, message_count=5) == OfferedQos(reliable=True, depth=3)


@pytest.mark.parametrize(('messages', 'depth'), [(0, 1), (20, 20), (5000, 1000)])
def test_a_latched_topic_keeps_all_of_its_messages_up_to_1000(messages, depth):
    recorded = [OfferedQos(transient_local=True, depth=1)]
    assert qos_to_offer(recorded, message_count=messages).depth == depth


def test_a_depth_of_zero_is_refused():
    with pytest.raises(ValueError, match='depth 0 is not at least 1'):
        OfferedQos(depth=0)


def test_no_names_select_all_topics():
    assert select([IMAGE, BATTERY], []) == (IMAGE, BATTERY)


@pytest.mark.parametrize('name', ['/battery', 'battery'])
def test_topics_are_selected_by_name_with_or_without_slash(name):
    assert select([IMAGE, BATTERY], [name]) == (BATTERY,)


def test_an_unknown_topic_lists_what_the_bag_has():
    words = r"'/imu' is not in the bag; it has: /camera/image_raw \(sensor_msgs/msg/Image, 12\)"
    with pytest.raises(TopicError, match=words):
        select([IMAGE], ['imu'])


def test_remappings_map_recorded_names():
    assert parse_remappings(['battery:=power/state', '/a:=/b']) == {
        '/battery': 'power/state',
        '/a': '/b',
    }


@pytest.mark.parametrize('rule', ['/a=/b', '/a:=', ':=/b', '/a:=/b c', '/a:=/1b', '/a:=/b:=/c'])
def test_a_rule_of_another_form_is_refused_by_name(rule):
    with pytest.raises(TopicError, match='does not have the form from:=to') as error:
        parse_remappings([rule])
    assert repr(rule) in str(error.value)


def test_remapping_a_topic_that_is_not_played_lists_those_that_are():
    with pytest.raises(TopicError, match=r"from '/imu': that topic is not played; there are: /bat"):
        check_remappings([BATTERY], {'/imu': '/x'})


def test_two_types_on_one_topic_are_refused():
    with pytest.raises(TopicError, match="would both be published on '/battery'"):
        check_remappings([IMAGE, BATTERY], {'/camera/image_raw': 'battery'})


def test_two_topics_of_one_type_may_share_a_name():
    check_remappings([IMAGE, Topic('/b', IMAGE.type, 1)], {'/b': IMAGE.name})
