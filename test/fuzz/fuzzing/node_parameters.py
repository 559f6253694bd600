# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Targets that set the parameters of nodes: at run time by the service, and by a file at start."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import rclpy
from rclpy.parameter import Parameter

from fuzzing.choices import Choices
from fuzzing.node_messages import errors_are_raised, manager_node, platform_node
from fuzzing.target import Target

MOST_CHANGES = 6


def parameters_target() -> Target:
    """Set parameters of two nodes at run time; a wrong value is refused with its reason."""
    nodes = [manager_node(), platform_node()]

    def run(data: bytes) -> None:
        choices = Choices(data)
        under_test = choices.one_of(nodes)
        node = under_test.node
        names = sorted(node._parameters)
        changes = [
            _parameter(node.get_parameter(choices.one_of(names)), choices)
            for _ in range(1 + choices.byte() % MOST_CHANGES)
        ]
        with errors_are_raised():
            for result in node.set_parameters(changes):
                if not result.successful and not result.reason:
                    raise AssertionError(f'{changes} was refused without a reason')
        under_test.run(choices.rest())

    seeds = tuple(
        bytes([which, name, 0, kind, value])
        for which in range(2)
        for name in range(0, 24, 2)
        for kind, value in ((0, 1), (0, 20), (1, 0))
    )
    return Target('parameters', run, seeds, documented=(), longest=128)


def _parameter(present: Parameter, choices: Choices) -> Parameter:
    """Return a parameter with another value, most often of the same type."""
    kind: Any = present.type_
    if choices.byte() % 4 == 3:
        kind = choices.one_of(list(Parameter.Type))
    values = {
        Parameter.Type.BOOL: lambda: bool(choices.byte() % 2),
        Parameter.Type.INTEGER: lambda: choices.integer(-(2**63), 2**63 - 1),
        Parameter.Type.DOUBLE: choices.number,
        Parameter.Type.STRING: choices.text,
        Parameter.Type.BYTE_ARRAY: lambda: [bytes([each]) for each in choices.take(3)],
        Parameter.Type.BOOL_ARRAY: lambda: [True],
        Parameter.Type.INTEGER_ARRAY: lambda: [choices.integer(-(2**63), 2**63 - 1)],
        Parameter.Type.DOUBLE_ARRAY: lambda: [choices.number()],
        Parameter.Type.STRING_ARRAY: lambda: [choices.text()],
        Parameter.Type.NOT_SET: lambda: None,
    }
    return Parameter(present.name, kind, values[kind]())


def parameter_file_target() -> Target:
    """Start the resource manager with a parameter file; run_node names what it cannot use."""
    from dynofa_ros.nodes.resource_manager.node import ResourceManagerNode
    from dynofa_ros.nodes.run_node import START_ERRORS
    from dynofa_ros.share import share_path

    file = Path(tempfile.mkdtemp(prefix='fuzz-')) / 'parameters.yaml'

    def run(data: bytes) -> None:
        file.write_bytes(data)
        own = rclpy.Context()
        try:
            rclpy.init(args=['--ros-args', '--params-file', str(file)], context=own)
            node = ResourceManagerNode(context=own)
        finally:
            own.try_shutdown()
        node.destroy_node()

    shipped = share_path('config/dynofa.yaml').read_bytes()
    small = b'resource_manager:\n  ros__parameters:\n    deadline_s: 0.05\n    dvfs: false\n'
    # RuntimeError is what run_node documents for a file that ROS cannot parse.
    documented = (*START_ERRORS, RuntimeError)
    return Target('parameter_file', run, (small, shipped), documented=documented)
