"""Quality of service of every topic of this package, in one place (the table of DESIGN.md).

Two nodes that disagree on reliability or durability never hear each other, and DDS says so only
in a log line. Both ends of a topic therefore ask for its profile here, by the topic's name.
"""

from __future__ import annotations

from typing import NamedTuple

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


class _Delivery(NamedTuple):
    """How a topic is delivered: how many messages are kept, repeated, and kept for late joiners."""

    depth: int
    reliable: bool
    latched: bool


# subnet_command and the per-application states are shared by all applications, so their depth is
# the number of applications whose last message a late joiner still finds.
_APPLICATIONS = 32

_DELIVERY = {
    'image': _Delivery(depth=1, reliable=False, latched=False),
    'image/compressed': _Delivery(depth=1, reliable=False, latched=False),
    'classification': _Delivery(depth=10, reliable=True, latched=False),
    'vision_classification': _Delivery(depth=10, reliable=True, latched=False),
    'frame_report': _Delivery(depth=50, reliable=False, latched=False),
    'frame_energy': _Delivery(depth=50, reliable=False, latched=False),
    'subnet_profile': _Delivery(depth=_APPLICATIONS, reliable=True, latched=True),
    'subnet_state': _Delivery(depth=_APPLICATIONS, reliable=True, latched=True),
    'subnet_command': _Delivery(depth=_APPLICATIONS, reliable=True, latched=True),
    'dvfs_command': _Delivery(depth=1, reliable=True, latched=True),
    'platform_state': _Delivery(depth=1, reliable=True, latched=True),
    'deadline': _Delivery(depth=_APPLICATIONS, reliable=True, latched=True),
    'battery': _Delivery(depth=5, reliable=False, latched=False),
    'mission': _Delivery(depth=1, reliable=True, latched=True),
    'manager_state': _Delivery(depth=1, reliable=True, latched=True),
    '/diagnostics': _Delivery(depth=10, reliable=True, latched=False),
}

TOPICS = tuple(_DELIVERY)


def qos_profile(topic: str, *, reliable: bool | None = None) -> QoSProfile:
    """Return the profile of `topic`, one of `TOPICS`.

    `reliable` overrides the table, for a camera that is asked to repeat lost images.
    Raises ValueError for a topic that is not in the table.
    """
    if topic not in _DELIVERY:
        raise ValueError(f'topic {topic!r} has no QoS profile; expected {", ".join(TOPICS)}')
    delivery = _DELIVERY[topic]
    wants_reliable = delivery.reliable if reliable is None else reliable
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=delivery.depth,
        reliability=ReliabilityPolicy.RELIABLE if wants_reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=(
            DurabilityPolicy.TRANSIENT_LOCAL if delivery.latched else DurabilityPolicy.VOLATILE
        ),
    )
