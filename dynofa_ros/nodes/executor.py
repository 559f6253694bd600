# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The executor of a node: rclpy's EventsExecutor where it is known to work.

rclpy's SingleThreadedExecutor builds a new wait set of all entities for each callback, several
times for one message: over 1 ms for our nodes, most of what an idle node cost. The EventsExecutor
is told of each message by the middleware. It is in rclpy of ROS 2 Kilted and later, experimental,
and tested here with Fast DDS only.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future
from rclpy.utilities import get_rmw_implementation_identifier

EventsExecutor: Any
try:
    from rclpy.experimental.events_executor import EventsExecutor as _EventsExecutor
except ImportError:  # ROS 2 Jazzy
    EventsExecutor = None
else:
    EventsExecutor = _EventsExecutor

# Middlewares with which the tests of the nodes were run on the EventsExecutor.
EVENTS_WITH = ('rmw_fastrtps_cpp',)
# A wait without end is a busy one, which blocks publishers, where rclpy was built with a C++
# library whose `wait_until` overflows, as the wheels are.
SPIN_S = 3600.0


def make_executor(context: Context) -> Any:
    """Return an executor that runs the callbacks of one node in one thread."""
    if EventsExecutor is not None and get_rmw_implementation_identifier() in EVENTS_WITH:
        return EventsExecutor(context=context)
    return SingleThreadedExecutor(context=context)


def spin(executor: Any) -> None:
    """Run callbacks: until shutdown, an exception of a service, or `SPIN_S` have passed.

    Raises ExternalShutdownException on SIGINT or SIGTERM.
    """
    if isinstance(executor, SingleThreadedExecutor):
        executor.spin()
    else:
        executor.spin_until_future_complete(Future(), timeout_sec=SPIN_S)


def stop_executor(executor: Any, node: Node) -> None:
    """Take the node from an executor that no longer spins."""
    if isinstance(executor, SingleThreadedExecutor):
        # Neither shut down nor collected: on SIGINT a thread of rclpy may still be waking it, and
        # an executor that is gone by then ends the process with a segmentation fault, before
        # `destroy_node` restored any frequency.
        executor.remove_node(node)
    else:
        # Until then the middleware calls it, and holds the node's subscriptions.
        executor.shutdown()


def unpacked(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Return a callback of a subscription for both executors.

    The EventsExecutor passes message and `MessageInfo` as one tuple.
    """
    parameters = inspect.signature(callback).parameters
    if len(parameters) != 2:
        return callback

    @functools.wraps(callback)  # rclpy counts the parameters
    def receive(*args: Any) -> Any:
        return callback(*args[0]) if len(args) == 1 else callback(*args)

    return receive
