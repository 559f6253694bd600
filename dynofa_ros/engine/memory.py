# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Memory of this process, precise enough to measure one sub-network."""

from __future__ import annotations

import ctypes
import os
from functools import lru_cache
from pathlib import Path

_FIELDS = 'arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost'


class _Mallinfo2(ctypes.Structure):
    """Struct ``mallinfo2`` of glibc's malloc.h."""

    _fields_ = [(name, ctypes.c_size_t) for name in _FIELDS.split()]


def allocated_bytes() -> int:
    """Return the memory allocated by malloc and not yet freed [bytes].

    Unlike the resident set size, it excludes memory that the allocator retains for reuse, so the
    difference of two calls is the memory allocated in between. Without glibc 2.33 or later, return
    the resident set size.
    """
    mallinfo = _mallinfo2()
    if mallinfo is None:
        return resident_set_bytes()
    info = mallinfo()
    return int(info.uordblks + info.hblkhd)


def resident_set_bytes() -> int:
    """Return the resident set size of this process [bytes]."""
    return int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')


@lru_cache(maxsize=1)
def _mallinfo2() -> ctypes._NamedFuncPointer | None:
    try:
        function = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        return None
    function.restype = _Mallinfo2
    return function
