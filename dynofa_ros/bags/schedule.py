# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Playback schedule of a bag: when each message is due, and the current bag time.

Due times are computed from the start of playback, so that sleep errors do not accumulate. In a loop
bag time keeps increasing from pass to pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_NANOSECONDS = 1e9
# Used where the period cannot be computed from the messages.
_UNKNOWN_PERIOD_NS = 1_000_000_000


@dataclass(frozen=True)
class Schedule:
    """Playback of the bag times `first_ns` to `last_ns`, from `start_s` on the monotonic clock.

    `period_ns` separates the last message from the first one of the next pass.
    """

    first_ns: int
    last_ns: int
    period_ns: int
    start_s: float
    rate: float = 1.0

    def __post_init__(self) -> None:
        """Raise ValueError for a field out of range."""
        if not (math.isfinite(self.rate) and self.rate > 0):
            raise ValueError(f'rate is {self.rate}; expected a finite number above 0')
        if self.last_ns < self.first_ns:
            raise ValueError(
                f'last_ns is {self.last_ns}; expected first_ns {self.first_ns} or more'
            )
        if self.period_ns < 1:
            raise ValueError(f'period_ns is {self.period_ns}; expected above 0')

    def shift_ns(self, loop: int) -> int:
        """Return the offset of pass number `loop` (the first is 0) from the recorded times."""
        return loop * (self.last_ns - self.first_ns + self.period_ns)

    def due_s(self, time_ns: int, *, loop: int = 0) -> float:
        """Return when a message recorded at `time_ns` is due on the monotonic clock."""
        elapsed_ns = time_ns + self.shift_ns(loop) - self.first_ns
        return self.start_s + elapsed_ns / (self.rate * _NANOSECONDS)

    def bag_time_ns(self, now_s: float) -> int:
        """Return the bag time at `now_s` of the monotonic clock; it never decreases."""
        elapsed_s = max(0.0, now_s - self.start_s)
        return self.first_ns + round(elapsed_s * self.rate * _NANOSECONDS)


def mean_period_ns(*, first_ns: int, last_ns: int, message_count: int) -> int:
    """Return the mean time between messages; 1 s if there are fewer than two times."""
    if message_count < 2 or last_ns <= first_ns:
        return _UNKNOWN_PERIOD_NS
    return max(1, round((last_ns - first_ns) / (message_count - 1)))
