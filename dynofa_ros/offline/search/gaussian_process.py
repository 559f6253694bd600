"""Gaussian process regression of accuracy on what a sub-network chose.

The covariance of two measured accuracies is that of a sum (Rasmussen and Williams, Gaussian
Processes for Machine Learning, 2006, sections 2.2, 2.7 and 5.4): a linear function of the
features; a smooth function of them, for what one choice changes about another; a drift along the
order of measuring; and noise. Each group of features has a scale of its own. Scales and
amplitudes maximise the marginal likelihood.

The drift matters. In a table of 2,088 measured sub-networks (``AccuracyPredictor`` names it) the
errors of a ridge regression on neighbouring rows correlate by 0.53: there are four sessions with
offsets of up to 0.6 points between them. A prediction is for a session of no offset.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Array = npt.NDArray[np.float64]

TUNING_ROWS = 700
"""Rows that scales and amplitudes are tuned on; all rows make the prediction."""
TUNING_STEPS = 25
PRIOR_STD = 2.0
"""Of the logarithm of each scale and amplitude about its start (assumed): few rows stay sane."""
LEAST_VARIANCE = 1e-6
"""Noise variance, in units of the accuracies' own, below which matrices are not inverted."""
CHUNK = 2048


@dataclass(frozen=True)
class Covariance:
    """Scales and amplitudes, as logarithms in one vector; accuracies have a variance of 1."""

    log: Tensor
    groups: Tensor
    """Group of each feature, (F,) int64: features of one group share a scale."""

    @staticmethod
    def start(groups: Tensor, rows: int) -> Covariance:
        """Return where tuning starts."""
        scales = torch.full((int(groups.max()) + 1,), math.log(0.1), dtype=torch.float64)
        others = torch.tensor([1.0, 0.3, 1.0, 0.1, 4 / rows, 0.1], dtype=torch.float64).log()
        return Covariance(torch.cat([scales, others]), groups)

    def of_function(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the covariance of the function at (A, F) and (B, F) features, (A, B)."""
        scale = self.log.exp()[self.groups]
        linear, smooth, bend = self.log[-6:-3].exp()
        a, b = a * scale, b * scale
        product = a @ b.T
        square = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * product
        bumps = torch.exp(-0.5 * bend**2 * square)
        return torch.add(linear**2 * product + smooth**2 * bumps, 1)

    def variance(self, x: Tensor) -> Tensor:
        """Return the variance of the function at (N, F) features, (N,)."""
        linear, smooth, _ = self.log[-6:-3].exp()
        length = (x * self.log.exp()[self.groups]).square().sum(1)
        return torch.add(linear**2 * length + smooth**2, 1)

    def of_measurements(self, x: Tensor, order: Tensor) -> Tensor:
        """Return the covariance of what was measured at (N, F) features in this order, (N, N)."""
        drift, forgetting, noise = self.log[-3:].exp()
        apart = (order[:, None] - order).abs()
        drifts = drift**2 * torch.exp(-forgetting * apart)
        noises = (noise**2 + LEAST_VARIANCE) * torch.eye(len(x), dtype=x.dtype)
        return self.of_function(x, x).add(drifts).add(noises)

    @property
    def unexplained(self) -> Tensor:
        """Variance of a measurement about the function: drift and noise."""
        drift, _, noise = self.log[-3:].exp()
        return torch.add(drift**2, noise**2)

    def tuned(self, x: Tensor, y: Tensor, order: Tensor) -> Covariance:
        """Return the covariance that makes these measurements likeliest, near this one."""
        log = self.log.clone().requires_grad_()
        optimizer = torch.optim.LBFGS([log], max_iter=TUNING_STEPS, line_search_fn='strong_wolfe')

        def surprise() -> Tensor:
            optimizer.zero_grad()
            matrix = Covariance(log, self.groups).of_measurements(x, order)
            root = torch.linalg.cholesky(matrix)
            fit = y @ torch.cholesky_solve(y[:, None], root)[:, 0]
            prior = ((log - self.log) / PRIOR_STD).square().sum()
            value: Tensor = 0.5 * (fit + prior) + root.diagonal().log().sum()
            value.backward()  # type: ignore[no-untyped-call]
            return value

        optimizer.step(surprise)  # type: ignore[no-untyped-call]
        return Covariance(log.detach(), self.groups)


class GaussianProcess:
    """A fitted process; what it is made of fits into arrays (:meth:`arrays`)."""

    def __init__(self, covariance: Covariance, x: Array, y: Array, order: Array) -> None:
        self._covariance, self._x, self._y, self._order = covariance, x, y, order
        self._mean, self._unit = float(y.mean()), _unit(y)
        inputs = torch.from_numpy(x)
        matrix = covariance.of_measurements(inputs, torch.from_numpy(order))
        self._root = torch.linalg.cholesky(matrix)
        standard = torch.from_numpy((y - self._mean) / self._unit)
        self._weights = torch.cholesky_solve(standard[:, None], self._root)

    @classmethod
    def fit(cls, x: Array, y: Array, groups: npt.NDArray[np.int64]) -> GaussianProcess:
        """Fit (N, F) features to (N,) values measured in this order.

        ``groups`` is (F,) and numbers each feature's group from 0.
        """
        order = np.arange(len(y), dtype=np.float64)
        some = slice(None, None, -(-len(y) // TUNING_ROWS))
        standard = (y - y.mean()) / _unit(y)
        covariance = Covariance.start(torch.from_numpy(groups), len(y)).tuned(
            *(torch.from_numpy(array[some].copy()) for array in (x, standard, order))
        )
        return cls(covariance, x, y, order)

    @torch.no_grad()
    def predict(self, x: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation of a measurement at (N, F) features, (N,) each."""
        parts = [self._predict(torch.from_numpy(x[i : i + CHUNK])) for i in range(0, len(x), CHUNK)]
        mean, std = (np.concatenate(part) for part in zip(*parts, strict=True))
        return self._mean + self._unit * mean, self._unit * std

    def _predict(self, x: Tensor) -> tuple[Array, Array]:
        across = self._covariance.of_function(x, torch.from_numpy(self._x))
        explained = torch.linalg.solve_triangular(self._root, across.T, upper=False)
        prior = self._covariance.variance(x)
        variance = prior - explained.square().sum(0) + self._covariance.unexplained
        std = variance.clamp_min(0).sqrt()
        return (across @ self._weights)[:, 0].numpy(), std.numpy()

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return what :meth:`from_arrays` makes an equal process of."""
        return {
            'log': self._covariance.log.numpy(),
            'groups': self._covariance.groups.numpy(),
            'x': self._x,
            'y': self._y,
            'order': self._order,
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[Any]]) -> GaussianProcess:
        """Make a process of :meth:`arrays`."""
        log, groups = (torch.from_numpy(arrays[name]) for name in ('log', 'groups'))
        return cls(Covariance(log, groups), *(arrays[name] for name in ('x', 'y', 'order')))


def _unit(y: Array) -> float:
    """Standard deviation of the values, or 1 where all are alike."""
    return float(y.std()) or 1.0
