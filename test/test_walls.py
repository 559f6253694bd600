# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Imports run downwards only, without cycles, and ROS stays at the edge."""

import ast
import graphlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / 'dynofa_ros'
MODULES = {
    '.'.join(file.relative_to(PACKAGE.parent).with_suffix('').parts).removesuffix('.__init__'): file
    for file in PACKAGE.rglob('*.py')
}
# What each room may import of the package, apart from itself.
FILES = {'atomic_file', 'config_file', 'share'}
MAY_IMPORT = {
    'atomic_file': set(),
    'config_file': {'share'},
    'share': set(),
    'node_environment': {'share'},
    'launching': {'node_environment'},
    'bags': FILES,
    'report': FILES,
    'runtime': set(),
    'supernet': FILES,
    'platform': FILES,
    'engine': FILES | {'supernet', 'runtime'},
    'profiles': FILES | {'supernet', 'engine', 'platform', 'runtime'},
    'nodes': FILES
    | {'node_environment', 'bags', 'report', 'runtime'}
    | {'supernet', 'engine', 'platform', 'profiles'},
    'simulation': FILES | {'supernet', 'platform', 'runtime', 'profiles'},
    'offline': FILES | {'supernet', 'engine', 'platform', 'runtime', 'profiles'},
    'demo': FILES | {'node_environment', 'bags', 'report', 'nodes', 'platform', 'supernet'},
    'commands': FILES | {'offline', 'simulation', 'platform', 'report', 'supernet'},
    'cli': {'commands'},
}
ROS = {'rclpy', 'builtin_interfaces', 'diagnostic_msgs', 'rcl_interfaces', 'sensor_msgs'}


def imports(module):
    """Return the dotted names that a module imports, also inside functions and for type checks."""
    names = set()
    for each in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(each, ast.ImportFrom) and each.module:
            for alias in each.names:
                submodule = f'{each.module}.{alias.name}'
                names.add(submodule if submodule in MODULES else each.module)
        elif isinstance(each, ast.Import):
            names.update(alias.name for alias in each.names)
    return names - {module}


IMPORTS = {module: imports(module) for module in MODULES}


def room(module):
    """Return the folder or file directly below the package that a module belongs to."""
    return module.split('.')[1] if '.' in module else ''


def test_every_room_has_its_rule():
    assert {room(module) for module in MODULES} - {''} == set(MAY_IMPORT)


@pytest.mark.parametrize('name', MAY_IMPORT)
def test_a_room_imports_only_from_below(name):
    upwards = {
        (module, target)
        for module, targets in IMPORTS.items()
        for target in targets
        if room(module) == name and target in MODULES
        if room(target) not in MAY_IMPORT[name] | {name}
    }
    assert upwards == set()


def test_no_import_cycle():
    inside = {module: targets & MODULES.keys() for module, targets in IMPORTS.items()}
    try:
        graphlib.TopologicalSorter(inside).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f'import cycle: {" -> ".join(error.args[1])}')


@pytest.mark.parametrize('name', sorted(MAY_IMPORT.keys() - {'nodes', 'demo'}))
def test_ros_is_imported_by_nodes_alone(name):
    found = {
        (module, target)
        for module, targets in IMPORTS.items()
        for target in targets
        if room(module) == name and target.split('.')[0] in ROS
    }
    assert found == set()


def test_the_decision_needs_neither_torch_nor_pydantic():
    assert not [
        (module, target)
        for module, targets in IMPORTS.items()
        for target in targets
        if room(module) == 'runtime' and target.split('.')[0] in ('torch', 'pydantic')
    ]


def test_nodes_do_import_ros():
    assert any('rclpy.node' in IMPORTS[module] for module in MODULES if room(module) == 'nodes')
