"""Start a node, spin it, and stop it in good order, whatever ends it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

import rclpy
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

REFUSED_AT_START = (ValueError, InvalidParameterTypeException, InvalidParameterValueException)


def run_node(make: Callable[[], Node], args: list[str] | None, *, name: str) -> int:
    """Spin the node that ``make`` returns until SIGINT, SIGTERM or SIGHUP; return the exit code.

    1, with one line on the standard error, if it refuses to start, and if it says that it
    ``failed``; 0 otherwise.
    """
    try:
        rclpy.init(args=args)
    except RuntimeError as error:  # a parameter file that cannot be read, an unknown argument
        print(f'{name}: {type(error).__name__}: {error}', file=sys.stderr)
        return 1
    # Whoever started it over ssh has gone: it ends as in good order.
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    node = None
    try:
        node = make()
        rclpy.spin(node)
    except REFUSED_AT_START as error:
        if node is not None:
            raise
        print(f'{name}: {error}', file=sys.stderr)
        return 1
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except Exception:
        # SIGTERM while a node is being built invalidates its context: whatever it was doing fails.
        if rclpy.ok():
            raise
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not cut this short
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return int(getattr(node, 'failed', False))
