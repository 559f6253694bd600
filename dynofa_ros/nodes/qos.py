# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""QoS profile of every topic of this package.

Publishers and subscribers with incompatible reliability or durability never connect, and DDS only
logs it. Both ends of a topic therefore look up the same profile here.
"""

from __future__ import annotations

from typing import NamedTuple

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


class _Qos(NamedTuple):
    depth: int
    reliable: bool = True
    transient_local: bool = False
    """Late joiners receive the last `depth` messages."""


# All applications share subnet_command and the per-application states. The depth is the number of
# applications whose last message a late joiner still receives.
_APPLICATIONS = 32

_QOS = {
    'image': _Qos(depth=1, reliable=False),
    'image/compressed': _Qos(depth=1, reliable=False),
    'classification': _Qos(depth=10),
    'vision_classification': _Qos(depth=10),
    'frame_report': _Qos(depth=50, reliable=False),
    'frame_energy': _Qos(depth=50, reliable=False),
    'subnet_profile': _Qos(depth=_APPLICATIONS, transient_local=True),
    'subnet_state': _Qos(depth=_APPLICATIONS, transient_local=True),
    'subnet_command': _Qos(depth=_APPLICATIONS, transient_local=True),
    'dvfs_command': _Qos(depth=1, transient_local=True),
    'platform_state': _Qos(depth=1, transient_local=True),
    'deadline': _Qos(depth=_APPLICATIONS, transient_local=True),
    'battery': _Qos(depth=5, reliable=False),
    'mission': _Qos(depth=1, transient_local=True),
    'manager_state': _Qos(depth=1, transient_local=True),
    '/diagnostics': _Qos(depth=10),
}

TOPICS = tuple(_QOS)


def qos_profile(topic: str, *, reliable: bool | None = None) -> QoSProfile:
    """Return the QoS profile of a topic in `TOPICS`; `reliable` overrides its reliability.

    Raises:
        ValueError: for any other topic.
    """
    if topic not in _QOS:
        raise ValueError(f'topic is {topic!r}; expected {", ".join(TOPICS)}')
    qos = _QOS[topic]
    return make_qos(**(qos if reliable is None else qos._replace(reliable=reliable))._asdict())


def make_qos(*, depth: int, reliable: bool, transient_local: bool) -> QoSProfile:
    """Return a keep-last profile."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL
        if transient_local
        else DurabilityPolicy.VOLATILE,
    )
