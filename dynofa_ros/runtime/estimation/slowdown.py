# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Slowdown of a processor: how much longer a frame takes than its corrected profile states."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from dynofa_ros.runtime.checks import check_number
from dynofa_ros.runtime.estimation.correction import LOG_MAX
from dynofa_ros.runtime.estimation.frame_scores import score_quantile

# Before the first observation: the profile is right within 10 %.
PRIOR_STD = 0.1


@dataclass(frozen=True)
class Slowdown:
    """Slowdown of the next frame: observed / (profiled latency x correction)."""

    mean: float = 1.0
    std: float = PRIOR_STD  # of one frame, with the uncertainty of the mean
    # Recent frames: log(slowdown / mean) in units of std / mean, ascending. Empty: normal.
    scores: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_number('mean', self.mean, low=0.0, above=True)
        check_number('std', self.std, low=0.0)

    def quantile(self, probability: float) -> float:
        """Return the slowdown that a frame does not exceed with this probability."""
        if not self.scores:
            return self.mean + NormalDist().inv_cdf(probability) * self.std
        log = score_quantile(self.scores, probability) * self.std / self.mean
        return self.mean * math.exp(min(log, LOG_MAX))

    def std_for(self, probability: float) -> float:
        """Return the standard deviation for which P(frame > mean + z * std) = 1 - probability.

        It is `std` for a normal distribution, and for a probability that asks for no margin.
        """
        z = NormalDist().inv_cdf(probability)
        if not self.scores or z <= 0.0:
            return self.std
        return max(0.0, self.quantile(probability) - self.mean) / z
