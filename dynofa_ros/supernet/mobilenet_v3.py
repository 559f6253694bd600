"""OFA-MobileNetV3: the supernet of Once-for-All (arXiv 1908.09791), for any input size.

Five stages of two to four inverted residual blocks; each block chooses kernel size 3, 5 or 7
and expand ratio 3, 4 or 6. Every smaller sub-network uses the first channels, the first blocks
and the transformed kernel centres of the larger ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynofa_ros.supernet.batch_norm import (
    BatchNormMode,
    BatchStatistics,
    ElasticBatchNorm,
    Statistics,
    StoredStatistics,
)
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.extract import StaticSubnet, extract_subnet
from dynofa_ros.supernet.layers import (
    ConvBatchNorm,
    ElasticDepthwise,
    ElasticPointwise,
    ElasticSqueezeExcite,
    make_divisible,
)
from dynofa_ros.supernet.search_space import SearchSpace


@dataclass(frozen=True)
class MobileNetV3Spec:
    """Sizes of one OFA-MobileNetV3 supernet.

    ``widths`` are the output channels of the stem, of the first block and of each stage before
    the width multiplier. ``strides`` are those of the first block and of each stage's first
    block. ``mean`` and ``std`` normalise RGB in 0..1.
    """

    name: str
    space: SearchSpace
    classes: int
    width: float
    stem_stride: int
    first_stride: int
    strides: tuple[int, ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    widths: tuple[int, ...] = (16, 16, 24, 40, 80, 112, 160)
    squeeze_excite: tuple[bool, ...] = (False, True, False, True, True)
    hard_swish: tuple[bool, ...] = (False, False, True, True, True)
    final_expand: int = 960
    feature_mix: int = 1280
    dropout: float = field(default=0.0)


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
        squeeze_excite: bool,
        hard_swish: bool,
    ) -> None:
        super().__init__()
        max_mid = self.mid_channels(in_channels, max_expand)
        self.in_channels, self.out_channels, self.stride = in_channels, out_channels, stride
        self.expand = ElasticPointwise(in_channels, max_mid) if max_expand > 1 else None
        self.expand_bn = ElasticBatchNorm(max_mid) if max_expand > 1 else None
        self.depthwise = ElasticDepthwise(max_mid, kernel_sizes, stride)
        self.depthwise_bn = ElasticBatchNorm(max_mid)
        self.se = ElasticSqueezeExcite(max_mid) if squeeze_excite else None
        self.project = ElasticPointwise(max_mid, out_channels)
        self.project_bn = ElasticBatchNorm(out_channels)
        self.hard_swish = hard_swish
        self.activation = F.hardswish if hard_swish else F.relu
        self.residual = stride == 1 and in_channels == out_channels
        if self.residual:
            # A block that starts as the identity trains faster (arXiv 1706.02677, section 5.1).
            nn.init.zeros_(self.project_bn.weight)

    @staticmethod
    def mid_channels(in_channels: int, expand: int) -> int:
        """Channels of the depthwise convolution."""
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


class OFAMobileNetV3(nn.Module):
    """The supernet. ``net(x)`` runs the active sub-network, at first the largest."""

    def __init__(self, spec: MobileNetV3Spec) -> None:
        super().__init__()
        self.spec = spec
        self.space = spec.space
        self.statistics: dict[SubnetConfig, Statistics] = {}
        channels = [make_divisible(c * spec.width) for c in spec.widths]
        self.stem = ConvBatchNorm(3, channels[0], 3, spec.stem_stride)
        self.first = InvertedResidual(
            channels[0],
            channels[1],
            kernel_sizes=(3,),
            max_expand=1,
            stride=spec.first_stride,
            squeeze_excite=False,
            hard_swish=False,
        )
        self.stages = nn.ModuleList(
            nn.ModuleList(
                InvertedResidual(
                    channels[stage + 1] if block == 0 else channels[stage + 2],
                    channels[stage + 2],
                    kernel_sizes=spec.space.kernel_sizes,
                    max_expand=max(spec.space.expand_ratios),
                    stride=spec.strides[stage] if block == 0 else 1,
                    squeeze_excite=spec.squeeze_excite[stage],
                    hard_swish=spec.hard_swish[stage],
                )
                for block in range(spec.space.blocks_per_stage)
            )
            for stage in range(spec.space.stages)
        )
        self.final_expand = ConvBatchNorm(
            channels[-1], make_divisible(spec.final_expand * spec.width), 1, 1
        )
        mix = make_divisible(spec.feature_mix * spec.width)
        self.feature_mix = nn.Conv2d(self.final_expand.conv.out_channels, mix, 1, bias=False)
        self.dropout = nn.Dropout(spec.dropout)
        self.classifier = nn.Linear(mix, spec.classes)
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)
        for name, module in self.named_modules():
            if isinstance(module, ElasticBatchNorm):
                module.name = name
        self._active = self.space.max_config()

    @property
    def active_subnet(self) -> SubnetConfig:
        """The sub-network that ``net(x)`` runs."""
        return self._active

    def set_active_subnet(self, config: SubnetConfig) -> None:
        """Choose the sub-network that ``net(x)`` runs from now on.

        Raises:
            SubnetConfigError: naming the field, the value and what is allowed.
        """
        self._active = self.space.canonical(config)

    def active_blocks(self, config: SubnetConfig) -> Iterator[tuple[InvertedResidual, int, int]]:
        """Yield each block of a sub-network with its kernel size and expand ratio."""
        yield self.first, 3, 1
        depth = self.space.blocks_per_stage
        for stage, blocks in enumerate(self.stages):
            for block in range(config.d[stage]):
                index = stage * depth + block
                yield blocks[block], config.ks[index], config.e[index]  # type: ignore[index]

    def mode(self, config: SubnetConfig) -> BatchNormMode:
        """Return what a pass of this sub-network normalises with."""
        if self.training:
            return BatchStatistics()
        return StoredStatistics(self.statistics.get(config))

    def forward(
        self, x: Tensor, config: SubnetConfig | None = None, mode: BatchNormMode | None = None
    ) -> Tensor:
        """Run a sub-network (the active one unless given) on (N, 3, r, r) float32.

        Returns logits, (N, classes). In evaluation mode batch norm uses the sub-network's own
        calibrated statistics where there are any, else the supernet's shared ones.

        Raises:
            SubnetConfigError: if the config is not of the supernet's space.
        """
        config = self._active if config is None else self.space.canonical(config)
        mode = self.mode(config) if mode is None else mode
        x = self.stem(x, mode)
        for block, kernel_size, expand in self.active_blocks(config):
            x = block(x, kernel_size, expand, mode)
        x = self.final_expand(x, mode)
        x = F.hardswish(self.feature_mix(x.mean((2, 3), keepdim=True)))
        logits: Tensor = self.classifier(self.dropout(x.flatten(1)))
        return logits

    def set_statistics(self, config: SubnetConfig, statistics: Statistics) -> None:
        """Give a sub-network batch norm statistics of its own."""
        self.statistics[self.space.canonical(config)] = statistics

    def extract_subnet(self, config: SubnetConfig) -> StaticSubnet:
        """Return a sub-network as a plain network; see :func:`~.extract.extract_subnet`."""
        return extract_subnet(self, config)

    def load_checkpoint(self, path: str | Path) -> None:
        """Load weights from a file that holds ``{'state_dict': ...}``, of any float type.

        Raises:
            RuntimeError: naming the keys that are missing, unknown or of another shape.
        """
        stored = torch.load(path, weights_only=True, map_location='cpu')
        self.load_state_dict({name: value.float() for name, value in stored['state_dict'].items()})
        self.statistics.clear()
