# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Applications whose publisher is gone."""

from types import SimpleNamespace

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')

from dynofa_ros.nodes.resource_manager.departures import Departures
from dynofa_ros.runtime.ranges import APPLICATIONS_MAX


def info(number):
    return {'publisher_gid': {'data': [number] * 16}}


@pytest.fixture
def graph():
    """The publishers in the graph, by their number."""
    return [1, 2]


@pytest.fixture
def departures(graph):
    def publishers(topic):
        return [SimpleNamespace(endpoint_gid=bytes([each]) * 16) for each in graph]

    return Departures(SimpleNamespace(get_publishers_info_by_topic=publishers))


@pytest.fixture
def subscription(graph):
    return SimpleNamespace(topic_name='subnet_profile', get_publisher_count=lambda: len(graph))


def test_an_application_has_left_once_its_publisher_is_gone(departures, graph, subscription):
    departures.announced('front', info(1))
    departures.announced('rear', info(2))
    assert departures.left(subscription) == []
    graph.remove(2)
    assert departures.left(subscription) == ['rear']
    assert departures.left(subscription) == []


def test_of_too_many_applications_the_oldest_is_forgotten(departures, graph, subscription):
    departures.announced('first', info(1))
    departures.announced('second', info(2))
    for index in range(APPLICATIONS_MAX - 1):
        departures.announced(f'app{index}', info(2))
    graph.clear()
    left = departures.left(subscription)
    assert len(left) == APPLICATIONS_MAX
    assert 'first' not in left
