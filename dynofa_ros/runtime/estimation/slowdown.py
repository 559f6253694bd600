"""Slowdown of a processor: observed latency / profiled latency, with mean and variance.

A scalar Kalman filter, one per application and processor, on the idea of ALERT (Wan et al., USENIX
ATC 2020, section 3.2: one global slowdown factor, filtered, with a variance that widens the
latency prediction). Two things differ. The noise of the observations is estimated, not assumed;
and contention is told from noise by two surprises in a row on the same side, when the process
noise is set to the whole jump, so that the estimate follows a step in two frames and a single
slow frame does not move it far. No observation is left out: a surprising one counts as far as
three standard deviations in the mean, and widens the noise.

Latency need not be normally distributed: beside another camera, a frame is slow whenever the two
meet, every fifth time or so. So the last frames are kept as they were, and their own quantile
counts where it is above the normal one (the order statistic of split conformal prediction: Vovk et
al., Algorithmic Learning in a Random World, 2005).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import NormalDist

from dynofa_ros.runtime.checks import check_number

# Tuning of the filter. Ours, chosen on synthetic steps and noise (test/runtime/test_slowdown.py).
PRIOR_STD = 0.1  # before the first observation: the profile is right within 10 %
NOISE_STD_MIN = 0.01  # two runs of one network never agree better than this
DRIFT_VARIANCE = 0.002**2  # random walk a frame: temperature, memory layout
NOISE_MEMORY = 0.95  # share of the old noise estimate kept each frame: about 20 frames
SURPRISE = 3.0  # standard deviations
RECENT = 40  # frames that are kept as they were
# Of those the second slowest is the highest that counts: one slow frame alone may be an accident.
OUTLIERS = 1


@dataclass(frozen=True)
class Slowdown:
    """Slowdown of the next frame: observed / profiled latency."""

    mean: float = 1.0
    std: float = PRIOR_STD
    recent: tuple[float, ...] = ()  # of the last frames, ascending

    def __post_init__(self) -> None:
        """Raise ValueError that names the field, the value and what is allowed."""
        check_number('mean', self.mean, low=0.0, above=True)
        check_number('std', self.std, low=0.0)

    def std_for(self, probability: float) -> float:
        """Return the standard deviation whose normal quantile no frame exceeds but with 1 - p.

        It is `std`, or more if of the recent frames more were slower than a normal distribution
        has it. Of n frames the one of rank ceil(p (n + 1)) is exceeded by the next with a
        probability of 1 - p at most, if they are exchangeable.
        """
        z = NormalDist().inv_cdf(probability)
        rank = min(math.ceil(probability * (len(self.recent) + 1)), len(self.recent) - OUTLIERS)
        if rank < 1 or z <= 0.0:
            return self.std
        return max(self.std, (self.recent[rank - 1] - self.mean) / z)

    def probability_met(self, *, latency_s: float, deadline_s: float) -> float:
        """Return the probability that a frame profiled at `latency_s` meets `deadline_s`.

        Normal model. Without a deadline (NaN) it is 1.
        """
        if math.isnan(deadline_s):
            return 1.0
        if self.std == 0.0:
            return float(self.mean * latency_s <= deadline_s)
        return NormalDist(self.mean * latency_s, self.std * latency_s).cdf(deadline_s)


class SlowdownFilter:
    """Tracks the slowdown of one application on one processor."""

    def __init__(self, *, noise_std: float = 0.03) -> None:
        """Start at 1; `noise_std` is the relative spread of one frame expected at first."""
        check_number('noise_std', noise_std, low=0.0)
        self._mean = 1.0
        self._variance = PRIOR_STD**2
        self._noise = max(noise_std, NOISE_STD_MIN) ** 2
        self._surprising_ratio: float | None = None
        self._recent = _RecentFrames()
        self.steps = 0

    def estimate(self) -> Slowdown:
        """Return mean and standard deviation of the next frame: doubt about the mean and noise."""
        return Slowdown(
            mean=self._mean,
            std=math.sqrt(self._variance + self._noise),
            recent=self._recent.ascending(),
        )

    def observe(self, ratio: float) -> bool:
        """Take in one observed / profiled latency; True if it completed a contention step.

        Raises ValueError unless `ratio` is finite and above 0.
        """
        check_number('slowdown ratio', ratio, low=0.0, above=True)
        self._recent.add(ratio)
        prior = self._variance + DRIFT_VARIANCE
        innovation = ratio - self._mean
        limit = SURPRISE * math.sqrt(prior + self._noise)
        surprising = abs(innovation) > limit
        earlier = self._surprising_ratio
        if surprising and earlier is not None and (earlier - self._mean) * innovation > 0.0:
            self._step(earlier, ratio)
            return True
        self._surprising_ratio = ratio if surprising else None
        bounded = max(-limit, min(limit, innovation))
        gain = prior / (prior + self._noise)
        self._mean = max(self._mean + gain * bounded, 1e-3)
        self._variance = (1.0 - gain) * prior
        self._adapt_noise(bounded**2 - prior)
        return False

    def _step(self, earlier: float, ratio: float) -> None:
        """Two surprises on one side: move to their mean, keep their difference as doubt."""
        mean = 0.5 * (earlier + ratio)
        if mean < self._mean:
            self._recent.faster(earlier, ratio)
        else:
            self._recent.slower()
        # Noise is a share of the latency: it grows with the slowdown.
        growth = min(max(mean / self._mean, 0.25), 4.0)
        self._noise = max(self._noise * growth**2, NOISE_STD_MIN**2)
        self._variance = 0.25 * (earlier - ratio) ** 2 + 0.5 * self._noise
        self._mean = mean
        self._surprising_ratio = None
        self.steps += 1

    def _adapt_noise(self, sample: float) -> None:
        """Move the noise estimate towards one squared residual, its own doubt taken off."""
        noise = NOISE_MEMORY * self._noise + (1.0 - NOISE_MEMORY) * max(sample, 0.0)
        self._noise = max(noise, NOISE_STD_MIN**2)

    def forget(self, elapsed_s: float, *, time_constant_s: float) -> None:
        """Age by `elapsed_s` without observations: the mean returns to 1, the doubt to the prior.

        What slowed the processor may have gone; nobody has looked. A variance above the prior
        shrinks towards it likewise.
        """
        check_number('elapsed_s', elapsed_s, low=0.0)
        keep = math.exp(-elapsed_s / time_constant_s)
        self._mean = 1.0 + (self._mean - 1.0) * keep
        self._variance = PRIOR_STD**2 + (self._variance - PRIOR_STD**2) * keep
        self._surprising_ratio = None
        self._recent = _RecentFrames()


class _RecentFrames:
    """The last frames, but for those from before contention ended.

    Where contention comes back before `RECENT` frames have passed, what was set aside counts again,
    and its next end is no longer taken for one: it comes and goes.
    """

    def __init__(self) -> None:
        self._ratios: deque[float] = deque(maxlen=RECENT)
        self._aside: tuple[float, ...] = ()
        self._since_aside = self._since_back = RECENT

    def add(self, ratio: float) -> None:
        """Take in a frame."""
        self._ratios.append(ratio)
        self._since_aside += 1
        self._since_back += 1

    def ascending(self) -> tuple[float, ...]:
        """Return the frames, fastest first."""
        return tuple(sorted(self._ratios))

    def faster(self, *ratios: float) -> None:
        """Begin anew with these frames of the faster time, unless contention comes and goes."""
        if self._since_back < RECENT:
            return
        self._aside = tuple(self._ratios)[: -len(ratios)]
        self._since_aside = 0
        self._ratios.clear()
        self._ratios.extend(ratios)

    def slower(self) -> None:
        """Take back what was set aside a short while ago."""
        if self._since_aside >= RECENT:
            return
        since = tuple(self._ratios)
        self._ratios.clear()
        self._ratios.extend((*self._aside, *since))
        self._aside, self._since_aside, self._since_back = (), RECENT, 0


NEWS_STDS = 1.0  # lower by so many standard deviations of single frames is news at once
LOWER_FOR_S = 10.0  # lower by the margin, without a break, for so long is news too
LEARNING_FRAMES = 20  # until so many were seen since the last step down, every estimate is news


class SteadySlowdown:
    """The slowdown of one application and processor that the last decision was made with."""

    def __init__(self) -> None:
        self._held: Slowdown | None = None
        self._lower_since_s: float | None = None

    def update(self, new: Slowdown, *, probability: float, margin: float, now_s: float) -> Slowdown:
        """Take in an estimate; return the one to decide with.

        They are compared by the latency at `probability`; `margin` is the share that makes it
        lower.
        """
        held, learning = self._held, len(new.recent) < LEARNING_FRAMES
        if held is not None and not learning:
            news = self._is_news(new, held, probability, margin=margin, now_s=now_s)
            if not news:
                return held
        self._held, self._lower_since_s = new, None
        return new

    def _is_news(
        self, new: Slowdown, held: Slowdown, probability: float, *, margin: float, now_s: float
    ) -> bool:
        """Whether an estimate is another one, not the same that wanders."""
        late, before = _late(new, probability), _late(held, probability)
        if late > before or late < before * (1.0 - margin) - NEWS_STDS * new.std:
            return True
        if late >= before * (1.0 - margin):
            self._lower_since_s = None
        elif self._lower_since_s is None:
            self._lower_since_s = now_s
        return self._lower_since_s is not None and now_s - self._lower_since_s >= LOWER_FOR_S


def _late(slowdown: Slowdown, probability: float) -> float:
    """Return the slowdown that a frame keeps within with this probability."""
    return slowdown.mean + NormalDist().inv_cdf(probability) * slowdown.std_for(probability)
