# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Read and write the files in which Linux exposes its devices, one value per file.

All file access of the device layer goes through here, so tests can substitute the kernel.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

CHUNK = 65536
"""Bytes per read; a sysfs file has at most a page, one in /proc may need several reads."""


class Sysfs:
    """The files of a machine under a root; names are absolute, such as ``/sys/class/hwmon``."""

    def __init__(self, root: Path = Path('/')) -> None:
        self.root = root
        self._prefix = '' if str(root) == '/' else str(root)

    def path(self, name: str) -> Path:
        """Return the path of a file."""
        return self.root / name.lstrip('/')

    def read(self, name: str) -> str:
        """Return the content of a file, stripped of white space and zeros.

        Raises OSError: a device may be removed, and a driver may refuse.
        """
        # Called many times a second for each sensor; takes a third of the time of read_text().
        descriptor = os.open(self._prefix + name, os.O_RDONLY)
        try:
            parts = []
            while part := os.read(descriptor, CHUNK):
                parts.append(part)
        finally:
            os.close(descriptor)
        return b''.join(parts).decode(errors='replace').strip('\0\n\t ')

    def write(self, name: str, text: str) -> None:
        """Write a value to an existing file, in one call, as drivers require.

        Raises OSError if the kernel refuses the value.
        """
        descriptor = os.open(self.path(name), os.O_WRONLY | os.O_TRUNC)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)

    def text(self, name: str) -> str:
        """Return the content of a file; empty if it cannot be read."""
        try:
            return self.read(name)
        except OSError:
            return ''

    def words(self, name: str) -> tuple[str, ...]:
        """Return the words of a file; none if it cannot be read."""
        return tuple(self.text(name).split())

    def number(self, name: str) -> float:
        """Return the number in a file; NaN if it cannot be read or has none."""
        try:
            return float(self.read(name))
        except (OSError, ValueError):
            return math.nan

    def names(self, folder: str) -> tuple[str, ...]:
        """Return the names in a folder in numerical order; none if there is no such folder."""
        try:
            found = [each.name for each in self.path(folder).iterdir()]
        except OSError:
            return ()
        return tuple(sorted(found, key=_by_number))

    def exists(self, name: str) -> bool:
        """Return whether a file or folder exists."""
        return os.access(self._prefix + name, os.F_OK)

    def readable(self, name: str) -> bool:
        """Return whether this process can read a file."""
        return os.access(self._prefix + name, os.R_OK)

    def writable(self, name: str) -> bool:
        """Return whether this process can write a file; false on a read-only file system."""
        return os.access(self._prefix + name, os.W_OK)


def _by_number(name: str) -> tuple[str, int, str]:
    """Sort ``policy10`` after ``policy2``."""
    stem = name.rstrip('0123456789')
    digits = name[len(stem) :]
    return stem, int(digits) if digits else -1, name
