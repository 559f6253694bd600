"""Parts of a sub-network that stands alone: plain layers, with nothing left to choose or fold.

Kernel transformations are applied, slices are copied, and batch norm is folded into the
convolution before it (arXiv 1712.05877, section 3.2), so nothing is left to do per frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynofa_ros.supernet.batch_norm import ElasticBatchNorm, StoredStatistics
from dynofa_ros.supernet.layers import ConvBatchNorm, ElasticSqueezeExcite

if TYPE_CHECKING:
    from dynofa_ros.supernet.config import SubnetConfig
    from dynofa_ros.supernet.inverted_residual import InvertedResidual, InvertedResidualSupernet


class StaticSqueezeExcite(nn.Module):
    """Squeeze-and-excitation with fixed channels."""

    def __init__(self, reduce: nn.Conv2d, expand: nn.Conv2d) -> None:
        super().__init__()
        self.reduce, self.expand = reduce, expand

    def forward(self, x: Tensor) -> Tensor:
        """Scale each channel of (N, C, H, W) by a gate in 0..1."""
        gate = F.relu(self.reduce(x.mean((2, 3), keepdim=True)))
        return x * F.hardsigmoid(self.expand(gate))


class StaticBlock(nn.Module):
    """Layers one after another, added to their input where the block is residual."""

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

    ``head`` runs on the average over the map of the features, (N, C, 1, 1).
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
    """Return the convolution with w * gamma / sigma and beta - mean * gamma / sigma.

    ``weight``, (out, in / groups, k, k), is left as it is.
    """
    channels = weight.shape[0]
    mean, var = mode.of(norm, channels)
    scale = norm.weight[:channels] * torch.rsqrt(var + norm.eps)
    bias = norm.bias[:channels] - mean * scale
    return _conv(weight * scale.view(-1, 1, 1, 1), bias, stride, groups)


def fold_layer(layer: ConvBatchNorm, mode: StoredStatistics) -> list[nn.Module]:
    """Return a convolution with its batch norm folded, and its activation."""
    conv = fold(layer.conv.weight, layer.bn, mode, stride=layer.conv.stride[0])
    return [conv, type(layer.activation)()]


def copy_conv(weight: Tensor, bias: Tensor | None = None) -> nn.Conv2d:
    """Return a convolution with a copy of an (out, in, k, k) weight."""
    return _conv(weight.clone(), None if bias is None else bias.clone())


def copy_linear(layer: nn.Linear, in_features: int | None = None) -> nn.Linear:
    """Return a linear layer with a copy of the weights of the first inputs, or of all."""
    weight = layer.weight[:, :in_features].clone()
    copy = nn.Linear(weight.shape[1], weight.shape[0], device='meta')
    copy.weight = nn.Parameter(weight, requires_grad=False)
    copy.bias = nn.Parameter(layer.bias.clone(), requires_grad=False)
    return copy


def static_features(
    net: InvertedResidualSupernet, config: SubnetConfig, mode: StoredStatistics
) -> list[nn.Module]:
    """Return the stem and the blocks of a sub-network, given in canonical form."""
    blocks = net.active_blocks(config)
    return [
        *fold_layer(net.stem, mode),
        *(static_inverted_residual(block, ks, expand, mode) for block, ks, expand in blocks),
    ]


def static_inverted_residual(
    block: InvertedResidual, kernel_size: int, expand: int, mode: StoredStatistics
) -> StaticBlock:
    """Return an inverted residual block without choices."""
    activation = type(block.activation)
    mid = block.mid_channels(block.in_channels, expand)
    layers: list[nn.Module] = []
    if block.expand is not None and block.expand_bn is not None:
        weight = block.expand.active_weight(block.in_channels, mid)
        layers += [fold(weight, block.expand_bn, mode), activation()]
    weight = block.depthwise.active_weight(mid, kernel_size)
    layers.append(fold(weight, block.depthwise_bn, mode, stride=block.stride, groups=mid))
    layers.append(activation())
    if block.se is not None:
        layers.append(_static_squeeze_excite(block.se, mid))
    weight = block.project.active_weight(mid, block.out_channels)
    layers.append(fold(weight, block.project_bn, mode))
    return StaticBlock(layers, block.residual)


def _static_squeeze_excite(se: ElasticSqueezeExcite, channels: int) -> StaticSqueezeExcite:
    hidden = se.hidden_channels(channels)
    assert se.reduce.bias is not None and se.expand.bias is not None
    return StaticSqueezeExcite(
        copy_conv(se.reduce.weight[:hidden, :channels], se.reduce.bias[:hidden]),
        copy_conv(se.expand.weight[:channels, :hidden], se.expand.bias[:channels]),
    )


class _UnfilledConv2d(nn.Conv2d):
    """A convolution that is not filled with random numbers: nobody would read them."""

    def reset_parameters(self) -> None:
        """Leave the parameters as they are."""


def _conv(weight: Tensor, bias: Tensor | None, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    out_channels, in_per_group, size, _ = weight.shape
    conv: nn.Conv2d = _UnfilledConv2d(
        in_per_group * groups,
        out_channels,
        size,
        stride,
        size // 2,
        groups=groups,
        bias=bias is not None,
        device='meta',
    )
    # Tools that replace layers, quantisation for one, look for exactly this class.
    conv.__class__ = nn.Conv2d
    conv.weight = nn.Parameter(weight, requires_grad=False)
    if bias is not None:
        conv.bias = nn.Parameter(bias, requires_grad=False)
    return conv
