# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Make a failing input short and plain, as far as it still fails."""

from __future__ import annotations

from collections.abc import Callable


def minimise(data: bytes, fails: Callable[[bytes], bool], *, attempts: int = 2000) -> bytes:
    """Return a shorter input that still fails, after at most that many attempts.

    Parts are left out, halving their length each time (Zeller and Hildebrandt, Simplifying and
    isolating failure-inducing input, IEEE TSE 2002); then bytes become 0.
    """
    left = attempts
    length = max(len(data) // 2, 1)
    while length and left:
        at = 0
        while at < len(data) and left:
            shorter = data[:at] + data[at + length :]
            left -= 1
            if fails(shorter):
                data = shorter
            else:
                at += length
        length //= 2
    for at in range(len(data)):
        if not left:
            break
        if data[at]:
            left -= 1
            plain = data[:at] + b'\0' + data[at + 1 :]
            if fails(plain):
                data = plain
    return data
