# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A perception node keeps its deadline within the last envelope after the manager was killed.

Latencies come from the platform model; at the lowest frequencies that meet the deadline they are so
long that the speed of this machine hardly counts.
"""

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
messages = pytest.importorskip(
    'dynofa_ros.msg', reason='the messages are not built: scripts/build, then . scripts/env.sh'
)

from rcl_interfaces.srv import SetParameters  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402

DEADLINE_S = 0.5


@pytest.fixture
def robot(start_perception, start_node):
    """A perception node on the GPU, a platform and a manager that saves energy."""
    robot = start_perception(platform='jetson_xavier_nx', processor='gpu', jitter=0.0)
    # The silence of the manager must not restore the highest frequency.
    start_node('platform', namespace=robot.namespace, device='simulated', manager_timeout_s=0.0)
    robot.manager = start_node(
        'resource_manager',
        namespace=robot.namespace,
        deadline_s=DEADLINE_S,
        min_accuracy=0.5,  # of the largest sub-network
        objective='min_energy',
    )
    return robot.connect()


def set_co_runner(robot, processor, utilisation):
    """Let another program use a processor of the simulated platform."""
    client = robot.node.create_client(SetParameters, 'platform/set_parameters')
    robot.wait_for(client.service_is_ready, 'the platform node')
    parameter = Parameter(f'co_runner_utilisation.{processor}', value=utilisation)
    future = client.call_async(SetParameters.Request(parameters=[parameter.to_parameter_msg()]))
    robot.wait_for(future.done, 'the co-runner')
    assert future.result().results[0].successful


def wait_for_frame(robot, photograph, expected, what):
    """Publish images until a report is as expected; return it."""

    def report():
        found = robot.classify(robot.image(photograph))[1]
        return found if expected(found) else None

    return robot.wait_for(report, what)


def test_frames_are_in_time_under_new_contention_after_the_manager_was_killed(robot, photograph):
    wait_for_frame(
        robot,
        photograph,
        lambda each: each.commanded_subnet_id == 'large' and each.inference_s > 0.6 * DEADLINE_S,
        'the largest sub-network at a low frequency',
    )
    robot.wait_for(lambda: len(robot.state.envelope) > 1, 'the envelope')
    robot.manager.kill()
    robot.manager.wait()
    set_co_runner(robot, robot.state.processor, 1.0)  # which doubles every latency
    found = wait_for_frame(
        robot, photograph, lambda each: each.choice_reason and each.deadline_met, 'another one'
    )
    assert found.commanded_subnet_id == 'large'
    # At this frequency more threads may be enough.
    assert (found.subnet_id, found.threads) != ('large', found.commanded_threads)
    reports = [robot.classify(robot.image(photograph))[1] for _ in range(5)]
    assert all(each.choice_reason for each in reports)
    assert sum(each.deadline_met for each in reports) >= 4
