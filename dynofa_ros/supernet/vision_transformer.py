"""A dynamic Vision Transformer: the supernet of AutoFormer (arXiv 2107.00651) for small images.

Depth, embedding width, attention heads and MLP ratio are elastic. Weights are entangled
(section 3.2): every sub-network uses the first channels, heads and layers of the larger ones.
Tokens come from convolutions and leave through sequence pooling, as in Compact Convolutional
Transformers (arXiv 2104.05704, section 3), because few images are too few for plain patches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynofa_ros.supernet.batch_norm import BatchNormMode
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.search_space import Choice, SearchSpace
from dynofa_ros.supernet.supernet import Supernet
from dynofa_ros.supernet.vision_transformer_extract import StaticTransformer, extract_transformer
from dynofa_ros.supernet.vision_transformer_layers import (
    ConvTokenizer,
    ElasticLayerNorm,
    ElasticLinear,
    TransformerLayer,
    pool_sequence,
)


@dataclass(frozen=True)
class VisionTransformerSpec:
    """Sizes of one dynamic Vision Transformer.

    ``head_channels`` are those of each head's queries, keys and values, whatever the embedding
    width. ``mean`` and ``std`` normalise RGB in 0..1.
    """

    name: str
    space: SearchSpace
    classes: int
    head_channels: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class VisionTransformer(Supernet):
    """The supernet: convolutional tokenizer, elastic Transformer layers, sequence pooling."""

    def __init__(self, spec: VisionTransformerSpec) -> None:
        super().__init__(spec)
        space = spec.space
        width = int(max(space.allowed('w')))
        self.tokenizer = ConvTokenizer(width)
        side = max(space.resolutions) // self.tokenizer.stride
        self.position = nn.Parameter(torch.empty(1, width, side, side))
        nn.init.trunc_normal_(self.position, std=0.02)
        self.layers = nn.ModuleList(
            TransformerLayer(
                width,
                max_heads=int(max(heads.allowed)),
                head_channels=spec.head_channels,
                max_hidden=int(max(ratio.allowed) * width),
            )
            for heads, ratio in zip(space.h, space.e, strict=True)
        )
        self.norm = ElasticLayerNorm(width)
        self.pool = ElasticLinear(width, 1)
        self.classifier = ElasticLinear(width, spec.classes)
        self.name_batch_norms()

    def active_layers(self, config: SubnetConfig) -> Iterator[tuple[TransformerLayer, int, int]]:
        """Yield each layer of a sub-network with its heads and its hidden MLP channels."""
        width = int(config.w[0])
        for index in range(int(config.d[0])):
            layer = self.layers[index]
            assert isinstance(layer, TransformerLayer)
            yield layer, int(config.h[index]), int(config.e[index] * width)

    def position_embedding(self, width: int, resolution: int) -> Tensor:
        """Return (1, width, s, s) for an input side, interpolated from that of the largest."""
        side = -(-resolution // self.tokenizer.stride)
        position = self.position[:, :width]
        if side == position.shape[-1]:
            return position
        return F.interpolate(position, size=(side, side), mode='bilinear', align_corners=False)

    def run(self, x: Tensor, config: SubnetConfig, mode: BatchNormMode) -> Tensor:
        """Run a sub-network, given in canonical form, on (N, 3, r, r); return (N, classes)."""
        width = int(config.w[0])
        x = self.tokenizer(x, width, mode) + self.position_embedding(width, config.r)
        x = x.flatten(2).transpose(1, 2)
        for layer, heads, hidden in self.active_layers(config):
            x = layer(x, heads, hidden)
        x = self.norm(x)
        logits: Tensor = self.classifier(pool_sequence(x, self.pool(x, 1)), self.spec.classes)
        return logits

    def extract_subnet(self, config: SubnetConfig) -> StaticTransformer:
        """Return a sub-network as a plain network with weights of its own, in evaluation mode.

        Its output equals ``net(x, config)`` in evaluation mode up to float32 rounding.

        Raises:
            SubnetConfigError: if the config is not of the supernet's space.
        """
        return extract_transformer(self, config)


def transformer_space(
    *,
    depths: tuple[int, ...],
    widths: tuple[int, ...],
    heads: tuple[int, ...],
    mlp_ratios: tuple[float, ...],
    resolutions: tuple[int, ...],
) -> SearchSpace:
    """Return AutoFormer's space: one depth and one width; heads and MLP ratio for each layer."""
    gates = [(0, layer) for layer in range(max(depths))]
    return SearchSpace(
        d=(Choice(depths),),
        w=(Choice(widths),),
        h=tuple(Choice(heads, gate) for gate in gates),
        e=tuple(Choice(mlp_ratios, gate) for gate in gates),
        resolutions=resolutions,
    )


def vit_cifar10() -> VisionTransformer:
    """Return the one for 32x32 images: 64 tokens, 1 to 3 layers of 2 to 4 heads."""
    space = transformer_space(
        depths=(1, 2, 3),
        widths=(64, 80, 96),
        heads=(2, 3, 4),
        mlp_ratios=(1, 1.5, 2),
        resolutions=(24, 28, 32),
    )
    # Mean and standard deviation are those of the training images.
    spec = VisionTransformerSpec(
        name='vit_cifar10',
        space=space,
        classes=10,
        head_channels=24,
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
    )
    return VisionTransformer(spec)
