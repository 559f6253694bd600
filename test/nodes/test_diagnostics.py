# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from unittest.mock import Mock

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from dynofa_ros.nodes.diagnostics import Diagnostics, Refusals
from dynofa_ros.nodes.qos import qos_profile


@pytest.fixture
def clock():
    """A clock that stands at `return_value`."""
    return Mock(return_value=0.0)


@pytest.fixture
def node(context):
    node = rclpy.create_node('watched', namespace='robot', context=context)
    yield node
    node.destroy_node()


@pytest.fixture
def diagnostics(node, clock):
    return Diagnostics(node, 'board', clock=clock)


def values(status):
    return {each.key: each.value for each in status.values}


def test_the_status_names_node_and_hardware(diagnostics):
    status = diagnostics.status()
    assert (status.name, status.hardware_id) == ('/robot/watched', 'board')


@pytest.mark.parametrize(
    ('method', 'level'),
    [
        ('ok', DiagnosticStatus.OK),
        ('warn', DiagnosticStatus.WARN),
        ('error', DiagnosticStatus.ERROR),
    ],
)
def test_the_node_sets_level_and_message(diagnostics, method, level):
    getattr(diagnostics, method)('all of it')
    status = diagnostics.status()
    assert (status.level, status.message) == (level, 'all of it')


def test_values_are_included(diagnostics):
    diagnostics.set('frames', 12)
    assert values(diagnostics.status()) == {'frames': '12'}


def test_rejections_are_counted_by_name(diagnostics):
    for detail in ('first', 'second'):
        diagnostics.count('deadline', detail)
    diagnostics.count('battery', 'third')
    assert values(diagnostics.status()) == {'refused: deadline': '2', 'refused: battery': '1'}


def test_a_rejection_warns_for_ten_seconds(diagnostics, clock):
    diagnostics.ok('running')
    diagnostics.count('deadline', 'deadline_s is nan; expected above 0')
    status = diagnostics.status()
    assert status.level == DiagnosticStatus.WARN
    assert status.message == 'running; refused: deadline_s is nan; expected above 0'
    clock.return_value = 10.0
    assert diagnostics.status().level == DiagnosticStatus.OK


def test_a_rejection_does_not_hide_an_error(diagnostics):
    diagnostics.error('no camera')
    diagnostics.count('deadline', 'wrong')
    assert diagnostics.status().level == DiagnosticStatus.ERROR


def test_a_standing_problem_stays_until_it_ends(diagnostics):
    diagnostics.problem('twin', 'two nodes')
    diagnostics.ok('running')
    status = diagnostics.status()
    assert (status.level, status.message) == (DiagnosticStatus.WARN, 'running; two nodes')
    diagnostics.problem('twin', '')
    status = diagnostics.status()
    assert (status.level, status.message) == (DiagnosticStatus.OK, 'running')


def test_the_counter_does_not_reset_after_the_warning(diagnostics, clock):
    diagnostics.count('deadline', 'wrong')
    clock.return_value = 100.0
    assert values(diagnostics.status()) == {'refused: deadline': '1'}


def test_rejections_are_logged_once_per_second_and_name(clock):
    refusals, due = Refusals(clock=clock), []
    for name, now_s in (('a', 0.0), ('a', 0.5), ('b', 0.6), ('a', 1.0)):
        clock.return_value = now_s
        due.append(refusals.add(name, 'wrong'))
    assert due == [True, False, True, True]
    assert refusals.counts() == {'a': 3, 'b': 1}


def test_the_status_is_published_on_diagnostics(diagnostics, node):
    received = []
    profile = qos_profile('/diagnostics')
    node.create_subscription(DiagnosticArray, '/diagnostics', received.append, profile)
    diagnostics.ok('running')
    executor = rclpy.executors.SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    for _ in range(200):
        if received:
            break
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    assert received[0].status[0].message == 'running'
    assert received[0].header.stamp.sec > 0
