# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The latency of a frame as a distribution, for many operating points at once.

The manager and the perception node ask it the same questions: mean, quantile, and the probability
of being done in time. Nothing else knows its shape, at present a normal distribution per point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.estimation.slowdown import Slowdown

Floats = npt.NDArray[np.float64]


@lru_cache(maxsize=64)
def normal_quantile(probability: float) -> float:
    """Return the quantile of the standard normal distribution."""
    return NormalDist().inv_cdf(probability)


@dataclass(frozen=True, eq=False)
class LatencyForecast:
    """Latency of the next frame at each of several points."""

    mean_s: Floats  # (points,)
    std_s: Floats  # (points,)

    @classmethod
    def of_inference(
        cls,
        latency_s: Floats,
        latency_std_s: Floats,
        *,
        slowdown: Slowdown | Sequence[Slowdown],
        counts: Sequence[int] = (),
        probability: float,
        correction: Floats | float = 1.0,
        correction_std: Floats | float = 0.0,
    ) -> LatencyForecast:
        """Predict the inference of points: profile x slowdown x correction.

        `latency_s` and `latency_std_s` are as profiled, `correction` and `correction_std` as in
        `Correction`, each (points,). `slowdown` is that of the processor, or of several, of which
        each has the next `counts` points. Of the spreads of profile and slowdown the larger counts,
        as the slowdown's includes the noise of single frames; the correction's is independent. A
        heavier tail than the normal one counts at this `probability` (`Slowdown.std_for`).
        """
        if isinstance(slowdown, Slowdown):
            mean: Floats | float = slowdown.mean
            std: Floats | float = slowdown.std_for(probability)
        else:
            mean = np.repeat([each.mean for each in slowdown], counts)
            std = np.repeat([each.std_for(probability) for each in slowdown], counts)
        mean_s = latency_s * mean
        spread_s = np.maximum(latency_s * std, latency_std_s * mean)
        if isinstance(correction_std, float) and correction_std == 0.0:
            return cls(mean_s * correction, spread_s * correction)
        variance = (spread_s * correction) ** 2 + (mean_s * correction_std) ** 2
        return cls(mean_s * correction, np.sqrt(variance))

    def plus(self, mean_s: Floats | float, *, variance_s2: Floats | float) -> LatencyForecast:
        """Return the forecast with an independent delay added."""
        std_s = np.sqrt(self.std_s * self.std_s + variance_s2)
        return LatencyForecast(self.mean_s + mean_s, std_s)

    def quantile_s(self, probability: float) -> Floats:
        """Return the latency that a frame does not exceed with this probability, (points,) [s]."""
        return self.mean_s + normal_quantile(probability) * self.std_s

    def probability_within(self, time_s: float) -> Floats:
        """Return the probability that a frame is done in time, (points,); 1 for NaN (no limit).

        For a few points: numpy has no error function.
        """
        if math.isnan(time_s):
            return np.ones_like(self.mean_s)
        pairs = zip(self.mean_s.tolist(), self.std_s.tolist(), strict=True)
        return np.array([_normal_cdf(time_s - mean_s, std_s) for mean_s, std_s in pairs])

    def take(self, rows: npt.NDArray[np.intp] | slice) -> LatencyForecast:
        """Return the forecast of some of the points."""
        return LatencyForecast(self.mean_s[rows], self.std_s[rows])


def _normal_cdf(spare_s: float, std_s: float) -> float:
    """Return the probability that a deviation is at most `spare_s`."""
    if std_s == 0.0:
        return float(spare_s >= 0.0)
    return 0.5 * math.erfc(-spare_s / (std_s * math.sqrt(2.0)))
