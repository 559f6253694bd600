# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Base load of the board: its power without the managed applications.

Board power minus the expected power of the applications: idle power, other programs, and the error
of the profiles' energies. A scalar Kalman filter as for the slowdown: the noise is estimated, every
sample counts, and a step is followed within two samples. Each sample has a noise of its own as
well: after a decision the board may still draw the power expected before it, so a sample counts
less while the two differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from dynofa_ros.runtime.checks import check_number
from dynofa_ros.runtime.estimation.step_detector import StepDetector

# Tuning, ours, for samples of about a second (test/runtime/estimation/test_base_power.py).
DRIFT_SHARE = 0.02  # random walk per sample, as a share of the base load
NOISE_STD_W = 0.3  # initial noise of a sample: a frame more or less
NOISE_STD_MIN_W = 0.02
NOISE_MEMORY = 0.9  # weight of the previous noise estimate at each sample
SURPRISE = 3.0  # standard deviations
# The first sample is used only if the applications' power is known to this share of the total.
FIRST_SAMPLE_SHARE = 0.1


@dataclass(frozen=True)
class BaseLoad:
    """Mean power of the board without the applications, and the uncertainty of that mean."""

    mean_w: float
    std_w: float

    def __post_init__(self) -> None:
        check_number('mean_w', self.mean_w, low=0.0)
        check_number('std_w', self.std_w, low=0.0)

    def quantile_w(self, probability: float) -> float:
        """Return the power that the mean does not exceed with this probability [W]."""
        return max(0.0, self.mean_w + NormalDist().inv_cdf(probability) * self.std_w)


class BaseLoadEstimator:
    """Tracks the base load."""

    def __init__(self) -> None:
        self._mean_w = math.nan
        self._variance = NOISE_STD_W**2
        self._noise = NOISE_STD_W**2
        self._steps = StepDetector()

    def estimate(self) -> BaseLoad | None:
        """Return the mean and its standard deviation; None before the first sample."""
        if math.isnan(self._mean_w):
            return None
        return BaseLoad(max(0.0, self._mean_w), math.sqrt(self._variance))

    def observe(self, power_w: float, *, expected_w: Sequence[float]) -> None:
        """Update with the board's mean power over a window [W].

        `expected_w` holds the expected powers of the applications in that window, the latest last.
        The one that surprises least is used, and their spread adds to the noise of the sample.
        """
        check_number('power_w', power_w, low=0.0)
        spread_w = max(expected_w) - min(expected_w)
        if math.isnan(self._mean_w):
            if spread_w <= FIRST_SAMPLE_SHARE * power_w:
                self._mean_w = power_w - expected_w[-1]
            return
        base_w = min(
            (power_w - each for each in expected_w), key=lambda each: abs(each - self._mean_w)
        )
        self._update(base_w, spread_w=spread_w)

    def _update(self, base_w: float, *, spread_w: float) -> None:
        """Update with a sample of the base load."""
        noise = self._noise + spread_w**2
        prior = self._variance + (DRIFT_SHARE * self._mean_w) ** 2
        limit_w = SURPRISE * math.sqrt(prior + noise)
        innovation_w = base_w - self._mean_w
        if self._steps.observe(base_w, estimate=self._mean_w, limit=limit_w) is not None:
            prior += innovation_w**2
        else:
            innovation_w = max(-limit_w, min(limit_w, innovation_w))
            residual = max(innovation_w**2 - prior - (noise - self._noise), 0.0)
            adapted = NOISE_MEMORY * self._noise + (1.0 - NOISE_MEMORY) * residual
            self._noise = max(adapted, NOISE_STD_MIN_W**2)
        gain = prior / (prior + noise)
        self._mean_w += gain * innovation_w
        self._variance = (1.0 - gain) * prior
