# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Layers whose weights are shared by all sub-networks and sliced to the active one.

Kernel transformation and channel slicing follow Once-for-All (arXiv 1908.09791, section 3.3).
Layers store no choice: sizes are arguments of each call, so sub-networks can run concurrently.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynofa_ros.supernet.batch_norm import BatchNormMode, ElasticBatchNorm, StoredStatistics
from dynofa_ros.supernet.depthwise import depthwise_conv2d
from dynofa_ros.supernet.extract import copy_conv, fold


def make_divisible(channels: float, divisor: int = 8) -> int:
    """Round to the nearest multiple of ``divisor``, never more than 10 % down.

    The channel rule of the MobileNet family (MobileNetV2, arXiv 1801.04381, reference code).
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def new_classifier(in_features: int, classes: int) -> nn.Linear:
    """Return a linear layer with small random weights and zero bias."""
    classifier = nn.Linear(in_features, classes)
    nn.init.normal_(classifier.weight, std=0.01)
    nn.init.zeros_(classifier.bias)
    return classifier


class ElasticConv(nn.Module):
    """A full convolution, by default 1x1, that uses its first output and input channels."""

    def __init__(self, max_in: int, max_out: int, *, kernel_size: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.weight = nn.Parameter(torch.empty(max_out, max_in, kernel_size, kernel_size))
        nn.init.kaiming_normal_(self.weight)

    def active_weight(self, in_channels: int, out_channels: int) -> Tensor:
        """Return the (out_channels, in_channels, k, k) slice."""
        return self.weight[:out_channels, :in_channels]

    def forward(self, x: Tensor, out_channels: int) -> Tensor:
        """Map (N, C, H, W) to (N, out_channels, ceil(H / stride), ceil(W / stride))."""
        weight = self.active_weight(x.shape[1], out_channels)
        return F.conv2d(x, weight, stride=self.stride, padding=weight.shape[-1] // 2)


class ElasticDepthwise(nn.Module):
    """A depthwise convolution whose smaller kernels are transformed centres of the largest.

    A k x k kernel is the centre of the next larger one, multiplied by a learned
    (k^2, k^2) matrix that all channels share.
    """

    def __init__(self, max_channels: int, kernel_sizes: tuple[int, ...], stride: int) -> None:
        super().__init__()
        self.kernel_sizes = tuple(sorted(kernel_sizes, reverse=True))
        self.stride = stride
        largest = self.kernel_sizes[0]
        self.weight = nn.Parameter(torch.empty(max_channels, 1, largest, largest))
        nn.init.kaiming_normal_(self.weight)
        self.transforms = nn.ParameterDict(
            {f'to_{k}': nn.Parameter(torch.eye(k * k)) for k in self.kernel_sizes[1:]}
        )

    def active_weight(self, channels: int, kernel_size: int) -> Tensor:
        """Return the (channels, 1, k, k) kernel with its transformation applied."""
        weight = self.weight[:channels]
        for size in self.kernel_sizes[1:]:
            if size < kernel_size:
                break
            margin = (weight.shape[-1] - size) // 2
            centre = weight[:, :, margin : margin + size, margin : margin + size]
            flat = centre.reshape(channels, size * size)
            matrix = self.transforms[f'to_{size}']
            weight = F.linear(flat, matrix).view(channels, 1, size, size)
        return weight

    def forward(self, x: Tensor, kernel_size: int) -> Tensor:
        """Map (N, C, H, W) to (N, C, ceil(H / stride), ceil(W / stride))."""
        return depthwise_conv2d(x, self.active_weight(x.shape[1], kernel_size), self.stride)


class ElasticSqueezeExcite(nn.Module):
    """Squeeze-and-excitation (arXiv 1709.01507) over the active channels, as in MobileNetV3."""

    def __init__(self, max_channels: int) -> None:
        super().__init__()
        hidden = self.hidden_channels(max_channels)
        self.reduce = nn.Conv2d(max_channels, hidden, 1)
        self.expand = nn.Conv2d(hidden, max_channels, 1)

    @staticmethod
    def hidden_channels(channels: int) -> int:
        """Return the channels between the two fully connected layers: a quarter."""
        return make_divisible(channels // 4)

    def forward(self, x: Tensor) -> Tensor:
        """Scale each channel of (N, C, H, W) by a gate in 0..1."""
        channels = x.shape[1]
        hidden = self.hidden_channels(channels)
        gate = x.mean((2, 3), keepdim=True)
        gate = F.conv2d(gate, self.reduce.weight[:hidden, :channels], self.reduce.bias[:hidden])  # type: ignore[index]
        gate = F.relu(gate)
        gate = F.conv2d(gate, self.expand.weight[:channels, :hidden], self.expand.bias[:channels])  # type: ignore[index]
        return x * F.hardsigmoid(gate)

    def extract(self, channels: int) -> StaticSqueezeExcite:
        """Return the layer for a fixed number of channels."""
        hidden = self.hidden_channels(channels)
        assert self.reduce.bias is not None and self.expand.bias is not None
        return StaticSqueezeExcite(
            copy_conv(self.reduce.weight[:hidden, :channels], self.reduce.bias[:hidden]),
            copy_conv(self.expand.weight[:channels, :hidden], self.expand.bias[:channels]),
        )


class StaticSqueezeExcite(nn.Module):
    """Squeeze-and-excitation with fixed channels."""

    def __init__(self, reduce: nn.Conv2d, expand: nn.Conv2d) -> None:
        super().__init__()
        self.reduce, self.expand = reduce, expand

    def forward(self, x: Tensor) -> Tensor:
        """Scale each channel of (N, C, H, W) by a gate in 0..1."""
        gate = F.relu(self.reduce(x.mean((2, 3), keepdim=True)))
        return x * F.hardsigmoid(self.expand(gate))


class ElasticConvBatchNorm(nn.Module):
    """An elastic convolution and its batch norm."""

    def __init__(self, max_in: int, max_out: int, kernel_size: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv = ElasticConv(max_in, max_out, kernel_size=kernel_size, stride=stride)
        self.bn = ElasticBatchNorm(max_out)

    def forward(self, x: Tensor, out_channels: int, mode: BatchNormMode) -> Tensor:
        """Map (N, C, H, W) to (N, out_channels, ceil(H / stride), ceil(W / stride))."""
        y: Tensor = self.bn(self.conv(x, out_channels), mode)
        return y

    def extract(self, in_channels: int, out_channels: int, mode: StoredStatistics) -> nn.Conv2d:
        """Return the convolution of the first channels with its batch norm folded."""
        weight = self.conv.active_weight(in_channels, out_channels)
        return fold(weight, self.bn, mode, stride=self.conv.stride)


class ConvBatchNorm(nn.Module):
    """A full convolution with fixed channels, its batch norm and activation."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int,
        *,
        activation: type[nn.Module] = nn.Hardswish,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel_size, stride, kernel_size // 2, bias=False
        )
        nn.init.kaiming_normal_(self.conv.weight, mode='fan_out')
        self.bn = ElasticBatchNorm(out_channels, eps)
        self.activation = activation()

    def forward(self, x: Tensor, mode: BatchNormMode) -> Tensor:
        """Map (N, C, H, W) to (N, out_channels, H / stride, W / stride)."""
        y: Tensor = self.activation(self.bn(self.conv(x), mode))
        return y

    def extract(self, mode: StoredStatistics) -> list[nn.Module]:
        """Return the convolution with its batch norm folded, and its activation."""
        conv = fold(self.conv.weight, self.bn, mode, stride=self.conv.stride[0])
        return [conv, type(self.activation)()]
