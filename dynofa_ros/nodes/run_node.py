"""Run a node as a process: start it, spin it, and shut it down cleanly on any signal."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

import rclpy
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.executors import ExternalShutdownException

from dynofa_ros.nodes.guard import GuardedNode

START_ERRORS = (ValueError, InvalidParameterTypeException, InvalidParameterValueException)


def run_node(make: Callable[[], GuardedNode], args: list[str] | None, *, name: str) -> int:
    """Spin the node that ``make`` returns until SIGINT, SIGTERM or SIGHUP; return the exit code.

    No exception of a callback ends it.

    1 if the node cannot start, after printing one line to standard error, or if it sets ``failed``;
    0 otherwise.
    """
    try:
        rclpy.init(args=args)
    except RuntimeError as error:  # an unreadable parameter file or an unknown argument
        print(f'{name}: {type(error).__name__}: {error}', file=sys.stderr)
        return 1
    # Closing the ssh connection that started the node shuts it down cleanly.
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    node = None
    try:
        node = make()
        node.spin()
    except START_ERRORS as error:
        if node is not None:
            raise
        print(f'{name}: {error}', file=sys.stderr)
        return 1
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except Exception:
        # SIGTERM during construction invalidates the context, and any call of rclpy then fails.
        if rclpy.ok():
            raise
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not interrupt shutdown
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return int(getattr(node, 'failed', False))
