# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Slowdown of a processor: observed latency / profiled latency, with mean and variance.

A scalar Kalman filter for each application and processor, after ALERT (Wan et al., USENIX ATC 2020,
section 3.2: one global slowdown factor whose variance widens the latency prediction). Two things
differ. The observation noise is estimated instead of assumed. And contention is told from noise by
two surprising frames in a row on the same side: then the estimate jumps to them, so that it follows
a step within two frames while one slow frame hardly moves it. Every observation counts: a
surprising one moves the mean as three standard deviations would, and widens the noise.

Latency need not be normally distributed: with another camera on the same processor, a frame is slow
whenever the two overlap. So the empirical quantile of the last frames counts where it exceeds the
normal one (the order statistic of split conformal prediction: Vovk et al., Algorithmic Learning in
a Random World, 2005).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import NormalDist

from dynofa_ros.runtime.checks import check_number
from dynofa_ros.runtime.estimation.step_detector import StepDetector

# Tuning, ours, on synthetic steps and noise (test/runtime/estimation/test_slowdown.py).
PRIOR_STD = 0.1  # before the first observation: the profile is right within 10 %
NOISE_STD_MIN = 0.01  # two runs of one network never agree better than this
DRIFT_VARIANCE = 0.002**2  # random walk per frame: temperature, memory layout
NOISE_MEMORY = 0.95  # weight of the previous noise estimate at each frame: about 20 frames
SURPRISE = 3.0  # standard deviations
MEAN_MIN = 1e-3
RECENT = 40  # frames of the empirical quantile
OUTLIERS = 1  # slowest frames that the empirical quantile ignores

SIGNIFICANT_STDS = 1.0  # a slowdown lower by this many standard deviations is adopted at once
LOWER_FOR_S = 10.0  # one lower by the margin is adopted after this long without interruption
LEARNING_FRAMES = 20  # every estimate is adopted until this many frames follow the last step down


@dataclass(frozen=True)
class Slowdown:
    """Slowdown of the next frame: observed / profiled latency."""

    mean: float = 1.0
    std: float = PRIOR_STD
    recent: tuple[float, ...] = ()  # of the last frames, ascending

    def __post_init__(self) -> None:
        check_number('mean', self.mean, low=0.0, above=True)
        check_number('std', self.std, low=0.0)

    def std_for(self, probability: float) -> float:
        """Return the standard deviation for which P(frame > mean + z * std) <= 1 - probability.

        It is `std`, or larger if the recent frames have a heavier tail. The next frame exceeds the
        frame of rank ceil(p (n + 1)) of n with a probability of at most 1 - p, if all are
        exchangeable.
        """
        z = NormalDist().inv_cdf(probability)
        rank = min(math.ceil(probability * (len(self.recent) + 1)), len(self.recent) - OUTLIERS)
        if rank < 1 or z <= 0.0:
            return self.std
        return max(self.std, (self.recent[rank - 1] - self.mean) / z)

    def quantile(self, probability: float) -> float:
        """Return the slowdown that a frame does not exceed with this probability."""
        return self.mean + NormalDist().inv_cdf(probability) * self.std_for(probability)


