# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A second node of the same name or application is noticed, and its end too."""

from unittest.mock import Mock

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
messages = pytest.importorskip(
    'dynofa_ros.msg', reason='the messages are not built: scripts/build, then . scripts/env.sh'
)

from dynofa_ros.nodes.perception.twins import Twins  # noqa: E402


class Graph:
    """A node, alone at first."""

    def __init__(self):
        self.senders, self.nodes = 1, [('perception', '/robot'), ('manager', '/robot')]
        self.create_timer = Mock()

    def count_publishers(self, topic):
        return self.senders

    def get_node_names_and_namespaces(self):
        return self.nodes

    def get_name(self):
        return 'perception'

    def get_namespace(self):
        return '/robot'

    def get_fully_qualified_name(self):
        return '/robot/perception'


@pytest.fixture
def graph():
    return Graph()


@pytest.fixture
def diagnostics():
    return Mock()


@pytest.fixture
def twins(graph, diagnostics):
    return Twins(graph, 'front', diagnostics)


def state(second):
    message = messages.SubnetState(app='front')
    message.header.stamp.sec = second
    return message


def problem(diagnostics):
    return diagnostics.problem.call_args.args[1]


def test_a_node_that_receives_its_own_states_is_alone(twins, diagnostics):
    for second in (1, 2):
        twins.on_own_state(state(second))
    for second in (1, 2):
        twins.on_state(state(second))
    twins.check()
    assert problem(diagnostics) == ''


def test_a_state_of_another_node_is_noticed_until_that_node_leaves(twins, graph, diagnostics):
    graph.senders = 2
    twins.on_state(state(5))
    assert problem(diagnostics) == "another node is application 'front'; expected one"
    twins.check()
    assert problem(diagnostics)
    graph.senders = 1
    twins.check()
    assert problem(diagnostics) == ''


def test_a_node_of_the_same_name_is_noticed(twins, graph, diagnostics):
    graph.nodes.append(('perception', '/robot'))
    twins.check()
    assert problem(diagnostics) == '2 nodes are named /robot/perception; expected one'


def test_nodes_of_the_same_name_in_other_namespaces_are_others(twins, graph, diagnostics):
    graph.nodes.append(('perception', '/other'))
    twins.check()
    assert problem(diagnostics) == ''
