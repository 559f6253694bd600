"""What turns a clock inside Linux: looks at the load now and then, and picks a frequency."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Protocol


class Governor(Protocol):
    """The governor of one frequency domain."""

    period_s: float  # between two looks at the load; 0: it never looks
    first_hz: float  # the clock it starts at

    def load(self, dt_s: float, *, busy: float, frequency_hz: float) -> None:
        """Take in a time in which the busiest core was busy for a share, 0..1, at one clock."""
        ...

    def slept(self) -> None:
        """Take in that a frame is done."""
        ...

    def next_hz(self, frequency_hz: float) -> float:
        """Return the clock to run at, one of the domain's, and start to count anew."""
        ...


def at_or_above(frequencies_hz: Sequence[float], wanted_hz: float) -> float:
    """Return the lowest listed frequency that is not below `wanted_hz`; else the highest."""
    # A target computed from a listed frequency may lie above it by rounding.
    index = bisect.bisect_left(frequencies_hz, wanted_hz * (1 - 1e-9))
    return frequencies_hz[min(index, len(frequencies_hz) - 1)]


def nearest(frequencies_hz: Sequence[float], wanted_hz: float) -> float:
    """Return the listed frequency that is nearest to `wanted_hz`."""
    return min(frequencies_hz, key=lambda each: abs(each - wanted_hz))
