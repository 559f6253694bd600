"""ROS parameters of the resource manager: those of `ManagerSettings`, and the decision rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter

from dynofa_ros.runtime import ManagerSettings

DECISION_RATE = 'decision_rate_hz'
DECISION_RATE_HZ = 5.0
_DECISION_RATE_METADATA = {
    'description': 'rate of decisions, in addition to those triggered by events [Hz]',
    'low': 0.1,
    'high': 100.0,
}


def declare(node: Node) -> None:
    """Declare all parameters with the defaults, ranges and descriptions of `ManagerSettings`."""
    _declare(node, DECISION_RATE, DECISION_RATE_HZ, _DECISION_RATE_METADATA)
    for each in fields(ManagerSettings):
        _declare(node, each.name, each.default, each.metadata)


def _declare(node: Node, name: str, default: Any, metadata: Mapping[str, Any]) -> None:
    """Declare a parameter; `metadata`: description, and either low and high or choices."""
    descriptor = ParameterDescriptor(description=metadata['description'])
    if 'choices' in metadata:
        descriptor.additional_constraints = f'one of {", ".join(metadata["choices"])}'
    elif isinstance(default, float):
        limits = FloatingPointRange(from_value=metadata['low'], to_value=metadata['high'])
        descriptor.floating_point_range = [limits]
    elif not isinstance(default, bool):
        limits = IntegerRange(from_value=metadata['low'], to_value=metadata['high'])
        descriptor.integer_range = [limits]
    node.declare_parameter(name, default, descriptor)


def settings_with(node: Node, changes: list[Parameter[Any]]) -> ManagerSettings:
    """Return the settings as of the parameters after `changes`. Raises ValueError."""
    names = [each.name for each in fields(ManagerSettings)]
    values = {name: node.get_parameter(name).value for name in names}
    values.update({each.name: each.value for each in changes if each.name in values})
    return ManagerSettings(**values)
