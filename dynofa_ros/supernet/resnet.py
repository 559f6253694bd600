# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""OFA-ResNet50: Once-for-All (arXiv 1908.09791) on ResNet50-D (arXiv 1812.01187, figure 2).

A stem of two or three convolutions and four stages of bottleneck blocks. Every stage chooses how
many blocks it runs above its minimum (0, 1 or 2) and its width (an index into 0.65, 0.8, 1.0);
every block chooses the width of its middle (0.2, 0.25 or 0.35 of its output).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynofa_ros.supernet.batch_norm import BatchNormMode, StoredStatistics
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.extract import StaticBlock, StaticSubnet, copy_linear
from dynofa_ros.supernet.layers import ElasticConvBatchNorm, make_divisible, new_classifier
from dynofa_ros.supernet.official_keys import resnet_key
from dynofa_ros.supernet.search_space import OFA_RESOLUTIONS, ElasticDimension, SearchSpace
from dynofa_ros.supernet.supernet import Supernet, SupernetSpec


@dataclass(frozen=True, kw_only=True)
class ResNetSpec(SupernetSpec):
    """Sizes of one OFA-ResNet supernet; the defaults are those of ResNet50.

    ``stem_width`` and ``stage_widths`` are output channels before the width multiplier;
    ``base_depths`` is the minimum number of blocks of each stage.
    """

    width_multipliers: tuple[float, ...] = (0.65, 0.8, 1.0)
    stem_width: int = 64
    stage_widths: tuple[int, ...] = (256, 512, 1024, 2048)
    base_depths: tuple[int, ...] = (2, 2, 4, 2)
    strides: tuple[int, ...] = (1, 2, 2, 2)

    def widths(self, channels: int) -> tuple[int, ...]:
        """Apply every width multiplier to a number of channels; return the widths, ascending."""
        return tuple(make_divisible(channels * width) for width in self.width_multipliers)

    @property
    def inner_stem_widths(self) -> tuple[int, ...]:
        """Widths of the stem's convolutions except the last."""
        return tuple(make_divisible(width // 2) for width in self.widths(self.stem_width))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions with a shortcut (ResNet, arXiv 1512.03385, figure 5).

    A shortcut that changes the shape averages, then convolves (ResNet-D).
    """

    def __init__(
        self, max_in: int, max_out: int, *, max_expand: float, stride: int, reshapes: bool
    ) -> None:
        super().__init__()
        max_mid = self.mid_channels(max_out, max_expand)
        self.stride = stride
        self.conv1 = ElasticConvBatchNorm(max_in, max_mid)
        self.conv2 = ElasticConvBatchNorm(max_mid, max_mid, 3, stride)
        self.conv3 = ElasticConvBatchNorm(max_mid, max_out)
        self.downsample = ElasticConvBatchNorm(max_in, max_out) if reshapes else None
        if not reshapes:
            # A block that starts as the identity trains faster (arXiv 1706.02677, section 5.1).
            nn.init.zeros_(self.conv3.bn.weight)

    @staticmethod
    def mid_channels(out_channels: int, expand: float) -> int:
        """Return the channels of the 3x3 convolution."""
        return make_divisible(round(out_channels * expand))

    def forward(self, x: Tensor, out_channels: int, expand: float, mode: BatchNormMode) -> Tensor:
        """Map (N, C, H, W) to (N, out_channels, ceil(H / stride), ceil(W / stride))."""
        mid = self.mid_channels(out_channels, expand)
        y = F.relu(self.conv1(x, mid, mode))
        y = F.relu(self.conv2(y, mid, mode))
        y = self.conv3(y, out_channels, mode)
        if self.downsample is not None:
            if self.stride > 1:
                x = F.avg_pool2d(x, self.stride, self.stride, ceil_mode=True)
            x = self.downsample(x, out_channels, mode)
        return F.relu(x + y)

    def extract(
        self, in_channels: int, out_channels: int, expand: float, mode: StoredStatistics
    ) -> StaticBottleneck:
        """Return the block for one width and expand ratio."""
        mid = self.mid_channels(out_channels, expand)
        layers = [
            self.conv1.extract(in_channels, mid, mode),
            nn.ReLU(),
            self.conv2.extract(mid, mid, mode),
            nn.ReLU(),
            self.conv3.extract(mid, out_channels, mode),
        ]
        shortcut: list[nn.Module] = []
        if self.downsample is not None:
            if self.stride > 1:
                shortcut.append(nn.AvgPool2d(self.stride, self.stride, ceil_mode=True))
            shortcut.append(self.downsample.extract(in_channels, out_channels, mode))
        return StaticBottleneck(layers, shortcut)


class StaticBottleneck(nn.Module):
    """A bottleneck block with fixed sizes."""

    def __init__(self, layers: list[nn.Module], shortcut: list[nn.Module]) -> None:
        super().__init__()
        self.layers, self.shortcut = nn.Sequential(*layers), nn.Sequential(*shortcut)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, ceil(H / stride), ceil(W / stride))."""
        return F.relu(self.layers(x) + self.shortcut(x))


class OFAResNet(Supernet):
    """The supernet of ResNet50."""

    spec: ResNetSpec

    def __init__(self, spec: ResNetSpec) -> None:
        super().__init__(spec)
        inner, channels = spec.inner_stem_widths[-1], spec.widths(spec.stem_width)[-1]
        self.stem = nn.ModuleList(
            (
                ElasticConvBatchNorm(3, inner, 3, 2),
                ElasticConvBatchNorm(inner, inner, 3),
                ElasticConvBatchNorm(inner, channels, 3),
            )
        )
        self.stages = nn.ModuleList()
        for width, least, depth, stride in zip(
            spec.stage_widths, spec.base_depths, spec.space.d[1:], spec.strides, strict=True
        ):
            out_channels = spec.widths(width)[-1]
            self.stages.append(
                nn.ModuleList(
                    Bottleneck(
                        channels if block == 0 else out_channels,
                        out_channels,
                        max_expand=spec.space.allowed('e')[-1],
                        stride=stride if block == 0 else 1,
                        reshapes=block == 0,
                    )
                    for block in range(least + int(depth.allowed[-1]))
                )
            )
            channels = out_channels
        self.classifier = new_classifier(channels, spec.classes)
        self.name_batch_norms()

    @property
    def stem_layers(self) -> tuple[ElasticConvBatchNorm, ...]:
        """The stem's three convolutions; the second, which has a shortcut, is optional."""
        return tuple(self.stem)  # type: ignore[arg-type]

    def stem_widths(self, config: SubnetConfig) -> tuple[int, int]:
        """Return the output channels of the stem's inner convolutions and of its last one."""
        spec = self.spec
        return (
            spec.inner_stem_widths[int(config.w[0])],
            spec.widths(spec.stem_width)[int(config.w[1])],
        )

    def active_blocks(self, config: SubnetConfig) -> Iterator[tuple[Bottleneck, int, float]]:
        """Yield each block of a sub-network with its output channels and expand ratio."""
        start = 0
        for stage, blocks in enumerate(self.stages):
            out_channels = self.spec.widths(self.spec.stage_widths[stage])[int(config.w[stage + 2])]
            depth = self.spec.base_depths[stage] + int(config.d[stage + 1])
            for index, block in enumerate(blocks[:depth], start):  # type: ignore[index]
                yield block, out_channels, config.e[index]
            start += len(blocks)  # type: ignore[arg-type]

    def run(self, x: Tensor, config: SubnetConfig, mode: BatchNormMode) -> Tensor:
        """Run a sub-network, given in canonical form, on (N, 3, r, r); return (N, classes)."""
        inner, out_channels = self.stem_widths(config)
        first, second, last = self.stem_layers
        x = F.relu(first(x, inner, mode))
        if config.d[0]:
            x = x + F.relu(second(x, inner, mode))
        x = F.max_pool2d(F.relu(last(x, out_channels, mode)), 3, 2, 1)
        for block, out_channels, expand in self.active_blocks(config):
            x = block(x, out_channels, expand, mode)
        x = x.mean((2, 3))
        return F.linear(x, self.classifier.weight[:, : x.shape[1]], self.classifier.bias)

    @torch.no_grad()
    def extract_subnet(self, config: SubnetConfig) -> StaticSubnet:
        """Return a sub-network as a plain network; see :meth:`Supernet.extract_subnet`."""
        config = self.space.canonical(config)
        mode = self.stored(config)
        inner, channels = self.stem_widths(config)
        first, second, last = self.stem_layers
        features: list[nn.Module] = [first.extract(3, inner, mode), nn.ReLU()]
        if config.d[0]:
            layers = [second.extract(inner, inner, mode), nn.ReLU()]
            features.append(StaticBlock(layers, residual=True))
        features += [last.extract(inner, channels, mode), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        for block, out_channels, expand in self.active_blocks(config):
            features.append(block.extract(channels, out_channels, expand, mode))
            channels = out_channels
        weight = self.classifier.weight[:, :channels]
        return StaticSubnet(features, [], copy_linear(weight, self.classifier.bias))

    def official_key(self, key: str) -> str:
        """Return the name of a weight in the official checkpoint."""
        return resnet_key(key)


def resnet_space(
    *,
    base_depths: tuple[int, ...] = ResNetSpec.base_depths,
    extra_depths: tuple[int, ...] = (0, 1, 2),
    expand_ratios: tuple[float, ...] = (0.2, 0.25, 0.35),
    widths: int = len(ResNetSpec.width_multipliers),
    resolutions: tuple[int, ...] = OFA_RESOLUTIONS,
) -> SearchSpace:
    """Return a space of bottleneck blocks, by default that of the official checkpoint.

    A stage has ``base_depths`` blocks and as many of ``extra_depths`` as it chooses; the stem and
    every stage choose one of ``widths`` multipliers.
    """
    gates = [
        (stage, block - least) if block >= least else None
        for stage, least in enumerate(base_depths, start=1)
        for block in range(least + max(extra_depths))
    ]
    return SearchSpace(
        d=(ElasticDimension((0, 2)), *(ElasticDimension(extra_depths) for _ in base_depths)),
        e=tuple(ElasticDimension(expand_ratios, gate) for gate in gates),
        w=(ElasticDimension(tuple(range(widths))),) * (2 + len(base_depths)),
        resolutions=resolutions,
    )


def ofa_resnet50() -> OFAResNet:
    """Build the ImageNet supernet of the official checkpoint."""
    return OFAResNet(ResNetSpec(name='ofa_resnet50', space=resnet_space()))
