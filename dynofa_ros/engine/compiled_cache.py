"""Files that take long to make and can be made again: exported and compiled sub-networks.

The name of a file says all that it was made from, so a file is never out of date. Its first bytes
are the digest of the rest: a robot may lose power at any time, and what is left is noticed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from stat import S_ISREG

from dynofa_ros.supernet.official_weights import cache_folder

DIGEST_BYTES = hashlib.sha256().digest_size
LIMIT_BYTES = 2 * 10**9
"""Size of the cache beyond which the files unused longest go (assumed)."""

PARTIAL = '.partial'
"""What the name of a file ends with while it is written."""
ABANDONED_S = 3600.0
"""Age at which such a file is what a process left that died (assumed)."""


class CompiledCache:
    """A folder of such files. Without one, or where it cannot be written, they are made anew."""

    def __init__(self, folder: Path | None, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = folder
        self.error = ''
        """Why nothing can be kept, in words; empty: no trouble so far."""
        self._limit_bytes = limit_bytes

    def get(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return the file of this name, made now if it is not there or is damaged."""
        if self.folder is None:
            return make()
        file = self.folder / name
        try:
            stored = file.read_bytes()
            content = stored[DIGEST_BYTES:]
            if hashlib.sha256(content).digest() == stored[:DIGEST_BYTES]:
                os.utime(file)
                return content
        except OSError:
            pass  # not there, or not to be read: it is made again
        content = make()
        self._put(file, content)
        return content

    def discard(self, name: str) -> None:
        """Forget a file, if it is there: whoever read it could not use it."""
        if self.folder is not None:
            try:
                (self.folder / name).unlink(missing_ok=True)
            except OSError as error:
                self.error = f'{self.folder / name} cannot be removed: {error.strerror}'

    def _put(self, file: Path, content: bytes) -> None:
        partial = file.with_name(f'{file.name}.{os.getpid()}{PARTIAL}')
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._make_room(len(content))
            with partial.open('wb') as stream:
                stream.write(hashlib.sha256(content).digest())
                stream.write(content)
            partial.replace(file)
        except OSError as error:
            self.error = f'{file} cannot be written: {error.strerror}'
            with contextlib.suppress(OSError):  # whatever kept it from being written
                partial.unlink()

    def _make_room(self, needed_bytes: int) -> None:
        """Remove the files unused longest until the new one fits."""
        assert self.folder is not None
        files = []
        for file in self.folder.rglob('*'):
            with contextlib.suppress(FileNotFoundError):  # another process removed it just now
                stat = file.stat()
                writing = file.suffix == PARTIAL and time.time() - stat.st_mtime < ABANDONED_S
                if S_ISREG(stat.st_mode) and not writing:
                    files.append((stat.st_mtime, stat.st_size, file))
        excess = sum(size for _, size, _ in files) + needed_bytes - self._limit_bytes
        for _, size, file in sorted(files):
            if excess <= 0:
                break
            file.unlink(missing_ok=True)
            excess -= size


def default_cache() -> CompiledCache:
    """Return the cache of this user: ``compiled`` beside the weights that were fetched."""
    return CompiledCache(cache_folder() / 'compiled')
