"""The publishers of a bag's topics: types as installed here, QoS as recorded, and /clock."""

from __future__ import annotations

import importlib
import itertools
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from builtin_interfaces.msg import Time
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock

from dynofa_ros.bags.schedule import Schedule
from dynofa_ros.bags.topics import CLOCK_TYPE, OfferedQos, Topic

# A subscriber we know of needs this long to know of us; until then it misses best-effort messages.
_DISCOVERY_S = 0.2


class BagPublishers:
    """One publisher for each topic whose message type is installed; the others are named once."""

    def __init__(self, node: Node, topics: Sequence[Topic], *, names: Mapping[str, str]) -> None:
        """Create them; `names` maps recorded topic names to the names to publish under."""
        self._log = node.get_logger()
        self._classes = self._installed(topics)
        self.topics = tuple(topic for topic in topics if topic.type in self._classes)
        self._publishers = {
            topic: node.create_publisher(
                self._classes[topic.type], names.get(topic.name, topic.name), _qos(topic.qos)
            )
            for topic in self.topics
        }

    @property
    def plays_clock(self) -> bool:
        """Whether a recorded clock is among the topics."""
        return CLOCK_TYPE in self._classes

    def has_header(self, topic: Topic) -> bool:
        """Return whether the messages of the topic begin with a std_msgs/Header."""
        fields = self._classes[topic.type].get_fields_and_field_types()
        return next(iter(fields.values()), '') == 'std_msgs/Header'

    def publish(self, topic: Topic, data: bytes) -> None:
        """Publish one serialized message."""
        self._publishers[topic].publish(data)

    def wait_for_subscribers(self, timeout_s: float) -> None:
        """Return when every image topic (without images: every topic) is subscribed, or late."""
        awaited = [topic for topic in self.topics if topic.is_image] or list(self.topics)
        self._log.info(f'waiting up to {timeout_s:g} s for subscribers')
        end_s = time.monotonic() + timeout_s
        while missing := [topic for topic in awaited if not self._subscribed(topic)]:
            if time.monotonic() > end_s:
                names = ', '.join(self._publishers[topic].topic_name for topic in missing)
                self._log.warning(
                    f'no subscriber after {timeout_s:g} s: {names}; playing all the same'
                )
                return
            time.sleep(0.02)
        time.sleep(_DISCOVERY_S)

    def wait_for_acknowledgements(self, timeout_s: float) -> None:
        """Return when reliable subscribers have everything, or `timeout_s` is over."""
        end_s = time.monotonic() + timeout_s
        for topic, publisher in self._publishers.items():
            left_s = end_s - time.monotonic()
            if topic.qos.reliable and left_s > 0:
                publisher.wait_for_all_acked(Duration(nanoseconds=round(left_s * 1e9)))

    def _subscribed(self, topic: Topic) -> bool:
        return self._publishers[topic].get_subscription_count() > 0

    def _installed(self, topics: Sequence[Topic]) -> dict[str, Any]:
        classes = {}
        for message_type in dict.fromkeys(topic.type for topic in topics):
            members = [topic for topic in topics if topic.type == message_type]
            message_class = _message_class(message_type)
            if members[0].serialization != 'cdr':
                self._warn_skipped(members, f'serialized as {members[0].serialization!r}, not cdr')
            elif message_class is None:
                self._warn_skipped(members, f'message type {message_type!r} is not installed')
            else:
                classes[message_type] = message_class
        return classes

    def _warn_skipped(self, topics: Sequence[Topic], reason: str) -> None:
        names = ', '.join(topic.name for topic in topics)
        self._log.warning(f'skipped {names}: {reason}')


class ClockPublisher:
    """Publishes the bag's time on /clock from a thread while the block runs; no rate, no clock."""

    def __init__(self, node: Node, schedule: Schedule, rate_hz: float | None) -> None:
        """Create the publisher; `rate_hz` counts real seconds, whatever the playback rate."""
        self._schedule = schedule
        self._rate_hz = rate_hz
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name='clock', daemon=True)
        self._publisher = node.create_publisher(Clock, '/clock', 10) if rate_hz else None

    def __enter__(self) -> None:
        if self._publisher is not None:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._publisher is not None:
            self._thread.join()

    def _run(self) -> None:
        for tick in itertools.count(1):
            time_ns = self._schedule.bag_time_ns(time.monotonic())
            seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
            self._publisher.publish(Clock(clock=Time(sec=seconds, nanosec=nanoseconds)))
            due_s = self._schedule.start_s + tick / self._rate_hz
            if self._stop.wait(max(0.0, due_s - time.monotonic())):
                return


def _qos(qos: OfferedQos) -> QoSProfile:
    return QoSProfile(
        depth=qos.depth,
        reliability=ReliabilityPolicy.RELIABLE if qos.reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=(
            DurabilityPolicy.TRANSIENT_LOCAL if qos.transient_local else DurabilityPolicy.VOLATILE
        ),
    )


def _message_class(message_type: str) -> Any:
    parts = message_type.split('/')
    if len(parts) != 3:
        return None
    try:
        return getattr(importlib.import_module('.'.join(parts[:2])), parts[2], None)
    except ImportError:
        return None
