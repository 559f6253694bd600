# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A node's executor: both of rclpy's, with everything that our nodes use."""

import threading
import time
from contextlib import suppress
from unittest.mock import Mock

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

import rclpy
from builtin_interfaces.msg import Time
from rcl_interfaces.srv import SetParameters
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock as ClockMessage
from std_msgs.msg import String

from dynofa_ros.nodes import executor
from dynofa_ros.nodes.guard import GuardedNode
from dynofa_ros.nodes.qos import make_qos

TIMEOUT_S = 60.0
QOS = make_qos(depth=100, reliable=True, transient_local=False)


@pytest.fixture(params=['events', 'wait sets'])
def kind(request, monkeypatch):
    """The executor of nodes in this test."""
    if request.param == 'wait sets':
        monkeypatch.setattr(executor, 'EventsExecutor', None)
    elif executor.EventsExecutor is None:
        pytest.skip('this rclpy has no EventsExecutor')
    return request.param


@pytest.fixture
def start(kind):
    """Return a function that spins a node in a thread until the end of the test."""
    running = []

    def spin(node):
        with suppress(ExternalShutdownException):
            node.spin()

    def start(**options):
        context = rclpy.Context()
        rclpy.init(context=context)
        node = GuardedNode('spinning', context=context, **options)
        thread = threading.Thread(target=spin, args=(node,))
        running.append((context, node, thread))
        thread.start()
        return node

    yield start
    for context, node, thread in running:
        context.try_shutdown()
        thread.join(TIMEOUT_S)
        assert not thread.is_alive()
        node.destroy_node()


@pytest.fixture
def robot(context):
    """The other end, which does not spin by itself."""
    node = rclpy.create_node('robot', context=context)
    single = SingleThreadedExecutor(context=context)
    single.add_node(node)
    node.step = lambda: single.spin_once(timeout_sec=0.05)
    yield node
    single.shutdown()
    node.destroy_node()


def wait_for(ready, step=lambda: time.sleep(0.02)):
    end_s = time.monotonic() + TIMEOUT_S
    while not ready():
        assert time.monotonic() < end_s
        step()


def test_callbacks_with_and_without_message_info_get_every_message(start, robot):
    node, plain, informed = start(), [], []
    node.create_subscription(String, 'text', lambda message: plain.append(message.data), QOS)
    node.create_subscription(
        String, 'text', lambda message, info: informed.append((message.data, info)), QOS
    )
    publisher = robot.create_publisher(String, 'text', QOS)
    wait_for(lambda: publisher.get_subscription_count() == 2)
    texts = [str(number) for number in range(50)]
    for text in texts:
        publisher.publish(String(data=text))
    wait_for(lambda: len(plain) == len(informed) == len(texts))
    assert plain == [text for text, _ in informed] == texts
    assert all(info['publisher_gid'] for _, info in informed)


def test_a_steady_timer_goes_on_while_simulated_time_stands_still(start, robot):
    use_sim_time = Parameter('use_sim_time', value=True)
    node, steady, simulated = start(parameter_overrides=[use_sim_time]), Mock(), Mock()
    node.create_timer(0.01, steady, clock=Clock(clock_type=ClockType.STEADY_TIME))
    node.create_timer(0.01, simulated)
    wait_for(lambda: steady.call_count > 5)
    assert simulated.call_count == 0
    clock = robot.create_publisher(ClockMessage, '/clock', 10)
    wait_for(clock.get_subscription_count)
    times = iter(range(1, 10_000))
    wait_for(
        lambda: simulated.call_count,
        lambda: (clock.publish(ClockMessage(clock=Time(sec=next(times)))), time.sleep(0.02)),
    )


def test_a_parameter_service_answers(start, robot):
    start().declare_parameter('number', 1)
    client = robot.create_client(SetParameters, 'spinning/set_parameters')
    wait_for(client.service_is_ready)
    request = SetParameters.Request(parameters=[Parameter('number', value=2).to_parameter_msg()])
    future = client.call_async(request)
    wait_for(future.done, robot.step)
    assert future.result().results[0].successful


def test_entities_come_and_go_while_messages_arrive(start, robot):
    """As in the lifecycle of the platform node: a service creates and destroys subscriptions."""
    node, received = start(), []
    publisher = robot.create_publisher(String, 'text', QOS)

    def replace():
        for each in [each for each in node.subscriptions if each.topic == 'text']:
            node.destroy_subscription(each)
        node.create_subscription(String, 'text', received.append, QOS)

    timer = node.create_timer(0.01, replace)
    deadline = time.monotonic() + 2.0
    wait_for(lambda: time.monotonic() > deadline, lambda: publisher.publish(String(data='x' * 100)))
    node.destroy_timer(timer)
    wait_for(publisher.get_subscription_count)
    received.clear()
    publisher.publish(String(data='last'))
    wait_for(lambda: any(each.data == 'last' for each in received))
    assert node.guard.counts().keys() <= {'lost: text'}


def test_publishers_that_come_and_leave_are_noticed(start, robot):
    node, counts = start(), []
    node.create_subscription(
        String,
        'leaving',  # of this test alone: publishers of the tests before may still be leaving
        print,
        QOS,
        on_matched=lambda event: counts.append(event.current_count),
    )
    wait_for(lambda: robot.count_subscribers('leaving'))  # discovery may take its 5 s
    publisher = robot.create_publisher(String, 'leaving', QOS)
    wait_for(lambda: counts[-1:] == [1])
    robot.destroy_publisher(publisher)
    wait_for(lambda: counts[-1:] == [0])


def test_an_exception_of_an_event_does_not_end_the_node(start, robot):
    def fail(event):
        raise OverflowError('too large')

    node, received = start(), []
    node.create_subscription(String, 'text', received.append, QOS, on_matched=fail)
    wait_for(lambda: robot.count_subscribers('text'))
    publisher = robot.create_publisher(String, 'text', QOS)
    wait_for(lambda: node.guard.counts().get('errors: text event'))
    wait_for(publisher.get_subscription_count)
    publisher.publish(String(data='hello'))
    wait_for(lambda: received)


def test_an_executor_of_wait_sets_outlives_the_spin(monkeypatch):
    """A signal handler of rclpy may still wake it: that must not be a segmentation fault."""
    monkeypatch.setattr(executor, 'EventsExecutor', None)
    context, ended = rclpy.Context(), Mock()
    rclpy.init(context=context)
    monkeypatch.setattr(SingleThreadedExecutor, 'shutdown', ended)
    node = GuardedNode('spinning', context=context)
    node.create_timer(0.01, context.try_shutdown)
    with suppress(ExternalShutdownException):
        node.spin()
    ended.assert_not_called()
    assert node._spinning._sigint_gc is not None
    node.destroy_node()
