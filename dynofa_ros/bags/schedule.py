"""When each message of a bag is due, and what time it is in the bag: playback without drift.

Every due time is computed from the start of playback, never from the message before, so errors of
single sleeps do not add up. Passes of a loop follow each other in one ever-growing bag time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_NANOSECONDS = 1e9
# A bag whose messages all have one time says nothing about its period.
_UNKNOWN_PERIOD_NS = 1_000_000_000


@dataclass(frozen=True)
class Schedule:
    """Playback of the bag times `first_ns` to `last_ns`, begun at `start_s` on a monotonic clock.

    `period_ns` is the pause between the last message and the first of the next pass.
    """

    first_ns: int
    last_ns: int
    period_ns: int
    start_s: float
    rate: float = 1.0

    def __post_init__(self) -> None:
        """Raise `ValueError` naming the field that cannot be."""
        if not (math.isfinite(self.rate) and self.rate > 0):
            raise ValueError(f'rate {self.rate} is not a finite number above 0')
        if self.last_ns < self.first_ns:
            raise ValueError(f'last_ns {self.last_ns} is before first_ns {self.first_ns}')
        if self.period_ns < 1:
            raise ValueError(f'period_ns {self.period_ns} is not above 0')

    def shift_ns(self, loop: int) -> int:
        """Return how far pass number `loop` (0 is the first) lies behind the recorded times."""
        return loop * (self.last_ns - self.first_ns + self.period_ns)

    def due_s(self, time_ns: int, *, loop: int = 0) -> float:
        """Return when a message recorded at `time_ns` is due on the monotonic clock."""
        elapsed_ns = time_ns + self.shift_ns(loop) - self.first_ns
        return self.start_s + elapsed_ns / (self.rate * _NANOSECONDS)

    def bag_time_ns(self, now_s: float) -> int:
        """Return the bag's time at `now_s` of the monotonic clock; loops do not turn it back."""
        elapsed_s = max(0.0, now_s - self.start_s)
        return self.first_ns + round(elapsed_s * self.rate * _NANOSECONDS)


def mean_period_ns(*, first_ns: int, last_ns: int, message_count: int) -> int:
    """Return the mean time between messages, or 1 s where the messages do not tell."""
    if message_count < 2 or last_ns <= first_ns:
        return _UNKNOWN_PERIOD_NS
    return max(1, round((last_ns - first_ns) / (message_count - 1)))
