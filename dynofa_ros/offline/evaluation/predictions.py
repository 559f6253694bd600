# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What a sub-network predicts for each image, and the figures that follow from it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

NORMAL_95 = 1.959964
"""Half-width of the 95 % interval of a normal distribution, in standard deviations."""


def wilson_interval(correct: float, images: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a fraction; 0 to 1 without images."""
    if not images:
        return 0.0, 1.0
    z, n, p = NORMAL_95, images, correct / images
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class ClassFigures:
    """How well one class is recognised; unknown is NaN."""

    label: str
    images: int
    correct: int
    predicted: int
    """Images for which the class was predicted, rightly or wrongly."""

    @property
    def recall(self) -> float:
        """Fraction of the class's images that are recognised, its top-1."""
        return self.correct / self.images if self.images else math.nan

    @property
    def precision(self) -> float:
        """Fraction of the predictions of the class that are right."""
        return self.correct / self.predicted if self.predicted else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson score interval of the recall."""
        return wilson_interval(self.correct, self.images)


@dataclass(frozen=True)
class Predictions:
    """Predictions for N images, the best first; scores are softmax outputs 0..1."""

    classes: npt.NDArray[np.int64]
    """True class, (N,)."""
    best: npt.NDArray[np.int64]
    """The up to five best classes, (N, k)."""
    scores: npt.NDArray[np.float32]
    """Of those, (N, k)."""

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Whether the best class is the true one, (N,)."""
        right: npt.NDArray[np.bool_] = self.best[:, 0] == self.classes
        return right

    @property
    def top5(self) -> float:
        """Fraction of images whose true class is among the best five."""
        return float((self.best == self.classes[:, None]).any(1).mean())

    def confusion(self, count: int) -> npt.NDArray[np.int64]:
        """Return the number of images by true (row) and predicted (column) class."""
        matrix = np.zeros((count, count), np.int64)
        np.add.at(matrix, (self.classes, self.best[:, 0]), 1)
        return matrix

    def per_class(self, labels: tuple[str, ...]) -> list[ClassFigures]:
        """Return the figures of every class that has images or predictions."""
        matrix = self.confusion(len(labels))
        figures = [
            ClassFigures(label, int(matrix[i].sum()), int(matrix[i, i]), int(matrix[:, i].sum()))
            for i, label in enumerate(labels)
        ]
        return [each for each in figures if each.images or each.predicted]

    def worst(self) -> list[int]:
        """Return the images that went wrong, the most confident mistake first."""
        wrong = np.flatnonzero(~self.correct)
        return [int(i) for i in wrong[np.argsort(-self.scores[wrong, 0], kind='stable')]]
