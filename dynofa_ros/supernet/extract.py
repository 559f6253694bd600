"""Take one sub-network out of a supernet as a plain network of its own.

Kernel transformations are applied, slices are copied, and batch norm is folded into the
convolution before it (arXiv 1712.05877, section 3.2), so nothing is left to do per frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynofa_ros.supernet.batch_norm import ElasticBatchNorm, StoredStatistics
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.layers import ElasticSqueezeExcite

if TYPE_CHECKING:
    from dynofa_ros.supernet.mobilenet_v3 import InvertedResidual, OFAMobileNetV3


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
    """An inverted residual block without choices."""

    def __init__(self, layers: list[nn.Module], residual: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, H / stride, W / stride)."""
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


class StaticSubnet(nn.Module):
    """One sub-network: (N, 3, r, r) float32 to logits, (N, classes)."""

    def __init__(self, features: nn.Sequential, mix: nn.Conv2d, classifier: nn.Linear) -> None:
        super().__init__()
        self.features, self.mix, self.classifier = features, mix, classifier

    def forward(self, x: Tensor) -> Tensor:
        """Run the sub-network."""
        x = self.features(x).mean((2, 3), keepdim=True)
        logits: Tensor = self.classifier(F.hardswish(self.mix(x)).flatten(1))
        return logits


@torch.no_grad()
def extract_subnet(net: OFAMobileNetV3, config: SubnetConfig) -> StaticSubnet:
    """Return a sub-network with weights of its own, in evaluation mode.

    Its output equals ``net(x, config)`` in evaluation mode up to float32 rounding.

    Raises:
        SubnetConfigError: if the config is not of the supernet's space.
    """
    config = net.space.canonical(config)
    mode = net.stored(config)
    stem = net.stem.conv
    layers: list[nn.Module] = [
        _folded(stem.weight, net.stem.bn, mode, stride=stem.stride[0]),
        nn.Hardswish(),
    ]
    for block, kernel_size, expand in net.active_blocks(config):
        layers.append(_static_block(block, kernel_size, expand, mode))
    layers += [_folded(net.final_expand.conv.weight, net.final_expand.bn, mode), nn.Hardswish()]
    mix = _convolution(net.feature_mix.weight, None)
    classifier = nn.Linear(net.classifier.in_features, net.classifier.out_features)
    classifier.load_state_dict(net.classifier.state_dict())
    return StaticSubnet(nn.Sequential(*layers), mix, classifier).eval()


def _static_block(
    block: InvertedResidual, kernel_size: int, expand: int, mode: StoredStatistics
) -> StaticBlock:
    def activation() -> nn.Module:
        return nn.Hardswish() if block.hard_swish else nn.ReLU()

    mid = block.mid_channels(block.in_channels, expand)
    layers: list[nn.Module] = []
    if block.expand is not None and block.expand_bn is not None:
        weight = block.expand.active_weight(block.in_channels, mid)
        layers += [_folded(weight, block.expand_bn, mode), activation()]
    weight = block.depthwise.active_weight(mid, kernel_size)
    layers.append(_folded(weight, block.depthwise_bn, mode, stride=block.stride, groups=mid))
    layers.append(activation())
    if block.se is not None:
        layers.append(_static_squeeze_excite(block.se, mid))
    weight = block.project.active_weight(mid, block.out_channels)
    layers.append(_folded(weight, block.project_bn, mode))
    return StaticBlock(layers, block.residual)


def _static_squeeze_excite(se: ElasticSqueezeExcite, channels: int) -> StaticSqueezeExcite:
    hidden = se.hidden_channels(channels)
    assert se.reduce.bias is not None and se.expand.bias is not None
    return StaticSqueezeExcite(
        _convolution(se.reduce.weight[:hidden, :channels], se.reduce.bias[:hidden]),
        _convolution(se.expand.weight[:channels, :hidden], se.expand.bias[:channels]),
    )


def _folded(
    weight: Tensor, norm: ElasticBatchNorm, mode: StoredStatistics, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    """Return the convolution with w * gamma / sigma and beta - mean * gamma / sigma."""
    channels = weight.shape[0]
    mean, var = mode.of(norm, channels)
    scale = norm.weight[:channels] * torch.rsqrt(var + norm.eps)
    bias = norm.bias[:channels] - mean * scale
    return _convolution(weight * scale.view(-1, 1, 1, 1), bias, stride, groups)


def _convolution(
    weight: Tensor, bias: Tensor | None, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    out_channels, in_per_group, size, _ = weight.shape
    conv = nn.Conv2d(
        in_per_group * groups,
        out_channels,
        size,
        stride,
        size // 2,
        groups=groups,
        bias=bias is not None,
        device='meta',
    )
    conv.weight = nn.Parameter(weight.detach().clone(), requires_grad=False)
    if bias is not None:
        conv.bias = nn.Parameter(bias.detach().clone(), requires_grad=False)
    return conv
