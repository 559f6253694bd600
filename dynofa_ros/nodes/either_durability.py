# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Subscribe to publishers of either durability.

A transient-local subscription does not match a volatile publisher, which is the default of
`ros2 topic pub` and of most code; a volatile one hears both, but not the message that a publisher
had latched before. There are therefore two subscriptions, and each message is passed on once.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks, UnsupportedEventTypeError
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy

from dynofa_ros.nodes.message_info import publisher_gid
from dynofa_ros.nodes.qos import qos_profile
from dynofa_ros.nodes.qos_overrides import POLICIES, SUBSCRIPTION, declare_qos_overrides

# Messages of which the second copy is still expected: as many as both queues hold.
_REMEMBERED = 64
_POLICIES = tuple(each for each in POLICIES if each != 'durability')


def subscribe_to_either(
    node: Node, kind: Any, topic: str, callback: Callable[..., Any]
) -> list[Any]:
    """Return the two subscriptions of a topic; `callback` takes a message, or also its info."""
    latched, volatile = qos_profile(topic), qos_profile(topic)
    volatile.durability = DurabilityPolicy.VOLATILE
    receive = passed_once(callback)

    def create(qos: Any, **options: Any) -> Any:
        overriding = declare_qos_overrides(
            node, topic, qos, entity=SUBSCRIPTION, policies=_POLICIES
        )
        return node.create_subscription(
            kind, topic, receive, qos, qos_overriding_options=overriding, **options
        )

    # By default rclpy warns of every volatile publisher that the latched one does not match.
    quiet = SubscriptionEventCallbacks(incompatible_qos=lambda _: None)
    try:
        first = create(latched, event_callbacks=quiet)
    except UnsupportedEventTypeError:  # not every middleware has it
        first = create(latched)
    return [first, create(volatile)]


def passed_once(callback: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    """Return a callback of both subscriptions that ignores the second copy of a message.

    Publisher and time of publication identify it.
    """
    takes_info = len(inspect.signature(callback).parameters) > 1
    seen: deque[tuple[bytes, int]] = deque(maxlen=_REMEMBERED)

    def receive(message: Any, info: Any) -> Any:
        if stamp := (info or {}).get('source_timestamp'):
            key = (publisher_gid(info), stamp)
            if key in seen:
                return None
            seen.append(key)
        return callback(message, info) if takes_info else callback(message)

    return receive
