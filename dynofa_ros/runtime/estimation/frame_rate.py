"""Period of a camera: a running mean that follows a change of the frame rate within two images."""

from __future__ import annotations

import math


class RunningMean:
    """Forgets at a fixed rate: each new sample has `weight` of the mean."""

    def __init__(self, weight: float) -> None:
        self._weight = weight
        self._mean = math.nan
        self._variance = 0.0

    def add(self, sample: float) -> None:
        """Take in a sample; the first one is the mean."""
        if math.isnan(self._mean):
            self._mean = sample
            return
        difference = sample - self._mean
        self._mean += self._weight * difference
        self._variance = (1.0 - self._weight) * (
            self._variance + self._weight * difference * difference
        )

    def mean(self, *, unknown: float) -> float:
        """Return the mean, `unknown` before the first sample."""
        return unknown if math.isnan(self._mean) else self._mean

    def std(self) -> float:
        """Return the standard deviation, 0 before the second sample."""
        return math.sqrt(self._variance)


# Share of each new gap in the mean: about 20 images of memory.
WEIGHT = 0.1
# A gap that differs by this share is no jitter: the next one on the same side makes it a new rate.
CHANGE = 0.2
# A longer gap between two images is a pause of the camera, not its period.
PAUSE_S = 5.0


class CameraPeriod:
    """Learns the time between two images from the gaps between those that were reported."""

    def __init__(self) -> None:
        self._mean = RunningMean(WEIGHT)
        self._odd_s: float | None = None  # the gap before, if it was no jitter

    @property
    def mean_s(self) -> float:
        """The period [s]; NaN before the first gap."""
        return self._mean.mean(unknown=math.nan)

    def observe(self, gap_s: float) -> bool:
        """Take in the time between two images [s]; True if the frame rate is another than before.

        What cannot be a period (not above 0, a pause, NaN) is left out.
        """
        if not 0.0 < gap_s < PAUSE_S:
            return False
        mean_s, odd_s = self.mean_s, self._odd_s
        self._odd_s = None
        if math.isnan(mean_s) or abs(gap_s - mean_s) <= CHANGE * mean_s:
            self._mean.add(gap_s)
            return False
        if odd_s is None or (odd_s - mean_s) * (gap_s - mean_s) < 0.0:
            self._odd_s = gap_s
            return False
        self._mean = RunningMean(WEIGHT)
        self._mean.add(0.5 * (odd_s + gap_s))
        return True
