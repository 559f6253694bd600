# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Run a node as a process: start it, spin it, and shut it down cleanly on any signal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import rclpy
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.executors import ExternalShutdownException

from dynofa_ros.nodes.guard import GuardedNode
from dynofa_ros.nodes.qos_overrides import unused_overrides
from dynofa_ros.nodes.shared_memory import remove_dead_segments
from dynofa_ros.nodes.signals import Interruption, end_now

# A segment is only known to be dead some seconds after it was made (`shared_memory`).
CLEANING_PERIOD_S = 5.0
START_ERRORS = (ValueError, InvalidParameterTypeException, InvalidParameterValueException)


def run_node(make: Callable[[], GuardedNode], args: list[str] | None, *, name: str) -> int:
    """Spin the node that ``make`` returns until SIGINT, SIGTERM or SIGHUP; return the exit code.

    No exception of a callback ends it. Shared memory of processes that died is removed at the start
    and every 5 s.

    1 if the node cannot start, after printing one line to standard error; 0 otherwise, also if a
    signal interrupts the start.
    """
    interruption = Interruption()
    code = 0
    try:
        interruption.start()
        code = _run(make, args, name=name, interruption=interruption)
    except KeyboardInterrupt:
        pass
    half_made = interruption.happened and interruption.raises
    interruption.ignore()  # a second Ctrl-C while Python ends
    if half_made and any(not each.daemon for each in threading.enumerate()[1:]):
        end_now(0)  # nobody stops the threads of a node that is half made
    return code


def _run(
    make: Callable[[], GuardedNode],
    args: list[str] | None,
    *,
    name: str,
    interruption: Interruption,
) -> int:
    removed = remove_dead_segments()  # first, so that there is room for those of this node
    try:
        rclpy.init(args=args)
    except RuntimeError as error:  # an unreadable parameter file or an unknown argument
        print(f'{name}: {type(error).__name__}: {error}', file=sys.stderr)
        return 1
    node = None
    try:
        node = make()
        interruption.raises = False  # rclpy ends `spin` between two callbacks
        _say_removed(node, removed)
        if unused := unused_overrides(node):
            node.get_logger().warning(f'no topic or policy of this node: {", ".join(unused)}')
        clean_shared_memory(node)
        node.spin()
    except START_ERRORS as error:
        if interruption.happened:
            return 0
        if node is not None:
            raise
        print(f'{name}: {error}', file=sys.stderr)
        return 1
    except ExternalShutdownException:
        pass
    except Exception:
        # A signal invalidates the context, and any call of rclpy then fails.
        if rclpy.ok() and not interruption.happened:
            raise
    finally:
        if node is not None:
            interruption.ignore()  # a second Ctrl-C must not interrupt shutdown
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


def clean_shared_memory(node: GuardedNode) -> None:
    """Remove dead segments periodically: a node that dies soon after its start leaves a new one."""

    def clean() -> None:
        _say_removed(node, remove_dead_segments())

    node.create_timer(CLEANING_PERIOD_S, clean, clock=Clock(clock_type=ClockType.STEADY_TIME))


def _say_removed(node: GuardedNode, segments: list[str]) -> None:
    if segments:
        node.get_logger().info(
            f'removed {len(segments)} shared-memory segments of processes that died'
        )
