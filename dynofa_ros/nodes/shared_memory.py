# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Remove shared-memory segments of Fast DDS whose processes died.

A killed node leaves its segment in `/dev/shm`, up to 64 MiB. Once that is full, new nodes fall back
to UDP and lose images.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from pathlib import Path

from dynofa_ros.node_environment import SHARED_MEMORY

# Fast DDS 3, and 2.
_LOCK = re.compile(r'fast(dds|rtps)_[0-9a-f]{16}_el')
# Between creating a lock file and locking it, its owner is alive.
_AGE_S = 10.0


def remove_dead_segments(folder: Path = SHARED_MEMORY) -> list[str]:
    """Remove the segments without a living owner; return their names.

    The owner of `fastdds_<id>` holds a lock (flock) on `fastdds_<id>_el` as long as it lives,
    whatever its container or user. A free lock of a file that is not new means that the owner is
    dead, as for `fastdds shm clean`. Identifiers are random and never used again, so no process can
    come to own the segment meanwhile; one that still reads it keeps its mapping. Ports
    (`fastdds_port...`) are left alone: they are small, have fixed names, and Fast DDS takes over
    those of dead processes itself.
    """
    removed = []
    try:
        locks = [each for each in folder.iterdir() if _LOCK.fullmatch(each.name)]
    except OSError:  # no shared memory here
        return []
    for lock in locks:
        segment = lock.with_name(lock.name.removesuffix('_el'))
        try:
            if _is_dead(lock):
                segment.unlink(missing_ok=True)
                lock.unlink(missing_ok=True)
                removed.append(segment.name)
        except OSError:  # of another user, or removed by another node that starts
            continue
    return removed


def _is_dead(lock: Path) -> bool:
    descriptor = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if time.time() - os.fstat(descriptor).st_mtime < _AGE_S:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
