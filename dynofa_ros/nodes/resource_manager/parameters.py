# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""ROS parameters of the resource manager: those of `ManagerSettings`, and the decision rate."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from rclpy.node import Node
from rclpy.parameter import Parameter

from dynofa_ros.nodes.declare import declare_parameter
from dynofa_ros.runtime import ManagerSettings

DECISION_RATE = 'decision_rate_hz'
DECISION_RATE_HZ = 1.0


def declare(node: Node) -> None:
    """Declare all parameters with the defaults, ranges and descriptions of `ManagerSettings`."""
    declare_parameter(
        node,
        DECISION_RATE,
        DECISION_RATE_HZ,
        'rate of decisions, in addition to those triggered by events [Hz]',
        low=0.1,
        high=100.0,
    )
    for each in fields(ManagerSettings):
        declare_parameter(node, each.name, each.default, **each.metadata)


def settings_with(node: Node, changes: list[Parameter[Any]]) -> ManagerSettings:
    """Return the settings as of the parameters after `changes`. Raises ValueError."""
    names = [each.name for each in fields(ManagerSettings)]
    values = {name: node.get_parameter(name).value for name in names}
    values.update({each.name: each.value for each in changes if each.name in values})
    return ManagerSettings(**values)
