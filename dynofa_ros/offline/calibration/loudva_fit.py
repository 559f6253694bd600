# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Fit the latency and power models of a processor to LoudVA's measurements of a board.

Latency is the a + b/f of Dynamic-OFA (arXiv 2105.03596), power a table over frequency. Both use the
models of `dynofa_ros.platform` with constants rounded as in a platform description, so the errors
reported here are those of the description.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dynofa_ros.offline.calibration.loudva_data import LoudvaSample
from dynofa_ros.platform.latency import LatencyModel
from dynofa_ros.platform.power import BusyPower

# A modified z-score above 3.5 marks an outlier (Iglewicz and Hoaglin, How to Detect and Handle
# Outliers, 1993). A spread below 1 % is within the measurement's resolution (assumed).
OUTLIER_Z, MIN_SPREAD = 3.5, 0.01
MAD_TO_SIGMA = 1.4826  # of a normal distribution
CONCURRENCIES_2_TO_4 = slice(1, 4)
DIGITS = 4  # significant digits of the numbers in a platform description


@dataclass(frozen=True)
class ClockFit:
    """One frequency at concurrency 1: measured, fitted, and fitted to all other frequencies."""

    frequency_hz: float
    measured_latency_s: float
    latency_s: float
    left_out_latency_s: float
    measured_power_w: float
    power_w: float
    left_out_power_w: float
    power_is_outlier: bool


@dataclass(frozen=True)
class ModeCheck:
    """A power mode, not used in the fit; its frequency is estimated from its latency."""

    name: str
    frequency_hz: float
    measured_power_w: float
    power_w: float
    power_is_outlier: bool


@dataclass(frozen=True)
class PlatformFit:
    """The fitted models of a processor, compared with the measurements."""

    flops: float
    layers: int
    latency: LatencyModel
    busy_power: BusyPower
    clocks: tuple[ClockFit, ...]
    modes: tuple[ModeCheck, ...]

    @property
    def constant_s(self) -> float:
        """The a of a + b/f [s]."""
        return self.layers * self.latency.overhead_s_per_layer

    @property
    def cycles(self) -> float:
        """The b of a + b/f [cycles per frame]."""
        return self.flops / self.latency.flop_per_cycle

    def latency_s(self, frequency_hz: float, model: LatencyModel | None = None) -> float:
        """Return the latency of the measured network by `model`; default: the fitted one [s]."""
        return (model or self.latency).latency_s(
            frequency_hz=frequency_hz, flops=int(self.flops), layers=self.layers, threads=1
        )


def fit_platform(
    clocks: Sequence[LoudvaSample], modes: Sequence[LoudvaSample], *, flops: float, layers: int
) -> PlatformFit:
    """Fit a processor to a network of `flops` a frame (2 per multiply-add) and `layers` layers.

    One network cannot separate overhead that scales with frequency from arithmetic: all of b goes
    to `flop_per_cycle`, all of a to `overhead_s_per_layer`.

    Raises:
        ValueError: for counts that are not positive.
    """
    for field, count in (('flops', flops), ('layers', layers)):
        if not 0 < count < math.inf:
            raise ValueError(f'{field} is {count!r}; expected above 0')
    outliers = power_outliers([*clocks, *modes])
    latency = _latency_model(clocks, flops=flops, layers=layers)
    fit = PlatformFit(flops, layers, latency, _power_model(clocks, outliers), (), ())
    return replace(
        fit,
        clocks=tuple(_compare(each, clocks, fit, outliers) for each in clocks),
        modes=tuple(_check(mode, fit, is_outlier=mode.name in outliers) for mode in modes),
    )


