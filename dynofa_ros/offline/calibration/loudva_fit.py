"""Fit the latency and power models of a platform to what was measured on a board.

Latency is the a + b/f of Dynamic-OFA (arXiv 2105.03596), power a table over the clocks. Both are
made of `dynofa_ros.platform`'s own models, with constants as they are written to a description, so
an error stated here is that of the description.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dynofa_ros.offline.calibration.loudva_data import LoudvaSample
from dynofa_ros.platform.latency import LatencyModel
from dynofa_ros.platform.power import BusyPower

# A modified z-score above 3.5 marks an outlier (Iglewicz and Hoaglin, How to Detect and Handle
# Outliers, 1993). A spread below 1 % is no finer than the measurement is (assumed).
OUTLIER_Z, LEAST_SPREAD = 3.5, 0.01
MAD_TO_SIGMA = 1.4826  # of a normal distribution
NEXT_CONCURRENCIES = slice(1, 4)  # 2, 3 and 4
DIGITS = 4  # significant, of what is written to a description


@dataclass(frozen=True)
class ClockFit:
    """One clock at concurrency 1: measured, as fitted, and as fitted to all other clocks."""

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
    """A power mode, which nothing was fitted to: its clock is that of its own latency."""

    name: str
    frequency_hz: float
    measured_power_w: float
    power_w: float
    power_is_outlier: bool


@dataclass(frozen=True)
class PlatformFit:
    """The models of a processor, and how they compare with what was measured."""

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
        """The b of a + b/f: cycles of a frame."""
        return self.flops / self.latency.flop_per_cycle

    def latency_s(self, frequency_hz: float, model: LatencyModel | None = None) -> float:
        """Return the latency of the network that was measured, by this model or another [s]."""
        return (model or self.latency).latency_s(
            frequency_hz=frequency_hz, flops=int(self.flops), layers=self.layers, threads=1
        )


def fit_platform(
    clocks: Sequence[LoudvaSample], modes: Sequence[LoudvaSample], *, flops: float, layers: int
) -> PlatformFit:
    """Fit a processor to a network of `flops` a frame (2 per multiply-add) and `layers` layers.

    One network cannot tell overhead that scales with the clock from arithmetic: all of b is given
    to `flop_per_cycle`, all of a to `overhead_s_per_layer`.

    Raises:
        ValueError: for counts that are not positive.
    """
    for field, count in (('flops', flops), ('layers', layers)):
        if not 0 < count < float('inf'):
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
    """Return a [s], at least 0, and b [cycles] of a + b/f with the least sum of relative errors.

    Least absolute deviations, which an outlier does not move as it moves least squares. The best
    line goes through two of the points, or through one with a or b of 0, so all of these are tried.

    Raises:
        ValueError: if the best line does not fall with the clock.
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
            f'the latencies at {len(frequency)} clocks, {latency[0]:.4g} to {latency[-1]:.4g} s, '
            'do not follow the clock; expected latencies that fall as it rises'
        )
    return float(best[0]), float(best[1])


def power_outliers(measured: Sequence[LoudvaSample]) -> frozenset[str]:
    """Return the names of those whose power at concurrency 1 does not go with the next ones.

    The ratio of the first to the median of concurrency 2 to 4 hardly depends on the clock. One
    whose modified z-score is above 3.5 is an outlier, whatever clock or mode it is of.
    """
    ratios = {each.name: each.power_w[0] / _next_w(each) for each in measured if each.power_w[1:]}
    if not ratios:
        return frozenset()
    middle = float(np.median(list(ratios.values())))
    sigma = MAD_TO_SIGMA * float(np.median([abs(each - middle) for each in ratios.values()]))
    limit = OUTLIER_Z * max(sigma, LEAST_SPREAD)
    return frozenset(name for name, ratio in ratios.items() if abs(ratio - middle) > limit)


def _next_w(measured: LoudvaSample) -> float:
    return float(np.median(measured.power_w[NEXT_CONCURRENCIES]))


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
    """Return the table of powers at concurrency 1; for an outlier, those of the next ones."""
    powers_w = [_next_w(each) if each.name in outliers else each.power_w[0] for each in clocks]
    return BusyPower(
        frequencies_hz=tuple(each.frequency_hz for each in clocks),
        power_w=tuple(rounded(power_w) for power_w in powers_w),
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
    """Return a value with as many digits as a description has."""
    return float(f'{value:.{DIGITS}g}')
