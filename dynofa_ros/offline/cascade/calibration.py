# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Scores that are probabilities: temperature scaling (Guo et al., ICML 2017, arXiv 1706.04599).

The temperature has one parameter, so few images fit it. It maximises the likelihood of the event
that decides an escalation: whether the best class is right, given its score.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from dynofa_ros.offline.cascade.logits import Classes, Logits

BINS = 15
"""Of equal width, over the score 0..1, as in the paper."""
LIMITS = (0.05, 20.0)
"""Temperatures that are tried."""
FLOOR_DRAWS = 200
_TINY = 1e-12

Values = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Bin = tuple[float, float, int]
"""Mean score, share that is right and number of images of a bin that has any."""


def best_scores(logits: Logits, temperature: float) -> Values:
    """Return the score of the best class of each image, (images,), 0..1."""
    scaled = (logits.astype(np.float64) - logits.max(1, keepdims=True)) / temperature
    scores: Values = 1.0 / np.exp(scaled).sum(1)
    return scores


def probabilities(logits: Logits, temperature: float) -> Values:
    """Return the scores of all classes, (images, classes)."""
    scaled = np.exp((logits.astype(np.float64) - logits.max(1, keepdims=True)) / temperature)
    scores: Values = scaled / scaled.sum(1, keepdims=True)
    return scores


def right(logits: Logits, classes: Classes) -> Flags:
    """Return whether the best class is the true one, (images,)."""
    flags: Flags = logits.argmax(1) == classes
    return flags


def fit_temperature(logits: Logits, classes: Classes) -> float:
    """Return the temperature of the most likely scores, to 4 digits; 1 if it is not determined.

    It is not, if all images are right, or all are wrong.
    """
    correct = right(logits, classes)
    if correct.all() or not correct.any():
        return 1.0

    def loss(log_temperature: float) -> float:
        score = best_scores(logits, math.exp(log_temperature))
        likelihood = np.where(correct, score, 1.0 - score)
        return float(-np.log(np.maximum(likelihood, _TINY)).mean())

    found = minimize_scalar(loss, bounds=tuple(map(math.log, LIMITS)), method='bounded')
    return float(f'{math.exp(found.x):.4g}')


def calibration_error(score: Values, correct: Flags) -> float:
    """Return the expected calibration error, 0..1: mean distance of score and accuracy of a bin."""
    bins = _bin_of(score)
    sums = np.bincount(bins, score, BINS) - np.bincount(bins, correct, BINS)
    return float(np.abs(sums).sum() / len(score))


def error_floor(score: Values, *, seed: int = 0) -> float:
    """Return the mean calibration error of these scores if they were the true probabilities.

    The error is a mean of absolute values, so with few images it is never 0.
    """
    rng = np.random.default_rng(seed)
    draws = (rng.random(len(score)) < score for _ in range(FLOOR_DRAWS))
    return float(np.mean([calibration_error(score, each) for each in draws]))


@dataclass(frozen=True)
class Calibration:
    """How far the scores of a sub-network are from probabilities, on images that fitted nothing."""

    subnet_id: str
    temperature: float
    before: float
    """Expected calibration error with the temperature 1."""
    after: float
    floor: float
    """The error that perfect scores would show on as many images."""
    bins_before: tuple[Bin, ...]
    bins: tuple[Bin, ...]

    @classmethod
    def of(
        cls, subnet_id: str, temperature: float, logits: Logits, classes: Classes
    ) -> Calibration:
        """Return the calibration with a temperature."""
        correct = right(logits, classes)
        raw, score = best_scores(logits, 1.0), best_scores(logits, temperature)
        return cls(
            subnet_id,
            temperature,
            calibration_error(raw, correct),
            calibration_error(score, correct),
            error_floor(score),
            _bins(raw, correct),
            _bins(score, correct),
        )


def _bins(score: Values, correct: Flags) -> tuple[Bin, ...]:
    bins = _bin_of(score)
    return tuple(
        (float(score[bins == b].mean()), float(correct[bins == b].mean()), int(count))
        for b, count in enumerate(np.bincount(bins, minlength=BINS))
        if count
    )


def _bin_of(score: Values) -> npt.NDArray[np.int64]:
    bins: npt.NDArray[np.int64] = np.minimum((score * BINS).astype(np.int64), BINS - 1)
    return bins
