# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The layers of EfficientNet-Lite: convolutions with TensorFlow's padding ``SAME``."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from dynofa_ros.supernet.extract import StaticBlock

# From the official implementation (EfficientNet, arXiv 1905.11946).
BATCH_NORM_EPS = 1e-3
BATCH_NORM_MOMENTUM = 0.01


def same_padding(side: int, kernel_size: int, stride: int) -> tuple[int, int]:
    """Return the padding before and after that makes the output side ``ceil(side / stride)``.

    This is TensorFlow's padding ``SAME``: if the sum is odd, the larger part comes after.
    """
    outputs = -(-side // stride)
    total = max((outputs - 1) * stride + kernel_size - side, 0)
    return total // 2, total - total // 2


class SameConvNorm(nn.Module):
    """A convolution with TensorFlow's padding ``SAME``, then batch norm."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        groups: int = 1,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel_size, stride, groups=groups, bias=False
        )
        nn.init.kaiming_normal_(self.conv.weight, mode='fan_out')
        self.norm = nn.BatchNorm2d(out_channels, eps=BATCH_NORM_EPS, momentum=BATCH_NORM_MOMENTUM)

    def output_side(self, side: int) -> int:
        """Return the side of the output."""
        return -(-side // self.stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, side, side) to (N, out_channels, output_side, output_side)."""
        before, after = same_padding(x.shape[-1], self.kernel_size, self.stride)
        if before != after:
            x = F.pad(x, (before, after, before, after))
            before = 0
        conv = self.conv
        return self.norm(F.conv2d(x, conv.weight, None, self.stride, before, 1, conv.groups))

    def extract(self, side: int) -> list[nn.Module]:
        """Return equivalent layers for one input side, with batch norm folded."""
        before, after = same_padding(side, self.kernel_size, self.stride)
        symmetric = before == after
        conv = nn.Conv2d(
            self.conv.in_channels,
            self.conv.out_channels,
            self.kernel_size,
            self.stride,
            before if symmetric else 0,
            groups=self.conv.groups,
            device='meta',
        )
        norm = self.norm
        assert norm.running_mean is not None and norm.running_var is not None
        conv.weight, conv.bias = fuse_conv_bn_weights(
            self.conv.weight,
            None,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
        )
        conv.requires_grad_(False)
        return [conv] if symmetric else [nn.ZeroPad2d((before, after, before, after)), conv]


class LiteBlock(nn.Module):
    """Expand, depthwise, project: an inverted residual without squeeze-and-excitation."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, *, stride: int, expand: int
    ) -> None:
        super().__init__()
        mid = in_channels * expand
        self.expand = SameConvNorm(in_channels, mid, 1) if expand > 1 else None
        self.depthwise = SameConvNorm(mid, mid, kernel_size, stride=stride, groups=mid)
        self.project = SameConvNorm(mid, out_channels, 1)
        self.residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, side, side) to (N, out, s, s) with s = ceil(side / stride)."""
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.residual else y

    def extract(self, side: int) -> StaticBlock:
        """Return the block for one input side, with batch norm folded."""
        layers: list[nn.Module] = []
        if self.expand is not None:
            layers += [*self.expand.extract(side), nn.ReLU6()]
        layers += [*self.depthwise.extract(side), nn.ReLU6()]
        return StaticBlock(layers + self.project.extract(side), self.residual)
