"""Exponentially weighted mean and variance of a stream of samples (Finch 2009, section 9)."""

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
