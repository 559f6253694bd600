"""Read and write the files in which Linux shows its devices: one value a file.

All of the device layer goes through here, so a test can be the kernel.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

CHUNK = 65536
"""Bytes asked for at once; sysfs shows no more than a page, /proc more, part by part."""


class Sysfs:
    """The files of a machine under a root; names are absolute, as ``/sys/class/hwmon``."""

    def __init__(self, root: Path = Path('/')) -> None:
        self.root = root
        self._prefix = '' if str(root) == '/' else str(root)

    def path(self, name: str) -> Path:
        """Return where a file of that name lies."""
        return self.root / name.lstrip('/')

    def read(self, name: str) -> str:
        """Return what a file holds, without the white space and zeros around it.

        Raises OSError: files vanish with their device, and a driver may refuse.
        """
        # Called for every sensor many times a second: a third of the time of Path.read_text().
        descriptor = os.open(self._prefix + name, os.O_RDONLY)
        try:
            parts = []
            while part := os.read(descriptor, CHUNK):
                parts.append(part)
        finally:
            os.close(descriptor)
        return b''.join(parts).decode(errors='replace').strip('\0\n\t ')

    def write(self, name: str, text: str) -> None:
        """Write a value into a file that is there, in one call, as drivers want it.

        Raises OSError: the kernel's answer to the value.
        """
        descriptor = os.open(self.path(name), os.O_WRONLY | os.O_TRUNC)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)

    def text(self, name: str) -> str:
        """Return what a file holds, or nothing where it cannot be read."""
        try:
            return self.read(name)
        except OSError:
            return ''

    def words(self, name: str) -> tuple[str, ...]:
        """Return the words of a file, none where it cannot be read."""
        return tuple(self.text(name).split())

    def number(self, name: str) -> float:
        """Return the number that a file holds, NaN where it cannot be read or holds none."""
        try:
            return float(self.read(name))
        except (OSError, ValueError):
            return math.nan

    def names(self, folder: str) -> tuple[str, ...]:
        """Return the names in a folder in the order of their numbers, none where it is not."""
        try:
            found = [each.name for each in self.path(folder).iterdir()]
        except OSError:
            return ()
        return tuple(sorted(found, key=_by_number))

    def exists(self, name: str) -> bool:
        """Return whether there is a file or folder of that name."""
        return os.access(self._prefix + name, os.F_OK)

    def readable(self, name: str) -> bool:
        """Return whether this process may read a file."""
        return os.access(self._prefix + name, os.R_OK)

    def writable(self, name: str) -> bool:
        """Return whether this process may write a file, its file system included."""
        return os.access(self._prefix + name, os.W_OK)


def _by_number(name: str) -> tuple[str, int, str]:
    """Put ``policy10`` behind ``policy2``."""
    stem = name.rstrip('0123456789')
    digits = name[len(stem) :]
    return stem, int(digits) if digits else -1, name
