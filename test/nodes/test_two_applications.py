# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Two perception nodes slow each other down on one simulated processor.

The test compares the latencies that the nodes report, which come from the platform model and do not
depend on the speed of this machine.
"""

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
messages = pytest.importorskip(
    'dynofa_ros.msg', reason='the messages are not built: scripts/build, then . scripts/env.sh'
)

from dynofa_ros.nodes.qos import qos_profile  # noqa: E402

MIN_HZ = 114750000.0  # frames take so long that the GPU is hardly ever idle
PLATFORM = {'platform': 'jetson_xavier_nx', 'processor': 'gpu', 'subnet': 'small', 'jitter': 0.0}


def set_lowest_gpu_frequency(robot):
    robot.subscribe('platform_state', messages.PlatformState)
    commands = robot.node.create_publisher(
        messages.DvfsCommand, 'dvfs_command', qos_profile('dvfs_command')
    )
    domain = messages.DomainFrequency(domain='gpu', frequency_hz=MIN_HZ)
    commands.publish(messages.DvfsCommand(sequence=1, domains=[domain]))

    def is_set():
        states = robot.received['platform_state']
        return states and any(
            each.name == 'gpu' and each.frequency_hz == MIN_HZ for each in states[-1].domains
        )

    robot.wait_for(is_set, 'the lowest frequency')


def test_two_applications_slow_each_other_down_while_both_run(
    start_perception, start_node, photograph
):
    front = start_perception(name='front', **PLATFORM)
    # There is no manager whose silence should restore the frequency.
    start_node('platform', namespace=front.namespace, device='simulated', manager_timeout_s=0.0)
    front.connect()
    set_lowest_gpu_frequency(front)
    alone_s = next(
        each.latency_s
        for each in front.profile.points
        if (each.subnet_id, each.processor, each.frequency_hz) == ('small', 'gpu', MIN_HZ)
    )

    def inference_s(app):
        """Return the time of the last frame of an application; None if there is none."""
        reports = [each for each in front.received['frame_report'] if each.app == app]
        return reports[-1].inference_s if reports else None

    def wait_for_inference(app, expected, what):
        """Publish images until the last frame of an application took the expected time."""

        def arrived():
            front.publish_image(front.image(photograph))
            return inference_s(app) and expected(inference_s(app))

        front.wait_for(arrived, what)

    wait_for_inference('front', pytest.approx(alone_s).__eq__, 'front, alone')

    rear = start_perception(namespace=front.namespace, name='rear', **PLATFORM)
    for app in ('front', 'rear'):
        wait_for_inference(app, lambda s: s > 1.5 * alone_s, f'{app}, slowed down')
    # With a contention of 1, a co-runner that is always busy doubles the time.
    assert max(inference_s(app) for app in ('front', 'rear')) <= 2.0 * alone_s + 1e-9

    rear.process.kill()
    wait_for_inference('front', pytest.approx(alone_s).__eq__, 'front, alone again')
