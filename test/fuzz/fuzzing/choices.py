# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Turn bytes into decisions, so that a fuzzer of bytes makes values of any kind."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar('Item')

FLOATS = (
    *(0.0, -0.0, 1.0, -1.0, float('nan'), float('inf'), float('-inf')),
    *(5e-324, 1e-320, 2.3e-308, 1e-160, 1e-155, 1e-30, 1e-12, 1e-9, 1e-6, 0.9e-6, 1e-3),
    *(0.03, 0.1, 0.5, 0.99, 1.0000001, 2.0, 30.0, 87.0, 100.0, 3600.0, 3600.1, 1e5, 1e7),
    *(1e9, 4e9, 1e15, 2.0**53, 2.0**63, 2.0**64, 1e30, 1e100, 1e154, 1e155, 1e160, 1.7e308),
    *(-1e-12, -1e9, -1.7e308),
)
TEXTS = (
    *('', 'camera', 'other', 'small', 'large', 'gpu', 'cpu', 'all', 'a/b', '../../etc/passwd'),
    *(' ', '\n', '%s%n', '{0}', '\u202e', '\U0001f916', 'nan', '-1', 'x' * 255, 'y' * 70_000),
)


class Choices:
    """Decisions read from bytes; after their end, every decision is the first possible one."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def ended(self) -> bool:
        """Whether all bytes are used."""
        return self._at >= len(self._data)

    def take(self, count: int) -> bytes:
        """Return that many bytes, with zeros after the end."""
        part = self._data[self._at : self._at + count]
        self._at += count
        return part.ljust(count, b'\0')

    def rest(self) -> bytes:
        """Return all bytes that are left."""
        return self.take(max(len(self._data) - self._at, 0))

    def byte(self) -> int:
        """Return a number of 0 to 255."""
        return self.take(1)[0]

    def one_of(self, items: Sequence[Item]) -> Item:
        """Return one of the items."""
        size = 1 if len(items) <= 256 else 2
        return items[int.from_bytes(self.take(size), 'little') % len(items)]

    def integer(self, low: int, high: int) -> int:
        """Return a number from `low` to `high`, often one at or next to a limit."""
        kind = self.byte() % 8
        near = (low, high, low + 1, high - 1, 0, 1)
        if kind < len(near):
            return min(max(near[kind], low), high)
        size = 1 if kind == 6 else 8
        return low + int.from_bytes(self.take(size), 'little') % (high - low + 1)

    def number(self, present: float = 0.0) -> float:
        """Return any float, often a notable one, or one near the present value."""
        kind = self.byte()
        if kind < 160:
            return FLOATS[kind % len(FLOATS)]
        if kind < 224:
            return present * (kind - 160) / 16
        return struct.unpack('<d', self.take(8))[0]

    def text(self) -> str:
        """Return a text as DDS delivers it: valid, and without NUL."""
        kind = self.byte()
        if kind < 192:
            return TEXTS[kind % len(TEXTS)]
        if kind < 224:
            return f'name_{self.byte()}'
        raw = self.take(self.byte() % 24)
        return raw.decode('utf-8', 'replace').replace('\0', '')
