# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A folder for the files that targets write, in memory: a file an input is slow on a disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IN_MEMORY = Path('/dev/shm')


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Return a new folder, removed at the end."""
    parent = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix='fuzz-', dir=parent) as folder:
        yield Path(folder)
