# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Let a process end cleanly on SIGINT, SIGTERM and SIGHUP, whenever they come.

Imports and the start of a node take seconds, and a Ctrl-C in a terminal arrives twice: from the
terminal, and from `ros2 launch`. Python's own handler would raise KeyboardInterrupt anywhere, any
number of times.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any, NoReturn

STOPPING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
# An interrupted start that has not ended after this time is ended.
SWALLOWED_S = 2.0


def exit_on_signals(code: int = 0) -> None:
    """End the process at once on a signal, also on one that was blocked so far."""

    def end(*_: Any) -> None:
        end_now(code)

    handle_signals(end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)


def handle_signals(handler: Any) -> None:
    """Set the handler of all three signals; an ignored SIGHUP (nohup) stays ignored."""
    for each in STOPPING:
        if each != signal.SIGHUP or signal.getsignal(each) != signal.SIG_IGN:
            signal.signal(each, handler)


def end_now(code: int) -> NoReturn:
    """End the process without waiting for its threads."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


class Interruption:
    """Raises KeyboardInterrupt on the first signal only, and only while it `raises`."""

    def __init__(self) -> None:
        self.happened = False
        self.raises = True

    def start(self) -> None:
        """Handle the signals; `rclpy.init`, if called later, handles them as well."""
        handle_signals(self._on_signal)

    def _on_signal(self, number: int, _: Any) -> None:
        first, self.happened = not self.happened, True
        if first and self.raises:
            # Some libraries swallow the exception.
            last = threading.Timer(SWALLOWED_S, end_now, (0,))
            last.daemon = True
            last.start()
            raise KeyboardInterrupt
        if number == signal.SIGHUP and first:  # rclpy handles only the others
            os.kill(os.getpid(), signal.SIGTERM)

    def ignore(self) -> None:
        """Ignore all signals from now on, also while Python ends."""
        self.raises = False
        handle_signals(signal.SIG_IGN)
