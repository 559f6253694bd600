"""Fit the latency model of a processor to sub-networks that were timed at its clocks.

The model of `dynofa_ros.platform.latency` is linear in four numbers that cannot be negative:

    latency = layers * (a + b/f) + flops * (s + p/threads) / f

so it is fitted by non-negative least squares of the relative error. `flop_per_cycle` is 1/(s + p),
`serial_fraction` s/(s + p).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dynofa_ros.offline.calibration.loudva_fit import rounded
from dynofa_ros.platform.latency import LatencyModel

LEAST_CLOCKS = 3
"""With fewer, a fit without one of them would have a single clock, which says nothing of others."""
SECONDS, CYCLES, SERIAL, PARALLEL = range(4)


@dataclass(frozen=True)
class Timing:
    """How long one frame of a sub-network took at one clock."""

    subnet_id: str
    flops: int
    layers: int
    threads: int
    frequency_hz: float
    latency_s: float  # median
    spread_s: float  # 1.4826 x median absolute deviation
    frames: int  # that were timed

    def __post_init__(self) -> None:
        """Raise ValueError for what is not above 0."""
        for field in ('flops', 'layers', 'threads', 'frequency_hz', 'latency_s'):
            value = getattr(self, field)
            if not 0 < value < math.inf:
                raise ValueError(f'{field} of {self.subnet_id} is {value!r}; expected above 0')


@dataclass(frozen=True)
class Fit:
    """A fitted model and its relative errors, one for each timing."""

    model: LatencyModel
    errors: tuple[float, ...]  # fitted / measured - 1
    left_out_errors: tuple[float, ...]  # of the model fitted to all other clocks; NaN: too few

    @property
    def text(self) -> str:
        """The errors in words."""
        text = f'error of latency: {_in_words(self.errors)}'
        known = tuple(each for each in self.left_out_errors if not math.isnan(each))
        return f'{text}; each clock left out: {_in_words(known)}' if known else text


def fit(timings: Sequence[Timing]) -> Fit:
    """Fit a processor; the constants are rounded as a description has them.

    With one clock the overhead per layer is taken to scale with it, which cannot be seen then.

    Raises:
        ValueError: if two of the sub-networks do not differ in operations per layer, or the
            latencies do not rise with the operations.
    """
    model = fit_model(timings)
    clocks_hz = sorted({each.frequency_hz for each in timings})
    without = {
        clock_hz: fit_model([each for each in timings if each.frequency_hz != clock_hz])
        for clock_hz in (clocks_hz if len(clocks_hz) >= LEAST_CLOCKS else ())
    }
    return Fit(
        model,
        tuple(_error(model, each) for each in timings),
        tuple(
            _error(without[each.frequency_hz], each) if without else math.nan for each in timings
        ),
    )


def fit_model(timings: Sequence[Timing]) -> LatencyModel:
    """Return the model alone; raises ValueError as `fit` does."""
    ratios = sorted({each.flops / each.layers for each in timings})
    if len(ratios) < 2:
        raise ValueError(
            f'operations per layer are {ratios}; expected at least two sub-networks that differ in '
            'them, or the overhead of a layer cannot be told from its arithmetic'
        )
    matrix = np.array([_row(each) for each in timings])
    left_out = {SECONDS} if len({each.frequency_hz for each in timings}) == 1 else set()
    left_out |= {SERIAL} if len({each.threads for each in timings}) == 1 else set()
    best = _least_squares(matrix, [each for each in range(4) if each not in left_out])
    per_flop = best[SERIAL] + best[PARALLEL]
    if not per_flop > 0:
        raise ValueError(
            'the latencies do not rise with the operations of a frame; expected sub-networks that '
            'differ more or are larger (--model), or a machine that does nothing else meanwhile'
        )
    return LatencyModel(
        overhead_s_per_layer=rounded(best[SECONDS]),
        overhead_cycles_per_layer=rounded(best[CYCLES]),
        flop_per_cycle=rounded(1 / per_flop),
        serial_fraction=rounded(min(1.0, best[SERIAL] / per_flop)),
    )


def latency_s(model: LatencyModel, timing: Timing) -> float:
    """Return what a model says of what was timed [s]."""
    return model.latency_s(
        frequency_hz=timing.frequency_hz,
        flops=timing.flops,
        layers=timing.layers,
        threads=timing.threads,
    )


def _row(timing: Timing) -> list[float]:
    """Return the share of the latency that each number has, per unit of it."""
    cycles = timing.flops / timing.frequency_hz
    terms = (timing.layers, timing.layers / timing.frequency_hz, cycles, cycles / timing.threads)
    return [term / timing.latency_s for term in terms]


def _least_squares(
    matrix: npt.NDArray[np.float64], columns: Sequence[int]
) -> npt.NDArray[np.float64]:
    """Return the four numbers, none negative, for which `matrix` times them is nearest to 1.

    The solution is that of ordinary least squares with some of them 0 (Lawson and Hanson, Solving
    Least Squares Problems, 1974). There are at most 15 ways to choose those, so all are tried.
    """
    best, least = np.zeros(4), math.inf
    scale = np.abs(matrix).max(axis=0)
    for count in range(1, len(columns) + 1):
        for chosen in itertools.combinations(columns, count):
            part = list(chosen)
            solved = np.linalg.lstsq(matrix[:, part] / scale[part], np.ones(len(matrix)))[0]
            found = np.zeros(4)
            found[part] = solved / scale[part]
            error = float(np.square(matrix @ found - 1).sum())
            if (solved >= 0).all() and error < least:
                best, least = found, error
    return best


def _error(model: LatencyModel, timing: Timing) -> float:
    return latency_s(model, timing) / timing.latency_s - 1


def _in_words(errors: Sequence[float]) -> str:
    absolute = np.abs(errors)
    return f'median {np.median(absolute):.1%}, largest {absolute.max():.1%}'