def fit_line(frequencies_hz: Sequence[float], latencies_s: Sequence[float]) -> tuple[float, float]:
    """Return a [s] >= 0 and b [cycles] of a + b/f with the least sum of absolute relative errors.

    Least absolute deviations are robust against outliers. The optimum passes through two of the
    points, or through one with a or b equal to 0, so all these candidates are compared.

    Raises:
        ValueError: if the best line does not decrease with frequency.
    """
    frequency, latency = np.asarray(frequencies_hz), np.asarray(latencies_s)
    lines = [(0.0, seconds * hertz) for hertz, seconds in zip(frequency, latency, strict=True)]
    lines += [(seconds, 0.0) for seconds in latency]
    for i, j in itertools.combinations(range(len(frequency)), 2):
        cycles = (latency[i] - latency[j]) / (1 / frequency[i] - 1 / frequency[j])
        constant_s = latency[i] - cycles / frequency[i]
        if constant_s >= 0 and cycles >= 0:
            lines.append((constant_s, cycles))
    best = min(lines, key=lambda line: np.abs((line[0] + line[1] / frequency) / latency - 1).sum())
    if best[1] == 0:
        raise ValueError(
            f'latency at {len(frequency)} frequencies is {latency[0]:.4g} to {latency[-1]:.4g} s; '
            'expected a latency that decreases with frequency'
        )
    return float(best[0]), float(best[1])


def power_outliers(samples: Sequence[LoudvaSample]) -> frozenset[str]:
    """Return the names of samples whose power at concurrency 1 is inconsistent with 2 to 4.

    The ratio of the power at concurrency 1 to the median at 2 to 4 hardly depends on frequency; a
    sample whose ratio has a modified z-score above 3.5 is an outlier.
    """
    ratios = {
        each.name: each.power_w[0] / _median_power_w(each) for each in samples if each.power_w[1:]
    }
    if not ratios:
        return frozenset()
    middle = float(np.median(list(ratios.values())))
    sigma = MAD_TO_SIGMA * float(np.median([abs(each - middle) for each in ratios.values()]))
    limit = OUTLIER_Z * max(sigma, MIN_SPREAD)
    return frozenset(name for name, ratio in ratios.items() if abs(ratio - middle) > limit)


def _median_power_w(sample: LoudvaSample) -> float:
    return float(np.median(sample.power_w[CONCURRENCIES_2_TO_4]))


def _latency_model(clocks: Sequence[LoudvaSample], *, flops: float, layers: int) -> LatencyModel:
    constant_s, cycles = fit_line(
        [each.frequency_hz for each in clocks], [each.latency_s for each in clocks]
    )
    return LatencyModel(
        overhead_s_per_layer=rounded(constant_s / layers),
        overhead_cycles_per_layer=0.0,
        flop_per_cycle=rounded(flops / cycles),
        serial_fraction=0.0,
    )


def _power_model(clocks: Sequence[LoudvaSample], outliers: frozenset[str]) -> BusyPower:
    """Return the power table at concurrency 1; outliers are replaced by concurrency 2 to 4."""
    return BusyPower(
        frequencies_hz=tuple(each.frequency_hz for each in clocks),
        power_w=tuple(
            rounded(_median_power_w(each) if each.name in outliers else each.power_w[0])
            for each in clocks
        ),
    )


def _compare(
    clock: LoudvaSample, clocks: Sequence[LoudvaSample], fit: PlatformFit, outliers: frozenset[str]
) -> ClockFit:
    others = [each for each in clocks if each is not clock]
    left_out = replace(
        fit,
        latency=_latency_model(others, flops=fit.flops, layers=fit.layers),
        busy_power=_power_model(others, outliers),
    )
    return ClockFit(
        frequency_hz=clock.frequency_hz,
        measured_latency_s=clock.latency_s,
        latency_s=fit.latency_s(clock.frequency_hz),
        left_out_latency_s=left_out.latency_s(clock.frequency_hz),
        measured_power_w=clock.power_w[0],
        power_w=fit.busy_power.power_at(clock.frequency_hz),
        left_out_power_w=left_out.busy_power.power_at(clock.frequency_hz),
        power_is_outlier=clock.name in outliers,
    )


def _check(mode: LoudvaSample, fit: PlatformFit, *, is_outlier: bool) -> ModeCheck:
    first_hz, *_, last_hz = fit.busy_power.frequencies_hz
    beyond_s = mode.latency_s - fit.constant_s
    frequency_hz = min(max(fit.cycles / beyond_s, first_hz), last_hz) if beyond_s > 0 else last_hz
    power_w = fit.busy_power.power_at(frequency_hz)
    return ModeCheck(mode.name, frequency_hz, mode.power_w[0], power_w, is_outlier)


def rounded(value: float) -> float:
    """Return a value rounded to the significant digits of a platform description."""
    return float(f'{value:.{DIGITS}g}')
