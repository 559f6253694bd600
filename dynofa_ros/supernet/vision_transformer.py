# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A dynamic Vision Transformer: the supernet of AutoFormer (arXiv 2107.00651) for small images.

Depth, embedding width, attention heads and MLP ratio are elastic. Weights are entangled
(section 3.2): every sub-network uses the first channels, heads and layers of the larger ones.
Convolutions make the tokens and sequence pooling reduces them, as in Compact Convolutional
Transformers (arXiv 2104.05704, section 3), because small data sets are not enough to train
plain patch embeddings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynofa_ros.supernet.batch_norm import BatchNormMode
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.search_space import ElasticDimension, SearchSpace
from dynofa_ros.supernet.supernet import Supernet, SupernetSpec
from dynofa_ros.supernet.vision_transformer_layers import (
    ConvTokenizer,
    ElasticLayerNorm,
    ElasticLinear,
    TransformerLayer,
    pool_sequence,
)


@dataclass(frozen=True, kw_only=True)
class VisionTransformerSpec(SupernetSpec):
    """Sizes of one dynamic Vision Transformer."""

    head_channels: int
    """Channels of the queries, keys and values of each head, at any embedding width."""


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
        """Return (1, width, s, s), interpolated from the embedding of the largest resolution."""
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

    @torch.no_grad()
    def extract_subnet(self, config: SubnetConfig) -> StaticTransformer:
        """Return a sub-network as a plain network; see :meth:`Supernet.extract_subnet`."""
        config = self.space.canonical(config)
        width = int(config.w[0])
        layers = [
            layer.extract(width, heads, hidden)
            for layer, heads, hidden in self.active_layers(config)
        ]
        # Sequence pooling has weights that sum to 1: the last norm folds into the classifier too.
        return StaticTransformer(
            self.tokenizer.extract(width, self.stored(config)),
            self.position_embedding(width, config.r).flatten(2).transpose(1, 2).clone(),
            nn.Sequential(*layers),
            pool=self.pool.extract(width, 1, after=self.norm),
            classifier=self.classifier.extract(width, self.spec.classes, after=self.norm),
            eps=self.norm.eps,
        ).eval()


class StaticTransformer(nn.Module):
    """One sub-network: (N, 3, r, r) float32 to logits, (N, classes)."""

    position: Tensor

    def __init__(
        self,
        tokenizer: nn.Sequential,
        position: Tensor,
        layers: nn.Sequential,
        *,
        pool: nn.Linear,
        classifier: nn.Linear,
        eps: float,
    ) -> None:
        super().__init__()
        self.tokenizer, self.layers = tokenizer, layers
        self.pool, self.classifier, self.eps = pool, classifier, eps
        self.position = nn.Parameter(position, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Run the sub-network."""
        x = self.tokenizer(x).flatten(2).transpose(1, 2) + self.position
        x = self.layers(x)
        x = F.layer_norm(x, x.shape[-1:], eps=self.eps)
        logits: Tensor = self.classifier(pool_sequence(x, self.pool(x)))
        return logits


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
        d=(ElasticDimension(depths),),
        w=(ElasticDimension(widths),),
        h=tuple(ElasticDimension(heads, gate) for gate in gates),
        e=tuple(ElasticDimension(mlp_ratios, gate) for gate in gates),
        resolutions=resolutions,
    )


def vit_cifar10() -> VisionTransformer:
    """Build the supernet for 32x32 images: 64 tokens, 1 to 3 layers of 2 to 4 heads."""
    space = transformer_space(
        depths=(1, 2, 3),
        widths=(64, 80, 96),
        heads=(2, 3, 4),
        mlp_ratios=(1, 1.5, 2),
        resolutions=(24, 28, 32),
    )
    spec = VisionTransformerSpec(
        name='vit_cifar10',
        space=space,
        classes=10,
        head_channels=24,
        # Of the training images.
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
    )
    return VisionTransformer(spec)
