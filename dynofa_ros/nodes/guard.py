# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Keep a node running whatever its callbacks raise or DDS loses, and count both.

A robot cannot be saved by a restart: a message that is latched would end the node again. An
exception is logged with its traceback the first time, and counted from then on. `Diagnostics`
publishes the counts.
"""

from __future__ import annotations

import functools
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks, UnsupportedEventTypeError
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from dynofa_ros.nodes.executor import make_executor, spin, stop_executor, unpacked
from dynofa_ros.nodes.message_info import publisher_gid
from dynofa_ros.nodes.qos import TOPICS
from dynofa_ros.nodes.qos_overrides import PUBLISHER, SUBSCRIPTION, declare_qos_overrides

RECENT_S = 10.0
# An executor that fails at every call must not take a core.
_PAUSE_S = 0.01
# Publishers remembered for each topic; the least recently received one is dropped first.
_PUBLISHERS = 64


class Guard:
    """Thread-safe counts of a node's exceptions by callback, and of lost messages by topic."""

    def __init__(
        self,
        log: Callable[[str], object],
        *,
        alive: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Log each distinct error once: by callback, type and line of code.

        Nothing is counted once `alive` returns false: after shutdown every call of rclpy fails.
        """
        self._log = log
        self._alive = alive
        self._clock = clock
        self._lock = threading.Lock()
        self._errors: Counter[str] = Counter()
        self._lost: Counter[str] = Counter()
        self._logged: set[tuple[str, str, str, int | None]] = set()
        self._error_s = self._lost_s = float('-inf')
        self._last_error = self._last_lost = ''

    def wrap(self, name: str, callback: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that calls `callback`, and returns None if it raises an exception.

        The error is counted under `name`, and names the application of the message.
        """

        @functools.wraps(callback)  # rclpy inspects the signature
        def guarded(*args: Any) -> Any:
            try:
                return callback(*args)
            except Exception as error:
                self.caught(name, error, app=str(getattr(args[0], 'app', '')) if args else '')
                return None

        return guarded

    def caught(self, name: str, error: Exception, *, app: str = '') -> None:
        """Count an exception of the callback `name`, and log it if it is the first of its kind."""
        if not self._alive():
            return
        frames = traceback.extract_tb(error.__traceback__)
        line = (frames[-1].filename, frames[-1].lineno) if frames else ('', None)
        key = (name, type(error).__name__, *line)
        text = f'{name}{f" of app {app!r}" if app else ""}: {type(error).__name__}: {error}'
        with self._lock:
            self._errors[name] += 1
            self._error_s, self._last_error = self._clock(), text
            first = key not in self._logged
            self._logged.add(key)
        if first:
            trace = ''.join(traceback.format_exception(error))
            self._log(f'{text}; the node continues, and counts repetitions\n{trace}')

    def lost(self, topic: str, count: int) -> None:
        """Count messages of a topic that DDS lost before they arrived."""
        with self._lock:
            self._lost[topic] += count
            self._lost_s, self._last_lost = self._clock(), f'{count} messages of {topic}'

    def counts(self) -> dict[str, int]:
        """Return the totals since start-up, with keys `errors: NAME` and `lost: TOPIC`."""
        with self._lock:
            return {f'errors: {name}': total for name, total in self._errors.items()} | {
                f'lost: {topic}': total for topic, total in self._lost.items()
            }

    def recent_error(self) -> str:
        """Return the latest exception as text; empty if it is over ten seconds old."""
        with self._lock:
            return self._last_error if self._clock() - self._error_s < RECENT_S else ''

    def recent_loss(self) -> str:
        """Return the latest loss as text; empty if it is over ten seconds old."""
        with self._lock:
            return self._last_lost if self._clock() - self._lost_s < RECENT_S else ''


class SequenceGaps:
    """Counts the messages of a topic that were lost, or replaced before the node received them.

    A queue that keeps the last message replaces it while the node is busy, which DDS does not
    report as a loss: only the publisher's numbering shows it.
    """

    def __init__(self) -> None:
        self._last: dict[bytes, int] = {}

    @property
    def known(self) -> bool:
        """Whether the middleware numbers messages by publisher."""
        return bool(self._last)

    def missed(self, info: Mapping[str, Any]) -> int:
        """Return the number of messages between this one and the last one of its publisher."""
        number, publisher = info.get('publication_sequence_number'), publisher_gid(info)
        if number is None or not publisher:
            return 0
        last = self._last.pop(publisher, number - 1)
        if len(self._last) == _PUBLISHERS:
            del self._last[next(iter(self._last))]
        self._last[publisher] = max(number, last)
        return max(number - last - 1, 0)


class GuardedNode(Node):
    """A node whose subscriptions and timers run in its `guard`, which also counts DDS losses."""

    def __init__(self, name: str, **options: Any) -> None:
        # Node's constructor creates subscriptions of its own.
        self.guard = Guard(
            lambda text: self.get_logger().error(text), alive=lambda: self.context.ok()
        )
        self._spinning: Any = None
        super().__init__(name, **options)

    def create_publisher(
        self, msg_type: Any, topic: str, qos_profile: Any, *args: Any, **options: Any
    ) -> Any:
        """Create a publisher; `qos_overrides` parameters apply to the topics of this package."""
        if topic in TOPICS and 'qos_overriding_options' not in options:
            options['qos_overriding_options'] = declare_qos_overrides(
                self, topic, qos_profile, entity=PUBLISHER
            )
        return super().create_publisher(msg_type, topic, qos_profile, *args, **options)

    def create_subscription(
        self,
        msg_type: Any,
        topic: str,
        callback: Callable[..., Any],
        qos_profile: Any,
        *args: Any,
        count_replaced: bool = False,
        on_matched: Callable[[Any], None] | None = None,
        **options: Any,
    ) -> Any:
        """Create a subscription whose callback cannot end the node.

        `qos_overrides` parameters apply to the topics of this package.
        `count_replaced`: messages that newer ones replaced in the queue count as lost too.
        `on_matched` is called when a publisher comes or leaves, where the middleware tells.
        """
        gaps = SequenceGaps()
        guarded = self.guard.wrap(topic, callback)

        def counted(message: Any, info: Mapping[str, Any]) -> Any:
            if missed := gaps.missed(info):
                self.guard.lost(topic, missed)
            return guarded(message)

        def on_lost(event: Any) -> None:
            if not gaps.known:  # otherwise the gap has it
                self.guard.lost(topic, event.total_count_change)

        receive = unpacked(counted if count_replaced else guarded)
        if topic in TOPICS and 'qos_overriding_options' not in options:
            options['qos_overriding_options'] = declare_qos_overrides(
                self, topic, qos_profile, entity=SUBSCRIPTION
            )
        create = functools.partial(
            super().create_subscription, msg_type, topic, receive, qos_profile, *args
        )
        if options.get('event_callbacks') is not None:
            return create(**options)
        lost: dict[str, Any] = {'message_lost': self.guard.wrap(f'{topic} event', on_lost)}
        matched = {'matched': self.guard.wrap(f'{topic} event', on_matched)} if on_matched else {}
        for events in (lost | matched, matched, lost):  # not every middleware has all events
            try:
                return create(**options | {'event_callbacks': SubscriptionEventCallbacks(**events)})
            except UnsupportedEventTypeError:
                continue
        return create(**options)

    def create_timer(
        self, timer_period_sec: float, callback: Any, *args: Any, **options: Any
    ) -> Any:
        """Create a timer whose callback cannot end the node."""
        name = f'timer {getattr(callback, "__name__", "")}'
        guarded = None if callback is None else self.guard.wrap(name, callback)
        return super().create_timer(timer_period_sec, guarded, *args, **options)

    def spin(self) -> None:
        """Run the callbacks until shutdown, also after services and parameters raise.

        Raises:
            ExternalShutdownException: on SIGINT or SIGTERM.
        """
        executor = self._spinning = make_executor(self.context)
        executor.add_node(self)
        try:
            while self.context.ok():
                try:
                    spin(executor)
                except ExternalShutdownException:
                    raise
                except Exception as error:
                    self.guard.caught('service', error)
                    time.sleep(_PAUSE_S)
        finally:
            stop_executor(executor, self)
