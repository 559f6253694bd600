# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The perception node runs cascades: messages over DDS, on a simulated platform."""

import shutil

import pytest

pytest.importorskip('rclpy')

from dynofa_ros.supernet import load_model
from dynofa_ros.supernet.cascade_record import (
    CascadeRecord,
    cascade_fingerprint,
    score_fingerprints,
)
from dynofa_ros.supernet.model import save_cascades

SURE, UNSURE = 'small+large@0', 'small+large@1'
TEMPERATURES = {'small': 1.5}


def cascade(name, threshold, scores):
    """Return a cascade of the small model; `scores` are the fingerprints of its scores."""
    tied = {'stages': ('small', 'large'), 'thresholds': (threshold,), 'temperatures': (2.0,)}
    return CascadeRecord(
        cascade_id=name,
        **tied,
        reached=(0.4,),
        accuracy=0.48,
        answer_accuracy=(0.6, 0.35),
        early_accuracy=(0.2,),
        flops=1_000_000,
        images=1000,
        fingerprint=cascade_fingerprint(scores, **tied),
    )


@pytest.fixture(scope='module')
def cascading_folder(model_folder, tmp_path_factory):
    """A model with a cascade that always escalates, and one that never does."""
    folder = shutil.copytree(model_folder, tmp_path_factory.mktemp('models') / 'cascading')
    save_cascades(folder, temperatures=TEMPERATURES, cascades=(), scores=None)
    model = load_model(str(folder))
    scores = score_fingerprints(model.keys(), model.kept, model.labels)
    records = [cascade(SURE, 0.0, scores), cascade(UNSURE, 1.0, scores)]
    save_cascades(folder, temperatures={}, cascades=records, scores=None)
    return folder


@pytest.fixture(scope='module')
def robot(start_perception, cascading_folder):
    """A robot with a node that simulates the GPU of a Xavier NX."""
    return start_perception(
        model=cascading_folder,
        platform='jetson_xavier_nx',
        engine='openvino',
        processor='gpu',
    ).connect()


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


def test_a_cascade_of_other_temperatures_is_refused_at_start_up(start_node, cascading_folder):
    """One line that names it: a threshold is of no use for other scores."""
    folder = shutil.copytree(cascading_folder, cascading_folder.with_name('changed'))
    text = (folder / 'model.yaml').read_text()
    (folder / 'model.yaml').write_text(text.replace('temperature: 1.5', 'temperature: 1.6'))
    process = start_node('perception', namespace='/refused', model=folder)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert f'cascade {SURE}: fingerprint is ' in output
    assert 'Traceback' not in output
