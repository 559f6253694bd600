# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""QoS profile of every topic of this package.

Publishers and subscribers with incompatible reliability or durability never connect, and DDS only
logs it. Both ends of a topic therefore look up the same profile here. All topics but the images are
published reliably, so that code with the default QoS receives them. `deadline`, `mission` and the
commands are heard from volatile publishers too (`either_durability.py`).
"""

from __future__ import annotations

from typing import NamedTuple

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


class _Qos(NamedTuple):
    depth: int
    reliable: bool = True
    transient_local: bool = False
    """Late joiners receive the last `depth` messages."""
    heard_best_effort: bool = False
    """Subscriptions are best effort, and receive from publishers of either reliability."""


# All applications share subnet_command and the per-application states. The depth is the number of
# applications whose last message a late joiner still receives.
_APPLICATIONS = 32

_QOS = {
    'image': _Qos(depth=1, reliable=False),
    'image/compressed': _Qos(depth=1, reliable=False),
    'classification': _Qos(depth=10),
    'vision_classification': _Qos(depth=10),
    'frame_report': _Qos(depth=50),
    'frame_energy': _Qos(depth=50),
    'subnet_profile': _Qos(depth=_APPLICATIONS, transient_local=True),
    'subnet_state': _Qos(depth=_APPLICATIONS, transient_local=True),
    'subnet_command': _Qos(depth=_APPLICATIONS, transient_local=True),
    'dvfs_command': _Qos(depth=1, transient_local=True),
    'platform_state': _Qos(depth=1, transient_local=True),
    'deadline': _Qos(depth=_APPLICATIONS, transient_local=True),
    'battery': _Qos(depth=5, heard_best_effort=True),  # drivers publish it as sensor data
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
    qos = _qos(topic)
    return make_qos(
        depth=qos.depth,
        reliable=qos.reliable if reliable is None else reliable,
        transient_local=qos.transient_local,
    )


def subscription_qos(topic: str) -> QoSProfile:
    """Return the QoS profile of a subscription of a topic; raise ValueError as `qos_profile`."""
    qos = _qos(topic)
    return qos_profile(topic, reliable=qos.reliable and not qos.heard_best_effort)


def _qos(topic: str) -> _Qos:
    if topic not in _QOS:
        raise ValueError(f'topic is {topic!r}; expected {", ".join(TOPICS)}')
    return _QOS[topic]


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
