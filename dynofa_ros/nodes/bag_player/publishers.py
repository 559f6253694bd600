# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Publishers of the topics of a bag, with their recorded QoS, and of /clock."""

from __future__ import annotations

import importlib
import itertools
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ament_index_python import get_resource
from builtin_interfaces.msg import Time
from rclpy.duration import Duration
from rclpy.node import Node
from rosgraph_msgs.msg import Clock

from dynofa_ros.bags.schedule import Schedule
from dynofa_ros.bags.topics import CLOCK_TYPE, Topic
from dynofa_ros.nodes.qos import make_qos
from dynofa_ros.nodes.qos_overrides import PUBLISHER, declare_qos_overrides

# A discovered subscriber may not have discovered us yet and would miss best-effort messages.
_DISCOVERY_S = 0.2
_TYPE = re.compile('([a-z][a-z0-9_]*)/msg/([A-Z][A-Za-z0-9]*)')
_MOST_CHARACTERS = 200


class BagPublishers:
    """One publisher per topic that can be played; others are skipped, and named in a warning."""

    def __init__(self, node: Node, topics: Sequence[Topic], *, names: Mapping[str, str]) -> None:
        """Create the publishers; `names` maps recorded topic names to published ones."""
        self._log = node.get_logger()
        self._classes: dict[str, Any] = {}
        self._publishers: dict[Topic, Any] = {}
        for topic in topics:
            try:
                if topic.problem:
                    raise ValueError(topic.problem)
                message_class = message_type(topic.type)
                name, qos = names.get(topic.name, topic.name), make_qos(**asdict(topic.qos))
                overriding = declare_qos_overrides(node, name, qos, entity=PUBLISHER)
                self._publishers[topic] = node.create_publisher(
                    message_class, name, qos, qos_overriding_options=overriding
                )
                self._classes[topic.type] = message_class
            except Exception as error:  # rclpy has many types for names, types and QoS
                reason = ' '.join(str(error).split())[:_MOST_CHARACTERS]
                self._log.warning(f'skipped {topic.name[:_MOST_CHARACTERS]}: {reason}')
        self.topics = tuple(self._publishers)

    @property
    def plays_clock(self) -> bool:
        """Whether the bag has a recorded /clock that is played."""
        return CLOCK_TYPE in self._classes

    def has_header(self, topic: Topic) -> bool:
        """Return whether the messages of a topic start with a std_msgs/Header."""
        fields = self._classes[topic.type].get_fields_and_field_types()
        return next(iter(fields.values()), '') == 'std_msgs/Header'

    def publish(self, topic: Topic, data: bytes) -> None:
        """Publish one serialized message."""
        self._publishers[topic].publish(data)

    def wait_for_subscribers(
        self, timeout_s: float, images: Sequence[Sequence[Topic]] = ()
    ) -> None:
        """Wait until of each group of `images` one has a subscriber.

        Without groups, every image topic has to; without images, every topic.
        """
        topics = [topic for topic in self.topics if topic.is_image] or list(self.topics)
        awaited = images or [[topic] for topic in topics]
        self._log.info(f'waiting up to {timeout_s:g} s for subscribers')
        end_s = time.monotonic() + timeout_s
        while missing := [group for group in awaited if not any(map(self._subscribed, group))]:
            if time.monotonic() > end_s:
                names = ', '.join(self._publishers[group[0]].topic_name for group in missing)
                self._log.warning(f'no subscriber after {timeout_s:g} s: {names}; playing anyway')
                return
            time.sleep(0.02)
        time.sleep(_DISCOVERY_S)

    def wait_for_acknowledgements(self, timeout_s: float) -> None:
        """Wait until reliable subscribers have received all messages."""
        end_s = time.monotonic() + timeout_s
        for topic, publisher in self._publishers.items():
            left_s = end_s - time.monotonic()
            if topic.qos.reliable and left_s > 0:
                publisher.wait_for_all_acked(Duration(nanoseconds=round(left_s * 1e9)))

    def _subscribed(self, topic: Topic) -> bool:
        return self._publishers[topic].get_subscription_count() > 0


class ClockPublisher:
    """Context manager that publishes the bag time on /clock from a thread."""

    def __init__(self, node: Node, schedule: Schedule, rate_hz: float) -> None:
        """Create the publisher; `rate_hz` is in real time, independent of the playback rate."""
        self._log = node.get_logger()
        self._schedule = schedule
        self._rate_hz = rate_hz
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name='clock', daemon=True)
        self._publisher = node.create_publisher(Clock, '/clock', 10)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        for tick in itertools.count(1):
            time_ns = self._schedule.bag_time_ns(time.monotonic())
            seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
            try:
                self._publisher.publish(Clock(clock=Time(sec=seconds, nanosec=nanoseconds)))
            except Exception as error:  # a time beyond 32-bit seconds: the messages play on
                self._log.error(f'/clock ends at {time_ns} ns: {error}')
                return
            due_s = self._schedule.start_s + tick / self._rate_hz
            if self._stop.wait(max(0.0, due_s - time.monotonic())):
                return


def message_type(name: str) -> Any:
    """Return the class of an installed message type, `package/msg/Name`.

    A bag may name any type, so only what the ament index lists is imported.

    Raises:
        ValueError: for another form of name, and a type that is not installed.
    """
    form = _TYPE.fullmatch(name)
    if form is None:
        raise ValueError(f'message type is {name[:_MOST_CHARACTERS]!r}; expected package/msg/Name')
    package, message = form.groups()
    try:
        listed = get_resource('rosidl_interfaces', package)[0].split()
    except (LookupError, OSError):
        listed = []
    if not {f'msg/{message}.msg', f'msg/{message}.idl'} & set(listed):
        raise ValueError(f'message type {name!r} is not installed')
    return getattr(importlib.import_module(f'{package}.msg'), message)
