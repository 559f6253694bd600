# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Start nodes as child processes, and stop them cleanly."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

STOP_TIMEOUTS_S = (5.0, 3.0, 3.0)
"""Time for a process to end after SIGINT, SIGTERM and SIGKILL."""


class ProcessDied(RuntimeError):
    """A child process ended unexpectedly."""


def executable(name: str) -> Path:
    """Return the path of one of this package's executables.

    Raises:
        FileNotFoundError: listing the paths that were searched.
    """
    prefixes = [p for p in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep) if p]
    candidates = [Path(prefix) / 'lib' / 'dynofa_ros' / name for prefix in prefixes]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    searched = ''.join(f'\n  {candidate}' for candidate in candidates)
    raise FileNotFoundError(f'{name} is not installed; run scripts/build. Searched:{searched}')


class Processes:
    """Context manager of child processes, each with a log file; stops all of them on exit."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, arguments: Sequence[str | Path]) -> int:
        """Start a process that logs to ``<name>.log``; return its process ID."""
        with (self._logs / f'{name}.log').open('wb') as log:
            self._children[name] = child = subprocess.Popen(
                [str(argument) for argument in arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Only the demo receives a Ctrl-C in the terminal; it stops its children in order.
                start_new_session=True,
            )
        return child.pid

    def check(self) -> None:
        """Check that all processes are running.

        Raises:
            ProcessDied: with the exit code and the last lines of the log.
        """
        for name, child in self._children.items():
            code = child.poll()
            if code is not None:
                log = self._logs / f'{name}.log'
                tail = '\n  '.join(log.read_text(errors='replace').splitlines()[-5:])
                raise ProcessDied(f'{name} ended with exit code {code}; {log} ends with:\n  {tail}')

    def stop(self) -> None:
        """Stop all processes, last started first: SIGINT, then SIGTERM, then SIGKILL."""
        for number, timeout_s in zip(
            (signal.SIGINT, signal.SIGTERM, signal.SIGKILL), STOP_TIMEOUTS_S, strict=True
        ):
            running = [c for c in reversed(self._children.values()) if c.poll() is None]
            for child in running:
                child.send_signal(number)
            end_s = time.monotonic() + timeout_s
            for child in running:
                with suppress(subprocess.TimeoutExpired):
                    child.wait(max(end_s - time.monotonic(), 0.01))
        self._children.clear()

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
