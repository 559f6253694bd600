"""Take one sub-network out of an OFA-ResNet as a plain network of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynofa_ros.supernet.batch_norm import StoredStatistics
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.extract import StaticBlock, StaticSubnet, copy_linear, fold

if TYPE_CHECKING:
    from dynofa_ros.supernet.resnet import Bottleneck, ElasticConvBatchNorm, OFAResNet


class StaticBottleneck(nn.Module):
    """A bottleneck block without choices."""

    def __init__(self, layers: list[nn.Module], shortcut: list[nn.Module]) -> None:
        super().__init__()
        self.layers, self.shortcut = nn.Sequential(*layers), nn.Sequential(*shortcut)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, ceil(H / stride), ceil(W / stride))."""
        return F.relu(self.layers(x) + self.shortcut(x))


@torch.no_grad()
def extract_resnet(net: OFAResNet, config: SubnetConfig) -> StaticSubnet:
    """Return a sub-network as a plain network; see :meth:`Supernet.extract_subnet`."""
    config = net.space.canonical(config)
    mode = net.stored(config)
    inner, channels = net.stem_widths(config)
    first, second, last = net.stem_layers
    features: list[nn.Module] = [_conv(first, 3, inner, mode), nn.ReLU()]
    if config.d[0]:
        features.append(StaticBlock([_conv(second, inner, inner, mode), nn.ReLU()], residual=True))
    features += [_conv(last, inner, channels, mode), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    for block, out_channels, expand in net.active_blocks(config):
        features.append(_static_bottleneck(block, channels, out_channels, expand, mode))
        channels = out_channels
    return StaticSubnet(features, [], copy_linear(net.classifier, channels))


def _static_bottleneck(
    block: Bottleneck, channels: int, out_channels: int, expand: float, mode: StoredStatistics
) -> StaticBottleneck:
    mid = block.mid_channels(out_channels, expand)
    layers = [
        _conv(block.conv1, channels, mid, mode),
        nn.ReLU(),
        _conv(block.conv2, mid, mid, mode),
        nn.ReLU(),
        _conv(block.conv3, mid, out_channels, mode),
    ]
    shortcut: list[nn.Module] = []
    if block.downsample is not None:
        if block.stride > 1:
            shortcut.append(nn.AvgPool2d(block.stride, block.stride, ceil_mode=True))
        shortcut.append(_conv(block.downsample, channels, out_channels, mode))
    return StaticBottleneck(layers, shortcut)


def _conv(
    layer: ElasticConvBatchNorm, in_channels: int, out_channels: int, mode: StoredStatistics
) -> nn.Conv2d:
    weight = layer.conv.active_weight(in_channels, out_channels)
    return fold(weight, layer.bn, mode, stride=layer.conv.stride)
