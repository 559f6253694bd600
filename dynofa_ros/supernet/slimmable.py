# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Slimmable networks of inverted residuals: one set of weights at a few widths.

The dynamic networks with which the Dynamic-OFA paper compares: slimmable MobileNetV2 (Slimmable
Networks, arXiv 1812.08928; universally slimmable, arXiv 1903.05134) and AutoSlim's networks
(arXiv 1903.11728), each of whose layers has a width of its own. A narrower network uses the first
channels of every layer. Each width has its own batch norm, so none needs calibration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from dynofa_ros.supernet.batch_norm import BatchNormMode
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.depthwise import depthwise_conv2d
from dynofa_ros.supernet.extract import StaticBlock, StaticSubnet, copy_conv, copy_linear
from dynofa_ros.supernet.layers import make_divisible, new_classifier
from dynofa_ros.supernet.search_space import ElasticDimension, SearchSpace
from dynofa_ros.supernet.supernet import Supernet, SupernetSpec

# MobileNetV2 (arXiv 1801.04381, table 2): expand ratio, channels, blocks, stride of the first.
MOBILENET_V2 = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
STEM_CHANNELS, HEAD_CHANNELS = 32, 1280


@dataclass(frozen=True, kw_only=True)
class SlimmableSpec(SupernetSpec):
    """Sizes of one slimmable network.

    The first block has no expansion. ``channels`` has one list per width, the narrowest first: the
    channels of the stem, of the first block, then hidden and output channels of every further
    block, and those of the last convolution.
    """

    strides: tuple[int, ...]
    """Of each block."""
    kernel_sizes: tuple[int, ...]
    channels: tuple[tuple[int, ...], ...]
    stem_stride: int = 2


class SlimmableConv(nn.Module):
    """A convolution with its batch norm, both sliced to one of several widths."""

    def __init__(
        self,
        inputs: Sequence[int],
        outputs: Sequence[int],
        kernel_size: int = 1,
        *,
        stride: int = 1,
        depthwise: bool = False,
    ) -> None:
        """Make the weights of the widest; `inputs` and `outputs` are the channels by width."""
        super().__init__()
        self.inputs, self.outputs = tuple(inputs), tuple(outputs)
        self.stride, self.depthwise = stride, depthwise
        fan_in = 1 if depthwise else max(inputs)
        self.weight = nn.Parameter(torch.empty(max(outputs), fan_in, kernel_size, kernel_size))
        nn.init.kaiming_normal_(self.weight, mode='fan_in' if depthwise else 'fan_out')
        self.norms = nn.ModuleList(nn.BatchNorm2d(each) for each in outputs)

    def _active(self, width: int) -> Tensor:
        weight = self.weight[: self.outputs[width]]
        return weight if self.depthwise else weight[:, : self.inputs[width]]

    def forward(self, x: Tensor, width: int) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, ceil(H / stride), ceil(W / stride))."""
        weight = self._active(width)
        if self.depthwise:
            y = depthwise_conv2d(x, weight, self.stride)
        else:
            y = F.conv2d(x, weight, stride=self.stride, padding=weight.shape[-1] // 2)
        normalised: Tensor = self.norms[width](y)
        return normalised

    def extract(self, width: int) -> nn.Conv2d:
        """Return the convolution of one width with its batch norm folded."""
        norm, weight = self.norms[width], self._active(width)
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None and norm.running_var is not None
        weight, bias = fuse_conv_bn_weights(
            weight, None, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        )
        groups = self.outputs[width] if self.depthwise else 1
        return copy_conv(weight, bias, stride=self.stride, groups=groups)


class SlimmableBlock(nn.Module):
    """An inverted residual (MobileNetV2): expand, depthwise, project."""

    def __init__(
        self,
        inputs: Sequence[int],
        hidden: Sequence[int] | None,
        outputs: Sequence[int],
        *,
        kernel_size: int,
        stride: int,
    ) -> None:
        """Build a block whose channels are given by width; without `hidden` it does not expand."""
        super().__init__()
        middle = hidden or inputs
        self.inputs, self.outputs, self.stride = inputs, outputs, stride
        self.expand = SlimmableConv(inputs, hidden) if hidden else None
        self.depthwise = SlimmableConv(middle, middle, kernel_size, stride=stride, depthwise=True)
        self.project = SlimmableConv(middle, outputs)

    def _residual(self, width: int) -> bool:
        return self.stride == 1 and self.inputs[width] == self.outputs[width]

    def forward(self, x: Tensor, width: int) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, ceil(H / stride), ceil(W / stride))."""
        y = x if self.expand is None else F.relu6(self.expand(x, width))
        y = self.project(F.relu6(self.depthwise(y, width)), width)
        return x + y if self._residual(width) else y

    def extract(self, width: int) -> StaticBlock:
        """Return the block of one width, with batch norm folded."""
        layers: list[nn.Module] = []
        if self.expand is not None:
            layers += [self.expand.extract(width), nn.ReLU6()]
        layers += [self.depthwise.extract(width), nn.ReLU6(), self.project.extract(width)]
        return StaticBlock(layers, self._residual(width))


