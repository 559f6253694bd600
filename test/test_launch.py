# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The launch files, where ROS 2's launch can be imported."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip('launch_ros', reason='launch_ros is not installed (no wheel has it)')

import launch

LAUNCH = Path(__file__).resolve().parent.parent / 'launch'


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, LAUNCH / f'{name}.launch.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def context(module: ModuleType, **values: str) -> 'launch.LaunchContext':
    """Return a context in which the arguments have their defaults, or the values given."""
    made = launch.LaunchContext()
    made.launch_configurations.update(values)
    for argument in module.arguments():
        if argument.name not in values:
            argument.execute(made)
    return made


def argument_names(name: str) -> set[str]:
    description = load(name).generate_launch_description()
    return {argument.name for argument in description.get_launch_arguments()}


def test_the_loop_has_its_arguments() -> None:
    assert argument_names('dynofa') == {
        'namespace',
        'params_file',
        'image_topic',
        'platform',
        'device',
        'platform_node',
        'enclaves',
        'model',
        'use_sim_time',
        'log_level',
    }


def test_the_replay_has_those_of_the_loop_and_its_own() -> None:
    own = {'bag', 'rate', 'loop', 'remap'}
    assert argument_names('replay') == argument_names('dynofa') | own


def test_the_loop_is_three_nodes() -> None:
    module = load('dynofa')
    nodes = module.nodes(context(module))
    assert [node.node_executable for node in nodes] == [
        'perception_node',
        'resource_manager_node',
        'platform_node',
    ]


def test_the_platform_node_can_be_left_to_its_service() -> None:
    module = load('dynofa')
    nodes = module.nodes(context(module, platform_node='false'))
    assert [node.node_executable for node in nodes] == ['perception_node', 'resource_manager_node']


def test_an_unknown_log_level_is_refused() -> None:
    with pytest.raises(RuntimeError, match='log_level'):
        context_of = launch.LaunchContext()
        context_of.launch_configurations['log_level'] = 'loud'
        for argument in load('dynofa').arguments():
            argument.execute(context_of)


def test_the_environment_is_left_alone_where_the_user_set_it() -> None:
    module = load('dynofa')
    made = context(module)
    made.environment.clear()
    made.environment.update(
        {'RMW_IMPLEMENTATION': 'other', 'MALLOC_TRIM_THRESHOLD_': '1', 'OMP_WAIT_POLICY': 'ACTIVE'}
    )
    assert module.image_environment(made) == []


def test_a_replay_stamps_images_anew_or_brings_its_clock() -> None:
    options = load('replay').player_arguments
    anew = options(rate='2.0', loop=False, use_sim_time=False, remap='')
    clock = options(rate='1.0', loop=True, use_sim_time=True, remap='/a:=/b /c:=/d')
    assert anew == ['--rate', '2.0', '--wait-for-subscribers', '60', '--restamp']
    assert clock[4:] == ['--clock', '--loop', '--remap', '/a:=/b', '/c:=/d']
