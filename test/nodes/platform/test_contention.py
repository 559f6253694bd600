# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The contention that the platform node publishes."""

import math
from dataclasses import replace

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
pytest.importorskip(
    'dynofa_ros.msg', reason='the messages are not built: scripts/build, then . scripts/env.sh'
)

from builtin_interfaces.msg import Time

from dynofa_ros.nodes.domains import domains_from
from dynofa_ros.nodes.platform.messages import platform_state_message
from dynofa_ros.nodes.platform.worker import measured_contention
from dynofa_ros.platform import load_platform
from dynofa_ros.platform.simulated.device import SimulatedDevice


@pytest.fixture
def platform():
    return load_platform('jetson_xavier_nx')


def test_a_real_machine_publishes_no_assumed_contention(platform):
    assert measured_contention(platform) == {}
    sources = {**platform.sources, 'processors.gpu.contention': 'measured here'}
    assert measured_contention(replace(platform, sources=sources)) == {'gpu': 1.0}


def test_it_is_listed_in_the_order_of_the_processors_and_nan_where_unknown(platform):
    state = SimulatedDevice(platform, clock=lambda: 0.0).state()
    message = platform_state_message(state, stamp=Time(), contention={'gpu': 0.9})
    found = {each.name: each for each in domains_from(message)}
    assert found['gpu'].contention == (0.9,)
    assert math.isnan(found['cpu'].contention[0])
