# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Cache of exported and compiled sub-networks, which take long to make but can be made again.

A file name identifies everything from which the file was made, so a file is never out of date. Its
first bytes are the SHA-256 of the rest, which detects files truncated by a power failure.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from stat import S_ISREG

from dynofa_ros.atomic_file import atomic_write
from dynofa_ros.supernet.official_weights import cache_folder

DIGEST_BYTES = hashlib.sha256().digest_size
LIMIT_BYTES = 2 * 10**9
"""Size of the cache above which the least recently used files are removed (assumed)."""
ROOT = 0
"""User ID whose files are trusted in addition to those of the current user."""
ABANDONED_S = 3600.0
"""Age at which an incomplete file is attributed to a crashed process (assumed)."""


class CompiledCache:
    """A folder of files. If it is None or not writable, contents are made anew every time."""

    def __init__(self, folder: Path | None, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = folder
        self.error = ''
        """The last fault of the folder or a file in it; empty if there was none."""
        self._limit_bytes = limit_bytes

    def get(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return the content of a file; call ``make`` if it is missing or cannot be used."""
        if self.folder is None:
            return make()
        file = self.folder / name
        try:
            return self._read(file)
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            self.error = f'{file} is ignored and made again: {reason}'
        content = make()
        self._put(file, content)
        return content

    def discard(self, name: str, reason: str) -> None:
        """Remove a file, if it exists, because its content cannot be used."""
        if self.folder is None:
            return
        file = self.folder / name
        self.error = f'{file} is removed: {reason}'
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            self.error = f'{file} cannot be removed: {error.strerror}'

    def subfolder(self, name: str) -> Path | None:
        """Return a folder for a library's own cache; None if there is none."""
        if self.folder is None:
            return None
        folder = self.folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.error = f'{folder} cannot be created: {error.strerror}'
            return None
        return folder

    def _read(self, file: Path) -> bytes:
        """Return the content of a file.

        Engines run what they find in it, so a file of another user is refused. It must be regular,
        because reading a pipe would block.

        Raises:
            OSError: if the file is missing or unreadable.
            ValueError: if it is not a regular file, belongs to another user, or is damaged.
        """
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, 'rb') as stream:
            stat = os.fstat(descriptor)
            if not S_ISREG(stat.st_mode):
                raise ValueError('it is not a regular file')
            if stat.st_uid not in (os.geteuid(), ROOT):
                raise ValueError(f'it belongs to user {stat.st_uid}')
            if stat.st_size > self._limit_bytes + DIGEST_BYTES:
                raise ValueError(f'it has {stat.st_size} bytes, above {self._limit_bytes}')
            digest, content = stream.read(DIGEST_BYTES), stream.read()
        if hashlib.sha256(content).digest() != digest:
            raise ValueError('it is damaged')
        with contextlib.suppress(OSError):  # of root's, the time of use cannot be kept
            os.utime(file)
        return content

    def _put(self, file: Path, content: bytes) -> None:
        try:
            with atomic_write(file) as partial:
                file.parent.mkdir(parents=True, exist_ok=True)
                self._make_room(len(content))
                with partial.open('wb') as stream:
                    stream.write(hashlib.sha256(content).digest())
                    stream.write(content)
        except ValueError as error:
            self.error = str(error)

    def _make_room(self, needed_bytes: int) -> None:
        """Remove the least recently used files until the new one fits."""
        assert self.folder is not None
        files = []
        for file in self.folder.rglob('*'):
            with contextlib.suppress(FileNotFoundError):  # removed by another process
                stat = file.stat()
                recent = time.time() - stat.st_mtime < ABANDONED_S
                being_written = '.partial' in file.suffixes and recent
                if S_ISREG(stat.st_mode) and not being_written:
                    files.append((stat.st_mtime, stat.st_size, file))
        excess = sum(size for _, size, _ in files) + needed_bytes - self._limit_bytes
        for _, size, file in sorted(files):
            if excess <= 0:
                break
            file.unlink(missing_ok=True)
            excess -= size


def default_cache() -> CompiledCache:
    """Return the cache of this user: ``compiled``, next to the fetched weights."""
    return CompiledCache(cache_folder() / 'compiled')
