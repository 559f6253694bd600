# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import threading
import time
from contextlib import suppress
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rcl_interfaces.srv import SetParameters
from rclpy.event_handler import QoSSubscriptionEventType
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.parameter import Parameter
from std_msgs.msg import String

from dynofa_ros.nodes import executor
from dynofa_ros.nodes.diagnostics import Diagnostics
from dynofa_ros.nodes.guard import Guard, GuardedNode, SequenceGaps
from dynofa_ros.nodes.qos import make_qos

TIMEOUT_S = 60.0


class Message:
    app = 'front camera'


def fail(*_):
    raise OverflowError('too large')


@pytest.fixture
def clock():
    return Mock(return_value=0.0)


@pytest.fixture
def log():
    return Mock()


@pytest.fixture
def guard(log, clock):
    return Guard(log, clock=clock)


def test_a_callback_that_succeeds_returns_its_result(guard):
    assert guard.wrap('deadline', lambda message: 3)(Message()) == 3
    assert guard.counts() == {}


def test_an_exception_is_counted_by_callback(guard):
    for name in ('deadline', 'deadline', 'timer step'):
        assert guard.wrap(name, fail)() is None
    assert guard.counts() == {'errors: deadline': 2, 'errors: timer step': 1}


def test_the_error_names_callback_application_and_type(guard):
    guard.wrap('frame_report', fail)(Message())
    assert guard.recent_error() == ("frame_report of app 'front camera': OverflowError: too large")


def test_each_distinct_error_is_logged_once_with_its_traceback(guard, log):
    def of_type(kind):
        raise kind('of this message')

    for kind in (ValueError, ValueError, KeyError):
        guard.wrap('deadline', lambda kind=kind: of_type(kind))()
    assert log.call_count == 2
    assert 'in of_type' in log.call_args_list[0].args[0]


def test_the_texts_of_an_error_do_not_fill_the_log(guard, log):
    def of_text(text):
        raise ValueError(text)

    for number in range(100):
        guard.wrap('deadline', of_text)(f'value is {number}')
    assert log.call_count == 1
    assert guard.recent_error().endswith('value is 99')


def test_errors_and_losses_are_recent_for_ten_seconds(guard, clock):
    guard.wrap('deadline', fail)()
    guard.lost('image', 3)
    assert guard.recent_error()
    assert guard.recent_loss() == '3 messages of image'
    clock.return_value = 10.0
    assert (guard.recent_error(), guard.recent_loss()) == ('', '')
    assert guard.counts() == {'errors: deadline': 1, 'lost: image': 3}


def test_errors_after_shutdown_are_ignored(log):
    guard = Guard(log, alive=lambda: False)
    assert guard.wrap('deadline', fail)() is None
    assert guard.counts() == {}
    log.assert_not_called()


def wait_sets(monkeypatch):
    """Let nodes spin as with a rclpy that has no EventsExecutor."""
    monkeypatch.setattr(executor, 'EventsExecutor', None)


def default(_):
    """Let nodes spin as they do here."""


EXECUTORS = [pytest.param(default, id='default'), pytest.param(wait_sets, id='wait sets')]


class FailingNode(GuardedNode):
    """Its timer, its subscription and its parameter service all raise an exception."""

    def __init__(self, context):
        super().__init__('failing', context=context)
        self.create_timer(0.01, self.on_period)
        self.create_subscription(String, 'text', fail, make_qos(depth=5, **RELIABLE))
        self.declare_parameter('number', 1)
        self.diagnostics = Diagnostics(self, 'bench')
        self.add_on_set_parameters_callback(fail)

    def on_period(self):
        raise ZeroDivisionError


RELIABLE = {'reliable': True, 'transient_local': False}


@pytest.fixture(params=EXECUTORS)
def failing(request, monkeypatch):
    """The node, spinning in a thread."""
    request.param(monkeypatch)
    context = rclpy.Context()
    rclpy.init(context=context)
    node = FailingNode(context)

    def spin():
        with suppress(ExternalShutdownException):
            node.spin()

    thread = threading.Thread(target=spin)
    thread.start()
    yield node
    context.try_shutdown()
    thread.join(TIMEOUT_S)
    assert not thread.is_alive()
    node.destroy_node()


