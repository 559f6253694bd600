# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Batch norm over the first channels, with the statistics of the active sub-network.

Sub-networks share weights but not activation statistics, so every sub-network has calibrated
statistics of its own (Once-for-All, arXiv 1908.09791, section 3.3; Slimmable Networks,
arXiv 1812.08928). Each forward pass receives its statistics as an argument; there is no global
switch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Statistics = Mapping[str, tuple[Tensor, Tensor]]
"""Mean and variance, each (channels,), by the name of the batch norm layer."""


def check_statistics(layer: str, pair: tuple[Tensor, Tensor], channels: int) -> None:
    """Raise ValueError unless a pair is mean and variance of up to this number of channels.

    With NaN, every image would be classified as the first class.
    """
    if channels == 0:
        raise ValueError(f'batch norm layer is {layer[:100]!r}; expected a layer of the supernet')
    tensors = isinstance(pair, tuple) and [isinstance(each, Tensor) for each in pair]
    if tensors != [True, True]:
        raise ValueError(
            f'batch norm statistics of {layer} are a {type(pair).__name__}; expected two tensors'
        )
    mean, var = pair
    if mean.ndim != 1 or mean.shape != var.shape or not 0 < len(mean) <= channels:
        raise ValueError(
            f'batch norm statistics of {layer} have the shapes {tuple(mean.shape)} and '
            f'{tuple(var.shape)}; expected up to {channels} channels each'
        )
    without_values = mean.is_meta or var.is_meta
    if without_values or not bool(
        mean.isfinite().all() and var.isfinite().all() and (var >= 0).all()
    ):
        raise ValueError(
            f'batch norm statistics of {layer} are not finite, or a variance is below 0; expected '
            'finite means, and variances of at least 0'
        )


class BatchNormMode(Protocol):
    """The statistics used by one forward pass."""

    def normalise(self, x: Tensor, norm: ElasticBatchNorm) -> Tensor:
        """Normalise (N, C, H, W) over C."""
        ...


class ElasticBatchNorm(nn.Module):
    """Batch norm whose affine parameters and shared statistics are sliced to the input."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, max_channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(max_channels))
        self.bias = nn.Parameter(torch.zeros(max_channels))
        self.register_buffer('running_mean', torch.zeros(max_channels))
        self.register_buffer('running_var', torch.ones(max_channels))
        self.eps = eps
        self.name = ''

    def forward(self, x: Tensor, mode: BatchNormMode) -> Tensor:
        """Normalise (N, C, H, W) with the statistics of this pass."""
        return mode.normalise(x, self)


class BatchStatistics:
    """Normalise with the statistics of the batch (training)."""

    def normalise(self, x: Tensor, norm: ElasticBatchNorm) -> Tensor:
        """Normalise (N, C, H, W) with its own mean and variance."""
        n = x.shape[1]
        return F.batch_norm(
            x, None, None, norm.weight[:n], norm.bias[:n], training=True, eps=norm.eps
        )


class StoredStatistics:
    """Normalise with the given statistics, or with the shared ones of layers without an entry."""

    def __init__(self, statistics: Statistics | None = None) -> None:
        self._statistics = statistics or {}

    def of(self, norm: ElasticBatchNorm, channels: int) -> tuple[Tensor, Tensor]:
        """Return mean and variance, each (channels,)."""
        stored = self._statistics.get(norm.name)
        if stored is not None:
            return stored
        return norm.running_mean[:channels], norm.running_var[:channels]

    def normalise(self, x: Tensor, norm: ElasticBatchNorm) -> Tensor:
        """Normalise (N, C, H, W) with stored mean and variance."""
        n = x.shape[1]
        mean, var = self.of(norm, n)
        return F.batch_norm(x, mean, var, norm.weight[:n], norm.bias[:n], eps=norm.eps)


class RecordedStatistics(BatchStatistics):
    """Normalise with the batch and average its statistics over all passes (calibration)."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[Tensor, Tensor]] = {}
        self._batches: dict[str, int] = {}

    def normalise(self, x: Tensor, norm: ElasticBatchNorm) -> Tensor:
        """Normalise (N, C, H, W) with its own statistics and add them to the record."""
        var, mean = torch.var_mean(x.detach(), dim=(0, 2, 3))
        if norm.name in self._sums:
            old_mean, old_var = self._sums[norm.name]
            mean, var = old_mean + mean, old_var + var
        self._sums[norm.name] = (mean, var)
        self._batches[norm.name] = self._batches.get(norm.name, 0) + 1
        return super().normalise(x, norm)

    def statistics(self) -> Statistics:
        """Return the averages over all passes so far."""
        return {
            name: (mean / self._batches[name], var / self._batches[name])
            for name, (mean, var) in self._sums.items()
        }
