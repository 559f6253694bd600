"""Move the most important hidden channels of every block to the front.

Smaller sub-networks use the first channels of a larger one, so before widths become elastic those
with the largest L1 norm are put first (Once-for-All, arXiv 1908.09791, section 3.3, elastic width).
The largest network computes the same as before, and so does every width that was elastic already:
channels move only between two neighbouring widths.
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
    """Channels inside of a block: every tensor that has them, and in which dimension."""

    parts: tuple[tuple[Tensor, int], ...]
    importance: Tensor
    """L1 norm of the weights that read each channel, (channels,)."""

    def sort(self, widths: Sequence[int]) -> None:
        """Sort by falling importance between neighbours of the widths that are elastic already."""
        borders = sorted({0, *widths, len(self.importance)})
        order = torch.cat(
            [
                low + self.importance[low:high].argsort(descending=True, stable=True)
                for low, high in pairwise(borders)
            ]
        )
        for tensor, dimension in self.parts:
            tensor.copy_(tensor.index_select(dimension, order))


@torch.no_grad()
def sort_channels(net: Supernet, ratios: Sequence[float]) -> int:
    """Sort the hidden channels of every block; return how many sets of channels there were.

    ``ratios`` are the expand ratios that are elastic already.
    """
    count = 0
    for module in net.modules():
        for channels, widths in _hidden(module, ratios):
            channels.sort(widths)
            count += 1
    return count


def _hidden(
    module: torch.nn.Module, ratios: Sequence[float]
) -> Iterator[tuple[HiddenChannels, list[int]]]:
    """Yield channels one set after the other: the importance of a set depends on that before."""
    if isinstance(module, InvertedResidual) and module.expand is not None:
        widths = [module.mid_channels(module.in_channels, int(ratio)) for ratio in ratios]
        yield _inverted_residual(module), widths
        if module.se is not None:
            yield _squeeze_excite(module.se), [module.se.hidden_channels(w) for w in widths]
    elif isinstance(module, Bottleneck):
        out = module.conv3.conv.weight.shape[0]
        widths = [module.mid_channels(out, ratio) for ratio in ratios]
        for first, second in pairwise((module.conv1, module.conv2, module.conv3)):
            weight = second.conv.weight
            parts = ((first.conv.weight, 0), *_of_norm(first.bn), (weight, 1))
            yield HiddenChannels(parts, weight.abs().sum((0, 2, 3))), widths
    elif isinstance(module, TransformerLayer):
        reader = module.reduce.weight
        parts = ((module.expand.weight, 0), (module.expand.bias, 0), (reader, 1))
        width = reader.shape[0]
        yield HiddenChannels(parts, reader.abs().sum(0)), [int(ratio * width) for ratio in ratios]


def _inverted_residual(block: InvertedResidual) -> HiddenChannels:
    assert block.expand is not None and block.expand_bn is not None
    reader = block.project.weight
    parts = [(block.expand.weight, 0), *_of_norm(block.expand_bn), (block.depthwise.weight, 0)]
    parts += [*_of_norm(block.depthwise_bn), (reader, 1)]
    if (se := block.se) is not None:
        assert se.expand.bias is not None
        parts += [(se.reduce.weight, 1), (se.expand.weight, 0), (se.expand.bias, 0)]
    return HiddenChannels(tuple(parts), reader.abs().sum((0, 2, 3)))


def _squeeze_excite(se: ElasticSqueezeExcite) -> HiddenChannels:
    assert se.reduce.bias is not None
    reader = se.expand.weight
    parts = ((se.reduce.weight, 0), (se.reduce.bias, 0), (reader, 1))
    return HiddenChannels(parts, reader.abs().sum((0, 2, 3)))


def _of_norm(norm: ElasticBatchNorm) -> tuple[tuple[Tensor, int], ...]:
    vectors = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
    return tuple((vector, 0) for vector in vectors)
