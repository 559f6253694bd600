# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""One process at a time may set the frequencies of a machine, whoever runs it.

The lock is an advisory `flock` on the folder `/sys` itself, for which read permission is enough:

- It belongs to the machine, not to a state file, so a service and a user with state files of their
  own exclude each other.
- A lock file would need a place that every user can write, which not all distributions have
  (`/run/lock` is one of root on Fedora), and where a file of another user or a link can be planted.
- Linux releases it when the process dies, however it dies.

A container shares the lock if it sees the host's `/sys`, as with `--network host` or
`-v /sys:/sys`; in a network namespace of its own it has another instance of sysfs.
"""

from __future__ import annotations

import fcntl
import os
import weakref

from dynofa_ros.platform.checks import PlatformError
from dynofa_ros.platform.linux.sysfs import Sysfs

LOCKED = '/sys'


class MachineLock:
    """Held from its creation until it is released."""

    def __init__(self, sysfs: Sysfs) -> None:
        """Take the lock; raises PlatformError if another process holds it."""
        folder = sysfs.path(LOCKED)
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise _not_locked(folder, f'a readable folder: {error.strerror}') from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise _not_locked(
                folder, 'a lock that is free: another process sets frequencies'
            ) from error
        # Also released with this object, as a file is closed.
        self._close = weakref.finalize(self, os.close, descriptor)

    def release(self) -> None:
        """Let another process take it. Idempotent."""
        self._close()


def _not_locked(folder: object, expected: str) -> PlatformError:
    return PlatformError(field='lock of the machine', value=str(folder), expected=expected)
