# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The perception node runs cascades: messages over DDS, on a simulated platform."""

import threading
import uuid
from types import SimpleNamespace

import pytest

pytest.importorskip('rclpy')

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter

from dynofa_ros.nodes.perception import startup
from dynofa_ros.nodes.perception.node import PerceptionNode
from dynofa_ros.nodes.perception.stages import CalibratedCascade
from dynofa_ros.runtime import Cascade

SURE, UNSURE = 'small+large@0', 'small+large@1'


def cascade(name, threshold):
    return CalibratedCascade(
        Cascade(
            cascade_id=name,
            stages=('small', 'large'),
            thresholds=(threshold,),
            reached=(0.4,),
            accuracy=0.48,
            answer_accuracy=(0.6, 0.35),
            early_accuracy=(0.2,),
        ),
        temperatures=(1.5,),
    )


@pytest.fixture(scope='module')
def robot(model_folder, robot_of):
    """A robot with a node whose model has a cascade that always escalates, and one that never does.

    The node runs in this process, so that its cascades can be given.
    """
    cascades = (cascade(SURE, 0.0), cascade(UNSURE, 1.0))
    parameters = {
        'model': str(model_folder),
        'platform': 'jetson_xavier_nx',
        'device': 'simulated',
        'engine': 'openvino',
        'processor': 'gpu',
        'threads': 1,
    }
    namespace = f'/test_{uuid.uuid4().hex[:8]}'
    context = rclpy.Context()
    rclpy.init(context=context)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(startup, 'runnable_cascades', lambda *_, **__: cascades)
        node = PerceptionNode(
            context=context,
            namespace=namespace,
            parameter_overrides=[
                Parameter(name, value=value) for name, value in parameters.items()
            ],
        )
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    robot = robot_of(namespace, SimpleNamespace(poll=lambda: None))
    yield robot.connect()
    robot.close()
    executor.shutdown()
    thread.join()
    node.destroy_node()
    context.try_shutdown()


def answers(robot, report):
    """Return the classifications of the image of a report, in order of arrival."""
    return [m for m in robot.received['classification'] if m.header.stamp == report.header.stamp]


def test_profile_and_state_tell_the_manager_of_cascades(robot):
    assert [each.cascade_id for each in robot.profile.cascades] == [SURE, UNSURE]
    residents = {each.subnet_id for each in robot.state.residents}
    assert {'small', 'large', SURE, UNSURE} <= residents


def test_a_frame_that_is_not_escalated(robot, photograph):
    assert robot.command(SURE).subnet_id == SURE
    classification, report = robot.classify(robot.image(photograph))
    assert (report.subnet_id, report.stages) == (SURE, ['small'])
    assert list(report.stage_inference_s) == [report.inference_s]
    assert report.escalation == f'score {report.first_score:.2f}, at least 0'
    assert (report.accuracy, report.latency_source) == (pytest.approx(0.6), 'modelled')
    assert (classification.stage, classification.final) == (1, True)
    assert classification.scores[0] == pytest.approx(report.first_score)


def test_an_escalated_frame(robot, photograph):
    robot.command('large')
    large = robot.classify(robot.image(photograph))[0]
    robot.command(UNSURE)
    classification, report = robot.classify(robot.image(photograph))
    assert report.stages == ['small', 'large']
    assert sum(report.stage_inference_s) == pytest.approx(report.inference_s)
    assert report.escalation == f'score {report.first_score:.2f}, below 1'
    assert report.accuracy == pytest.approx(0.35)
    assert (classification.stage, classification.final) == (2, True)
    assert classification.class_ids == large.class_ids
    assert answers(robot, report) == [classification]


def test_a_cut_frame(robot, photograph):
    gpu = [each for each in robot.profile.points if each.processor == 'gpu']
    deadline_s = min(each.latency_s for each in gpu if each.subnet_id == 'large')
    robot.command(UNSURE, deadline_s=deadline_s)  # long enough for one of the two alone
    classification, report = robot.classify(robot.image(photograph))
    assert report.stages == ['small']
    text, _, needed = report.escalation.partition('; ')
    assert text == f'score {report.first_score:.2f}, below 1'
    assert needed.startswith('large needs ')
    assert needed.endswith(' ms left')
    assert report.accuracy == pytest.approx(0.2)
    assert (classification.stage, classification.final) == (1, True)


def test_early_answers_go_out_with_the_same_stamp(robot, photograph):
    robot.command(UNSURE)
    assert robot.set_parameter('publish_early', True).successful
    _, report = robot.classify(robot.image(photograph))
    robot.wait_for(lambda: len(answers(robot, report)) >= 2, 'two answers')
    early, final = answers(robot, report)[:2]
    assert [(each.stage, each.final) for each in (early, final)] == [(1, False), (2, True)]
    assert (early.subnet_id, final.subnet_id) == (UNSURE, UNSURE)
    assert report.early_latency_s < report.latency_s
    assert robot.set_parameter('publish_early', False).successful


def test_a_pin_can_be_a_cascade(robot):
    assert robot.set_parameter('subnet', SURE).successful
    robot.wait_for(lambda: robot.state.subnet_id == SURE, 'the pinned cascade')
    assert not robot.command('small').command_applied
    refused = robot.set_parameter('subnet', 'small+huge@0.5')
    assert not refused.successful
    assert refused.reason.endswith(f'expected small, middle, large, {SURE}, {UNSURE}')
    assert robot.set_parameter('subnet', '').successful


def test_an_unknown_cascade_is_refused_by_name(robot, photograph):
    before = robot.command('small')
    state = robot.command('small+huge@0.5')
    assert (state.command_applied, state.subnet_id) == (False, before.subnet_id)
    assert "'small+huge@0.5'" in state.command_result
    assert robot.classify(robot.image(photograph))[1].subnet_id == 'small'
