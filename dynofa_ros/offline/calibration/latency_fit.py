# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Fit the latency model of a processor to sub-networks timed at several frequencies.

The model of `dynofa_ros.platform.latency` is linear in four non-negative coefficients,

    latency = layers * (a + b/f) + flops * (s + p/threads) / f

and is fitted by non-negative least squares on the relative error. `flop_per_cycle` is 1/(s + p),
`serial_fraction` s/(s + p).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dynofa_ros.offline.calibration.loudva_fit import rounded
from dynofa_ros.platform.latency import LatencyModel

MIN_FREQUENCIES = 3
"""For the leave-one-out error: with fewer, a single frequency would remain to fit."""
SECONDS, CYCLES, SERIAL, PARALLEL = range(4)


@dataclass(frozen=True)
class Timing:
    """Latency of one sub-network at one frequency and number of threads."""

    subnet_id: str
    flops: int
    layers: int
    threads: int
    frequency_hz: float
    latency_s: float  # median
    spread_s: float  # 1.4826 x median absolute deviation
    frames: int  # number of timed frames

    def __post_init__(self) -> None:
        """Raise ValueError for a value that is not above 0."""
        for field in ('flops', 'layers', 'threads', 'frequency_hz', 'latency_s'):
            value = getattr(self, field)
            if not 0 < value < math.inf:
                raise ValueError(f'{field} of {self.subnet_id} is {value!r}; expected above 0')

    def predicted_s(self, model: LatencyModel) -> float:
        """Return the latency that a model predicts for this measurement [s]."""
        return model.latency_s(
            frequency_hz=self.frequency_hz,
            flops=self.flops,
            layers=self.layers,
            threads=self.threads,
        )


@dataclass(frozen=True)
class LatencyFit:
    """A fitted model and its relative errors, fitted / measured - 1, one per timing."""

    model: LatencyModel
    errors: tuple[float, ...]
    left_out_errors: tuple[float, ...]  # of the model fitted to the other frequencies; NaN: too few

    @property
    def text(self) -> str:
        """Median and largest error as text."""
        text = f'error of latency: {_error_text(self.errors)}'
        known = tuple(each for each in self.left_out_errors if not math.isnan(each))
        return f'{text}; each frequency left out: {_error_text(known)}' if known else text


def fit_latency(timings: Sequence[Timing]) -> LatencyFit:
    """Fit a processor's latency model; constants are rounded as in a platform description.

    Timings at a single frequency cannot separate seconds from cycles: the whole overhead per layer
    is then assumed to scale with the frequency.

    Raises:
        ValueError: if all sub-networks have the same operations per layer, or latency does not
            increase with operations.
    """
    model = _fit_model(timings)
    frequencies_hz = sorted({each.frequency_hz for each in timings})
    left_out = {
        frequency_hz: _fit_model([each for each in timings if each.frequency_hz != frequency_hz])
        for frequency_hz in (frequencies_hz if len(frequencies_hz) >= MIN_FREQUENCIES else ())
    }
    return LatencyFit(
        model,
        tuple(each.predicted_s(model) / each.latency_s - 1 for each in timings),
        tuple(
            each.predicted_s(left_out[each.frequency_hz]) / each.latency_s - 1
            if left_out
            else math.nan
            for each in timings
        ),
    )


def _fit_model(timings: Sequence[Timing]) -> LatencyModel:
    from scipy.optimize import nnls  # takes 0.5 s to import

    ratios = sorted({each.flops / each.layers for each in timings})
    if len(ratios) < 2:
        raise ValueError(
            f'operations per layer are {ratios}; expected at least two different ratios, to '
            'separate the overhead of a layer from its arithmetic'
        )
    fixed = {SECONDS} if len({each.frequency_hz for each in timings}) == 1 else set()
    fixed |= {SERIAL} if len({each.threads for each in timings}) == 1 else set()
    free = [each for each in range(4) if each not in fixed]
    matrix = np.array([_terms(each) for each in timings])[:, free]
    scale = matrix.max(axis=0)
    solution = np.zeros(4)
    solution[free] = nnls(matrix / scale, np.ones(len(matrix)))[0] / scale
    per_flop = solution[SERIAL] + solution[PARALLEL]
    if not per_flop > 0:
        raise ValueError(
            'latency does not increase with the operations of a frame; expected sub-networks that '
            'differ more or are larger (--model), or a machine without other load'
        )
    return LatencyModel(
        overhead_s_per_layer=rounded(solution[SECONDS]),
        overhead_cycles_per_layer=rounded(solution[CYCLES]),
        flop_per_cycle=rounded(1 / per_flop),
        serial_fraction=rounded(min(1.0, solution[SERIAL] / per_flop)),
    )


def _terms(timing: Timing) -> list[float]:
    """Return the factor of each coefficient, divided by the measured latency."""
    cycles = timing.flops / timing.frequency_hz
    terms = (timing.layers, timing.layers / timing.frequency_hz, cycles, cycles / timing.threads)
    return [term / timing.latency_s for term in terms]


def _error_text(errors: Sequence[float]) -> str:
    absolute = np.abs(errors)
    return f'median {np.median(absolute):.1%}, largest {absolute.max():.1%}'
