# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A fuzz target, and the bounds that every input has to keep."""

from __future__ import annotations

import re
import resource
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MOST_TEXT = 20_000
"""Longest text of an exception; longer ones quote the input [characters]."""
ADDRESS_SPACE_BYTES = 3 * 2**30
"""What one process may map in addition to what it has mapped when the target is ready [bytes]."""


class BoundError(AssertionError):
    """An input that took too much time or memory, or whose exception has a huge text."""


@dataclass(frozen=True)
class Target:
    """One entry into the package, called with arbitrary bytes.

    `run` raises nothing but exceptions of the types in `documented`.
    """

    name: str
    run: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    documented: tuple[type[BaseException], ...] = (ValueError,)
    longest: int = 4096
    """Length of the longest input [bytes]."""
    cpu_s: float = 5.0
    """CPU time that one input may take [s]."""
    memory_bytes: int = 256 * 2**20
    """Memory that one input may take [bytes]."""


def check(target: Target, data: bytes) -> None:
    """Run one input; raise what is not documented, or BoundError."""
    before_bytes, started_s = _peak_bytes(), time.process_time()
    try:
        target.run(data)
    except target.documented as error:
        if (length := len(str(error))) > MOST_TEXT:
            raise BoundError(
                f'text of {type(error).__name__} has {length} characters; expected at most '
                f'{MOST_TEXT}'
            ) from None
    taken_s, peak_bytes = time.process_time() - started_s, _peak_bytes()
    # Only a new peak says something about this input.
    if peak_bytes > before_bytes:
        grown_bytes = peak_bytes - min(_resident_bytes(), before_bytes)
        if grown_bytes > target.memory_bytes:
            _reset_peak()
            raise BoundError(
                f'memory grew by {grown_bytes} bytes; expected at most {target.memory_bytes}'
            )
    if taken_s > target.cpu_s:
        raise BoundError(f'CPU time is {taken_s:.1f} s; expected at most {target.cpu_s:g} s')


def limit_address_space() -> None:
    """Make absurd allocations of this process fail, instead of taking the machine's memory."""
    status = Path('/proc/self/status').read_text()
    mapped_kib = next(line.split()[1] for line in status.splitlines() if line.startswith('VmSize'))
    limit_bytes = int(mapped_kib) * 1024 + ADDRESS_SPACE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, resource.RLIM_INFINITY))


def signature(error: BaseException) -> str:
    """Return what equal failures have in common: type of the error, and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [each for each in frames if '/dynofa_ros/' in each.filename]
    frame = (ours or list(frames))[-1]
    where = f'{frame.filename.rpartition("/dynofa_ros/")[2]}:{frame.name}'
    # The kind of a broken bound, without its figures.
    kind = re.sub(r'[\d.]+', 'N', str(error)) if isinstance(error, BoundError) else ''
    return f'{type(error).__name__} at {where}' + (f': {kind}' if kind else '')


def check_all(target: Target, inputs: Iterable[bytes]) -> None:
    """Run inputs of which nothing is expected: they import and allocate what the first ones do."""
    for data in inputs:
        with suppress(Exception):
            target.run(data)
    _reset_peak()


def _resident_bytes() -> int:
    return int(Path('/proc/self/statm').read_text().split()[1]) * resource.getpagesize()


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _reset_peak() -> None:
    with suppress(OSError):
        Path('/proc/self/clear_refs').write_text('5')
