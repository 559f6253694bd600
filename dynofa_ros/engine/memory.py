"""How much memory this process uses, precisely enough to see one sub-network."""

from __future__ import annotations

import ctypes
import os
from functools import lru_cache
from pathlib import Path


class _Mallinfo2(ctypes.Structure):
    """struct mallinfo2 of glibc's malloc.h."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            'arena',
            'ordblks',
            'smblks',
            'hblks',
            'hblkhd',
            'usmblks',
            'fsmblks',
            'uordblks',
            'fordblks',
            'keepcost',
        )
    ]


def allocated_bytes() -> int:
    """Return what malloc has given out and not taken back [bytes].

    Unlike the resident set size it does not depend on what the allocator keeps for later, so the
    difference of two calls is what was allocated between them. Without glibc 2.33 it is the
    resident set size all the same.
    """
    mallinfo = _mallinfo2()
    if mallinfo is None:
        return resident_set_bytes()
    info = mallinfo()
    return int(info.uordblks + info.hblkhd)


def resident_set_bytes() -> int:
    """Return the memory of this process that is in RAM [bytes]."""
    return int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')


@lru_cache(maxsize=1)
def _mallinfo2() -> ctypes._NamedFuncPointer | None:
    try:
        function = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        return None
    function.restype = _Mallinfo2
    return function
