# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A node that runs removes the shared memory of processes that die meanwhile."""

from unittest.mock import Mock

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from rclpy.clock_type import ClockType

from dynofa_ros.nodes import run_node


def test_dead_segments_are_removed_while_the_node_runs_even_if_simulated_time_stands(monkeypatch):
    found = iter([[], ['one', 'another']])
    monkeypatch.setattr(run_node, 'remove_dead_segments', lambda: next(found))
    node = Mock()
    run_node.clean_shared_memory(node)
    period_s, clean = node.create_timer.call_args.args
    assert period_s == run_node.CLEANING_PERIOD_S
    assert node.create_timer.call_args.kwargs['clock'].clock_type == ClockType.STEADY_TIME
    clean()
    node.get_logger().info.assert_not_called()
    clean()
    said = 'removed 2 shared-memory segments of processes that died'
    node.get_logger().info.assert_called_once_with(said)
