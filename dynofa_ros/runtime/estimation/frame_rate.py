# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Frame period of a camera: an exponential mean that follows a new frame rate in two images."""

from __future__ import annotations

import math

from dynofa_ros.runtime.estimation.step_detector import StepDetector

# Weight of each new gap in the mean: a memory of about 20 images.
WEIGHT = 0.1
# A gap that differs by more than this share is not jitter.
CHANGE = 0.2
# A longer gap between two images is a pause of the camera.
PAUSE_S = 5.0


class ExponentialMean:
    """Exponentially weighted mean and variance: each new sample has `weight`."""

    def __init__(self, weight: float) -> None:
        self._weight = weight
        self._mean = math.nan
        self._variance = 0.0

    def add(self, sample: float) -> None:
        """Update with a sample; the first one is the mean."""
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


class CameraPeriod:
    """Estimates the time between two images."""

    def __init__(self) -> None:
        self._mean = ExponentialMean(WEIGHT)
        self._steps = StepDetector()

    @property
    def mean_s(self) -> float:
        """The period [s]; NaN before the first gap."""
        return self._mean.mean(unknown=math.nan)

    def observe(self, gap_s: float) -> bool:
        """Update with the time between two images [s]; True if the frame rate changed.

        Impossible periods (not above 0, a pause, NaN) are ignored.
        """
        if not 0.0 < gap_s < PAUSE_S:
            return False
        mean_s = self.mean_s
        earlier_s = self._steps.observe(gap_s, estimate=mean_s, limit=CHANGE * mean_s)
        if earlier_s is not None:
            self._mean = ExponentialMean(WEIGHT)
            self._mean.add(0.5 * (earlier_s + gap_s))
        elif not self._steps.pending:
            self._mean.add(gap_s)
        return earlier_s is not None
