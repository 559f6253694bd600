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

from dynofa_ros.supernet.batch_norm import BatchNormMode, StoredStatistics
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.extract import fold
from dynofa_ros.supernet.search_space import ElasticDimension, SearchSpace
from dynofa_ros.supernet.supernet import Supernet
from dynofa_ros.supernet.vision_transformer_layers import (
    ConvTokenizer,
    ElasticLayerNorm,
    ElasticLinear,
    TokenizerConv,
    TransformerLayer,
    attention,
    pool_sequence,
)


class StaticLayer(nn.Module):
    """A Transformer layer without choices."""

    def __init__(self, linears: dict[str, nn.Linear], *, heads: int, eps: float) -> None:
        super().__init__()
        self.qkv, self.project = linears['qkv'], linears['project']
        self.expand, self.reduce = linears['expand'], linears['reduce']
        self.heads, self.eps = heads, eps

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, T, C) to the same shape."""
        norm = F.layer_norm(x, x.shape[-1:], eps=self.eps)
        x = x + self.project(attention(self.qkv(norm), self.heads))
        norm = F.layer_norm(x, x.shape[-1:], eps=self.eps)
        y: Tensor = self.reduce(F.gelu(self.expand(norm)))
        return x + y


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


@torch.no_grad()
def extract_transformer(net: VisionTransformer, config: SubnetConfig) -> StaticTransformer:
    """Return a sub-network with weights of its own, in evaluation mode.

    Raises:
        SubnetConfigError: if the config is not of the supernet's space.
    """
    config = net.space.canonical(config)
    width = int(config.w[0])
    layers = [_static_layer(*each, width) for each in net.active_layers(config)]
    # The weights of sequence pooling sum to 1, so the last norm folds into the classifier too.
    return StaticTransformer(
        _static_tokenizer(net.tokenizer, width, net.stored(config)),
        net.position_embedding(width, config.r).flatten(2).transpose(1, 2).clone(),
        nn.Sequential(*layers),
        pool=_linear(*_behind(net.norm, *net.pool.active(width, 1))),
        classifier=_linear(*_behind(net.norm, *net.classifier.active(width, net.spec.classes))),
        eps=net.norm.eps,
    ).eval()


def _static_tokenizer(
    tokenizer: ConvTokenizer, width: int, mode: StoredStatistics
) -> nn.Sequential:
    modules: list[nn.Module] = []
    before = 3
    for layer, channels in zip(tokenizer.convs, tokenizer.channels(width), strict=True):
        assert isinstance(layer, TokenizerConv)
        weight = layer.conv.active_weight(before, channels)
        modules += [fold(weight, layer.bn, mode, stride=layer.conv.stride), nn.ReLU()]
        before = channels
    return nn.Sequential(*modules)


def _static_layer(layer: TransformerLayer, heads: int, hidden: int, width: int) -> StaticLayer:
    inner = heads * layer.head_channels
    linears = {
        'qkv': _linear(*_behind(layer.attention_norm, *layer.active_qkv(width, heads))),
        'project': _linear(*layer.project.active(inner, width)),
        'expand': _linear(*_behind(layer.mlp_norm, *layer.expand.active(width, hidden))),
        'reduce': _linear(*layer.reduce.active(hidden, width)),
    }
    return StaticLayer(linears, heads=heads, eps=layer.mlp_norm.eps)


def _behind(norm: ElasticLayerNorm, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return the linear layer that does the affine part of the norm before it as well."""
    n = weight.shape[1]
    return weight * norm.weight[:n], bias + weight @ norm.bias[:n]


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    static = nn.Linear(weight.shape[1], weight.shape[0], device='meta')
    static.weight, static.bias = _own(weight), _own(bias)
    return static


def _own(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values.detach().clone(), requires_grad=False)


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
        d=(ElasticDimension(depths),),
        w=(ElasticDimension(widths),),
        h=tuple(ElasticDimension(heads, gate) for gate in gates),
        e=tuple(ElasticDimension(mlp_ratios, gate) for gate in gates),
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
