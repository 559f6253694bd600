# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Building blocks of a standalone sub-network: plain layers without elastic choices.

Slices are copied, and batch norm is folded into the preceding convolution (arXiv 1712.05877,
section 3.2), so no such work remains per frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dynofa_ros.supernet.batch_norm import ElasticBatchNorm, StoredStatistics


class StaticBlock(nn.Module):
    """Sequential layers with an optional residual connection."""

    def __init__(self, layers: Sequence[nn.Module], residual: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, H / stride, W / stride)."""
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


class StaticSubnet(nn.Module):
    """One sub-network: (N, 3, r, r) float32 to logits, (N, classes).

    ``head`` runs on the spatial average of the features, (N, C, 1, 1).
    """

    def __init__(
        self, features: Sequence[nn.Module], head: Sequence[nn.Module], classifier: nn.Linear
    ) -> None:
        super().__init__()
        self.features, self.head = nn.Sequential(*features), nn.Sequential(*head)
        self.classifier = classifier
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        """Run the sub-network."""
        x = self.head(self.features(x).mean((2, 3), keepdim=True))
        logits: Tensor = self.classifier(x.flatten(1))
        return logits


def fold(
    weight: Tensor,
    norm: ElasticBatchNorm,
    mode: StoredStatistics,
    *,
    stride: int = 1,
    groups: int = 1,
) -> nn.Conv2d:
    """Return the convolution with weight w * gamma / sigma and bias beta - mean * gamma / sigma.

    ``weight``, (out, in / groups, k, k), is not modified.
    """
    channels = weight.shape[0]
    mean, var = mode.of(norm, channels)
    scale = norm.weight[:channels] * torch.rsqrt(var + norm.eps)
    bias = norm.bias[:channels] - mean * scale
    return _conv(weight * scale.view(-1, 1, 1, 1), bias, stride, groups)


def copy_conv(
    weight: Tensor, bias: Tensor | None = None, *, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    """Return a convolution with copies of an (out, in / groups, k, k) weight and an (out,) bias."""
    return _conv(weight.clone(), None if bias is None else bias.clone(), stride, groups)


def copy_linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """Return a linear layer with copies of an (out, in) weight and an (out,) bias."""
    copy = nn.Linear(weight.shape[1], weight.shape[0], device='meta')
    copy.weight = nn.Parameter(weight.clone(), requires_grad=False)
    copy.bias = nn.Parameter(bias.clone(), requires_grad=False)
    return copy


class _UninitialisedConv2d(nn.Conv2d):
    """A convolution that skips random initialisation, because its weights are replaced."""

    def reset_parameters(self) -> None:
        """Do nothing."""


def _conv(weight: Tensor, bias: Tensor | None, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    out_channels, in_per_group, size, _ = weight.shape
    conv: nn.Conv2d = _UninitialisedConv2d(
        in_per_group * groups,
        out_channels,
        size,
        stride,
        size // 2,
        groups=groups,
        bias=bias is not None,
        device='meta',
    )
    # Tools that replace layers, such as quantisation, look for exactly this class.
    conv.__class__ = nn.Conv2d
    conv.weight = nn.Parameter(weight, requires_grad=False)
    if bias is not None:
        conv.bias = nn.Parameter(bias, requires_grad=False)
    return conv
