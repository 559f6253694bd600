# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The launch files: what they start, with which arguments, parameters and environment."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import recorded_launch
from recorded_launch import Context, argument_names, run

from dynofa_ros.bags.play_options import parse_options

PARAMETERS = Path(__file__).resolve().parent.parent / 'config' / 'dynofa.yaml'
NODES = ['perception_node', 'resource_manager_node', 'platform_node']
TRUE, FALSE = ['true', 'True', 'TRUE', '1'], ['false', 'False', 'FALSE', '0']


def parameters(launched, node):
    """Return the parameters that override the file of a node."""
    return launched.nodes[node]['parameters'][1]


def play_options(**values):
    launched = run('replay', bag='drive.mcap', **values)
    return parse_options(launched.nodes['bag_player']['arguments'])


def test_the_loop_has_its_arguments():
    assert argument_names('dynofa') == {
        'namespace',
        'params_file',
        'image_topic',
        'image_transport',
        'platform',
        'device',
        'platform_node',
        'enclaves',
        'model',
        'use_sim_time',
        'log_level',
    }


def test_the_replay_has_those_of_the_loop_and_its_own():
    own = {'bag', 'rate', 'loop', 'remap'}
    assert argument_names('replay') == argument_names('dynofa') | own


def test_the_loop_is_three_nodes():
    assert list(run('dynofa').nodes) == NODES


def test_the_replay_adds_the_bag_player():
    assert list(run('replay', bag='drive.mcap').nodes) == [*NODES, 'bag_player']


def test_a_replay_needs_a_bag():
    with pytest.raises(RuntimeError, match='"bag" was not provided'):
        run('replay')


@pytest.mark.parametrize('value', FALSE)
def test_the_platform_node_can_be_left_to_its_service(value):
    assert list(run('dynofa', platform_node=value).nodes) == NODES[:2]


@pytest.mark.parametrize(
    ('value', 'expected'), [(each, True) for each in TRUE] + [(each, False) for each in FALSE]
)
def test_booleans_are_written_as_everywhere_in_ros(value, expected):
    launched = run('dynofa', use_sim_time=value)
    assert [parameters(launched, node)['use_sim_time'] for node in NODES] == [expected] * 3
    assert play_options(loop=value).loop == expected
    assert (play_options(use_sim_time=value).clock_hz is not None) == expected


@pytest.mark.parametrize('name', ['use_sim_time', 'loop', 'platform_node', 'log_level'])
def test_any_other_value_is_refused(name):
    with pytest.raises(RuntimeError, match=f'"{name}" provided value "maybe" is not valid'):
        run('replay', bag='drive.mcap', **{name: 'maybe'})


def test_arguments_that_are_given_override_the_parameter_file():
    launched = run('dynofa', model='10', platform='board', device='linux')
    common = {'use_sim_time': False}
    device = {'platform': 'board', 'device': 'linux'}
    assert parameters(launched, 'perception_node') == {**common, **device, 'model': '10'}
    assert parameters(launched, 'resource_manager_node') == common
    assert parameters(launched, 'platform_node') == {**common, **device}


def test_without_arguments_the_parameter_file_holds():
    launched = run('dynofa')
    assert [parameters(launched, node) for node in NODES] == [{'use_sim_time': False}] * 3
    files = [launched.nodes[node]['parameters'][0] for node in NODES]
    assert {Path(file).resolve() for file in files} == {PARAMETERS}


def test_the_parameter_file_may_be_in_the_home_folder(tmp_path, monkeypatch):
    (tmp_path / 'mine.yaml').write_text('')
    monkeypatch.setenv('HOME', str(tmp_path))
    launched = run('dynofa', params_file='~/mine.yaml')
    assert launched.nodes['platform_node']['parameters'][0] == str(tmp_path / 'mine.yaml')


def test_a_parameter_file_that_does_not_exist_ends_the_launch():
    with pytest.raises(ValueError, match="params_file is '/no/file'; expected a file"):
        run('dynofa', params_file='/no/file')


