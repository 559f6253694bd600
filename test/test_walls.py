"""Imports run downwards only, and ROS stays at the edge."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / 'dynofa_ros'
ABOVE = {'nodes', 'offline', 'simulation', 'report', 'demo'}
FORBIDDEN = {
    'supernet': ABOVE | {'engine', 'runtime', 'platform', 'bags'},
    'engine': ABOVE | {'runtime', 'platform', 'bags'},
    'runtime': ABOVE | {'supernet', 'engine', 'platform', 'bags'},
    'platform': ABOVE | {'supernet', 'engine', 'runtime', 'bags'},
    'bags': ABOVE | {'supernet', 'engine', 'runtime', 'platform'},
    'offline': {'nodes', 'demo', 'report'},
    'simulation': {'nodes', 'demo', 'report', 'offline'},
    'report': ABOVE - {'report'} | {'supernet', 'engine', 'runtime', 'platform', 'bags'},
}
ROS = {'rclpy', 'builtin_interfaces', 'diagnostic_msgs', 'rcl_interfaces', 'sensor_msgs'}


def imports(folder):
    """Yield (file, dotted module) of every import in a folder."""
    for file in sorted((PACKAGE / folder).rglob('*.py')):
        for each in ast.walk(ast.parse(file.read_text())):
            if isinstance(each, ast.ImportFrom) and each.module:
                yield file.name, each.module
            elif isinstance(each, ast.Import):
                yield from ((file.name, alias.name) for alias in each.names)


@pytest.mark.parametrize('folder', FORBIDDEN)
def test_a_floor_imports_nothing_from_above(folder):
    upwards = {
        (file, module)
        for file, module in imports(folder)
        if module.startswith('dynofa_ros.') and module.split('.')[1] in FORBIDDEN[folder]
    }
    assert upwards == set()


@pytest.mark.parametrize('folder', FORBIDDEN)
def test_ros_is_imported_by_nodes_alone(folder):
    found = {(file, module) for file, module in imports(folder) if module.split('.')[0] in ROS}
    assert found == set()


def test_the_decision_needs_no_torch():
    assert not [each for each in imports('runtime') if each[1].split('.')[0] == 'torch']


def test_nodes_do_import_ros():
    assert any(module == 'rclpy.node' for _, module in imports('nodes'))
