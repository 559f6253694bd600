# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The sender of a message is known by its publisher."""

from types import SimpleNamespace

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')

from dynofa_ros.nodes.platform.senders import MAX_KNOWN, Senders, other_publishers


def gid(process, endpoint):
    return bytes([process] * 12 + [0, 0, endpoint, 3])


def info(process, endpoint, middleware='rmw_fastrtps_cpp'):
    return {
        'publisher_gid': {
            'implementation_identifier': middleware,
            'data': gid(process, endpoint),
        }
    }


class Graph:
    """A node that sees publishers of other nodes."""

    def __init__(self, **nodes):
        self.nodes = nodes
        self.queries = 0

    def get_publishers_info_by_topic(self, topic):
        self.queries += 1
        return [
            SimpleNamespace(node_namespace='/', node_name=name, endpoint_gid=list(each))
            for name, gids in self.nodes.items()
            for each in gids
        ]

    def get_fully_qualified_name(self):
        return '/platform'


def test_command_and_state_of_one_manager_are_of_one_node():
    senders = Senders(Graph(manager=[gid(1, 1), gid(1, 2)]))
    assert senders.same_node(info(1, 1), info(1, 2))


def test_managers_of_one_name_in_two_processes_are_two():
    senders = Senders(Graph(manager=[gid(1, 1), gid(2, 1)]))
    assert not senders.same_node(info(1, 1), info(2, 1))


def test_two_nodes_of_one_process_are_two():
    senders = Senders(Graph(one=[gid(1, 1)], other=[gid(1, 2)]))
    assert not senders.same_node(info(1, 1), info(1, 2))


def test_before_the_graph_knows_a_node_its_process_decides():
    senders = Senders(Graph())
    assert senders.same_node(info(1, 1), info(1, 2))
    assert not senders.same_node(info(1, 1), info(2, 2))


def test_a_middleware_without_participants_is_decided_by_name():
    zenoh = 'rmw_zenoh_cpp'
    senders = Senders(Graph(one=[gid(1, 1), gid(2, 2)], other=[gid(3, 3)]))
    assert senders.same_node(info(1, 1, zenoh), info(2, 2, zenoh))
    assert not senders.same_node(info(1, 1, zenoh), info(3, 3, zenoh))


@pytest.mark.parametrize('unknown', [None, {}, {'source_timestamp': 1}])
def test_without_a_sender_every_manager_counts(unknown):
    assert Senders(Graph()).same_node(unknown, info(1, 1))
    assert Senders(Graph()).same_node(info(1, 1), unknown)


def test_the_graph_is_asked_once_for_each_publisher():
    graph = Graph(manager=[gid(1, 1), gid(1, 2)])
    senders = Senders(graph)
    senders.same_node(info(1, 1), info(1, 2))
    asked = graph.queries
    for _ in range(100):
        senders.same_node(info(1, 1), info(1, 2))
    assert graph.queries == asked


def test_only_so_many_publishers_are_remembered():
    graph = Graph(manager=[gid(number, 1) for number in range(200)])
    senders = Senders(graph)
    for number in range(1, 200):
        senders.same_node(info(0, 1), info(number, 1))
    assert len(senders._names) <= MAX_KNOWN


@pytest.mark.parametrize(
    ('nodes', 'others'),
    [
        ({}, []),
        ({'platform': [gid(1, 1)]}, []),
        ({'platform': [gid(1, 1), gid(2, 1)]}, ['/platform']),
        ({'platform': [gid(1, 1)], 'other': [gid(2, 1)]}, ['/other']),
    ],
)
def test_other_publishers_of_a_topic_are_named(nodes, others):
    assert other_publishers(Graph(**nodes), 'platform_state') == others
