"""How the perception node starts, refuses to start, and ends."""

import json
import math
import shutil
import signal

import pytest
import torch

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
pytest.importorskip(
    'dynofa_ros.msg', reason='the messages are not built: scripts/build, then . scripts/env.sh'
)

import rclpy
from rclpy.parameter import Parameter

from dynofa_ros.nodes.perception.node import PerceptionNode, main
from dynofa_ros.profiles.measured import host_name

PATIENCE_S = 60.0  # longer than any switch


@pytest.fixture
def damaged(model_folder, tmp_path):
    """A model whose weights are cut off."""
    folder = shutil.copytree(model_folder, tmp_path / 'damaged')
    weights = folder / 'weights.pt'
    weights.write_bytes(weights.read_bytes()[:1000])
    return folder


@pytest.fixture
def refuse(model_folder, capfd):
    """Return a function that starts the node in vain, and gives the last line it says."""

    def start(**parameters):
        parameters = {'model': model_folder, 'threads': 1, 'profile_rounds': 3} | parameters
        arguments = ['--ros-args']
        for name, value in parameters.items():
            arguments += ['-p', f'{name}:={value}']
        assert main(arguments) == 1
        said = capfd.readouterr().err
        assert 'Traceback' not in said
        return said.strip().splitlines()[-1]

    return start


def test_missing_weights_are_one_line(refuse, tmp_path):
    assert "none' is no folder; known by name: " in refuse(model=tmp_path / 'none')


def test_damaged_weights_are_one_line(refuse, damaged):
    assert 'weights.pt is damaged' in refuse(model=damaged)


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
def test_a_bad_parameter_is_one_line_that_names_it(refuse, parameters, named):
    line = refuse(**parameters)
    assert line.startswith('perception_node: ')
    assert named in line


@pytest.mark.parametrize('text', [None, 'perception:\n  ros__parameters:\n    top: [1\n'])
def test_a_parameter_file_that_cannot_be_read_is_named(capfd, tmp_path, text):
    file = tmp_path / 'parameters.yaml'
    if text is not None:
        file.write_text(text)
    assert main(['--ros-args', '--params-file', str(file)]) == 1
    assert str(file) in capfd.readouterr().err.strip().splitlines()[-1]


def test_statistics_of_other_weights_are_refused(refuse, model_folder, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / 'stale')
    stored = torch.load(folder / 'weights.pt', weights_only=True)
    stored['statistics']['small']['fingerprint'] = 'f' * 16
    torch.save(stored, folder / 'weights.pt')
    said = refuse(model=folder)
    assert 'batch norm statistics for small that were measured with other weights' in said


def test_a_sub_network_without_statistics_is_refused(refuse, model_folder, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / 'bare')
    stored = torch.load(folder / 'weights.pt', weights_only=True)
    del stored['statistics']['small']
    torch.save(stored, folder / 'weights.pt')
    assert 'no batch norm statistics for small' in refuse(model=folder)


def test_the_process_says_so_by_its_exit_code(start_perception, damaged):
    process = start_perception(model=damaged).process
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert len(output.strip().splitlines()) == 1
    assert 'weights.pt is damaged' in output


def test_sigterm_ends_it_quietly_in_the_middle_of_a_frame(start_perception, photograph):
    robot = start_perception(platform='jetson_xavier_nx', subnet='large')
    robot.connect()
    robot.see(robot.image(photograph))
    robot.show(robot.image(photograph))
    robot.process.send_signal(signal.SIGTERM)
    output, _ = robot.process.communicate(timeout=60)
    assert robot.process.returncode == 0, output
    assert 'Traceback' not in output


@pytest.fixture(scope='module')
def measured(start_perception, tmp_path_factory, photograph):
    """What a node says that measures this machine, and the file it writes."""
    file = tmp_path_factory.mktemp('profile') / 'new' / 'profile.json'
    robot = start_perception(profile=file)
    robot.connect()
    classification, report = robot.see(robot.image(photograph))
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


def test_a_profile_is_written_and_read_at_the_next_start(measured, start_perception):
    profile, _, file, _ = measured
    again = start_perception(profile=file)
    again.connect()
    # Measured again, they would differ.
    assert [p.latency_s for p in again.profile.points] == [p.latency_s for p in profile.points]


def resident_names(robot):
    return [each.subnet_id for each in robot.state.residents]


