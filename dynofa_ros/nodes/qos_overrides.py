# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Parameters that override the QoS of a topic: `qos_overrides.<topic>.<entity>.<policy>`.

The names are those of every ROS 2 node; `<entity>` is `publisher` or `subscription`. rclpy would
declare them without ranges, and refuse a value without naming the parameter.
"""

from __future__ import annotations

from collections.abc import Sequence

from rclpy.node import Node
from rclpy.qos import QoSPolicyKind, QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions

from dynofa_ros.nodes.declare import declare_parameter

PREFIX = 'qos_overrides.'
PUBLISHER, SUBSCRIPTION = 'publisher', 'subscription'
CHOICES = {
    'history': ('keep_last',),  # the memory of keep_all has no bound
    'reliability': ('reliable', 'best_effort'),
    'durability': ('volatile', 'transient_local'),
}
DEPTH, DEPTH_MAX = 'depth', 1000
POLICIES = (*CHOICES, DEPTH)


def declare_qos_overrides(
    node: Node, topic: str, qos: QoSProfile, *, entity: str, policies: Sequence[str] = POLICIES
) -> QoSOverridingOptions:
    """Declare the parameters of a topic, with `qos` as defaults; return what rclpy applies.

    Raises ValueError for a value that is not one of the choices, and what `declare_parameter` does.
    """
    prefix = f'{PREFIX}{node.resolve_topic_name(topic)}.{entity}.'
    for policy in policies:
        name, default = prefix + policy, getattr(qos, policy)
        described = f'{policy} of the {entity} of {topic}'
        if policy == DEPTH:
            if not node.has_parameter(name):
                high = max(DEPTH_MAX, default)
                declare_parameter(node, name, default, described, low=1, high=high, read_only=True)
            continue
        choices = CHOICES[policy]
        if not node.has_parameter(name):
            text = default.name.lower()
            declare_parameter(node, name, text, described, choices=choices, read_only=True)
        elif (value := node.get_parameter(name).value) not in choices:
            raise ValueError(f'{name} is {value!r}; expected {", ".join(choices)}')
    return QoSOverridingOptions([QoSPolicyKind[policy.upper()] for policy in policies])


def unused_overrides(node: Node) -> list[str]:
    """Return the overrides that were given for a topic, entity or policy that the node lacks."""
    given: dict[str, object] = getattr(node, '_parameter_overrides', {})
    return sorted(
        name for name in given if name.startswith(PREFIX) and not node.has_parameter(name)
    )
