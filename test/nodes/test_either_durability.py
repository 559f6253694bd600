# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Requests and commands arrive whatever the durability of their publisher is, and once."""

import time

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

import rclpy
from dynofa_ros.msg import Deadline, Mission
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile

from dynofa_ros.nodes.either_durability import passed_once, subscribe_to_either
from dynofa_ros.nodes.guard import GuardedNode
from dynofa_ros.nodes.qos import make_qos

TIMEOUT_S = 30.0


class Pair:
    """A node that subscribes, and another that publishes."""

    def __init__(self):
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.publishing = rclpy.create_node('publishing', context=self.context)
        self.executor.add_node(self.publishing)
        self.received = []
        self.subscriptions = []

    def subscribe(self, kind, topic):
        node = GuardedNode('subscribing', context=self.context)
        self.executor.add_node(node)
        self.subscriptions = subscribe_to_either(node, kind, topic, self.received.append)

    def wait(self, ready):
        end_s = time.monotonic() + TIMEOUT_S
        while not ready():
            assert time.monotonic() < end_s
            self.executor.spin_once(timeout_sec=0.05)

    def drain(self):
        """Handle what both subscriptions have received until a later message arrives."""
        for _ in range(20):
            self.executor.spin_once(timeout_sec=0.02)


@pytest.fixture
def pair():
    made = Pair()
    yield made
    for node in made.executor.get_nodes():
        node.destroy_node()
    rclpy.shutdown(context=made.context)


QOS = {
    'volatile': QoSProfile(depth=10),
    'transient local': make_qos(depth=1, reliable=True, transient_local=True),
}


@pytest.mark.parametrize('qos', QOS.values(), ids=QOS)
@pytest.mark.parametrize(
    ('topic', 'message'),
    [('deadline', Deadline(deadline_s=0.05)), ('mission', Mission(duration_s=60.0))],
)
def test_each_message_is_received_once(pair, topic, message, qos):
    pair.subscribe(type(message), topic)
    publisher = pair.publishing.create_publisher(type(message), topic, qos)
    matching = 1 if qos is QOS['volatile'] else 2
    pair.wait(lambda: publisher.get_subscription_count() == matching)
    for count in (1, 2):
        publisher.publish(message)
        pair.wait(lambda count=count: len(pair.received) == count)
        pair.drain()
    assert pair.received == [message, message]


def test_a_message_that_was_latched_before_is_received_once(pair):
    publisher = pair.publishing.create_publisher(Mission, 'mission', QOS['transient local'])
    publisher.publish(Mission(duration_s=60.0))
    pair.subscribe(Mission, 'mission')
    pair.wait(lambda: pair.received)
    pair.drain()
    assert pair.received == [Mission(duration_s=60.0)]


def test_both_take_the_overrides_of_their_topic(pair):
    node = GuardedNode(
        'overridden',
        context=pair.context,
        cli_args=['--ros-args', '-p', 'qos_overrides./mission.subscription.depth:=7'],
    )
    pair.executor.add_node(node)
    subscriptions = subscribe_to_either(node, Mission, 'mission', pair.received.append)
    assert [each.qos_profile.depth for each in subscriptions] == [7, 7]


def test_messages_without_a_time_of_publication_all_pass():
    received = []
    receive = passed_once(received.append)
    for info in (None, {}, {'source_timestamp': 0}):
        receive('same', info)
        receive('same', info)
    assert received == ['same'] * 6
