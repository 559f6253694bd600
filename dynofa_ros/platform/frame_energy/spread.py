"""How far frames are from what the model says of them: the error of sharing energy by the model."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dynofa_ros.platform.frame_energy.idle import MEMORY_S

LEAST_COUNT = 10.0
"""Fewer intervals say nothing: a share may then be wrong by all of itself."""


class ModelSpread:
    """Compares what intervals took above idle, A, with the model's sum over its frames, M.

    With frames k that take r m_k (1 + e_k), e_k independent of standard deviation e, the residual
    A - r M has the variance r^2 e^2 sum m_k^2, beside the noise of the power. r is the ratio of
    the sums (ratio estimator; Cochran, Sampling Techniques, 1977, ch. 6). Forgotten with MEMORY_S.
    """

    def __init__(self) -> None:
        self._last_s = -math.inf
        self._count = 0.0
        self._above = self._model = 0.0
        self._above_squares = self._products = self._model_squares = 0.0
        self._frame_squares = self._noise = 0.0

    def add(
        self, *, above_j: float, modelled_j: Sequence[float], noise_j2: float, at_s: float
    ) -> None:
        """Add an interval: its energy above idle, each frame's by the model, the noise's variance.

        The model may have any unit.
        """
        self._forget(at_s)
        model = math.fsum(modelled_j)
        self._count += 1
        self._above += above_j
        self._model += model
        self._above_squares += above_j * above_j
        self._products += above_j * model
        self._model_squares += model * model
        self._frame_squares += math.fsum(each * each for each in modelled_j)
        self._noise += noise_j2

    def _forget(self, now_s: float) -> None:
        kept = math.exp(-max(0.0, now_s - self._last_s) / MEMORY_S)
        self._last_s = now_s
        self._count *= kept
        self._above *= kept
        self._model *= kept
        self._above_squares *= kept
        self._products *= kept
        self._model_squares *= kept
        self._frame_squares *= kept
        self._noise *= kept

    @property
    def residual_j2(self) -> float:
        """Mean square of what the model does not explain of an interval [J^2]; NaN if unknown."""
        if self._count < LEAST_COUNT:
            return math.nan
        ratio = self._above / self._model
        squares = self._above_squares - 2 * ratio * self._products
        return max(0.0, squares + ratio * ratio * self._model_squares) / self._count

    @property
    def relative_std(self) -> float:
        """Standard deviation of a frame from the model, as a part of it, at most 1."""
        residual_j2 = self.residual_j2
        if math.isnan(residual_j2):
            return 1.0
        frames = (self._above / self._model) ** 2 * self._frame_squares
        beyond_noise = max(0.0, residual_j2 * self._count - self._noise)
        return 1.0 if beyond_noise >= frames else math.sqrt(beyond_noise / frames)
