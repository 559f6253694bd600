"""What the board draws beside the applications that are managed, tracked where power is known.

Board power less what the applications are expected to draw: idle power, other programs, and what
the profiles' energies get wrong. A scalar Kalman filter on the idea of the slowdown's: the noise is
estimated, all samples count, and two surprises in a row on one side are a step, which is followed
at once. Here each sample also has a noise of its own: after a decision the board may still draw
what was expected before it, so as long as it is not known which, a sample says less.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from dynofa_ros.runtime.checks import check_number

# Tuning, ours, for samples of about a second (test/runtime/test_rest_power.py).
DRIFT_SHARE = 0.02  # random walk a sample, as a share of the rest
NOISE_STD_W = 0.3  # of a sample, expected at first: a frame more or less
NOISE_STD_MIN_W = 0.02
NOISE_MEMORY = 0.9  # share of the old noise estimate kept each sample
SURPRISE = 3.0  # standard deviations
# The first sample has to be this sure of what the applications draw, as a share of the power.
SURE_SHARE = 0.1


@dataclass(frozen=True)
class BaseLoad:
    """Mean power of the board beside our applications, and the doubt about that mean."""

    mean_w: float
    std_w: float

    def __post_init__(self) -> None:
        """Raise ValueError that names the field, the value and what is allowed."""
        check_number('mean_w', self.mean_w, low=0.0)
        check_number('std_w', self.std_w, low=0.0)

    def at_most_w(self, probability: float) -> float:
        """Return what the mean does not exceed with this probability, normally distributed [W]."""
        return max(0.0, self.mean_w + NormalDist().inv_cdf(probability) * self.std_w)


class BaseLoadEstimator:
    """Tracks the rest."""

    def __init__(self) -> None:
        self._mean_w = math.nan
        self._variance = NOISE_STD_W**2
        self._noise = NOISE_STD_W**2
        self._surprise_w = 0.0  # how far off the last sample was, if that was surprising

    def estimate(self) -> BaseLoad | None:
        """Return the mean and its standard deviation; None before the first sample."""
        if math.isnan(self._mean_w):
            return None
        return BaseLoad(max(0.0, self._mean_w), math.sqrt(self._variance))

    def observe(self, power_w: float, *, expected_w: Sequence[float]) -> None:
        """Take in the board's mean power of a while [W].

        `expected_w` holds what the applications may have drawn then, the latest last. The one that
        surprises least is taken, and how far they are apart is the sample's own doubt.
        """
        check_number('power_w', power_w, low=0.0)
        doubt_w = max(expected_w) - min(expected_w)
        if math.isnan(self._mean_w):
            if doubt_w <= SURE_SHARE * power_w:
                self._mean_w = power_w - expected_w[-1]
            return
        rests_w = [power_w - each for each in expected_w]
        rest_w = min(rests_w, key=lambda each: abs(each - self._mean_w))
        self._update(rest_w - self._mean_w, noise=self._noise + doubt_w**2)

    def _update(self, innovation_w: float, *, noise: float) -> None:
        """Move by a sample that is `innovation_w` above the mean."""
        prior = self._variance + (DRIFT_SHARE * self._mean_w) ** 2
        limit_w = SURPRISE * math.sqrt(prior + noise)
        surprising = abs(innovation_w) > limit_w
        step = surprising and self._surprise_w * innovation_w > 0.0
        self._surprise_w = innovation_w if surprising and not step else 0.0
        if step:
            prior += innovation_w**2
        else:
            innovation_w = max(-limit_w, min(limit_w, innovation_w))
            sample = max(innovation_w**2 - prior - (noise - self._noise), 0.0)
            learned = NOISE_MEMORY * self._noise + (1.0 - NOISE_MEMORY) * sample
            self._noise = max(learned, NOISE_STD_MIN_W**2)
        gain = prior / (prior + noise)
        self._mean_w += gain * innovation_w
        self._variance = (1.0 - gain) * prior
