# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Busy co-runner processes, to measure how much they slow a network down."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

BUSY_LOOP = 'import os, sys\nwhile os.getppid() == int(sys.argv[1]):\n    sum(range(100_000))'
"""Exits once its parent, the process ID in its argument, is gone, even if that was killed."""
EXIT_TIMEOUT_S = 5.0


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Run `count` single-threaded busy processes on the cores that this thread may use."""
    command = [sys.executable, '-c', BUSY_LOOP, str(os.getpid())]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(count):
            processes.append(subprocess.Popen(command))
        yield
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait(EXIT_TIMEOUT_S)
