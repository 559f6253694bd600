# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Supernets of inverted residual blocks: the part that the families have in common.

OFA-MobileNetV3 and OFA-ProxylessNAS (Once-for-All, arXiv 1908.09791) are a stem, one fixed block
and stages of elastic blocks. They differ in sizes, activations and head.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from dynofa_ros.supernet.batch_norm import BatchNormMode, ElasticBatchNorm, StoredStatistics
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.extract import StaticBlock, fold
from dynofa_ros.supernet.layers import (
    ConvBatchNorm,
    ElasticConv,
    ElasticDepthwise,
    ElasticSqueezeExcite,
    make_divisible,
)
from dynofa_ros.supernet.official_keys import inverted_residual_key
from dynofa_ros.supernet.supernet import Supernet, SupernetSpec


class InvertedResidual(nn.Module):
    """Expand, depthwise, squeeze-excite, project (MobileNetV3, arXiv 1905.02244)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_sizes: tuple[int, ...],
        max_expand: int,
        stride: int,
        activation: type[nn.Module],
        squeeze_excite: bool = False,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        max_mid = self.mid_channels(in_channels, max_expand)
        self.in_channels, self.out_channels, self.stride = in_channels, out_channels, stride
        self.expand = ElasticConv(in_channels, max_mid) if max_expand > 1 else None
        self.expand_bn = ElasticBatchNorm(max_mid, eps) if max_expand > 1 else None
        self.depthwise = ElasticDepthwise(max_mid, kernel_sizes, stride)
        self.depthwise_bn = ElasticBatchNorm(max_mid, eps)
        self.se = ElasticSqueezeExcite(max_mid) if squeeze_excite else None
        self.project = ElasticConv(max_mid, out_channels)
        self.project_bn = ElasticBatchNorm(out_channels, eps)
        self.activation = activation()
        self.residual = stride == 1 and in_channels == out_channels
        if self.residual:
            # A block that starts as the identity trains faster (arXiv 1706.02677, section 5.1).
            nn.init.zeros_(self.project_bn.weight)

    @staticmethod
    def mid_channels(in_channels: int, expand: int) -> int:
        """Return the channels of the depthwise convolution."""
        return make_divisible(in_channels * expand) if expand > 1 else in_channels

    def forward(self, x: Tensor, kernel_size: int, expand: int, mode: BatchNormMode) -> Tensor:
        """Map (N, in, H, W) to (N, out, H / stride, W / stride)."""
        y = x
        if self.expand is not None and self.expand_bn is not None:
            y = self.expand(y, self.mid_channels(self.in_channels, expand))
            y = self.activation(self.expand_bn(y, mode))
        y = self.activation(self.depthwise_bn(self.depthwise(y, kernel_size), mode))
        if self.se is not None:
            y = self.se(y)
        out: Tensor = self.project_bn(self.project(y, self.out_channels), mode)
        return x + out if self.residual else out

    def extract(self, kernel_size: int, expand: int, mode: StoredStatistics) -> StaticBlock:
        """Return the block for one kernel size and expand ratio."""
        activation = type(self.activation)
        mid = self.mid_channels(self.in_channels, expand)
        layers: list[nn.Module] = []
        if self.expand is not None and self.expand_bn is not None:
            weight = self.expand.active_weight(self.in_channels, mid)
            layers += [fold(weight, self.expand_bn, mode), activation()]
        weight = self.depthwise.active_weight(mid, kernel_size)
        layers.append(fold(weight, self.depthwise_bn, mode, stride=self.stride, groups=mid))
        layers.append(activation())
        if self.se is not None:
            layers.append(self.se.extract(mid))
        weight = self.project.active_weight(mid, self.out_channels)
        layers.append(fold(weight, self.project_bn, mode))
        return StaticBlock(layers, self.residual)


@dataclass(frozen=True, kw_only=True)
class InvertedResidualSpec(SupernetSpec):
    """Sizes of one supernet of inverted residual blocks."""

    width: float
    """Width multiplier."""
    widths: tuple[int, ...]
    """Output channels of stem, first block and each stage, before the width multiplier."""
    stem_stride: int = 2
    first_stride: int = 1
    strides: tuple[int, ...]
    """Stride of the first block of each stage."""
    feature_mix: int = 1280
    """Channels in front of the classifier, before the width multiplier."""

    def channels(self, width: int) -> int:
        """Apply the width multiplier."""
        return make_divisible(width * self.width)


class InvertedResidualSupernet(Supernet):
    """A stem, one fixed block and stages of elastic blocks; the family adds the head."""

    def __init__(
        self,
        spec: InvertedResidualSpec,
        *,
        stem_activation: type[nn.Module],
        activations: tuple[type[nn.Module], ...],
        squeeze_excite: tuple[bool, ...],
        eps: float = 1e-5,
    ) -> None:
        """Build the blocks; ``activations`` are those of the first block and of each stage."""
        super().__init__(spec)
        stem, first, *stages = map(spec.channels, spec.widths)
        self.stem = ConvBatchNorm(3, stem, 3, spec.stem_stride, activation=stem_activation, eps=eps)
        self.first = InvertedResidual(
            stem,
            first,
            kernel_sizes=(3,),
            max_expand=1,
            stride=spec.first_stride,
            activation=activations[0],
            eps=eps,
        )
        self.stages = nn.ModuleList()
        before = first
        for stage, (depth, channels) in enumerate(zip(spec.space.d, stages, strict=True)):
            self.stages.append(
                nn.ModuleList(
                    InvertedResidual(
                        before if block == 0 else channels,
                        channels,
                        kernel_sizes=tuple(int(k) for k in spec.space.allowed('ks')),
                        max_expand=int(spec.space.allowed('e')[-1]),
                        stride=spec.strides[stage] if block == 0 else 1,
                        activation=activations[stage + 1],
                        squeeze_excite=squeeze_excite[stage],
                        eps=eps,
                    )
                    for block in range(int(depth.allowed[-1]))
                )
            )
            before = channels
        self.feature_channels = before

    def active_blocks(self, config: SubnetConfig) -> Iterator[tuple[InvertedResidual, int, int]]:
        """Yield each block of a sub-network with its kernel size and expand ratio."""
        yield self.first, 3, 1
        start = 0
        for blocks, depth in zip(self.stages, config.d, strict=True):
            for index, block in enumerate(blocks[: int(depth)], start):  # type: ignore[index]
                yield block, int(config.ks[index]), int(config.e[index])
            start += len(blocks)  # type: ignore[arg-type]

    def features(self, x: Tensor, config: SubnetConfig, mode: BatchNormMode) -> Tensor:
        """Map (N, 3, r, r) to the last stage's (N, C, H, W)."""
        x = self.stem(x, mode)
        for block, kernel_size, expand in self.active_blocks(config):
            x = block(x, kernel_size, expand, mode)
        return x

    def extract_features(self, config: SubnetConfig, mode: StoredStatistics) -> list[nn.Module]:
        """Return the stem and the blocks of a sub-network, given in canonical form."""
        blocks = self.active_blocks(config)
        return [
            *self.stem.extract(mode),
            *(block.extract(kernel_size, expand, mode) for block, kernel_size, expand in blocks),
        ]

    def official_key(self, key: str) -> str:
        """Return the name of a weight in the official checkpoints."""
        return inverted_residual_key(key)
