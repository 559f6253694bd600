"""Programs that are always busy, to see by how much they slow a network down."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

BUSY = 'import os, sys\nwhile os.getppid() == int(sys.argv[1]):\n    sum(range(100_000))'
"""It ends with the process that is named to it, even if that is killed."""
PATIENCE_S = 5.0


@contextmanager
def always_busy(count: int) -> Iterator[None]:
    """Run so many programs of one thread beside, on the cores that this thread may use."""
    command = [sys.executable, '-c', BUSY, str(os.getpid())]
    programs: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(count):
            programs.append(subprocess.Popen(command))
        yield
    finally:
        for each in programs:
            each.kill()
        for each in programs:
            each.wait(PATIENCE_S)
