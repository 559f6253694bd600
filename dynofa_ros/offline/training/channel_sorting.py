# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Move the most important hidden channels of every block to the front.

A smaller sub-network uses the leading channels of a larger one, so channels are sorted by L1 norm
before widths become elastic (Once-for-All, arXiv 1908.09791, section 3.3, elastic width). Channels
move only between two neighbouring elastic widths, so the largest network and every width that is
already elastic compute the same as before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from dynofa_ros.supernet.batch_norm import ElasticBatchNorm
from dynofa_ros.supernet.inverted_residual import InvertedResidual
from dynofa_ros.supernet.layers import ElasticSqueezeExcite
from dynofa_ros.supernet.resnet import Bottleneck
from dynofa_ros.supernet.supernet import Supernet
from dynofa_ros.supernet.vision_transformer_layers import TransformerLayer


@dataclass(frozen=True)
class HiddenChannels:
    """The hidden channels of a block: every tensor that holds them, and in which dimension."""

    tensors: tuple[tuple[Tensor, int], ...]
    importance: Tensor
    """L1 norm of the weights that read each channel, (channels,)."""

    def sort(self, widths: Sequence[int]) -> None:
        """Sort by falling importance within each interval between already elastic ``widths``."""
        borders = sorted({0, *widths, len(self.importance)})
        order = torch.cat(
            [
                low + self.importance[low:high].argsort(descending=True, stable=True)
                for low, high in pairwise(borders)
            ]
        )
        for tensor, dimension in self.tensors:
            tensor.copy_(tensor.index_select(dimension, order))


@torch.no_grad()
def sort_channels(net: Supernet, ratios: Sequence[float]) -> int:
    """Sort the hidden channels of every block; return the number of channel sets sorted.

    ``ratios`` are the expand ratios that are already elastic.
    """
    count = 0
    for module in net.modules():
        for channels, widths in _hidden_channels(module, ratios):
            channels.sort(widths)
            count += 1
    return count


def _hidden_channels(
    module: torch.nn.Module, ratios: Sequence[float]
) -> Iterator[tuple[HiddenChannels, list[int]]]:
    """Yield one set at a time: sorting a set changes the importance of the next one."""
    if isinstance(module, InvertedResidual) and module.expand is not None:
        widths = [module.mid_channels(module.in_channels, int(ratio)) for ratio in ratios]
        yield _inverted_residual(module), widths
        if module.se is not None:
            yield _squeeze_excite(module.se), [module.se.hidden_channels(w) for w in widths]
    elif isinstance(module, Bottleneck):
        out = module.conv3.conv.weight.shape[0]
        widths = [module.mid_channels(out, ratio) for ratio in ratios]
        for first, second in pairwise((module.conv1, module.conv2, module.conv3)):
            reader = second.conv.weight
            tensors = ((first.conv.weight, 0), *_norm_tensors(first.bn), (reader, 1))
            yield HiddenChannels(tensors, reader.abs().sum((0, 2, 3))), widths
    elif isinstance(module, TransformerLayer):
        reduce = module.reduce.weight
        tensors = ((module.expand.weight, 0), (module.expand.bias, 0), (reduce, 1))
        width = reduce.shape[0]
        yield HiddenChannels(tensors, reduce.abs().sum(0)), [int(ratio * width) for ratio in ratios]


def _inverted_residual(block: InvertedResidual) -> HiddenChannels:
    assert block.expand is not None and block.expand_bn is not None
    reader = block.project.weight
    tensors = [(block.expand.weight, 0), *_norm_tensors(block.expand_bn)]
    tensors += [(block.depthwise.weight, 0), *_norm_tensors(block.depthwise_bn), (reader, 1)]
    if (se := block.se) is not None:
        assert se.expand.bias is not None
        tensors += [(se.reduce.weight, 1), (se.expand.weight, 0), (se.expand.bias, 0)]
    return HiddenChannels(tuple(tensors), reader.abs().sum((0, 2, 3)))


def _squeeze_excite(se: ElasticSqueezeExcite) -> HiddenChannels:
    assert se.reduce.bias is not None
    reader = se.expand.weight
    tensors = ((se.reduce.weight, 0), (se.reduce.bias, 0), (reader, 1))
    return HiddenChannels(tensors, reader.abs().sum((0, 2, 3)))


def _norm_tensors(norm: ElasticBatchNorm) -> tuple[tuple[Tensor, int], ...]:
    return tuple((t, 0) for t in (norm.weight, norm.bias, norm.running_mean, norm.running_var))