def test_the_camera_is_remapped():
    remappings = run('dynofa', image_topic='/camera/image_raw').nodes['perception_node'][
        'remappings'
    ]
    assert remappings == [
        ('image', '/camera/image_raw'),
        ('image/compressed', '/camera/image_raw/compressed'),
    ]


def test_each_node_runs_in_its_enclave():
    launched = run('dynofa', enclaves='/robot')
    assert launched.nodes['perception_node']['arguments'][-2:] == [
        '--enclave',
        '/robot/perception',
    ]


@pytest.mark.parametrize('name', ['dynofa', 'replay'])
def test_all_nodes_get_the_settings_of_camera_images(name):
    launched = run(name, bag='drive.mcap')
    for environment in launched.environments.values():
        assert environment['OMP_WAIT_POLICY'] == 'PASSIVE'
        assert Path(environment['FASTDDS_DEFAULT_PROFILES_FILE']).is_file()


def test_the_environment_is_left_alone_where_the_user_set_it():
    own = {
        'RMW_IMPLEMENTATION': 'other',
        'MALLOC_TRIM_THRESHOLD_': '1',
        'OMP_WAIT_POLICY': 'ACTIVE',
    }
    assert run('dynofa', environment=own).environments['perception_node'] == own


def test_a_replay_stamps_images_anew_or_brings_its_clock():
    anew = play_options(rate='2.0')
    clock = play_options(use_sim_time='True', remap='/a:=/b /c:=/d')
    assert (anew.rate, anew.restamp, anew.clock_hz) == (2.0, True, None)
    assert (clock.restamp, clock.clock_hz, clock.remap) == (False, 40.0, ('/a:=/b', '/c:=/d'))


@pytest.mark.parametrize(
    ('namespace', 'topic', 'awaited'),
    [
        ('', 'image', '/image'),
        ('', '/camera/image_raw', '/camera/image_raw'),
        ('robot', 'camera/image_raw', '/robot/camera/image_raw'),
        ('/robot/', '/camera/image_raw', '/camera/image_raw'),
    ],
)
def test_a_replay_waits_for_the_camera_of_perception_alone(namespace, topic, awaited):
    options = play_options(namespace=namespace, image_topic=topic)
    assert options.wait_for_images == (awaited,)
    assert options.wait_for_subscribers_s > 60


def ended(code, *, while_shutting_down=False):
    """Return what follows in the launch after the camera player of a replay ended."""
    on_exit = run('replay', bag='drive.mcap').nodes['bag_player']['on_exit']
    context = Context({}, {})
    context.is_shutdown = while_shutting_down
    return on_exit(SimpleNamespace(process_name='bag_player-4', returncode=code), context)


def test_a_node_that_ends_ends_the_launch():
    (shutdown,) = ended(0)
    assert isinstance(shutdown, recorded_launch.Shutdown)


@pytest.mark.parametrize('code', [1, 2, -11])
def test_a_node_that_fails_fails_the_launch(code):
    (action,) = ended(code)
    with pytest.raises(RuntimeError, match=f'bag_player-4 ended with exit code {code}'):
        action.execute(Context({}, {}))


def test_an_exit_code_after_a_ctrl_c_is_no_failure():
    assert ended(-2, while_shutting_down=True) is None


def test_every_node_ends_the_launch():
    nodes = run('replay', bag='drive.mcap').nodes.values()
    assert all(callable(each['on_exit']) for each in nodes)


def test_the_installed_launch_takes_our_files():
    pytest.importorskip('launch_ros', reason='no wheel has it')
    import launch
    from launch.launch_description_sources import PythonLaunchDescriptionSource

    for name in ('dynofa', 'replay'):
        source = PythonLaunchDescriptionSource(str(recorded_launch.LAUNCH / f'{name}.launch.py'))
        description = source.get_launch_description(launch.LaunchContext())
        names = {each.name for each in description.get_launch_arguments()}
        assert names == argument_names(name)