class SlowdownFilter:
    """Tracks the slowdown of one application on one processor."""

    def __init__(self, *, noise_std: float = 0.03) -> None:
        """Start at 1; `noise_std` is the initial relative spread of one frame."""
        check_number('noise_std', noise_std, low=0.0)
        self._mean = 1.0
        self._variance = PRIOR_STD**2
        self._noise = max(noise_std, NOISE_STD_MIN) ** 2
        self._detector = StepDetector()
        self._recent = _RecentFrames()

    def estimate(self) -> Slowdown:
        """Return the slowdown of the next frame; its std includes that of the mean."""
        return Slowdown(
            mean=self._mean,
            std=math.sqrt(self._variance + self._noise),
            recent=self._recent.ascending(),
        )

    def observe(self, ratio: float) -> bool:
        """Update with one observed / profiled latency; True if it completes a contention step.

        Raises ValueError unless `ratio` is finite and above 0.
        """
        check_number('slowdown ratio', ratio, low=0.0, above=True)
        self._recent.add(ratio)
        prior = self._variance + DRIFT_VARIANCE
        limit = SURPRISE * math.sqrt(prior + self._noise)
        earlier = self._detector.observe(ratio, estimate=self._mean, limit=limit)
        if earlier is not None:
            self._step(earlier, ratio)
            return True
        innovation = max(-limit, min(limit, ratio - self._mean))
        gain = prior / (prior + self._noise)
        self._mean = max(self._mean + gain * innovation, MEAN_MIN)
        self._variance = (1.0 - gain) * prior
        residual = max(innovation**2 - prior, 0.0)
        noise = NOISE_MEMORY * self._noise + (1.0 - NOISE_MEMORY) * residual
        self._noise = max(noise, NOISE_STD_MIN**2)
        return False

    def _step(self, earlier: float, ratio: float) -> None:
        """Jump to the mean of two frames; their difference is the uncertainty."""
        mean = 0.5 * (earlier + ratio)
        if mean < self._mean:
            self._recent.contention_ended(earlier, ratio)
        else:
            self._recent.contention_began()
        # Noise is a share of the latency: it grows with the slowdown.
        growth = min(max(mean / self._mean, 0.25), 4.0)
        self._noise = max(self._noise * growth**2, NOISE_STD_MIN**2)
        self._variance = 0.25 * (earlier - ratio) ** 2 + 0.5 * self._noise
        self._mean = mean

    def forget(self, elapsed_s: float, *, time_constant_s: float) -> None:
        """Age by `elapsed_s` without observations: mean and variance return to the prior.

        The contention may have ended unobserved.
        """
        check_number('elapsed_s', elapsed_s, low=0.0)
        keep = math.exp(-elapsed_s / time_constant_s)
        self._mean = 1.0 + (self._mean - 1.0) * keep
        self._variance = PRIOR_STD**2 + (self._variance - PRIOR_STD**2) * keep
        self._detector.reset()
        self._recent = _RecentFrames()


class _RecentFrames:
    """The last frames, without those from before contention ended.

    If contention returns within `RECENT` frames, the dropped frames are restored, and its next end
    does not drop any: contention is intermittent.
    """

    def __init__(self) -> None:
        self._ratios: deque[float] = deque(maxlen=RECENT)
        self._dropped: tuple[float, ...] = ()
        self._since_dropped = self._since_restored = RECENT

    def add(self, ratio: float) -> None:
        """Append a frame."""
        self._ratios.append(ratio)
        self._since_dropped += 1
        self._since_restored += 1

    def ascending(self) -> tuple[float, ...]:
        """Return the frames, fastest first."""
        return tuple(sorted(self._ratios))

    def contention_ended(self, *ratios: float) -> None:
        """Keep only the frames since the end, unless contention is intermittent."""
        if self._since_restored < RECENT:
            return
        self._dropped = tuple(self._ratios)[: -len(ratios)]
        self._since_dropped = 0
        self._ratios.clear()
        self._ratios.extend(ratios)

    def contention_began(self) -> None:
        """Restore frames that were dropped a short while ago."""
        if self._since_dropped >= RECENT:
            return
        since = tuple(self._ratios)
        self._ratios.clear()
        self._ratios.extend((*self._dropped, *since))
        self._dropped, self._since_dropped, self._since_restored = (), RECENT, 0


class SlowdownHysteresis:
    """The slowdown that decisions use: follows an increase at once, and a decrease if significant.

    Estimates are compared by their quantile at the deadline probability.
    """

    def __init__(self) -> None:
        self._held: Slowdown | None = None
        self._lower_since_s: float | None = None

    def update(self, new: Slowdown, *, probability: float, margin: float, now_s: float) -> Slowdown:
        """Update with an estimate; return the one to decide with.

        `margin` is the relative decrease below which an estimate counts as lower.
        """
        held = self._held
        if held is not None and len(new.recent) >= LEARNING_FRAMES:
            quantile, held_quantile = new.quantile(probability), held.quantile(probability)
            lower = held_quantile * (1.0 - margin)
            similar = lower - SIGNIFICANT_STDS * new.std <= quantile <= held_quantile
            if similar and not self._lower_for_long(quantile < lower, now_s=now_s):
                return held
        self._held, self._lower_since_s = new, None
        return new

    def _lower_for_long(self, lower: bool, *, now_s: float) -> bool:
        """Whether estimates have been lower for `LOWER_FOR_S` without interruption."""
        if not lower:
            self._lower_since_s = None
        elif self._lower_since_s is None:
            self._lower_since_s = now_s
        return self._lower_since_s is not None and now_s - self._lower_since_s >= LOWER_FOR_S
