# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""CPU time of another process, from /proc."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def busy_s(pid: int) -> float:
    """Return the CPU time of all threads of a process [s], finer than in clock ticks."""
    return sum(
        int((task / 'schedstat').read_text().split()[0]) * 1e-9
        for task in Path(f'/proc/{pid}/task').iterdir()
    )


def busy_share(pid: int, wait: Callable[[], object]) -> float:
    """Return the fraction of a core that a process uses while `wait` runs."""
    before_s, start_s = busy_s(pid), time.monotonic()
    wait()
    return (busy_s(pid) - before_s) / (time.monotonic() - start_s)