@pytest.fixture
def robot(context):
    node = GuardedNode('robot', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    node.step = lambda: executor.spin_once(timeout_sec=0.05)
    yield node
    executor.shutdown()
    node.destroy_node()


def wait_for(ready, step=lambda: time.sleep(0.02)):
    end_s = time.monotonic() + TIMEOUT_S
    while not ready():
        assert time.monotonic() < end_s
        step()


def test_a_node_outlives_exceptions_of_timers_subscriptions_and_services(failing, robot):
    publisher = robot.create_publisher(String, 'text', make_qos(depth=5, **RELIABLE))
    client = robot.create_client(SetParameters, 'failing/set_parameters')
    wait_for(publisher.get_subscription_count)
    wait_for(client.service_is_ready)
    publisher.publish(String(data='hello'))
    parameters = [Parameter('number', value=2).to_parameter_msg()]
    client.call_async(SetParameters.Request(parameters=parameters))
    names = {'errors: timer on_period', 'errors: text', 'errors: service'}
    wait_for(lambda: failing.guard.counts().keys() >= names, robot.step)
    before = failing.guard.counts()['errors: timer on_period']
    wait_for(lambda: failing.guard.counts()['errors: timer on_period'] > before)


def test_diagnostics_tell_of_exceptions_and_losses(robot):
    diagnostics = Diagnostics(robot, 'bench')
    diagnostics.ok('running')
    robot.guard.lost('image', 2)
    assert diagnostics.status().level == DiagnosticStatus.WARN
    assert diagnostics.status().message == 'running; lost: 2 messages of image'
    robot.guard.wrap('deadline', fail)()
    status = diagnostics.status()
    assert status.level == DiagnosticStatus.ERROR
    assert 'error in deadline: OverflowError: too large' in status.message
    values = {each.key: each.value for each in status.values}
    assert values == {'errors: deadline': '1', 'lost: image': '2'}


def test_a_message_that_dds_lost_is_counted(robot):
    subscription = robot.create_subscription(String, 'text', print, make_qos(depth=1, **RELIABLE))
    lost = QoSSubscriptionEventType.RCL_SUBSCRIPTION_MESSAGE_LOST
    (handler,) = [each for each in subscription.event_handlers if each.event_type == lost]
    handler.callback(SimpleNamespace(total_count_change=4))
    assert robot.guard.counts() == {'lost: text': 4}


def numbered(number, publisher=b'camera'):
    return {'publication_sequence_number': number, 'publisher_gid': {'data': publisher}}


def test_gaps_are_counted_by_publisher():
    gaps = SequenceGaps()
    numbers = ((7, b'a'), (1, b'b'), (8, b'a'), (11, b'a'), (2, b'b'), (4, b'b'))
    assert [gaps.missed(numbered(*each)) for each in numbers] == [0, 0, 0, 2, 0, 1]


def test_a_message_out_of_order_is_not_a_gap():
    gaps = SequenceGaps()
    assert [gaps.missed(numbered(each)) for each in (1, 4, 3, 5)] == [0, 2, 0, 0]


def test_without_numbers_nothing_is_known():
    gaps = SequenceGaps()
    assert gaps.missed({'publication_sequence_number': None}) == 0
    assert not gaps.known


def test_publishers_that_left_are_forgotten():
    gaps = SequenceGaps()
    for index in range(1000):
        gaps.missed(numbered(1, index.to_bytes(2, 'big')))
    assert len(gaps._last) == 64


def test_messages_replaced_while_the_node_was_busy_are_counted(context):
    node = GuardedNode('busy', context=context)
    received = []
    newest = make_qos(depth=1, reliable=True, transient_local=False)
    node.create_subscription(String, 'text', received.append, newest, count_replaced=True)
    publisher = node.create_publisher(String, 'text', newest)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    end_s = time.monotonic() + TIMEOUT_S

    def receive():
        count = len(received)
        while len(received) == count and time.monotonic() < end_s:
            executor.spin_once(timeout_sec=0.05)

    publisher.publish(String(data='first'))
    receive()
    for text in ('second', 'third', 'fourth'):
        publisher.publish(String(data=text))
    receive()
    assert [each.data for each in received] == ['first', 'fourth']
    assert node.guard.counts() == {'lost: text': 2}
    executor.shutdown()
    node.destroy_node()