class SlimmableNetwork(Supernet):
    """A network at several widths; ``w`` is the index of the width, 0 the narrowest."""

    spec: SlimmableSpec

    def __init__(self, spec: SlimmableSpec) -> None:
        super().__init__(spec)
        stem, first, *others, last = zip(*spec.channels, strict=True)
        self.stem = SlimmableConv((3,) * len(stem), stem, 3, stride=spec.stem_stride)
        hidden, outputs = [None, *others[::2]], [first, *others[1::2]]
        self.blocks = nn.ModuleList()
        inputs = stem
        for index, (middle, output) in enumerate(zip(hidden, outputs, strict=True)):
            block = SlimmableBlock(
                inputs,
                middle,
                output,
                kernel_size=spec.kernel_sizes[index],
                stride=spec.strides[index],
            )
            self.blocks.append(block)
            inputs = output
        self.last = SlimmableConv(inputs, last)
        self.classifier = new_classifier(max(last), spec.classes)

    def run(self, x: Tensor, config: SubnetConfig, mode: BatchNormMode) -> Tensor:
        """Run one width on (N, 3, r, r); return (N, classes). Its batch norm needs no ``mode``."""
        width = int(config.w[0])
        x = F.relu6(self.stem(x, width))
        for block in self.blocks:
            x = block(x, width)
        x = F.relu6(self.last(x, width)).mean((2, 3))
        weight = self.classifier.weight[:, : x.shape[1]]
        return F.linear(x, weight, self.classifier.bias)

    @torch.no_grad()
    def extract_subnet(self, config: SubnetConfig) -> StaticSubnet:
        """Return one width as a plain network; see :meth:`Supernet.extract_subnet`."""
        width = int(self.space.canonical(config).w[0])
        layers: list[nn.Module] = [self.stem.extract(width), nn.ReLU6()]
        for block in self.blocks:
            assert isinstance(block, SlimmableBlock)
            layers.append(block.extract(width))
        layers += [self.last.extract(width), nn.ReLU6()]
        weight = self.classifier.weight[:, : self.last.outputs[width]]
        return StaticSubnet(layers, (), copy_linear(weight, self.classifier.bias))


def slimmable_space(*, widths: int, resolutions: tuple[int, ...]) -> SearchSpace:
    """Return the space of a slimmable network with this number of widths."""
    return SearchSpace(w=(ElasticDimension(tuple(range(widths))),), resolutions=resolutions)


def mobilenet_v2_channels(width: float, last: int = HEAD_CHANNELS) -> tuple[int, ...]:
    """Return the channels of MobileNetV2 at a width multiplier, in the order of `SlimmableSpec`.

    The last convolution does not become narrower than `last` (reference code of MobileNetV2).
    """
    inputs = make_divisible(STEM_CHANNELS * width)
    channels = [inputs]
    for expand, output, blocks, _ in MOBILENET_V2:
        for _ in range(blocks):
            if expand > 1:
                channels.append(inputs * expand)
            inputs = make_divisible(output * width)
            channels.append(inputs)
    return (*channels, max(last, make_divisible(HEAD_CHANNELS * width)))


def mobilenet_v2_strides(first: Sequence[int]) -> tuple[int, ...]:
    """Return the stride of each block of MobileNetV2, from those of the `first` of each stage."""
    return tuple(
        stride if block == 0 else 1
        for (_, _, blocks, _), stride in zip(MOBILENET_V2, first, strict=True)
        for block in range(blocks)
    )


def slimmable_mobilenet_v2(widths: Sequence[float] = (0.35, 0.5, 0.75, 1.0)) -> SlimmableNetwork:
    """Build slimmable MobileNetV2 for ImageNet (arXiv 1812.08928, section 4.1)."""
    strides = mobilenet_v2_strides([stride for *_, stride in MOBILENET_V2])
    return SlimmableNetwork(
        SlimmableSpec(
            name='slimmable_mbv2',
            space=slimmable_space(widths=len(widths), resolutions=(224,)),
            strides=strides,
            kernel_sizes=(3,) * len(strides),
            channels=tuple(mobilenet_v2_channels(each) for each in widths),
        )
    )


def slimmable_mbv2_cifar10() -> SlimmableNetwork:
    """Build slimmable MobileNetV2 for 32x32 images, as large as `ofa_mbv3_cifar10` at its widest.

    Its maps are of the same sizes. At widths of 0.25, 0.35, 0.5 and 0.7 it is the baseline of that
    supernet: trained on the same images, in the same way.
    """
    strides = mobilenet_v2_strides((1, 2, 2, 2, 1, 1, 1))
    return SlimmableNetwork(
        SlimmableSpec(
            name='slimmable_mbv2_cifar10',
            space=slimmable_space(widths=4, resolutions=(32,)),
            classes=10,
            strides=strides,
            kernel_sizes=(3,) * len(strides),
            channels=tuple(mobilenet_v2_channels(each, 896) for each in (0.25, 0.35, 0.5, 0.7)),
            stem_stride=1,
            # Of the training images.
            mean=(0.4914, 0.4822, 0.4465),
            std=(0.2470, 0.2435, 0.2616),
        )
    )