def test_every_sub_network_is_resident_before_the_node_is_ready(start_perception, photograph):
    robot = start_perception(engine='openvino')
    robot.connect()
    assert resident_names(robot) == ['small', 'middle', 'large']
    assert robot.state.resident_bytes > 0
    _, report = robot.see(robot.image(photograph))
    assert (robot.state.engine, report.engine, report.precision) == (
        'openvino',
        'openvino',
        'float32',
    )
    state = robot.command('large')
    assert state.command_applied
    assert 0 <= state.switch_s < PATIENCE_S


def test_beyond_the_budget_a_sub_network_is_compiled_when_it_is_commanded(
    start_perception, photograph
):
    robot = start_perception(engine='openvino', resident_bytes=1)
    robot.connect()
    assert resident_names(robot) == ['small']
    robot.command('large', sequence=1)
    robot.wait_for(lambda: robot.state.command_applied, 'the sub-network to be compiled')
    assert (robot.state.subnet_id, robot.state.command_sequence) == ('large', 1)
    classification, _ = robot.see(robot.image(photograph))
    assert classification.subnet_id == 'large'


def test_compiled_sub_networks_are_kept_in_the_folder_of_the_parameter(start_perception, tmp_path):
    robot = start_perception(engine='openvino', cache=tmp_path / 'compiled')
    robot.connect()
    assert len(list((tmp_path / 'compiled').rglob('*.blob'))) == 3


def test_a_cache_that_cannot_be_written_is_said_and_the_node_starts(start_perception, tmp_path):
    (tmp_path / 'file').write_text('')
    robot = start_perception(engine='openvino', cache=tmp_path / 'file')
    robot.connect()
    robot.process.send_signal(signal.SIGTERM)
    output, _ = robot.process.communicate(timeout=60)
    assert 'compiled sub-networks are not kept' in output


@pytest.mark.parametrize('engine', ['openvino', 'onnxruntime', 'torch'])
def test_every_engine_classifies(start_perception, photograph, engine, measured):
    robot = start_perception(engine=engine)
    robot.connect()
    classification, report = robot.see(robot.image(photograph))
    assert report.engine == engine
    assert classification.labels == measured[3].labels
    assert list(classification.scores) == pytest.approx(list(measured[3].scores), abs=1e-4)


@pytest.fixture
def document(measured):
    """The profile file as it was written."""
    return json.loads(measured[2].read_text())


@pytest.fixture
def profile_again(model_folder, tmp_path):
    """Return a function that starts the node with a profile; it gives the one written then."""

    def start(document):
        file = tmp_path / 'profile.json'
        file.write_text(json.dumps(document))
        context = rclpy.Context()
        rclpy.init(context=context)
        values = {'model': str(model_folder), 'threads': 1, 'profile_rounds': 3}
        values['profile'] = str(file)
        overrides = [Parameter(name, value=value) for name, value in values.items()]
        node = PerceptionNode(context=context, parameter_overrides=overrides)
        node.destroy_node()
        rclpy.shutdown(context=context)
        return json.loads(file.read_text())

    return start


def test_a_profile_of_another_machine_is_measured_again(document, profile_again, capfd):
    measured_with = document['measured_with']
    elsewhere = measured_with | {'host': measured_with['host'] | {'name': 'another-robot'}}
    written = profile_again(document | {'measured_with': elsewhere})
    assert 'does not apply: it was measured on another-robot' in capfd.readouterr().err
    assert written['measured_with']['host'] == measured_with['host']
    assert written['points'] != document['points']


def test_a_profile_of_other_weights_is_measured_again(document, profile_again, capfd):
    measured_with = document['measured_with']
    other = measured_with | {'subnets': measured_with['subnets'] | {'small': 'f' * 16}}
    written = profile_again(document | {'measured_with': other})
    assert 'other weights or another config of small: measuring again' in capfd.readouterr().err
    assert written['measured_with']['subnets'] == measured_with['subnets']


def test_a_profile_of_more_threads_than_allowed_is_measured_again(document, profile_again, capfd):
    for point in document['points']:
        point['threads'] = 4
    written = profile_again(document)
    assert 'with at most 1 threads: measuring again' in capfd.readouterr().err
    assert {point['threads'] for point in written['points']} == {1}


def test_a_damaged_profile_is_named(refuse, tmp_path):
    file = tmp_path / 'profile.json'
    file.write_text('{')
    assert f'profile {file} is damaged' in refuse(profile=file)


def test_a_profile_that_cannot_be_written_is_named(refuse, tmp_path):
    (tmp_path / 'file').write_text('')
    assert 'cannot be written' in refuse(profile=tmp_path / 'file' / 'profile.json')


def test_an_argument_that_ros_does_not_know_is_named(capfd):
    assert main(['--ros-args', '-z']) == 1
    assert "perception_node: UnknownROSArgsError: ['-z']" in capfd.readouterr().err
