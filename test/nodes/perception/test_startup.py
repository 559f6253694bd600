# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Start-up, start-up errors and shutdown of the perception node."""

import json
import math
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
pytest.importorskip(
    'dynofa_ros.msg', reason='the messages are not built: scripts/build, then . scripts/env.sh'
)

from rclpy.parameter import Parameter

from dynofa_ros.nodes.perception.node import PerceptionNode, main
from dynofa_ros.profiles.measured import host_name

MAX_SWITCH_S = 60.0
STALE_STATISTICS = 'batch norm statistics for small that were measured with other weights'
MISSING_STATISTICS = 'no batch norm statistics for small'


@pytest.fixture
def damaged(model_folder, tmp_path):
    """A model with truncated weights."""
    folder = shutil.copytree(model_folder, tmp_path / 'damaged')
    weights = folder / 'weights.pt'
    weights.write_bytes(weights.read_bytes()[:1000])
    return folder


@pytest.fixture
def start_error(model_folder, capfd):
    """Return a function that fails to start the node, and returns the last line of its output."""

    def start(**parameters):
        parameters = {'model': model_folder, 'threads': 1, 'profile_rounds': 3} | parameters
        arguments = ['--ros-args']
        for name, value in parameters.items():
            arguments += ['-p', f'{name}:={value}']
        assert main(arguments) == 1
        output = capfd.readouterr().err
        assert 'Traceback' not in output
        return output.strip().splitlines()[-1]

    return start


def test_a_missing_model_is_one_line(start_error, tmp_path):
    assert "none'; expected a folder, or one of: " in start_error(model=tmp_path / 'none')


def test_damaged_weights_are_one_line(start_error, damaged):
    assert 'weights.pt is damaged' in start_error(model=damaged)


@pytest.mark.parametrize(
    ('parameters', 'named'),
    [
        ({'platform': 'pi'}, 'jetson_xavier_nx'),
        ({'engine': 'caffe'}, "engine is 'caffe'; expected auto, openvino, onnxruntime, torch"),
        ({'image_reliability': 'mostly'}, "'mostly'; expected best_effort, reliable"),
        ({'subnet': 'huge'}, "'huge'; expected small, middle, large"),
        ({'processor': 'npu'}, "processor is 'npu'; expected cpu"),
        ({'processor': 'npu', 'platform': 'jetson_xavier_nx'}, "'npu'; expected cpu, gpu"),
        ({'top': 0}, 'top'),
        ({'top': 'many'}, 'top'),
        ({'jitter': 2.0}, 'jitter'),
    ],
)
def test_an_invalid_parameter_is_one_line_that_names_it(start_error, parameters, named):
    line = start_error(**parameters)
    assert line.startswith('perception_node: ')
    assert named in line


@pytest.mark.parametrize('text', [None, 'perception:\n  ros__parameters:\n    top: [1\n'])
def test_an_unreadable_parameter_file_is_named(capfd, tmp_path, text):
    file = tmp_path / 'parameters.yaml'
    if text is not None:
        file.write_text(text)
    assert main(['--ros-args', '--params-file', str(file)]) == 1
    assert str(file) in capfd.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ('change', 'error'),
    [
        (lambda statistics: statistics['small'].update(fingerprint='f' * 16), STALE_STATISTICS),
        (lambda statistics: statistics.pop('small'), MISSING_STATISTICS),
    ],
)
def test_stale_or_missing_statistics_are_refused(
    start_error, model_folder, tmp_path, change, error
):
    folder = shutil.copytree(model_folder, tmp_path / 'model')
    stored = torch.load(folder / 'weights.pt', weights_only=True)
    change(stored['statistics'])
    torch.save(stored, folder / 'weights.pt')
    assert error in start_error(model=folder)


def test_a_process_that_cannot_start_exits_with_1(start_perception, damaged):
    process = start_perception(model=damaged).process
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert len(output.strip().splitlines()) == 1
    assert 'weights.pt is damaged' in output


def test_sigterm_during_a_frame_ends_the_node_quietly(start_perception, photograph):
    robot = start_perception(platform='jetson_xavier_nx', subnet='large').connect()
    robot.classify(robot.image(photograph))
    robot.publish_image(robot.image(photograph))
    robot.process.send_signal(signal.SIGTERM)
    output, _ = robot.process.communicate(timeout=60)
    assert robot.process.returncode == 0, output
    assert 'Traceback' not in output


