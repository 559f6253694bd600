# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The latency of a frame as a distribution, for many operating points at once.

The manager and the perception node ask it the same questions: mean, quantile, and the probability
of being done in time. Nothing else knows its shape: a normal distribution for a sub-network, and
for a cascade a mixture of one for each path (the first stage alone; the first two; ...).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from dynofa_ros.runtime.estimation.slowdown import Slowdown

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

# Of the quantile of a mixture: within 3e-4 of the distance between its paths, on the safe side.
BISECTIONS = 12
# A latency that does not vary is a step.
_STEP_S = 1e-12


@lru_cache(maxsize=64)
def normal_quantile(probability: float) -> float:
    """Return the quantile of the standard normal distribution."""
    return NormalDist().inv_cdf(probability)


@dataclass(frozen=True, eq=False)
class Stages:
    """The stages of the cascades among several points, as profiled; (cascades, stages).

    Fewer stages than others have are padded with a latency and a share of 0.
    """

    rows: Indices  # (cascades,) of the points, ascending
    shares: Floats  # of the frames that end at each stage
    latency_s: Floats
    latency_std_s: Floats
    correction: Floats | float = 1.0
    correction_std: Floats | float = 0.0


@dataclass(frozen=True, eq=False)
class Paths:
    """The latency of each path through the cascades among several points; (cascades, paths).

    Path k is that of the frames that end at stage k, and takes the time of all stages up to it.
    """

    rows: Indices  # (cascades,) of the points, ascending
    shares: Floats  # 0 where a cascade has fewer stages than others
    mean_s: Floats
    std_s: Floats
    alone_s: Floats  # quantile of each stage alone, at the probability of the prediction

    @classmethod
    def of(
        cls,
        stages: Stages,
        *,
        slowdown: Floats | float,
        std: Floats | float,
        probability: float,
    ) -> Paths:
        """Predict the paths of cascades, each with the mean and the std of its slowdown.

        The stages of a frame share its slowdown, so their times vary together. The corrections are
        independent of each other, as are the spreads that were profiled.
        """
        mean, std = np.reshape(slowdown, (-1, 1)), np.reshape(std, (-1, 1))
        each_s = stages.latency_s * stages.correction
        profiled_s = stages.latency_std_s * stages.correction * mean
        doubt_s = stages.latency_s * stages.correction_std * mean

        def spread_s(summed_s: Floats, profiled_s: Floats, doubt_s: Floats) -> Floats:
            return np.hypot(np.maximum(summed_s * std, profiled_s), doubt_s)

        path_s = np.cumsum(each_s, axis=1)
        return cls(
            stages.rows,
            stages.shares,
            mean_s=path_s * mean,
            std_s=spread_s(path_s, _root_of_sums(profiled_s), _root_of_sums(doubt_s)),
            alone_s=each_s * mean
            + normal_quantile(probability) * spread_s(each_s, profiled_s, doubt_s),
        )

    def fits(self, time_s: float | Floats) -> Floats:
        """Return the probability that each stage can start in time after those before it.

        Its quantile has to fit into what they leave of `time_s`: the anytime rule of
        `FrameChooser.time_for`. The first stage runs in any case.
        """
        fits = np.ones_like(self.mean_s)
        spare_s = time_s - self.alone_s[:, 1:] - self.mean_s[:, :-1]
        fits[:, 1:] = normal_cdf(spare_s / np.maximum(self.std_s[:, :-1], _STEP_S))
        return fits

    @property
    def moments(self) -> tuple[Floats, Floats]:
        """Mean and standard deviation of each mixture, (cascades,) [s]."""
        mean_s = (self.shares * self.mean_s).sum(axis=1)
        square = (self.shares * (self.std_s**2 + self.mean_s**2)).sum(axis=1)
        return mean_s, np.sqrt(np.maximum(square - mean_s**2, 0.0))

    def longest_s(self, deviations: float) -> Floats:
        """Return the mean and so many standard deviations of each one's longest path [s]."""
        used = self.shares > 0.0
        return np.asarray(np.where(used, self.mean_s + deviations * self.std_s, 0.0).max(axis=1))

    def quantile_s(self, probability: float) -> Floats:
        """Return the quantile of each mixture, (cascades,) [s], by bisection between its paths'."""
        each = self.mean_s + normal_quantile(probability) * self.std_s
        used = self.shares > 0.0
        low = np.where(used, each, math.inf).min(axis=1)
        high = np.where(used, each, -math.inf).max(axis=1)
        scale = 1.0 / np.maximum(self.std_s, _STEP_S)
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            below = self.shares * normal_cdf((middle[:, None] - self.mean_s) * scale)
            reached = below.sum(axis=1) >= probability
            low, high = np.where(reached, low, middle), np.where(reached, middle, high)
        return np.asarray(high)

    def probability_within(self, time_s: float) -> Floats:
        """Return the probability that each mixture is done in time, (cascades,)."""
        pairs = zip(self.mean_s.ravel().tolist(), self.std_s.ravel().tolist(), strict=True)
        within = np.array([normal_probability(time_s - mean_s, std_s) for mean_s, std_s in pairs])
        return np.asarray((self.shares * within.reshape(self.shares.shape)).sum(axis=1))

    def plus(self, mean_s: Floats | float, *, variance_s2: Floats | float) -> Paths:
        """Return the paths with an independent delay added, of each cascade or of all."""
        std_s = np.sqrt(self.std_s**2 + np.reshape(variance_s2, (-1, 1)))
        return replace(self, mean_s=self.mean_s + np.reshape(mean_s, (-1, 1)), std_s=std_s)

    def scaled(self, factor: Floats) -> Paths:
        """Return the paths of frames that take longer by a factor of each cascade."""
        own = factor[:, None]
        return replace(
            self, mean_s=self.mean_s * own, std_s=self.std_s * own, alone_s=self.alone_s * own
        )

    def among(self, points: int, chosen: Indices | slice) -> Paths | None:
        """Return the paths of the cascades among the chosen ones of so many points; None: none."""
        place = np.full(points, -1)
        place[self.rows] = np.arange(len(self.rows))
        place = place[chosen]
        rows = np.flatnonzero(place >= 0)
        if not len(rows):
            return None
        kept = place[rows]
        return Paths(
            rows, self.shares[kept], self.mean_s[kept], self.std_s[kept], self.alone_s[kept]
        )


