# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The whole way of attention: an image is classified, and the manager raises the sub-network."""

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
messages = pytest.importorskip(
    'dynofa_ros.msg', reason='the messages are not built: scripts/build, then . scripts/env.sh'
)

FLOOR = 0.45  # of the three sub-networks of the test model, one is more accurate


def test_a_label_that_is_seen_raises_the_sub_network_until_it_is_over(
    start_perception, start_node, photograph, model
):
    robot = start_perception(platform='jetson_xavier_nx', jitter=0.0).connect()
    robot.subscribe('manager_state', messages.ManagerState)
    start_node(
        'resource_manager', namespace=robot.namespace, objective='min_energy', deadline_s=1.0
    )
    accuracy = {each.subnet_id: each.accuracy for each in model.kept}
    robot.wait_for(lambda: robot.received['manager_state'], 'the manager')
    robot.wait_for(
        lambda: robot.state.command_applied and accuracy[robot.state.subnet_id] < FLOOR,
        'a frugal sub-network',
    )
    label = robot.classify(robot.image(photograph))[0].labels[0]
    for name, value in (
        ('min_score', 0.0),
        ('hold_s', 5.0),
        ('min_accuracy', FLOOR),
        ('labels', [label]),
    ):
        assert robot.set_parameter(f'attention.{name}', value).successful
    robot.publish_image(robot.image(photograph))

    def seen():
        if robot.state.attention_label != label:
            robot.publish_image(robot.image(photograph))
            return False
        return accuracy[robot.state.subnet_id] >= FLOOR

    robot.wait_for(seen, 'the accurate sub-network')
    shown = [each.apps[0] for each in robot.received['manager_state'] if each.apps]
    raised = [each for each in shown if each.attention]
    assert raised[0].attention.startswith(f'{label} ')
    assert all(each.min_accuracy == pytest.approx(FLOOR) for each in raised)
    assert all(each.point.accuracy >= FLOOR for each in raised)
    robot.wait_for(
        lambda: not robot.state.attention_label and accuracy[robot.state.subnet_id] < FLOOR,
        'the frugal sub-network',
    )