@pytest.fixture(scope='module')
def measured(start_perception, tmp_path_factory, photograph):
    """Profile, report, profile file and classification of a node that measures this machine."""
    file = tmp_path_factory.mktemp('profile') / 'new' / 'profile.json'
    robot = start_perception(profile=file).connect()
    classification, report = robot.classify(robot.image(photograph))
    return robot.profile, report, file, classification


def test_without_a_platform_latency_is_measured_and_energy_unavailable(measured):
    profile, report, _, _ = measured
    assert (profile.latency_source, profile.energy_source) == ('measured', 'unavailable')
    assert (report.latency_source, report.energy_source) == ('measured', 'unavailable')
    assert math.isnan(report.energy_j)
    assert report.inference_s > 0


def test_every_sub_network_is_measured_on_this_machine(measured, model):
    profile, _, _, _ = measured
    assert profile.platform == host_name()
    assert [point.subnet_id for point in profile.points] == [k.subnet_id for k in model.kept]
    assert all(point.latency_s > 0 and math.isnan(point.frequency_hz) for point in profile.points)


def test_a_profile_is_loaded_at_the_next_start(measured, start_perception):
    profile, _, file, _ = measured
    again = start_perception(profile=file).connect()
    # A new measurement would differ.
    assert [p.latency_s for p in again.profile.points] == [p.latency_s for p in profile.points]


def test_what_was_learned_about_a_profile_is_announced_at_the_next_start(
    start_perception, tmp_path, photograph
):
    file = tmp_path / 'profile.json'
    robot = start_perception(profile=file).connect()
    assert not robot.profile.corrections
    robot.classify(robot.image(photograph))
    robot.process.send_signal(signal.SIGTERM)
    robot.process.wait(timeout=60.0)
    again = start_perception(profile=file).connect()
    assert [each.subnet_id for each in again.profile.corrections] == [robot.state.subnet_id]


def resident_names(robot):
    return [each.subnet_id for each in robot.state.residents]


@pytest.fixture(scope='module')
def cache(tmp_path_factory):
    """The folder of compiled sub-networks of `openvino_robot`."""
    return tmp_path_factory.mktemp('cache') / 'compiled'


@pytest.fixture(scope='module')
def openvino_robot(start_perception, cache):
    return start_perception(engine='openvino', cache=cache).connect()


def test_every_sub_network_is_resident_before_the_node_is_ready(openvino_robot, photograph):
    robot = openvino_robot
    assert resident_names(robot) == ['small', 'middle', 'large']
    assert robot.state.resident_bytes > 0
    _, report = robot.classify(robot.image(photograph))
    assert (robot.state.engine, report.engine, report.precision) == (
        'openvino',
        'openvino',
        'float32',
    )
    first = robot.state.subnet_id
    state = robot.command('large')
    assert state.command_applied
    assert 0 <= state.switch_s < MAX_SWITCH_S
    assert robot.command(first).command_applied


def test_beyond_the_budget_a_sub_network_is_compiled_on_command(start_perception, photograph):
    robot = start_perception(engine='openvino', resident_bytes=1).connect()
    assert resident_names(robot) == ['small']
    robot.command('large', sequence=1)
    robot.wait_for(lambda: robot.state.command_applied, 'the sub-network to be compiled')
    assert (robot.state.subnet_id, robot.state.command_sequence) == ('large', 1)
    classification, _ = robot.classify(robot.image(photograph))
    assert classification.subnet_id == 'large'


def test_compiled_sub_networks_are_cached_in_the_folder_of_the_parameter(openvino_robot, cache):
    assert len(list(cache.rglob('*.blob'))) == 3


def test_an_unwritable_cache_is_a_warning(start_here, tmp_path, capfd):
    (tmp_path / 'file').write_text('')
    start_here(engine='openvino', cache=str(tmp_path / 'file'))
    assert 'cache of compiled sub-networks: ' in capfd.readouterr().err


def test_openvino_classifies(openvino_robot, photograph, measured):
    check_classification(openvino_robot, photograph, measured, 'openvino')


@pytest.mark.parametrize('engine', ['onnxruntime', 'torch'])
def test_every_other_engine_classifies(start_perception, photograph, engine, measured):
    check_classification(start_perception(engine=engine).connect(), photograph, measured, engine)


