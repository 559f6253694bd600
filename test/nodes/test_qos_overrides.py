# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Every topic of a node has `qos_overrides` parameters; a wrong one is refused by its name."""

import subprocess

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

import rclpy
from rclpy.exceptions import InvalidParameterValueException
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from sensor_msgs.msg import BatteryState

from dynofa_ros.demo.processes import executable
from dynofa_ros.nodes.guard import GuardedNode
from dynofa_ros.nodes.platform.node import PlatformNode
from dynofa_ros.nodes.qos import TOPICS, qos_profile
from dynofa_ros.nodes.qos_overrides import unused_overrides
from dynofa_ros.nodes.resource_manager.node import ResourceManagerNode

PUBLISHER = 'qos_overrides./robot/battery.publisher'


@pytest.fixture
def context():
    made = rclpy.Context()
    rclpy.init(context=made)
    yield made
    rclpy.shutdown(context=made)


@pytest.fixture
def node_with(context):
    """Return a function that makes a node in a namespace, with values of parameters."""
    nodes = []

    def make(*values, kind=GuardedNode, **options):
        arguments = [each for value in values for each in ('-p', value)]
        names = {} if kind is not GuardedNode else {'name': 'node'}
        node = kind(
            **names,
            context=context,
            namespace='robot',
            cli_args=['--ros-args', *arguments],
            **options,
        )
        nodes.append(node)
        return node

    yield make
    for node in nodes:
        node.destroy_node()


def publish_battery(node):
    return node.create_publisher(BatteryState, 'battery', qos_profile('battery'))


def test_a_publisher_takes_them(node_with):
    node = node_with(
        f'{PUBLISHER}.reliability:=best_effort',
        f'{PUBLISHER}.durability:=transient_local',
        f'{PUBLISHER}.depth:=3',
    )
    qos = publish_battery(node).qos_profile
    assert (qos.reliability, qos.durability, qos.depth) == (
        ReliabilityPolicy.BEST_EFFORT,
        DurabilityPolicy.TRANSIENT_LOCAL,
        3,
    )


@pytest.mark.parametrize(
    ('value', 'reason'),
    [
        ('reliability:=sometimes', "reliability is 'sometimes'; expected reliable, best_effort"),
        ('durability:=latched', "durability is 'latched'; expected volatile, transient_local"),
        ('history:=keep_all', "history is 'keep_all'; expected keep_last"),
    ],
)
def test_an_unknown_value_is_refused(node_with, value, reason):
    node = node_with(f'{PUBLISHER}.{value}')
    for _ in range(2):  # a lifecycle node may be configured again
        with pytest.raises(ValueError) as caught:
            publish_battery(node)
        assert str(caught.value) == f'{PUBLISHER}.{reason}'


def test_a_depth_out_of_range_is_refused(node_with):
    node = node_with(f'{PUBLISHER}.depth:=0')
    with pytest.raises(InvalidParameterValueException, match=f'{PUBLISHER}.depth'):
        publish_battery(node)


def test_an_override_of_no_topic_is_found(node_with):
    name = 'qos_overrides./robot/batery.publisher.depth'
    node = node_with(f'{name}:=3', f'{PUBLISHER}.depth:=3')
    publish_battery(node)
    assert unused_overrides(node) == [name]


@pytest.mark.parametrize('kind', [ResourceManagerNode, PlatformNode])
def test_every_topic_of_a_node_has_them(node_with, kind):
    node = node_with('device:=simulated', kind=kind)
    entities = {('publisher', each.topic_name) for each in node.publishers}
    entities |= {('subscription', each.topic_name) for each in node.subscriptions}
    ours = {node.resolve_topic_name(topic) for topic in TOPICS}
    own = {(entity, name) for entity, name in entities if name in ours}
    assert own
    for entity, name in own:
        for policy in ('depth', 'history', 'reliability'):
            assert node.has_parameter(f'qos_overrides.{name}.{entity}.{policy}')


@pytest.mark.parametrize(
    ('node', 'topic'),
    [('resource_manager', '/mission.subscription'), ('platform', '/battery.publisher')],
)
def test_a_node_that_cannot_start_says_which_one(node, topic):
    parameter = f'qos_overrides.{topic}.reliability'
    ended = subprocess.run(
        [executable(f'{node}_node'), '--ros-args', '-p', f'{parameter}:=sometimes'],
        capture_output=True,
        text=True,
        timeout=60,
    )
    reason = f"{parameter} is 'sometimes'; expected reliable, best_effort"
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (1, f'{node}_node: {reason}')
    assert 'Traceback' not in ended.stderr
