# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""config/dynofa.yaml has every parameter of the nodes, at its default."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

rclpy = pytest.importorskip('rclpy', reason='ROS 2 is not installed')

from rclpy.node import Node  # noqa: E402

from dynofa_ros.nodes.perception import parameters as perception_parameters  # noqa: E402
from dynofa_ros.nodes.platform import parameters as platform_parameters  # noqa: E402
from dynofa_ros.nodes.resource_manager import parameters as resource_manager_parameters  # noqa: E402

FILE = Path(__file__).resolve().parent.parent / 'config' / 'dynofa.yaml'
DECLARE: dict[str, Callable[[Node], Any]] = {
    'perception': perception_parameters.declare_parameters,
    'resource_manager': resource_manager_parameters.declare,
    'platform': platform_parameters.declare_parameters,
}


@pytest.fixture
def context() -> Iterator[Any]:
    made = rclpy.Context()
    rclpy.init(context=made)
    yield made
    rclpy.shutdown(context=made)


def written(name: str) -> dict[str, Any]:
    return yaml.safe_load(FILE.read_text())[f'/**/{name}']['ros__parameters']


def defaults(name: str, context: Any) -> dict[str, Any]:
    """Return the node's own parameters, without those that rclpy gives every node."""
    node = Node(name, context=context, use_global_arguments=False)
    try:
        common = set(node.get_parameters_by_prefix(''))
        DECLARE[name](node)
        declared = node.get_parameters_by_prefix('')
        return {key: declared[key].value for key in declared if key not in common}
    finally:
        node.destroy_node()


def equal(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    return type(left) is type(right) and left == right


@pytest.mark.parametrize('name', DECLARE)
def test_every_parameter_is_in_the_file(name: str, context: Any) -> None:
    assert set(written(name)) == set(defaults(name, context))


@pytest.mark.parametrize('name', DECLARE)
def test_the_values_are_the_defaults(name: str, context: Any) -> None:
    declared = defaults(name, context)
    wrong = {
        key: (value, declared[key])
        for key, value in written(name).items()
        if not equal(value, declared[key])
    }
    assert not wrong


def test_there_is_nothing_else_in_the_file() -> None:
    assert set(yaml.safe_load(FILE.read_text())) == {f'/**/{name}' for name in DECLARE}
