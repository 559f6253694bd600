"""The inverted residual block, and what the supernets that are built of it share.

OFA-MobileNetV3 and OFA-ProxylessNAS (Once-for-All, arXiv 1908.09791) are a stem, one fixed block
and stages of elastic blocks; they differ in sizes, activations and in what follows the stages.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from dynofa_ros.supernet.batch_norm import BatchNormMode, ElasticBatchNorm
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.layers import (
    ConvBatchNorm,
    ElasticConv,
    ElasticDepthwise,
    ElasticSqueezeExcite,
    make_divisible,
)
from dynofa_ros.supernet.search_space import SearchSpace
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


def elastic_stage(
    in_channels: int,
    out_channels: int,
    *,
    blocks: int,
    stride: int,
    space: SearchSpace,
    activation: type[nn.Module],
    squeeze_excite: bool = False,
    eps: float = 1e-5,
) -> nn.ModuleList:
    """Return a stage of elastic blocks, the first of which has the stride."""
    return nn.ModuleList(
        InvertedResidual(
            in_channels if block == 0 else out_channels,
            out_channels,
            kernel_sizes=tuple(int(k) for k in space.allowed('ks')),
            max_expand=int(space.allowed('e')[-1]),
            stride=stride if block == 0 else 1,
            activation=activation,
            squeeze_excite=squeeze_excite,
            eps=eps,
        )
        for block in range(blocks)
    )


class InvertedResidualSupernet(Supernet):
    """A stem, one fixed block and stages of elastic ones; what follows is the family's."""

    def __init__(
        self,
        spec: SupernetSpec,
        *,
        stem: ConvBatchNorm,
        first: InvertedResidual,
        stages: nn.ModuleList,
    ) -> None:
        super().__init__(spec)
        self.stem, self.first, self.stages = stem, first, stages

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
