# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Receive the camera's images over one transport at a time: raw or compressed.

A driver encodes compressed images only while somebody subscribes, and a node that subscribes to
both classifies every image twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from sensor_msgs.msg import CompressedImage, Image

from dynofa_ros.nodes.diagnostics import Diagnostics
from dynofa_ros.nodes.guard import GuardedNode
from dynofa_ros.nodes.qos import qos_profile
from dynofa_ros.nodes.qos_overrides import SUBSCRIPTION, declare_qos_overrides

RAW, COMPRESSED, AUTO = 'raw', 'compressed', 'auto'
TRANSPORTS = (RAW, COMPRESSED, AUTO)
SUFFIX = '/compressed'
TYPES = {RAW: 'sensor_msgs/msg/Image', COMPRESSED: 'sensor_msgs/msg/CompressedImage'}
_KINDS = {RAW: Image, COMPRESSED: CompressedImage}
# Period of the look at what is published [s].
CHECK_S = 0.25
# Images of the former transport whose stamps are remembered after a switch.
_STAMPS = 32


def choose(transport: str, current: str, offered: Mapping[str, set[str]]) -> str:
    """Return the transport to subscribe to, given the types that are published on each topic.

    `auto`: what is published, raw first; the current one if neither is.
    """
    if transport != AUTO:
        return transport
    for each in (RAW, COMPRESSED):
        if TYPES[each] in offered.get(each, ()):
            return each
    return current


def wrong_type(topic: str, transport: str, types: set[str]) -> str:
    """Return what is wrong if nothing but other types is published on a topic; else empty."""
    if not types or TYPES[transport] in types:
        return ''
    return f'{topic} is of type {", ".join(sorted(types))}; expected {TYPES[transport]}'


class ImageInput:
    """The image subscription of a node, which follows `transport`."""

    def __init__(
        self,
        node: GuardedNode,
        on_image: Callable[[Image | CompressedImage], None],
        *,
        transport: str,
        reliable: bool,
        diagnostics: Diagnostics,
    ) -> None:
        """Subscribe to `image` or `image/compressed`.

        If the name of `image`, as remapped, ends with `/compressed`, it is the compressed topic,
        and there is no raw one unless the parameter asks for it.
        """
        self._node, self._on_image, self._diagnostics = node, on_image, diagnostics
        image = node.resolve_topic_name('image')
        self._topics = {RAW: 'image', COMPRESSED: f'image{SUFFIX}'}
        if image.endswith(SUFFIX) and transport != RAW:
            self._topics = {COMPRESSED: 'image'}
            transport = COMPRESSED
        self._transport = transport
        self._names = {key: node.resolve_topic_name(each) for key, each in self._topics.items()}
        self._qos = {
            topic: qos_profile(topic, reliable=reliable) for topic in self._topics.values()
        }
        self._overrides = {
            topic: declare_qos_overrides(node, topic, qos, entity=SUBSCRIPTION)
            for topic, qos in self._qos.items()
        }
        self._stamps: deque[tuple[str, int, int]] = deque(maxlen=_STAMPS)
        self._subscription: Any = None
        self._current = COMPRESSED if transport == COMPRESSED else RAW
        self._subscribe(self._current)
        self.check()
        node.create_timer(CHECK_S, self.check, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def check(self) -> None:
        """Subscribe to what is published now, and report a topic of a wrong type."""
        offered = {
            key: {each.topic_type for each in self._node.get_publishers_info_by_topic(name)}
            for key, name in self._names.items()
        }
        wanted = choose(self._transport, self._current, offered)
        if wanted != self._current:
            self._subscribe(wanted)
            self._node.get_logger().info(f'images from {self._names[wanted]} ({wanted})')
        self._diagnostics.set('image transport', self._current)
        self._diagnostics.problem(
            'image type',
            wrong_type(self._names[wanted], wanted, offered[wanted]),
            level=DiagnosticStatus.ERROR,
        )

    def _subscribe(self, transport: str) -> None:
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
        self._current = transport
        topic = self._topics[transport]
        self._subscription = self._node.create_subscription(
            _KINDS[transport],
            topic,
            lambda message: self._receive(transport, message),
            self._qos[topic],
            count_replaced=True,
            qos_overriding_options=self._overrides[topic],
        )

    def _receive(self, transport: str, message: Image | CompressedImage) -> None:
        """Pass an image on, unless it came over the other transport before a switch."""
        stamp = message.header.stamp
        seen = (transport, stamp.sec, stamp.nanosec)
        if seen[1:] != (0, 0) and any(
            each[1:] == seen[1:] and each[0] != transport for each in self._stamps
        ):
            return
        self._stamps.append(seen)
        self._on_image(message)
