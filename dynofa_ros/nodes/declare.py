# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Declare ROS parameters with their descriptions and ranges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

# Default of the parameter `platform` of every node: they have to run on the same one.
PLATFORM = 'jetson_xavier_nx'


def declare_parameter(
    node: Node,
    name: str,
    default: Any,
    description: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] = (),
    read_only: bool = False,
    dynamic: bool = False,
) -> Any:
    """Declare a parameter and return its value; a number has a range, a text may have choices.

    Only a `dynamic` one may change its type.

    Raises:
        ValueError: for a text that is not one of the choices. rclpy raises its own exceptions for a
            wrong type or a number out of range (also for NaN).
    """
    descriptor = ParameterDescriptor(
        description=description, read_only=read_only, dynamic_typing=dynamic
    )
    if choices:
        descriptor.additional_constraints = f'one of {", ".join(choices)}'
    if low is not None and isinstance(default, float):
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    elif low is not None:
        descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=1)]
    value = node.declare_parameter(name, default, descriptor).value
    if choices and value not in choices:
        raise ValueError(f'{name} is {value!r}; expected {", ".join(choices)}')
    return value
