"""OFA-MobileNetV3: the supernet of Once-for-All (arXiv 1908.09791), for any input size.

Five stages of two to four inverted residual blocks; each block chooses kernel size 3, 5 or 7
and expand ratio 3, 4 or 6. Every smaller sub-network uses the first channels, the first blocks
and the transformed kernel centres of the larger ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch.nn.functional as F
from torch import Tensor, nn

from dynofa_ros.supernet.batch_norm import BatchNormMode, ElasticBatchNorm
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
from dynofa_ros.supernet.supernet import Supernet


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


class OFAMobileNetV3(Supernet):
    """The supernet of MobileNetV3-Large."""

    spec: MobileNetV3Spec

    def __init__(self, spec: MobileNetV3Spec) -> None:
        super().__init__(spec)
        kernel_sizes = tuple(int(k) for k in spec.space.allowed('ks'))
        self._stage_blocks = int(spec.space.allowed('d')[-1])
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
                    kernel_sizes=kernel_sizes,
                    max_expand=int(spec.space.allowed('e')[-1]),
                    stride=spec.strides[stage] if block == 0 else 1,
                    squeeze_excite=spec.squeeze_excite[stage],
                    hard_swish=spec.hard_swish[stage],
                )
                for block in range(self._stage_blocks)
            )
            for stage in range(len(spec.space.d))
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
        self.name_batch_norms()

    def active_blocks(self, config: SubnetConfig) -> Iterator[tuple[InvertedResidual, int, int]]:
        """Yield each block of a sub-network with its kernel size and expand ratio."""
        yield self.first, 3, 1
        for stage, blocks in enumerate(self.stages):
            for block in range(int(config.d[stage])):
                index = stage * self._stage_blocks + block
                yield blocks[block], int(config.ks[index]), int(config.e[index])  # type: ignore[index]

    def run(self, x: Tensor, config: SubnetConfig, mode: BatchNormMode) -> Tensor:
        """Run a sub-network, given in canonical form, on (N, 3, r, r); return (N, classes)."""
        x = self.stem(x, mode)
        for block, kernel_size, expand in self.active_blocks(config):
            x = block(x, kernel_size, expand, mode)
        x = self.final_expand(x, mode)
        x = F.hardswish(self.feature_mix(x.mean((2, 3), keepdim=True)))
        logits: Tensor = self.classifier(self.dropout(x.flatten(1)))
        return logits

    def extract_subnet(self, config: SubnetConfig) -> StaticSubnet:
        """Return a sub-network as a plain network; see :func:`~.extract.extract_subnet`."""
        return extract_subnet(self, config)