def check_classification(robot, photograph, measured, engine):
    classification, report = robot.classify(robot.image(photograph))
    assert report.engine == engine
    assert classification.labels == measured[3].labels
    assert list(classification.scores) == pytest.approx(list(measured[3].scores), abs=1e-4)


@pytest.fixture
def document(measured):
    """Content of the profile file."""
    return json.loads(measured[2].read_text())


@pytest.fixture
def start_here(context, model_folder):
    """Return a function that starts the node in this process and ends it."""

    def start(**parameters):
        parameters = {
            'model': str(model_folder),
            'threads': 1,
            'profile_rounds': 3,
            'platform': '',
        } | parameters
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        PerceptionNode(context=context, parameter_overrides=overrides).destroy_node()

    return start


@pytest.fixture
def restart(start_here, tmp_path):
    """Return a function that starts the node with a profile, and returns the file's new content."""

    def start(document):
        file = tmp_path / 'profile.json'
        file.write_text(document if isinstance(document, str) else json.dumps(document))
        start_here(profile=str(file))
        return json.loads(file.read_text())

    return start


def test_a_profile_of_another_machine_is_measured_again(document, restart, capfd):
    measured_with = document['measured_with']
    elsewhere = measured_with | {'host': measured_with['host'] | {'name': 'another-robot'}}
    written = restart(document | {'measured_with': elsewhere})
    assert 'does not apply: it was measured on another-robot' in capfd.readouterr().err
    assert written['measured_with']['host'] == measured_with['host']
    assert written['points'] != document['points']


def test_a_profile_of_other_weights_is_measured_again(document, restart, capfd):
    measured_with = document['measured_with']
    other = measured_with | {'subnets': measured_with['subnets'] | {'small': 'f' * 16}}
    written = restart(document | {'measured_with': other})
    assert 'other weights or another config of small: measuring again' in capfd.readouterr().err
    assert written['measured_with']['subnets'] == measured_with['subnets']


def test_a_profile_of_more_threads_than_allowed_is_measured_again(document, restart, capfd):
    for point in document['points']:
        point['threads'] = 4
    written = restart(document)
    assert 'with at most 1 threads: measuring again' in capfd.readouterr().err
    assert {point['threads'] for point in written['points']} == {1}


@pytest.mark.parametrize('content', ['', '{', '[]', '{"points": []}', 'null'])
def test_a_damaged_profile_is_measured_again(content, restart, capfd):
    written = restart(content)
    assert 'measuring again' in capfd.readouterr().err
    assert len(written['points']) == 3


def test_a_profile_that_cannot_be_written_is_a_warning(tmp_path, start_here, capfd):
    (tmp_path / 'file').write_text('')
    start_here(profile=str(tmp_path / 'file' / 'profile.json'))
    output = capfd.readouterr().err
    assert 'cannot be written' in output
    assert 'the next start measures again' in output


@pytest.mark.parametrize('make', [Path.mkdir, os.mkfifo])
def test_a_profile_that_is_no_file_is_a_warning(tmp_path, start_here, make, capfd):
    path = tmp_path / 'profile'
    make(path)
    start_here(profile=str(path))
    output = capfd.readouterr().err
    assert f'profile {path} is not a file: measuring again' in output
    assert f'profile {path} is not a file: the next start measures again' in output


def test_an_unknown_ros_argument_is_named(capfd):
    assert main(['--ros-args', '-z']) == 1
    assert "perception_node: UnknownROSArgsError: ['-z']" in capfd.readouterr().err


@pytest.fixture(scope='module')
def first(start_perception):
    return start_perception(platform='jetson_xavier_nx', app='perception').connect()


@pytest.mark.parametrize(
    ('name', 'named'),
    [
        ('perception', '2 nodes are named'),
        ('other', "another node is application 'perception'"),
    ],
)
def test_a_second_node_of_one_application_is_in_the_diagnostics(
    start_perception, first, name, named
):
    options = {'platform': 'jetson_xavier_nx', 'app': 'perception'}
    second = start_perception(namespace=first.namespace, name=name, **options)
    first.wait_for(lambda: (s := first.status()) and named in s.message, 'the warning')
    second.process.kill()
    first.wait_for(lambda: named not in first.status().message, 'the end of the warning')
