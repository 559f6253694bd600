# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What a fuzzing process is doing, in memory that outlives it: an input may kill it."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

_HEADER = struct.Struct('<QQ')


class Progress:
    """Number of inputs begun, and the last one, in a file that two processes map."""

    def __init__(self, file: Path, *, longest: int = 0) -> None:
        """Open the file; create it for inputs of up to `longest` bytes, unless that is 0."""
        if longest:
            file.write_bytes(bytes(_HEADER.size + longest))
        with file.open('r+b') as stream:
            self._map = mmap.mmap(stream.fileno(), 0)

    def begin(self, data: bytes) -> None:
        """Record the next input."""
        count, _ = _HEADER.unpack_from(self._map)
        data = data[: len(self._map) - _HEADER.size]
        self._map[_HEADER.size : _HEADER.size + len(data)] = data
        _HEADER.pack_into(self._map, 0, count + 1, len(data))

    @property
    def count(self) -> int:
        """Number of inputs that were begun."""
        return int(_HEADER.unpack_from(self._map)[0])

    @property
    def last(self) -> bytes:
        """The input that was begun last."""
        _, length = _HEADER.unpack_from(self._map)
        return self._map[_HEADER.size : _HEADER.size + length]