@dataclass(frozen=True, eq=False)
class LatencyForecast:
    """Latency of the next frame at each of several points."""

    mean_s: Floats  # (points,)
    std_s: Floats  # (points,)
    paths: Paths | None = None  # of the cascades among the points; None: there are none

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
        stages: Stages | None = None,
    ) -> LatencyForecast:
        """Predict the inference of points: profile x slowdown x correction.

        `latency_s` and `latency_std_s` are as profiled, `correction` and `correction_std` as in
        `Correction`, each (points,). `slowdown` is that of the processor, or of several, of which
        each has the next `counts` points. Of the spreads of profile and slowdown the larger counts,
        as the slowdown's includes the noise of single frames; the correction's is independent. A
        heavier tail than the normal one counts at this `probability` (`Slowdown.std_for`). Of the
        rows of `stages`, these count instead.
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
            std_s = spread_s * correction
        else:
            std_s = np.sqrt((spread_s * correction) ** 2 + (mean_s * correction_std) ** 2)
        mean_s = mean_s * correction
        if stages is None:
            return cls(mean_s, std_s)
        rows = stages.rows
        return cls(mean_s, std_s).mixed(
            Paths.of(
                stages,
                slowdown=_rows_of(mean, rows),
                std=_rows_of(std, rows),
                probability=probability,
            )
        )

    def mixed(self, paths: Paths) -> LatencyForecast:
        """Return the forecast with the paths of its cascades."""
        mean_s, std_s = self.mean_s.copy(), self.std_s.copy()
        mean_s[paths.rows], std_s[paths.rows] = paths.moments
        return LatencyForecast(mean_s, std_s, paths)

    def plus(self, mean_s: Floats | float, *, variance_s2: Floats | float) -> LatencyForecast:
        """Return the forecast with an independent delay added, of each point or of all."""
        std_s = np.sqrt(self.std_s * self.std_s + variance_s2)
        paths = self.paths
        if paths is not None:
            own_s, own_s2 = (_rows_of(each, paths.rows) for each in (mean_s, variance_s2))
            paths = paths.plus(own_s, variance_s2=own_s2)
        return LatencyForecast(self.mean_s + mean_s, std_s, paths)

    def scaled(self, factor: Floats) -> LatencyForecast:
        """Return the forecast of frames that take longer by a factor of each point."""
        paths = None if self.paths is None else self.paths.scaled(factor[self.paths.rows])
        return LatencyForecast(self.mean_s * factor, self.std_s * factor, paths)

    def quantile_s(self, probability: float) -> Floats:
        """Return the latency that a frame does not exceed with this probability, (points,) [s]."""
        quantile_s = self.mean_s + normal_quantile(probability) * self.std_s
        if self.paths is not None:
            quantile_s[self.paths.rows] = self.paths.quantile_s(probability)
        return quantile_s

    def longest_s(self, deviations: float) -> Floats:
        """Return the mean and so many standard deviations, of a cascade those of its longest path.

        So long, (points,) [s], the point keeps its processor busy.
        """
        longest_s = self.mean_s + deviations * self.std_s
        if self.paths is not None:
            longest_s[self.paths.rows] = self.paths.longest_s(deviations)
        return longest_s

    def probability_within(self, time_s: float) -> Floats:
        """Return the probability that a frame is done in time, (points,); 1 for NaN (no limit).

        For a few points: numpy has no error function.
        """
        if math.isnan(time_s):
            return np.ones_like(self.mean_s)
        pairs = zip(self.mean_s.tolist(), self.std_s.tolist(), strict=True)
        within = np.array([normal_probability(time_s - mean_s, std_s) for mean_s, std_s in pairs])
        if self.paths is not None:
            within[self.paths.rows] = self.paths.probability_within(time_s)
        return within

    def take(self, rows: Indices | slice) -> LatencyForecast:
        """Return the forecast of some of the points."""
        paths = None if self.paths is None else self.paths.among(len(self.mean_s), rows)
        return LatencyForecast(self.mean_s[rows], self.std_s[rows], paths)


def normal_cdf(z: Floats) -> Floats:
    """Return the standard normal distribution function, within 1e-7.

    Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: numpy has no error function.
    """
    x = np.abs(z) * math.sqrt(0.5)
    t = 1.0 / (1.0 + 0.3275911 * x)
    series = 1.421413741 + t * (-1.453152027 + t * 1.061405429)
    tail = 0.5 * t * (0.254829592 + t * (-0.284496736 + t * series)) * np.exp(-x * x)
    return np.where(z < 0.0, tail, 1.0 - tail)


def _rows_of(values: Floats | float, rows: Indices) -> Floats | float:
    """Return the values of some points; one number is that of all points."""
    return values[rows] if isinstance(values, np.ndarray) and values.ndim else values


def _root_of_sums(deviations: Floats) -> Floats:
    """Return the standard deviation of the sum of each stage and those before it."""
    return np.sqrt(np.cumsum(deviations**2, axis=1))


def normal_probability(spare_s: float, std_s: float) -> float:
    """Return the probability that a deviation is at most `spare_s`."""
    if std_s == 0.0:
        return float(spare_s >= 0.0)
    return 0.5 * math.erfc(-spare_s / (std_s * math.sqrt(2.0)))
